"""The client half reads strictly: what is not exactly promised is unclear, in replies and in callbacks alike."""

from typing import Any

import msgspec
import pytest

from paymux.decline import DeclineReason
from paymux.keyring import Keyring
from paymux.providers.protocol import Cancelled, Flagged, NotFound, Pending, Received, Started, Turned, Unclear, Waiting
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.firms import FIRMS
from paymux.providers.sandbox.provider import SandboxProvider, sandbox_providers
from tests.providers.conformance import Recorder, reply
from tests.providers.town import ALDER, BIRCH, ORDER

KEYRING = Keyring("a secret key that only the tests of the sandbox use")
TXID = "0x" + "a" * 64
TRANSFER = {"reference": "op_1.1", "amount": "49.99", "currency": "EUR", "at": 1777464600000, "txid": TXID}
PAID = {"operation_key": "op_1", "reference": "r", "status": "paid", "transfers": [TRANSFER], "settled_txid": None, "url": None}
PROVIDER = sandbox_providers(KEYRING)[ALDER]


def but(**changes: Any) -> dict[str, Any]:
    return {**PAID, **changes}


def with_transfer(**changes: Any) -> dict[str, Any]:
    return but(transfers=[{**TRANSFER, **changes}])


async def asked(body: object, status: int = 200) -> Any:
    return await PROVIDER.ask("op_1", Recorder(reply(status, msgspec.json.encode(body))))


def signed(body: bytes, provider: str = ALDER, keyring: Keyring = KEYRING, timestamp: str = "1") -> dict[str, str]:
    return {messages.TIMESTAMP: timestamp, messages.SIGNATURE: messages.sign(keyring, provider, timestamp, body.decode())}


@pytest.mark.parametrize(
    ("word", "status"),
    [("open", Waiting()), ("pending", Pending()), ("review", Flagged()), ("cancelled", Cancelled()), ("expired", Cancelled())],
)
async def test_each_word_has_its_status(word: str, status: object) -> None:
    assert await asked(but(status=word, transfers=[])) == status


async def test_money_is_read_exactly() -> None:
    status = await asked(PAID)
    assert isinstance(status, Received)
    assert str(status.transfers[0].amount) == "49.99 EUR"
    assert status.transfers[0].txid == TXID
    assert isinstance(await asked(but(settled_txid=TXID)), Received)


