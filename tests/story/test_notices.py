"""The shop is told: which words, in which order, signed over the raw bytes, to which address, until it has heard."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from paymux.clock import HOUR
from paymux.dialects.ecomtrade24 import notices
from paymux.dialects.ecomtrade24.mode import DIALECT
from paymux.http.client import Client
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.webhooks.endpoints import Endpoints, Rotate, SetUrl
from paymux.webhooks.schedule import DELAYS_S
from paymux.webhooks.trial import Trial, send_trials
from tests.node import ABSENT, LiveNode, serving
from tests.webhooks.receiver import WAIT_S, Receiver, Request, receiving, reply

SECRET = "test-webhook-secret"
FIELDS = [
    "event", "session_id", "order_id", "status", "amount", "currency", "email", "txid", "merchant_id", "shop_domain", "sent_at",
    "provider", "test", "meta",
]  # fmt: skip


@pytest.fixture
async def ear() -> AsyncIterator[Receiver]:
    """A shop's server."""
    async with receiving() as made:
        yield made


def manuals_receiver(headers: dict[str, str], raw: bytes, secret: str | None) -> tuple[int, str]:
    """The manual's receiver, line by line: `$_SERVER[…] ?? $_SERVER[…] ?? ''`, `hash_hmac`, `hash_equals`."""
    assert secret is not None
    server = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    received = server.get("HTTP_X_ECOMTRADE24_SIGNATURE", server.get("HTTP_X_SIGNATURE", ""))
    expected = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), received.encode()):
        return 401, "invalid signature"
    json.loads(raw)
    return 200, "ok"


def told(ear: Receiver, session_id: int) -> list[str]:
    bodies = [json.loads(request.body) for request in ear.requests]
    return [body["status"] for body in bodies if body["session_id"] == session_id]


async def test_the_words_of_a_life_are_told_in_their_order(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url, webhook_secret=SECRET)
    session_id = (await shop.create(order_id="ORD-1"))["session_id"]
    await live.http.get(f"/hosted-checkout.php?session={session_id}")
    for outcome in ("pending", "review", "paid", "settled"):
        await live.report(session_id, outcome)
    await live.advance(Report(payment_id=session_id, event=Event.COMPLETED, source=Source.PROVIDER, happened_at=0))
    await ear.got(5)
    assert told(ear, session_id) == ["pending", "manual_review", "paid", "settled", "completed"]
    events = [(json.loads(request.body)["event"], request.headers["x-ecomtrade24-event"]) for request in ear.requests]
    assert events == [("payment.session",) * 2] * 2 + [("payment.completed",) * 2] * 3
    assert len({request.headers["x-ecomtrade24-delivery"] for request in ear.requests}) == 5
    await live.assert_books_hold()


async def test_a_notice_is_signed_over_its_raw_bytes_as_the_manuals_receiver_checks(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url, webhook_secret=SECRET)
    session_id = (await shop.create(order_id="Bestellung/ä€😀", meta={"source": "wöö/commerce", "n": 1.50}))["session_id"]
    await live.report(session_id, "paid")
    (request,) = await ear.got(1)
    assert manuals_receiver(request.headers, request.body, SECRET) == (200, "ok")
    assert manuals_receiver(request.headers, request.body + b" ", SECRET) == (401, "invalid signature")
    assert manuals_receiver(request.headers, request.body, SECRET.upper()) == (401, "invalid signature")
    only_second = {name: value for name, value in request.headers.items() if name != "x-ecomtrade24-signature"}
    assert manuals_receiver(only_second, request.body, SECRET) == (200, "ok")
    names = ("x-ecomtrade24-signature", "x-signature", "x-webhook-signature")
    assert {request.headers[name] for name in names} == {notices.signature(request.body, SECRET)}
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert list(body) == FIELDS
    assert request.body == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    session = await shop.status(session_id)
    assert (body["order_id"], body["meta"]) == ("Bestellung/ä€😀", {"source": "wöö/commerce", "n": 1.5})
    assert (body["amount"], body["currency"], body["email"]) == ("49.99", "EUR", "buyer@example.com")
    assert (body["txid"], body["merchant_id"], body["shop_domain"]) == (session["txid_in"], shop.id, "shop.example.com")
    assert (body["provider"], body["test"]) == ("ecomtrade24", False)


async def test_without_meta_and_order_number_the_notice_has_none(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url)
    session_id = (await shop.create(meta=ABSENT, email=ABSENT))["session_id"]
    await live.report(session_id, "declined")
    (request,) = await ear.got(1)
    body = json.loads(request.body)
    assert list(body) == FIELDS[:-1]
    assert (body["order_id"], body["email"], body["txid"], body["status"]) == (None, None, None, "failed")
    assert manuals_receiver(request.headers, request.body, shop.secret)[0] == 200


