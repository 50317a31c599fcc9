"""The one door on both engines: payment, attempt, ledger, history, receipts and notices change together, once."""

import asyncio
import dataclasses

import pytest
from msgspec.structs import replace

from paymux.errors import PaymuxError, Refusal, Refused
from paymux.ledger import book
from paymux.ledger.chart import payable
from paymux.ledger.postings import Cause, payout_held, payout_released
from paymux.merchants.model import Late, Policy
from paymux.payments import store
from paymux.payments.dialect import Notice
from paymux.payments.expire import Sweep
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Advanced, Attention, Outcome, Payment, Report, Source
from paymux.storage.sweep import ASIDE_MS
from paymux.storage.writer import LostUpdate
from tests.payments.samples import HOUR, receipt, wish
from tests.payments.stage import Stage, about, changed, state
from tests.payments.stub_dialect import STUBS


async def balances(stage: Stage, merchant_id: int = 1) -> dict[tuple[str, str], int]:
    found = await stage.rows(
        "SELECT a.kind, a.currency, CAST(sum(e.amount_units) AS bigint) FROM account a JOIN entry e ON e.account_id = a.id "
        f"WHERE a.merchant_id = {merchant_id} GROUP BY a.kind, a.currency"
    )
    return {(kind, code): units for kind, code, units in found if units}


async def opened(stage: Stage, **changes: object) -> Payment:
    return (await stage.open(**changes)).payment