ODD = {
    "another operation": but(operation_key="op_2"),
    "no reference": but(reference=""),
    "an unknown word": but(status="Paid"),
    "paid without money": but(transfers=[]),
    "money without paid": but(status="pending"),
    "declined with money": but(status="declined"),
    "settled without paid": but(status="pending", transfers=[], settled_txid=TXID),
    "an unknown field": but(more=1),
    "a number for an amount": with_transfer(amount=49.99),
    "too many decimals": with_transfer(amount="49.999"),
    "a comma": with_transfer(amount="49,99"),
    "a sign": with_transfer(amount="-49.99"),
    "nothing": with_transfer(amount="0.00"),
    "an unknown currency": with_transfer(currency="EURO"),
    "a time in words": with_transfer(at="now"),
    "a time before time": with_transfer(at=-1),
    "a short hash": with_transfer(txid="0x12"),
    "a broken settlement": but(settled_txid="0x12"),
    "a nameless transfer": with_transfer(reference=""),
    "one transfer twice": but(transfers=[TRANSFER, TRANSFER]),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
async def test_a_standing_that_makes_no_sense_is_odd(body: dict[str, Any]) -> None:
    for status in (
        await asked(body),
        await PROVIDER.cancel("op_1", Recorder(reply(200, msgspec.json.encode(body)))),
        await PROVIDER.start(ORDER, "alder", Recorder(reply(200, msgspec.json.encode(body)))),
    ):
        assert isinstance(status, Unclear)
        assert status.odd


async def test_a_good_standing_under_a_bad_http_status_is_odd() -> None:
    for status in (201, 202, 301, 400, 404, 422, 500):
        found = await asked(PAID, status)
        assert isinstance(found, Unclear)
        assert found.odd


async def test_not_found_needs_the_companys_own_word() -> None:
    assert await asked({"error": "unknown_operation", "why": "?"}, 404) == NotFound()
    assert isinstance(await asked({"error": "not_found", "why": "?"}, 404), Unclear)
    assert isinstance(await asked({"error": "unknown_operation", "why": "?"}, 400), Unclear)


async def test_a_start_is_turned_down_only_by_the_companys_own_word() -> None:
    async def start(status: int, body: object) -> Any:
        return await PROVIDER.start(ORDER, "alder", Recorder(reply(status, msgspec.json.encode(body))))

    assert isinstance(await start(422, {"error": "not_accepted", "why": "?"}), Turned)
    assert isinstance(await start(422, {"error": "key_reused", "why": "?"}), Unclear)
    assert isinstance(await start(409, {"error": "not_accepted", "why": "?"}), Unclear)
    assert isinstance(await start(200, but(status="declined", transfers=[])), Turned)
    assert isinstance(await start(200, but(status="expired", transfers=[])), Turned)
    assert isinstance(await start(200, but(status="review", transfers=[])), Unclear)
    assert isinstance(await start(200, PAID), Received)
    assert isinstance(await start(200, but(status="open", transfers=[], url="https://pay.example/1")), Started)
    for url in (None, "", "/sandbox/pay/1", "javascript:alert(1)", "https://", "http://[::1/"):
        assert isinstance(await start(200, but(status="open", transfers=[], url=url)), Unclear)


@pytest.mark.parametrize(
    "said", ["0wned", "<script>", "LOST_CARD", "lost_card ", "x" * 5000, "", 5, None, True, [], ["lost_card"], {"a": 1}]
)
async def test_a_reason_in_no_words_of_ours_is_unknown_and_a_decline_all_the_same(said: object) -> None:
    body = but(status="declined", transfers=[], decline_reason=said)
    signed_body = msgspec.json.encode(body)
    callback = PROVIDER.read_callback(signed(signed_body), signed_body)
    assert callback is not None
    for status in (await asked(body), await PROVIDER.start(ORDER, "alder", Recorder(reply(200, signed_body))), callback.status):
        assert isinstance(status, Turned)
        assert status.decline_reason is DeclineReason.UNKNOWN
    refused = msgspec.json.encode({"error": "not_accepted", "why": "?", "decline_reason": said})
    assert await PROVIDER.start(ORDER, "alder", Recorder(reply(422, refused))) == Turned(why="?")


async def test_a_reason_is_read_and_is_none_of_what_was_not_declined() -> None:
    for reason in DeclineReason:
        status = await asked(but(status="declined", transfers=[], decline_reason=reason))
        assert isinstance(status, Turned)
        assert status.decline_reason is reason
    refused = msgspec.json.encode({"error": "not_accepted", "why": "?", "decline_reason": "lost_card"})
    assert await PROVIDER.start(ORDER, "alder", Recorder(reply(422, refused))) == Turned(why="?", decline_reason=DeclineReason.LOST_CARD)
    assert isinstance(await asked(but(decline_reason="lost_card")), Received)
    assert await asked(but(status="pending", transfers=[], decline_reason={"a": [1]})) == Pending()


def test_a_callback_with_an_unknown_word_is_unclear_not_refused() -> None:
    body = msgspec.json.encode(but(status="sort of paid"))
    callback = PROVIDER.read_callback(signed(body), body)
    assert callback is not None
    assert isinstance(callback.status, Unclear)
    assert callback.status.odd


def test_a_callback_is_for_one_company_and_one_installation() -> None:
    body = msgspec.json.encode(PAID)
    assert PROVIDER.read_callback(signed(body), body) is not None
    assert PROVIDER.read_callback(signed(body, BIRCH), body) is None
    assert PROVIDER.read_callback(signed(body, keyring=Keyring("x" * 32)), body) is None
    assert PROVIDER.read_callback(signed(body) | {messages.TIMESTAMP: "2"}, body) is None
    assert PROVIDER.read_callback(signed(b"[]"), b"[]") is None


def test_a_callback_signed_before_the_secret_key_was_rotated_is_read() -> None:
    body = msgspec.json.encode(PAID)
    rotated = SandboxProvider(FIRMS[ALDER], Keyring("the next secret key of this installation", ["x" * 32]))
    assert rotated.read_callback(signed(body, keyring=Keyring("x" * 32)), body) is not None


def test_a_token_opens_only_its_own_company() -> None:
    shown = messages.token(KEYRING, ALDER)
    assert messages.token_owner(KEYRING, shown) == ALDER
    for forged in ("", ALDER, f"{BIRCH}.{shown.partition('.')[2]}", shown[:-1], shown + "é"):
        assert messages.token_owner(KEYRING, forged) is None
