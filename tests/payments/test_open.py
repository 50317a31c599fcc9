"""Opening payments on both engines: one live payment a wish, from however many requests and nodes."""

import asyncio

import pytest
from msgspec.structs import replace

from paymux.money import Money
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Advanced, Attempt, OpenPayment, Outcome
from paymux.payments.open import open_payments
from paymux.storage.postgres import PostgresStorage
from paymux.storage.query import Tx
from tests.payments.samples import EUR, HOUR, NOW, receipt, wish
from tests.payments.stage import Stage, about, by_clock, changed, state

KEYED = wish(
    order_ref="A-1", repeat_key="order-1", return_url="https://shop.example.com/a", email="a@example.com", country="DE", meta='{"a":1}'
)


async def test_a_payment_is_stored_as_it_was_wished(stage: Stage) -> None:
    opened = await stage.submit(replace(KEYED, method="card", details='{"x":"ü"}', note="dropped: y"))
    assert opened.repeated is False
    assert opened.payment == await stage.payment(1)
    assert (opened.payment.id, opened.payment.state, opened.payment.version, opened.payment.expires_at) == (1, State.CREATED, 1, NOW + HOUR)
    assert await stage.rows("SELECT payment_id, version, event, from_state, to_state, why FROM history") == [
        (1, 1, "created", None, "created", "dropped: y")
    ]
    assert await stage.faults() == []


async def test_ids_are_dense_from_one(stage: Stage) -> None:
    first = await stage.open()
    batch = await stage.open_together([wish(), wish(), wish()])
    last = await stage.open()
    assert [one.payment.id for one in (first, *batch, last)] == [1, 2, 3, 4, 5]


async def test_equal_wishes_without_a_repeat_key_are_payments_of_their_own(stage: Stage) -> None:
    opened = await stage.open_together([wish(order_ref="A"), wish(order_ref="A")])
    assert [(one.payment.id, one.repeated) for one in opened] == [(1, False), (2, False)]


async def test_a_repeat_is_answered_with_the_live_payment_and_its_newer_addresses(stage: Stage) -> None:
    await stage.submit(KEYED)
    again = await stage.submit(replace(KEYED, return_url="https://shop.example.com/b", email=None, country="AT", meta=None))
    assert (again.repeated, again.payment.id) == (True, 1)
    stored = await stage.payment(1)
    assert again.payment == stored
    assert (stored.return_url, stored.email, stored.country, stored.meta) == (
        "https://shop.example.com/b",
        "a@example.com",
        "AT",
        '{"a":1}',
    )
    assert (stored.version, stored.created_at) == (1, NOW)


async def test_in_one_batch_the_later_of_equal_wishes_brings_the_newer_addresses_too(stage: Stage) -> None:
    first, second = await stage.open_together([KEYED, replace(KEYED, return_url="https://shop.example.com/b")])
    assert (first.repeated, second.repeated) == (False, True)
    assert second.payment == await stage.payment(1)
    assert second.payment.return_url == "https://shop.example.com/b"


async def test_a_payment_in_progress_keeps_its_addresses(stage: Stage) -> None:
    opened = await stage.submit(KEYED)
    await stage.tell(about(await stage.begin(opened.payment), Event.PENDING))
    again = await stage.submit(replace(KEYED, return_url="https://shop.example.com/b"))
    assert (again.payment.id, again.repeated, again.payment.state) == (1, True, State.PENDING)
    assert (await stage.payment(1)).return_url == KEYED.return_url


async def test_the_same_key_of_another_merchant_is_another_wish(stage: Stage) -> None:
    await stage.merchant()
    opened = await stage.open_together([KEYED, replace(KEYED, merchant_id=2)])
    assert [one.repeated for one in opened] == [False, False]


async def test_a_paid_payment_gives_its_place_away(stage: Stage) -> None:
    opened = await stage.submit(KEYED)
    await stage.tell(about(await stage.begin(opened.payment), Event.PAID, receipt=receipt(10_000)))
    again = await stage.submit(KEYED)
    assert (again.repeated, again.payment.id) == (False, 2)


async def test_a_payment_that_expired_but_was_not_swept_gives_its_place_away_at_once(stage: Stage) -> None:
    await stage.submit(KEYED)
    stage.now += HOUR
    first, second = await stage.open_together([KEYED, KEYED])
    assert [(one.payment.id, one.repeated) for one in (first, second)] == [(2, False), (2, True)]
    assert (await stage.payment(1)).state is State.EXPIRED
    assert await stage.rows("SELECT payment_id, word FROM notice") == [(1, "expired")]
    assert await stage.faults() == []


async def test_one_millisecond_before_its_end_it_is_answered(stage: Stage) -> None:
    await stage.submit(KEYED)
    stage.now += HOUR - 1
    assert (await stage.submit(KEYED)).payment.id == 1


async def test_two_hundred_equal_requests_at_once_make_one_payment(stage: Stage) -> None:
    opened = await asyncio.gather(*(stage.submit(replace(KEYED, country="DE")) for _ in range(200)))
    assert {one.payment.id for one in opened} == {1}
    assert [one.repeated for one in opened].count(False) == 1
    assert await stage.rows("SELECT count(*) FROM payment") == [(1,)]
    assert await stage.rows("SELECT count(*) FROM history") == [(1,)]