async def test_a_story_from_the_click_to_the_settlement_is_written_whole(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    reports = [
        about(tried, Event.HANDED_OVER, provider_ref="P-9", handed_url="https://bank.example/9", ask_at=5),
        about(tried, Event.PENDING, ask_at=6),
        about(tried, Event.PAID, receipt=receipt(10_000), happened_at=stage.now - 7),
        about(tried, Event.SETTLED, txid_out="0xout"),
    ]
    assert [state(await stage.tell(one)) for one in reports] == [State.AWAITING, State.PENDING, State.PAID, State.SETTLED]
    found = await stage.payment(1)
    assert (found.version, found.received_units, found.payable_units, found.paid_at) == (5, 10_000, 0, stage.now - 7)
    assert (found.txid_in, found.txid_out) == ("0xT-1", "0xout")
    [stored] = await stage.attempts(1)
    assert (stored.state, stored.provider_ref, stored.handed_url) == (AttemptState.PAID, "P-9", "https://bank.example/9")
    assert (stored.ask_at, stored.ended_at) == (None, stage.now)
    assert await stage.rows("SELECT word, state FROM notice ORDER BY id") == [
        ("pending", "waiting"),
        ("paid", "waiting"),
        ("settled", "waiting"),
    ]
    assert await balances(stage) == {("clearing:bank", "EUR"): -150, ("fees", "EUR"): 150}
    assert await stage.rows("SELECT provider, reference, attempt_id, amount_units, happened_at FROM receipt") == [
        ("bank", "T-1", stored.id, 10_000, stage.now - 7)
    ]
    assert await stage.faults() == []


async def test_the_same_story_in_one_batch_comes_to_the_same(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    results = await stage.tell_together(
        [
            about(tried, Event.HANDED_OVER, provider_ref="P-9", handed_url="https://bank.example/9"),
            about(tried, Event.PENDING),
            about(tried, Event.PAID, receipt=receipt(10_000)),
            about(tried, Event.PAID, receipt=receipt(10_000)),
            about(tried, Event.SETTLED),
        ]
    )
    outcomes = [one.outcome for one in results if isinstance(one, Advanced)]
    assert outcomes == [Outcome.CHANGED, Outcome.CHANGED, Outcome.CHANGED, Outcome.REPEATED, Outcome.CHANGED]
    assert [word for (word,) in await stage.rows("SELECT word FROM notice ORDER BY id")] == ["pending", "paid", "settled"]
    assert await balances(stage) == {("clearing:bank", "EUR"): -150, ("fees", "EUR"): 150}
    assert await stage.faults() == []


async def test_fifty_equal_reports_at_once_post_once(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    results = await asyncio.gather(*(stage.tell(about(tried, Event.PAID, receipt=receipt(10_000))) for _ in range(50)))
    assert changed(results) == 1
    assert {state(one) for one in results} == {State.PAID}
    assert (await balances(stage))["payable", "EUR"] == 9_850
    assert await stage.faults() == []


async def test_two_nodes_that_hear_the_same_at_once_post_once(stage: Stage, second: Stage) -> None:
    tries = [await stage.begin(await opened(stage)) for _ in range(5)]
    reports = [about(one, Event.PAID, receipt=receipt(10_000, f"T-{one.id}")) for one in tries for _ in range(10)]
    results = await asyncio.gather(*(stage.tell(one) for one in reports), *(second.tell(one) for one in reversed(reports)))
    assert changed(results) == 5
    assert (await balances(stage))["payable", "EUR"] == 5 * 9_850
    assert await stage.rows("SELECT count(*) FROM notice") == [(5,)]
    assert await stage.faults() == []


async def test_one_transfer_told_of_two_payments_counts_for_the_first(stage: Stage, second: Stage) -> None:
    tries = [await stage.begin(await opened(stage)) for _ in range(2)]
    reports = [about(one, Event.PAID, receipt=receipt(10_000, "same")) for one in tries]
    results = await asyncio.gather(stage.tell(reports[0]), second.tell(reports[1]))
    assert changed(results) == 1
    assert await stage.rows("SELECT count(*) FROM receipt") == [(1,)]
    assert await stage.faults() == []


async def test_money_of_many_merchants_in_one_batch_stays_apart(stage: Stage) -> None:
    assert await stage.merchant() == 2
    tries = [await stage.begin(await opened(stage, merchant_id=1 + number % 2)) for number in range(6)]
    await stage.tell_together([about(one, Event.PAID, receipt=receipt(10_000 + one.id, f"T-{one.id}")) for one in tries])
    assert (await balances(stage, 1))["held", "EUR"] == 1 + 3 + 5
    assert (await balances(stage, 2))["held", "EUR"] == 2 + 4 + 6
    assert await stage.faults() == []


async def test_a_report_of_nobodys_payment_is_refused_and_stops_no_other(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    unknown = Report(payment_id=99, event=Event.PENDING, source=Source.PROVIDER, happened_at=0)
    results = await stage.tell_together([unknown, about(tried, Event.PENDING)])
    assert isinstance(results[0], Refused)
    assert results[0].has(Refusal.UNKNOWN_PAYMENT)
    assert state(results[1]) is State.PENDING


async def test_a_report_with_anothers_attempt_is_our_own_fault_and_harms_nobody(stage: Stage) -> None:
    tried, other = await stage.begin(await opened(stage)), await stage.begin(await opened(stage))
    wrong, unknown = replace(about(tried, Event.PENDING), payment_id=2), replace(about(tried, Event.PENDING), attempt_id=99)
    results = await asyncio.gather(*(stage.tell(one) for one in (wrong, unknown, about(other, Event.PENDING))), return_exceptions=True)
    assert [type(one) for one in results] == [AssertionError, AssertionError, Advanced]
    assert (await stage.payment(1)).state is State.CREATED


async def test_two_states_with_one_word_are_told_once(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    await stage.tell_together([about(tried, Event.PENDING), about(tried, Event.DOUBTED), about(tried, Event.PENDING)])
    await stage.tell(about(tried, Event.DOUBTED))
    assert await stage.rows("SELECT word FROM notice") == [("pending",)]
    assert await stage.faults() == []


async def test_late_money_is_judged_by_the_merchants_policy_of_that_moment(stage: Stage) -> None:
    assert await stage.merchant(Policy(late=Late.ACCEPT)) == 2
    tries = [await stage.begin(await opened(stage, merchant_id=merchant)) for merchant in (1, 2)]
    stage.now += HOUR
    results = await stage.tell_together([about(one, Event.PAID, receipt=receipt(10_000, f"T-{one.id}")) for one in tries])
    assert [state(one) for one in results] == [State.REVIEW, State.PAID]
    words = await stage.rows("SELECT payment_id, word FROM notice ORDER BY payment_id, id")
    assert words == [(1, "expired"), (1, "review"), (2, "expired"), (2, "review"), (2, "paid")]
    assert await stage.faults() == []


async def test_the_sweep_takes_what_is_over_oldest_first_and_no_more_than_its_batch(stage: Stage) -> None:
    for number in range(5):
        await opened(stage, lasts_ms=HOUR - number)
    await opened(stage, lasts_ms=HOUR + 1)
    in_progress = await stage.begin(await opened(stage))
    await stage.tell(about(in_progress, Event.PENDING))
    stage.now += HOUR
    sweep = Sweep(stage.door)
    assert [await stage.writer.submit(sweep.expire, 3) for _ in range(3)] == [3, 2, 0]
    found = await stage.rows("SELECT p.id, p.state, h.happened_at - p.expires_at FROM payment p JOIN history h ON h.payment_id = p.id "
                             "AND h.version = p.version WHERE p.state = 'expired' ORDER BY p.id")  # fmt: skip
    assert found == [(number, "expired", 0) for number in (1, 2, 3, 4, 5)]
    assert await stage.rows("SELECT count(*) FROM notice WHERE word = 'expired'") == [(5,)]
    assert await stage.faults() == []


async def test_payments_that_cannot_be_expired_keep_no_other_waiting(stage: Stage) -> None:
    """Such as sessions whose notices are signed by secrets under a secret key that was taken out."""
    for number in range(3):
        await opened(stage, dialect="three", lasts_ms=HOUR - number)  # the oldest, and more than one batch
    others = [await opened(stage, lasts_ms=HOUR + number) for number in range(5)]
    stage.now += 2 * HOUR

    def unreadable(payment: Payment, now: int) -> Notice | None:
        raise PaymuxError("a stored value needs another secret key")

    mended, broken = stage.door.dialects, {**stage.door.dialects, "three": dataclasses.replace(STUBS["three"], notice=unreadable)}
    stage.door.dialects = broken
    sweep = Sweep(stage.door)
    while await sweep.duty(stage.writer, 2):
        pass
    assert await stage.rows("SELECT state, count(*) FROM payment GROUP BY state ORDER BY state") == [("created", 3), ("expired", 5)]
    assert await stage.rows("SELECT count(*) FROM notice WHERE word = 'expired'") == [(len(others),)]
    stage.door.dialects = mended
    assert await sweep.duty(stage.writer, 2) == 0, "they are passed over for a while"
    stage.now += ASIDE_MS
    assert [await sweep.duty(stage.writer, 2) for _ in range(3)] == [2, 1, 0]
    assert await stage.rows("SELECT DISTINCT state FROM payment") == [("expired",)]
    assert await stage.faults() == []


async def test_nodes_that_sweep_at_once_expire_each_payment_once(stage: Stage, second: Stage) -> None:
    await stage.open_together([wish() for _ in range(40)])
    stage.now = second.now = stage.now + HOUR
    await asyncio.gather(*(node.writer.submit(Sweep(node.door).expire, 25) for node in (stage, second) for _ in range(3)))
    assert await stage.rows("SELECT state, version, count(*) FROM payment GROUP BY state, version") == [("expired", 2, 40)]
    assert await stage.rows("SELECT count(*) FROM notice") == [(40,)]


async def test_a_version_that_somebody_else_took_is_never_overwritten(stage: Stage) -> None:
    await opened(stage)
    read = await stage.payment(1)
    newer = replace(read, state=State.PENDING, version=2)
    await stage.storage.write(lambda tx: store.save(tx, {1: read}, {1: newer}, []))
    with pytest.raises(LostUpdate):
        await stage.storage.write(lambda tx: store.save(tx, {1: read}, {1: replace(newer, state=State.FAILED)}, []))
    assert (await stage.payment(1)).state is State.PENDING


async def test_a_balance_that_would_go_below_zero_undoes_the_whole_change(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    await stage.tell(about(tried, Event.PAID, receipt=receipt(12_000)))
    await stage.run("UPDATE payment SET held_units = 999999 WHERE id = 1;")  # our own bug, as if
    before = await stage.payment(1)
    with pytest.raises(Exception, match=r"(?i)check"):
        await stage.tell(replace(about(tried, Event.RETURNED), source=Source.OPERATOR))
    assert await stage.payment(1) == before
    assert (await balances(stage))[payable(1, "EUR").kind, "EUR"] == 9_850
    assert await stage.rows("SELECT count(*) FROM history WHERE event = 'returned'") == [(0,)]


async def test_what_the_merchant_has_not_is_not_forwarded_in_the_books(stage: Stage) -> None:
    tried = await stage.begin(await opened(stage))
    await stage.tell(about(tried, Event.PAID, receipt=receipt(10_000)))
    spent = payout_held(Cause(None, 1, 1, "bank", "EUR", stage.now, 1), 5_000, 0)
    await stage.storage.write(lambda tx: book.post(tx, list(spent), stage.now))
    for _ in range(2):
        await stage.tell(about(tried, Event.SETTLED))
    found = await stage.payment(1)
    assert (found.state, found.attention, found.payable_units) == (State.PAID, Attention.FORWARDED, 9_850)
    assert (await balances(stage))[payable(1, "EUR").kind, "EUR"] == 4_850
    topped_up = payout_released(Cause(None, 2, 1, "bank", "EUR", stage.now, 1), 5_000)
    await stage.storage.write(lambda tx: book.post(tx, list(topped_up), stage.now))
    await stage.tell(about(tried, Event.SETTLED))
    found = await stage.payment(1)
    assert (found.state, found.attention, found.payable_units) == (State.SETTLED, None, 0)


async def test_asks_are_claimed_once_by_however_many_nodes(stage: Stage, second: Stage) -> None:
    for _ in range(20):
        await stage.begin(await opened(stage), ask_at=stage.now - 1)

    async def claim(node: Stage) -> list[int]:
        rows = await node.storage.write(lambda tx: tx.fetch(store.q.claim_asks, now=node.now, again_at=node.now + 30_000, batch=6))
        return [row["id"] for row in rows]

    claimed = await asyncio.gather(*(claim(node) for node in (stage, second) for _ in range(3)))
    flat = [number for batch in claimed for number in batch]
    assert len(flat) == len(set(flat))
    assert all(len(batch) <= 6 for batch in claimed)
    assert await stage.rows("SELECT max(asked) FROM attempt") == [(1,)]


async def test_amounts_of_64_bits_are_kept_to_the_last_unit(stage: Stage) -> None:
    biggest = 2**62 + 1
    stage.door._fee_percent *= 0
    tried = await stage.begin(await opened(stage, amount=receipt(biggest).amount))
    await stage.tell(about(tried, Event.PAID, receipt=receipt(biggest)))
    found = await stage.payment(1)
    assert (found.state, found.received_units, found.payable_units) == (State.PAID, biggest, biggest)
    assert await balances(stage) == {("clearing:bank", "EUR"): -biggest, ("payable", "EUR"): biggest}