async def test_settled_alone_is_never_the_first_good_news(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url)
    session_id = (await shop.create())["session_id"]
    await live.report(session_id, "settled")
    await ear.got(2)
    assert told(ear, session_id) == ["paid", "settled"]


async def test_nothing_is_told_of_a_buyer_who_only_looks(live: LiveNode) -> None:
    shop = await live.merchant()
    session_id = (await shop.create())["session_id"]
    await live.http.get(f"/hosted-checkout.php?session={session_id}")
    assert (await shop.status(session_id))["status"] == "awaiting_payment"
    assert await live.notices(session_id) == []


async def test_no_two_notices_share_session_and_word(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url)
    session_id = (await shop.create())["session_id"]
    for outcome in ("pending", "pending", "paid", "paid", "settled", "settled", "paid"):
        await live.report(session_id, outcome)
    await ear.got(3)
    assert told(ear, session_id) == ["pending", "paid", "settled"]


async def until_due(live: LiveNode, ear: Receiver, count: int, seconds: int) -> Request:
    """Move the clock to the next try and wait for it."""
    await live.advance_clock(seconds)
    live.node.deliverer.wake()
    return (await ear.got(count))[count - 1]


@pytest.mark.parametrize("status", [500, 401, 404, 301, 429])
async def test_what_is_not_accepted_is_sent_again_with_the_same_bytes(live: LiveNode, ear: Receiver, status: int) -> None:
    ear.status = status
    shop = await live.merchant(webhook_url=ear.url)
    session_id = (await shop.create())["session_id"]
    await live.report(session_id, "settled")
    (first,) = await ear.got(1)
    await recorded(live, session_id, lambda rows: rows[0]["tries"] == 1)
    ear.status = 204
    second = await until_due(live, ear, 2, 61)
    assert (second.body, second.headers["x-signature"]) == (first.body, first.headers["x-signature"])
    assert second.headers["x-ecomtrade24-delivery"] == first.headers["x-ecomtrade24-delivery"]
    await ear.got(3)
    assert told(ear, session_id) == ["paid", "paid", "settled"]  # the next only after the one before was heard


def tried(times: int, rows: list[dict[str, Any]]) -> bool:
    return bool(rows[0]["tries"] == times)