async def test_two_nodes_that_race_for_the_same_wishes_make_one_payment_each(stage: Stage, second: Stage) -> None:
    await stage.submit(replace(KEYED, repeat_key="order-0", lasts_ms=1))  # its place is given away in the race
    stage.now = second.now = NOW + 5
    wishes = [replace(KEYED, repeat_key=f"order-{number % 20}", return_url=f"https://shop.example.com/{number}") for number in range(200)]

    async def all_of(node: Stage, order: list[OpenPayment]) -> list[tuple[str | None, int, bool]]:
        opened = await asyncio.gather(*(node.submit(one) for one in order))
        return [(one.payment.repeat_key, one.payment.id, one.repeated) for one in opened]

    here, there = await asyncio.gather(all_of(stage, wishes), all_of(second, wishes[::-1]))
    answers = here + there
    assert len({(key, number) for key, number, _ in answers}) == 20
    assert [repeated for _, _, repeated in answers].count(False) == 20
    live = await stage.rows("SELECT repeat_key, count(*) FROM payment WHERE state = 'created' GROUP BY repeat_key")
    assert sorted(count for _, count in live) == [1] * 20
    assert (await stage.payment(1)).state is State.EXPIRED
    assert await stage.faults() == []


async def test_a_wish_that_the_database_refuses_harms_no_other(stage: Stage) -> None:
    bad = wish(amount=Money(0, EUR))
    answers = await asyncio.gather(stage.open(), stage.submit(bad), stage.open(), return_exceptions=True)
    assert isinstance(answers[1], Exception)
    assert await stage.rows("SELECT count(*) FROM payment") == [(2,)]
    assert await stage.rows("SELECT count(*) FROM history") == [(2,)]


async def test_the_sweep_and_a_repeat_expire_a_payment_once(stage: Stage, second: Stage) -> None:
    opened = await stage.submit(KEYED)
    stage.now = second.now = NOW + HOUR
    results = await asyncio.gather(stage.tell(by_clock(opened.payment)), second.submit(KEYED), second.tell(by_clock(opened.payment)))
    assert results[1].payment.id != 1
    assert changed([results[0], results[2]]) <= 1
    events = await stage.rows("SELECT event FROM history WHERE payment_id = 1 ORDER BY version")
    assert events == [("created",), ("timed_out",)]
    assert (await stage.tell(by_clock(opened.payment))).outcome is Outcome.REPEATED  # type: ignore[union-attr]


async def test_an_attempt_alive_is_the_only_one(stage: Stage) -> None:
    opened = await stage.submit(KEYED)
    await stage.begin(opened.payment)
    with pytest.raises(Exception, match=r"(?i)unique.*attempt"):
        await stage.begin(opened.payment)
    assert [one.state for one in await stage.attempts(1)] == [AttemptState.STARTED]


async def ended(stage: Stage, wanted: OpenPayment = KEYED) -> Attempt:
    """The attempt of a payment whose time is over."""
    payment = (await stage.submit(wanted)).payment
    tried = await stage.begin(payment, state=AttemptState.HANDED_OVER)
    stage.now += HOUR
    await stage.tell(by_clock(payment))
    return tried


async def test_late_money_comes_in_beside_the_newer_payment_of_the_same_wish(stage: Stage) -> None:
    tried = await ended(stage)
    newer = (await stage.submit(KEYED)).payment
    late = await stage.tell(about(tried, Event.PAID, receipt=receipt(10_000)))
    assert isinstance(late, Advanced)
    assert (late.payment.id, late.payment.state, late.payment.held_units) == (1, State.REVIEW, 10_000)
    again = await stage.submit(KEYED)
    assert (again.repeated, again.payment.id) == (True, newer.id)
    assert await stage.faults() == []


async def test_money_that_came_late_is_what_a_repeat_is_answered_with_so_that_nobody_pays_twice(stage: Stage) -> None:
    await stage.tell(about(await ended(stage), Event.PAID, receipt=receipt(10_000)))
    again = await stage.submit(KEYED)
    assert (again.repeated, again.payment.id, again.payment.state) == (True, 1, State.REVIEW)


async def test_late_money_of_two_payments_of_one_wish_comes_in_together(stage: Stage) -> None:
    both = [await ended(stage), await ended(stage)]
    money = [about(one, Event.PAID, receipt=receipt(10_000, f"T-{one.id}")) for one in both]
    assert [state(one) for one in await stage.tell_together(money)] == [State.REVIEW, State.REVIEW]
    again = await stage.submit(KEYED)
    assert (again.repeated, again.payment.id) == (True, 2)
    assert await stage.faults() == []


async def test_late_money_and_the_same_wish_at_once_on_two_nodes_both_come_in(stage: Stage, second: Stage) -> None:
    for number in range(10):
        keyed = replace(KEYED, order_ref=f"B-{number}")
        tried = await ended(stage, keyed)
        second.now = stage.now
        money = about(tried, Event.PAID, receipt=receipt(10_000, f"T-{number}"))
        late, newer = await asyncio.gather(stage.tell(money), second.submit(keyed))
        assert state(late) is State.REVIEW
        assert (newer.payment.id == tried.payment_id) == newer.repeated
    assert await stage.faults() == []


async def test_late_money_waits_for_a_wish_that_is_just_being_opened_and_comes_in_beside_it(stage: Stage, second: Stage) -> None:
    if not isinstance(stage.storage, PostgresStorage):
        pytest.skip("SQLite has one writer at a time")
    tried = await ended(stage)
    second.now = stage.now
    written, go_on = asyncio.Event(), asyncio.Event()

    async def opens(tx: Tx) -> None:
        await open_payments(second.door, tx, [KEYED], second.now)
        written.set()
        await go_on.wait()

    opening = asyncio.create_task(second.storage.write(opens))
    await written.wait()
    money = asyncio.create_task(stage.tell(about(tried, Event.PAID, receipt=receipt(10_000))))
    while not await stage.rows("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"):
        assert not money.done()
    go_on.set()
    await opening
    assert state(await money) is State.REVIEW
    assert (await stage.submit(KEYED)).payment.id == 2
    assert await stage.faults() == []
