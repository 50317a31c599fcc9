"""What a person decides: under review and in doubt, on both engines, each ending with the check of the books."""

from paymux.errors import Refused
from paymux.money import Money, known
from paymux.payments.judge import Judge, Judging, Verdict
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Advanced, Attention, Outcome, Payment
from tests.payments.samples import receipt
from tests.payments.stage import Stage, about, state

EUR = known("EUR")


async def in_doubt(stage: Stage) -> Payment:
    """A payment whose only attempt nobody can tell about."""
    await stage.merchant()
    payment = (await stage.open()).payment
    tried = await stage.begin(payment)
    await stage.tell(about(tried, Event.DOUBTED, ask_at=5))
    return await stage.payment(payment.id)


async def decide(stage: Stage, verdict: Judge) -> Advanced | Refused:
    return await stage.writer.submit(Judging(stage.door, "bank").judge, verdict)


async def test_a_person_who_found_the_money_ends_a_doubt_as_paid_and_once(stage: Stage) -> None:
    payment = await in_doubt(stage)
    found = Judge(payment_id=payment.id, verdict=Verdict.ACCEPTED, received=Money(payment.amount_units, EUR))
    assert state(await decide(stage, found)) is State.PAID
    again = await decide(stage, found)
    assert isinstance(again, Advanced)
    assert again.outcome is Outcome.REPEATED
    assert await stage.faults() == []


async def test_a_person_who_found_no_money_ends_the_attempt_and_the_buyer_may_try_again(stage: Stage) -> None:
    payment = await in_doubt(stage)
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.REJECTED))) is State.AWAITING
    assert [attempt.state for attempt in await stage.attempts(payment.id)] == [AttemptState.DECLINED]
    assert await stage.faults() == []


async def test_a_doubt_is_not_accepted_without_saying_how_much_came(stage: Stage) -> None:
    payment = await in_doubt(stage)
    assert isinstance(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.ACCEPTED)), Refused)


async def test_money_that_comes_after_a_person_ended_the_doubt_waits_for_a_person(stage: Stage) -> None:
    payment = await in_doubt(stage)
    await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.REJECTED))
    [tried] = await stage.attempts(payment.id)
    assert state(await stage.tell(about(tried, Event.PAID, receipt=receipt(payment.amount_units)))) is State.REVIEW
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.ACCEPTED))) is State.PAID
    assert await stage.faults() == []


async def test_money_that_does_not_suffice_is_rejected_and_goes_back(stage: Stage) -> None:
    await stage.merchant()
    payment = (await stage.open()).payment
    await stage.tell(about(await stage.begin(payment), Event.PAID, receipt=receipt(4_000)))
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.REJECTED))) is State.FAILED
    assert (await stage.payment(payment.id)).attention == Attention.TO_RETURN
    await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.RETURNED))
    after = await stage.payment(payment.id)
    assert (after.state, after.held_units, after.attention) == (State.FAILED, 0, None)
    assert await stage.faults() == []


async def test_what_was_forwarded_before_a_person_accepted_it_is_settled_with_the_acceptance(stage: Stage) -> None:
    payment = (await stage.open()).payment
    tried = await stage.begin(payment)
    await stage.tell(about(tried, Event.PAID, receipt=receipt(6_000)))
    forwarded = about(tried, Event.SETTLED, txid_out="0xout")
    waits = await stage.tell(forwarded)
    assert isinstance(waits, Advanced)
    assert (waits.payment.state, waits.payment.txid_out, waits.payment.settled_txid) == (State.REVIEW, "0xout", None)
    await stage.tell(forwarded)
    done = await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.ACCEPTED))
    assert isinstance(done, Advanced)
    assert (done.payment.state, done.payment.settled_txid, done.payment.payable_units) == (State.SETTLED, "0xout", 0)
    assert await stage.rows("SELECT balance FROM account WHERE kind = 'payable'") == [(0,)]
    assert [word for (word,) in await stage.rows("SELECT word FROM notice ORDER BY id")] == ["review", "paid", "settled"]
    again = await stage.tell(forwarded)
    assert isinstance(again, Advanced)
    assert again.outcome is Outcome.REPEATED
    assert await stage.faults() == []


async def test_what_was_forwarded_of_money_that_a_person_rejected_settles_nothing_later(stage: Stage) -> None:
    payment = (await stage.open()).payment
    tried = await stage.begin(payment)
    await stage.tell(about(tried, Event.PAID, receipt=receipt(6_000)))
    await stage.tell(about(tried, Event.SETTLED, txid_out="0xout"))
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.REJECTED))) is State.FAILED
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.RETURNED))) is State.FAILED
    assert state(await stage.tell(about(tried, Event.PAID, receipt=receipt(10_000, "T-2")))) is State.REVIEW
    assert state(await decide(stage, Judge(payment_id=payment.id, verdict=Verdict.ACCEPTED))) is State.PAID
    assert await stage.faults() == []