async def recorded(live: LiveNode, session_id: int, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The session's notices once what came of a try is written down."""
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(WAIT_S):
        while not rows or not holds(rows):
            rows = await live.notices(session_id)
    return rows


async def test_after_the_last_try_of_three_days_a_notice_is_given_up_and_the_next_one_is_sent(live: LiveNode, ear: Receiver) -> None:
    ear.status = 500
    shop = await live.merchant(webhook_url=ear.url)
    session_id = (await shop.create())["session_id"]
    await live.report(session_id, "settled")
    await ear.got(1)
    began_at = (await live.notices(session_id))[0]["created_at"]
    for tries, delay_s in enumerate(DELAYS_S, 1):
        await recorded(live, session_id, partial(tried, tries))
        await until_due(live, ear, tries + 1, delay_s + 1)
    rows = await recorded(live, session_id, lambda rows: rows[0]["state"] == "given_up" and rows[1]["tries"] == 1)
    assert 72 * HOUR <= rows[0]["ended_at"] - began_at <= 73 * HOUR
    assert told(ear, session_id) == ["paid"] * (len(DELAYS_S) + 1) + ["settled"]


async def test_a_sessions_own_address_goes_before_the_merchants_and_is_signed_with_the_shops_secret(
    live: LiveNode, ear: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the shop's sub-domain leads to the ear here."""
    client = Client(allow_private=True, lookup=lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr(live.node.deliverer, "_client", client)
    async with receiving() as general:
        shop = await live.merchant(webhook_url=general.url, webhook_secret=SECRET)
        own, ignored = ear.url.replace("127.0.0.1", "hooks.shop.example.com"), ear.url.replace("127.0.0.1", "shop.example.com.evil.example")
        first, second = [(await shop.create(webhook_url=url))["session_id"] for url in (own, ignored)]
        await live.report(first, "paid")
        await live.report(second, "paid")
        (to_own,), (to_general,) = await ear.got(1), await general.got(1)
        assert (told(ear, first), told(general, second)) == (["paid"], ["paid"])
        for request in (to_own, to_general):
            assert manuals_receiver(request.headers, request.body, SECRET)[0] == 200
        await recorded(live, first, lambda rows: rows[0]["state"] == "delivered")
        await recorded(live, second, lambda rows: rows[0]["state"] == "delivered")
    await client.aclose()


async def test_a_shops_own_endpoint_and_secret_win_over_the_merchants(live: LiveNode, ear: Receiver) -> None:
    endpoints = Endpoints(live.core.keyring)
    async with receiving() as general:
        shop = await live.merchant(webhook_url=general.url, webhook_secret=SECRET, shops=("shop.example.com", "second.example.com"))
        made = await live.core.writer.submit(endpoints.set_urls, SetUrl(merchant_id=shop.id, shop="second.example.com", url=ear.url))
        first, second = [(await shop.create(domain=domain))["session_id"] for domain in ("shop.example.com", "second.example.com")]
        await live.report(first, "paid")
        await live.report(second, "paid")
        (to_general,), (to_shop,) = await general.got(1), await ear.got(1)
        assert (told(general, first), told(ear, second)) == (["paid"], ["paid"])
        assert manuals_receiver(to_general.headers, to_general.body, SECRET)[0] == 200
        assert manuals_receiver(to_shop.headers, to_shop.body, made.secret)[0] == 200


async def test_while_two_secrets_count_a_receiver_with_the_old_one_is_reached(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url, webhook_secret="the old secret")
    endpoints = Endpoints(live.core.keyring)
    new = await live.core.writer.submit(endpoints.rotate, Rotate(merchant_id=shop.id))

    async def old_receiver(request: Request) -> bytes:
        return reply(manuals_receiver(request.headers, request.body, "the old secret")[0])

    ear.answer = old_receiver
    session_id = (await shop.create())["session_id"]
    await live.report(session_id, "paid")
    first, second = await ear.got(2)
    assert manuals_receiver(first.headers, first.body, new)[0] == 200
    assert manuals_receiver(second.headers, second.body, "the old secret")[0] == 200
    rows = await recorded(live, session_id, lambda rows: rows[0]["state"] == "delivered")
    assert rows[0]["tries"] == 1


async def test_a_test_delivery_is_as_it_was_seen_live(live: LiveNode, ear: Receiver) -> None:
    shop = await live.merchant(webhook_url=ear.url, webhook_secret=SECRET)
    body = notices.test_body(shop.id, "shop.example.com", "TEST-WEBHOOK-0A1B2C3D4E", 1779554591000)
    trial = Trial(merchant_id=shop.id, shop="shop.example.com", dialect=DIALECT, word="test", delivery=f"test-{shop.id}", body=body)
    await live.core.writer.submit(send_trials, trial)
    live.node.deliverer.wake()
    (request,) = await ear.got(1)
    sent = json.loads(request.body)
    assert list(sent) == FIELDS[:-1]
    assert (sent["session_id"], sent["status"], sent["amount"], sent["currency"], sent["test"]) == (0, "test", "0.00", "USD", True)
    assert manuals_receiver(request.headers, request.body, SECRET)[0] == 200


async def test_a_private_address_is_never_called_unless_that_is_allowed(database_url: str, ear: Receiver) -> None:
    async with serving(database_url, allow_private_urls=False) as live:
        shop = await live.merchant(webhook_url=ear.url)
        session_id = (await shop.create())["session_id"]
        await live.report(session_id, "paid")
        (row,) = await recorded(live, session_id, lambda rows: rows[0]["tries"] == 1)
        assert (row["status"], row["state"]) == (None, "waiting")
        assert row["error"]
        assert ear.requests == []


async def test_without_an_address_what_happened_is_kept_to_be_told_later(live: LiveNode) -> None:
    shop = await live.merchant()
    session_id = (await shop.create())["session_id"]
    await live.report(session_id, "paid")
    assert [(row["word"], row["state"]) for row in await live.notices(session_id)] == [("paid", "unaddressed")]


async def test_one_silent_shop_delays_nobody_else(live: LiveNode, ear: Receiver) -> None:
    async with receiving() as silent:
        silent.answer = silent.hang
        quiet, loud = await live.merchant(webhook_url=silent.url), await live.merchant(webhook_url=ear.url)
        for number in range(20):
            await live.report((await quiet.create(order_id=f"{number}"))["session_id"], "paid")
        await silent.got(1)
        calls: list[Awaitable[Any]] = [live.report((await loud.create(order_id=f"{n}"))["session_id"], "paid") for n in range(5)]
        for call in calls:
            await call
        await ear.got(5)
