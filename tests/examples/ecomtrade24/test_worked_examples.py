"""The worked examples of EcomTrade24's wire, E1 to E15, against a real server: the files beside this one are compared byte for byte.

`eNN-S.request` is a request line, headers, an empty line, the body; `.answer` the status, headers that must be there, an empty
line, the body; `.notice` the headers and body of a notice. The story runs from 2026-04-29 11:30:00 with session numbers from 1459,
so that even numbers and times are the manual's. In a status answer our own members may follow the manual's.
Source: EcomTrade24's manual (requests, answers, errors, signatures), a live delivery (the fields of notices).
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from paymux.dialects.ecomtrade24 import notices
from paymux.dialects.ecomtrade24.mode import DIALECT
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.money import Money, known
from paymux.payments.lifecycle import Event
from paymux.payments.model import Receipt, Report, Source
from paymux.storage.query import Tx, load
from paymux.webhooks.trial import Trial, send_trials
from tests.databases import database, sqlite_url
from tests.node import ORDER, WALLET, LiveNode, serving
from tests.webhooks.receiver import Receiver, Request, receiving

HERE = Path(__file__).parent
BASE = "https://pay.ecomtrade24.com"
SECRET = "test-webhook-secret"
OUR_MEMBERS = ("created_at", "expires_at", "paid_at", "meta")  # of a status answer, after the manual's
FIRST_SESSION = 1459
_mine = load("tests.story")

# What happens when; a name is a pair of files. The steps between are in the story below.
BEFORE_PAID = (
    "e01", "e02", "e03-1", "e03-2", "e04-1", "e04-2", "e05", "e06-1", "e06-2", "e06-3", "e06-4", "e06-5", "e07", "e08-1", "e08-2",
    "e14-1", "e14-2", "e15-1", "e15-2", "e15-3",
)  # fmt: skip


def at(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() * 1000)


def parts(name: str) -> tuple[str, dict[str, str], bytes]:
    """First line, headers, body of an example's file."""
    head, _, body = (HERE / name).read_bytes().partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    return first, dict(line.split(": ", 1) for line in lines), body.removesuffix(b"\n")


def notice_parts(name: str) -> tuple[dict[str, str], bytes]:
    head, _, body = (HERE / name).read_bytes().partition(b"\n\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\n")), body.removesuffix(b"\n")


def without_our_members(body: bytes) -> bytes:
    """A status answer's bytes up to the last member that the manual shows."""
    found = json.loads(body)
    if not isinstance(found.get("session"), dict):
        return body
    names = list(found["session"])
    ours = [name for name in names if name in OUR_MEMBERS]
    assert names[len(names) - len(ours) :] == ours, "our members follow the manual's"
    shown = {name: value for name, value in found["session"].items() if name not in ours}
    return json.dumps(found | {"session": shown}, separators=(",", ":"), ensure_ascii=False).encode()


async def ask(live: LiveNode, name: str) -> httpx2.Response:
    line, headers, body = parts(f"{name}.request")
    method, target = line.split(" ")
    return await live.http.request(method, target, headers=headers, content=body)


async def compare(live: LiveNode, name: str) -> httpx2.Response:
    status, headers, body = parts(f"{name}.answer")
    answer = await ask(live, name)
    assert answer.status_code == int(status), (name, answer.text)
    for header, value in headers.items():
        assert answer.headers[header] == value, (name, header)
    assert without_our_members(answer.content) == body if body else True, (name, answer.text)
    return answer


@pytest.fixture(params=["sqlite", "postgres"])
def story_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "paymux.db")
        return
    with database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def live(story_database: str, receiver: Receiver) -> AsyncIterator[LiveNode]:
    """Merchants 12 and 13 as the examples have them, and a first session that ends just before theirs begin."""
    async with serving(story_database, base_url=BASE) as node:

        async def merchants(tx: Tx) -> None:
            for number, plan in ((12, Plan.PRO), (13, Plan.FREE)):
                new = NewMerchant(
                    id=number,
                    name=f"Merchant {number}",
                    email=f"m{number}@example.com",
                    plan=plan,
                    country="DE",
                    wallet=WALLET,
                    shops=("shop.example.com",),
                    webhook_url=receiver.url,
                    webhook_secret=SECRET,
                    api_key=f"KEY_{plan.name}",
                )
                await create_merchant(node.core.keyring, DIALECT, tx, new, at("2026-04-29 11:00:00"))

        await node.write(merchants)
        await node.set_clock(at("2026-04-29 09:00:00"))
        first = await node.http.post("/gateway/session.php", json=ORDER, headers={"X-API-Key": "KEY_PRO"})
        from_id = first.json()["session_id"]
        await node.rows(_mine.renumber_history, from_id=from_id, to_id=FIRST_SESSION - 1)
        await node.rows(_mine.renumber_payment, from_id=from_id, to_id=FIRST_SESSION - 1)
        await node.rows(_mine.raise_payment_ids)
        await node.sweep()
        yield node


async def until(receiver: Receiver, word: str) -> Request:
    """The notice of a word, once it came."""
    count = 1
    while True:
        for request in await receiver.got(count):
            if json.loads(request.body)["status"] == word and json.loads(request.body)["session_id"] != FIRST_SESSION - 1:
                return request
        count = len(receiver.requests) + 1


