"""Many at once: one order makes one session, one payment is booked once, and nobody waits in vain. On both engines."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from paymux.clock import Clock
from paymux.errors import Refused
from paymux.payments.lifecycle import Event
from paymux.payments.model import Attempt, Outcome, Receipt, Report, Source
from paymux.payments.read import with_attempts
from paymux.providers.sandbox import messages
from tests.node import LiveNode, Shop, serving, together


@pytest.fixture(scope="module")
async def loose(story_database: str) -> AsyncIterator[LiveNode]:
    """Without limits: what is tested is what happens behind them."""
    async with serving(story_database, rate_limits=False) as node:
        yield node


@pytest.fixture
async def shop(loose: LiveNode) -> Shop:
    return await loose.merchant()


async def handed_over(live: LiveNode, session_id: int) -> Attempt:
    """The buyer went to the provider; the attempt that waits there."""
    answer = await live.http.get(f"/checkout-continue.php?session={session_id}")
    assert "/sandbox/pay/" in answer.headers["location"]
    found = await live.core.reader.submit(with_attempts, session_id)
    assert found is not None
    attempt: Attempt = found[1][-1]
    return attempt


def callback(live: LiveNode, attempt: Attempt, reference: str = "tr_1", amount: str = "49.99") -> tuple[str, bytes, dict[str, str]]:
    """What the provider would post: the money is there. (path, body, signed headers)"""
    standing = {
        "operation_key": attempt.operation_key, "reference": attempt.provider_ref, "status": "paid",
        "transfers": [{"reference": reference, "amount": amount, "currency": "EUR", "at": Clock.wall(), "txid": "0x" + "a" * 64}],
        "settled_txid": None,
    }  # fmt: skip
    body, timestamp = json.dumps(standing), str(Clock.wall())
    signature = messages.sign(live.core.keyring, attempt.provider, timestamp, body)
    return f"/callbacks/{attempt.provider}", body.encode(), {messages.TIMESTAMP: timestamp, messages.SIGNATURE: signature}


async def test_two_hundred_identical_creates_at_once_make_one_session(loose: LiveNode, shop: Shop) -> None:
    answers = await together([shop.post(order_id="ORD-1") for _ in range(200)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await loose.payments_of(shop) == [answers[0].json()["session_id"]]
    assert len(await loose.history(answers[0].json()["session_id"])) == 1


async def test_creates_of_many_orders_at_once_keep_them_apart(loose: LiveNode, shop: Shop) -> None:
    other = await loose.merchant()
    calls = [(one, f"ORD-{number % 40}") for number in range(120) for one in (shop, other)]
    created = await together([one.create(order_id=order) for one, order in calls])
    by_order: dict[tuple[int, str], set[int]] = {}
    for (one, order), answer in zip(calls, created, strict=True):
        by_order.setdefault((one.id, order), set()).add(answer["session_id"])
    assert len(by_order) == 80
    assert all(len(numbers) == 1 for numbers in by_order.values())
    assert len(await loose.payments_of(shop)) == len(await loose.payments_of(other)) == 40


async def test_one_bad_request_harms_nobody_in_its_batch(loose: LiveNode, shop: Shop) -> None:
    bad: list[dict[str, Any]] = [{"amount": "0"}, {"domain": "x"}, {"order_id": "a\0"}, {"meta": {"a": "x" * 9000}}, {"method": "nothing"}]
    wishes = [{"order_id": f"{number}"} | (bad[number % 5] if number % 3 == 0 else {}) for number in range(90)]
    answers = await together([shop.post(**wish) for wish in wishes])
    assert Counter(answer.status_code for answer in answers) == {200: 60, 400: 30}
    assert len(await loose.payments_of(shop)) == 60


async def test_repeats_that_cross_an_expiry_make_one_new_session(loose: LiveNode, shop: Shop) -> None:
    first = (await shop.create(order_id="ORD-1"))["session_id"]
    await loose.advance_clock(3601)
    numbers = {answer["session_id"] for answer in await together([shop.create(order_id="ORD-1") for _ in range(50)])}
    assert len(numbers) == 1
    assert first not in numbers
    assert [row["word"] for row in await loose.notices(first)] == ["expired"]


async def test_fifty_reports_of_one_payment_at_once_are_booked_once(loose: LiveNode, shop: Shop) -> None:
    session_id = (await shop.create())["session_id"]
    attempt = await handed_over(loose, session_id)
    path, body, headers = callback(loose, attempt)
    answers = await together([loose.http.post(path, content=body, headers=headers) for _ in range(50)])
    assert {answer.status_code for answer in answers} == {200}
    assert await loose.transfers(session_id) == [("payment.paid", 4999)]
    assert [row["word"] for row in await loose.notices(session_id)] == ["paid"]
    session = await shop.status(session_id)
    assert (session["status"], session["txid_in"]) == ("paid", "0x" + "a" * 64)
    await loose.assert_books_hold()


async def test_fifty_commands_that_say_paid_at_once_are_booked_once(loose: LiveNode, shop: Shop) -> None:
    session_id = (await shop.create())["session_id"]
    results = await together([loose.report(session_id, "paid") for _ in range(50)])
    assert not [result for result in results if isinstance(result, Refused)]
    assert Counter(result.outcome for result in results) == {Outcome.CHANGED: 1, Outcome.REPEATED: 49}
    assert await loose.transfers(session_id) == [("payment.paid", 4999)]
    assert [row["word"] for row in await loose.notices(session_id)] == ["paid"]
    await loose.assert_books_hold()


async def test_different_transfers_at_once_pay_once_and_the_rest_is_held(loose: LiveNode, shop: Shop) -> None:
    session_id = (await shop.create())["session_id"]
    attempt = await handed_over(loose, session_id)
    calls = [callback(loose, attempt, f"tr_{session_id}_{number}") for number in range(5) for _ in range(4)]
    answers = await together([loose.http.post(path, content=body, headers=headers) for path, body, headers in calls])
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(await loose.transfers(session_id)) == [("payment.held", 4999)] * 4 + [("payment.paid", 4999)]
    assert [row["word"] for row in await loose.notices(session_id)] == ["paid"]
    await loose.assert_books_hold()


async def test_contradicting_reports_at_once_leave_one_story(loose: LiveNode, shop: Shop) -> None:
    numbers = [answer["session_id"] for answer in await together([shop.create(order_id=f"{number}") for number in range(10)])]
    outcomes = ("paid", "declined", "expired", "review", "settled", "pending")
    await together([loose.report(number, outcome) for outcome in outcomes for number in numbers])
    await loose.sweep()
    for number in numbers:
        words = [row["word"] for row in await loose.notices(number)]
        assert len(words) == len(set(words))
        assert "settled" not in words or words.index("paid") < words.index("settled")
    await loose.assert_books_hold()


async def test_money_and_the_clock_race_to_one_end(loose: LiveNode, shop: Shop) -> None:
    numbers = [answer["session_id"] for answer in await together([shop.create(order_id=f"{number}") for number in range(20)])]

    def paid(number: int) -> Report:
        payment = Receipt(reference=f"race-{loose.port}-{number}", amount=(payments[number]).amount)
        return Report(payment_id=number, event=Event.PAID, source=Source.PROVIDER, happened_at=0, receipt=payment, provider="sandbox-alder")

    payments = {number: await loose.payment(number) for number in numbers}
    moves = [loose.advance(Report(payment_id=number, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=0)) for number in numbers]
    await together([move for number, out in zip(numbers, moves, strict=True) for move in (loose.advance(paid(number)), out)])
    for number in numbers:
        assert (await loose.payment(number)).state in ("paid", "review")
    await loose.assert_books_hold()


async def test_a_buyer_with_many_windows_is_sent_to_one_place(loose: LiveNode, shop: Shop) -> None:
    session_id = (await shop.create())["session_id"]
    pages = await together([loose.http.get(f"/checkout-continue.php?session={session_id}") for _ in range(20)])
    assert {page.status_code for page in pages} == {302}
    found = await loose.core.reader.submit(with_attempts, session_id)
    assert found is not None
    assert [attempt.number for attempt in found[1]] == [1]
    places = {page.headers["location"] for page in pages}
    assert found[1][0].handed_url in places
    leads_on = f"{loose.url}/hosted-checkout.php?session={session_id}&go=1"
    assert places <= {found[1][0].handed_url, leads_on}
    assert (await loose.http.get(leads_on)).text.count(f'content="0;url={found[1][0].handed_url}"') == 1


async def test_reads_beside_writes_see_whole_states(loose: LiveNode, shop: Shop) -> None:
    numbers = [(await shop.create(order_id=f"{number}"))["session_id"] for number in range(20)]
    reports = [loose.report(number, "settled") for number in numbers]
    looks = [shop.status(number) for number in numbers for _ in range(5)]
    results = await together([*reports, *looks])
    for session in results[len(numbers) :]:
        assert session["status"] in ("created", "settled")
        assert (session["txid_out"] is None) == (session["status"] == "created")


async def test_a_caller_that_leaves_takes_nothing_with_it(loose: LiveNode, shop: Shop) -> None:
    """What was asked is done, whether or not anybody waits; a repeat finds it."""
    body = json.dumps({"amount": "5", "currency": "EUR", "domain": "shop.example.com", "order_id": "LEFT"}).encode()
    head = f"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nX-API-Key: {shop.key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    await together([loose.raw(head + body, end=True) for _ in range(10)])
    created = await shop.create(order_id="LEFT", amount=5)
    assert await loose.payments_of(shop) == [created["session_id"]]