def php_verify(request: Request, secret: str) -> bool:
    """As the manual's own receiver, in PHP: `hash_equals(hash_hmac('sha256', $raw, $secret), $received)`."""
    server = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    received = server.get("HTTP_X_ECOMTRADE24_SIGNATURE") or server.get("HTTP_X_SIGNATURE") or ""
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, received)


def assert_notice(request: Request, name: str) -> None:
    headers, body = notice_parts(name)
    assert request.body == body
    for header, value in headers.items():
        assert request.headers[header.lower()] == value
    assert request.headers["x-webhook-signature"] == headers["X-Signature"]
    assert request.headers["content-type"] == "application/json"
    assert php_verify(request, SECRET)
    assert not php_verify(request, "another secret")


async def test_the_worked_examples_run_as_written(live: LiveNode, receiver: Receiver) -> None:
    bodies: dict[str, bytes] = {}
    for name in BEFORE_PAID:
        if name in {"e01", "e02", "e03-1", "e14-1", "e14-2"}:
            await live.set_clock(at("2026-04-29 11:30:00") + 1)  # a new session's times are whole ones of the manual
        bodies[name] = (await compare(live, name)).content
    assert b"guardarian" not in bodies["e14-1"]
    await paid_notice(live, receiver)
    await test_notice(live, receiver)
    await polling(live, bodies)
    await live.set_clock(at("2026-04-29 12:30:05") + 1)
    await live.sweep()
    expired = await until(receiver, "expired")
    while json.loads(expired.body)["session_id"] != 1461:
        receiver.requests.remove(expired)
        expired = await until(receiver, "expired")
    assert_notice(expired, "e11.notice")
    await live.assert_books_hold()
    await assert_described(live, bodies)


async def paid_notice(live: LiveNode, receiver: Receiver) -> None:
    """E9: the money comes at 12:11:42; the transfer's hash is the example's."""
    await live.set_clock(at("2026-04-29 12:11:42") + 1)
    receipt = Receipt(reference="e9", amount=Money(4999, known("EUR")), txid="0x" + "a1" * 32)
    await live.advance(
        Report(payment_id=1459, event=Event.PAID, source=Source.PROVIDER, happened_at=0, receipt=receipt, provider="sandbox-alder")
    )
    assert_notice(await until(receiver, "paid"), "e09.notice")


async def test_notice(live: LiveNode, receiver: Receiver) -> None:
    """E10: a test delivery, seen live on 2026-05-23."""
    body = notices.test_body(13, "shop.example.com", "TEST-WEBHOOK-0A1B2C3D4E", at("2026-05-23 16:43:11"))
    trial = Trial(merchant_id=13, shop="shop.example.com", dialect=DIALECT, word="test", delivery="test-1", body=body)
    await live.core.writer.submit(send_trials, trial)
    live.node.deliverer.wake()
    assert_notice(await until(receiver, "test"), "e10.notice")


test_notice.__test__ = False  # type: ignore[attr-defined]


async def polling(live: LiveNode, bodies: dict[str, bytes]) -> None:
    """E13: the thirty-first call within 60 s, a good 48 s after the first; and the thirty-first refusal."""
    began = at("2026-04-29 12:20:00")
    await live.set_clock(began)
    for _ in range(30):
        assert (await ask(live, "e13-1")).status_code == 200
    await live.set_clock(began + 48_500)
    bodies["e13-1"] = (await compare(live, "e13-1")).content
    for _ in range(29):
        assert (await ask(live, "e13-1")).json()["error"] == "rate_limited"
    bodies["e13-2"] = (await compare(live, "e13-2")).content


async def assert_described(live: LiveNode, bodies: dict[str, bytes]) -> None:
    """Every answer of the examples fits the schema that the server's own document has for it."""
    document: dict[str, Any] = (await live.http.get("/openapi/ecomtrade24.json")).json()
    for name in bodies:
        if name.startswith("e15"):
            continue
        method, target = parts(f"{name}.request")[0].split(" ")
        operation = document["paths"][target.partition("?")[0]][method.lower()]
        schema = operation["responses"][parts(f"{name}.answer")[0]]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.validate(whole, json.loads(bodies[name]))


def test_the_signatures_of_the_examples_are_made_from_the_raw_bytes() -> None:
    for name in ("e09", "e10", "e11"):
        headers, body = notice_parts(f"{name}.notice")
        assert notices.signature(body, SECRET) == headers["X-EcomTrade24-Signature"] == headers["X-Signature"]


def test_equal_json_in_other_bytes_has_another_signature() -> None:
    (tight_headers, tight), (loose_headers, loose) = notice_parts("e12-1.notice"), notice_parts("e12-2.notice")
    assert json.loads(tight) == json.loads(loose)
    assert notices.signature(tight, SECRET) == tight_headers["X-Signature"]
    assert notices.signature(loose, SECRET) == loose_headers["X-Signature"]
    assert tight_headers["X-Signature"] != loose_headers["X-Signature"]


def test_every_example_file_is_used() -> None:
    pairs = {path.name.removesuffix(".request") for path in HERE.glob("*.request")}
    assert pairs == {path.name.removesuffix(".answer") for path in HERE.glob("*.answer")} == {*BEFORE_PAID, "e13-1", "e13-2"}
    assert {path.stem for path in HERE.glob("*.notice")} == {"e09", "e10", "e11", "e12-1", "e12-2"}
