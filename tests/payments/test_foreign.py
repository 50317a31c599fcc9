"""Money in another currency than the payment's: held, on a person's list, and given back, in memory and on both engines."""

import pytest

from paymux.errors import Refused
from paymux.ledger.postings import Foreign, Why
from paymux.ledger.read import foreign_of
from paymux.merchants.model import Policy
from paymux.money import Money
from paymux.payments.decide import Decision
from paymux.payments.judge import Judge, Judging, Verdict
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Advanced, Attention, Outcome, Payment, Report
from tests.payments.samples import ACCEPT_LATE, EUR, Player, attempt, by_operator, paid, payment, receipt, report
from tests.payments.stage import Stage, about, state

S = State
DOLLARS = paid(7_000, "T-1", code="USD")
TOO_MUCH = receipt(15_000, "T-9")


@pytest.mark.parametrize(
    ("policy", "first", "then", "state", "held"),
    [
        (Policy(), S.AWAITING, [by_operator(Event.ACCEPTED, receipt=receipt(10_000, "T-9"))], S.PAID, 0),
        (Policy(), S.AWAITING, [by_operator(Event.ACCEPTED, receipt=TOO_MUCH)], S.PAID, 5_000),
        (Policy(), S.AWAITING, [paid(10_000, "T-2"), by_operator(Event.ACCEPTED)], S.PAID, 0),
        (Policy(), S.AWAITING, [by_operator(Event.REJECTED)], S.FAILED, 0),
        (Policy(), S.AWAITING, [report(Event.DIED, None)], S.FAILED, 0),
        (Policy(), S.AWAITING, [by_operator(Event.REJECTED), paid(10_000, "T-2"), by_operator(Event.REJECTED)], S.FAILED, 10_000),
        (Policy(), S.AWAITING, [report(Event.FLAGGED), report(Event.DOUBTED, alarm=True), report(Event.DECLINED)], S.REVIEW, 0),
        (Policy(), S.EXPIRED, [paid(10_000, "T-2")], S.REVIEW, 10_000),
        (ACCEPT_LATE, S.EXPIRED, [paid(10_000, "T-2")], S.PAID, 0),
        (ACCEPT_LATE, S.FAILED, [paid(10_500, "T-2")], S.PAID, 500),
        (Policy(), S.PAID, [paid(500, "T-2")], S.PAID, 500),
        (Policy(), S.PAID, [paid(500, "T-2"), by_operator(Event.RETURNED)], S.PAID, 0),
        (Policy(), S.PAID, [report(Event.SETTLED), report(Event.COMPLETED, None)], S.COMPLETED, 0),
    ],
)
def test_nothing_but_its_return_takes_foreign_money_off_a_persons_list(
    policy: Policy, first: State, then: list[Report], state: State, held: int
) -> None:
    player = Player(payment(state=first), policy=policy).hear(DOLLARS, *then)
    assert (player.payment.state, player.payment.held_units, player.payment.attention) == (state, held, Attention.CURRENCY)
    assert player.foreign() == (Foreign("bank", "USD", 7_000),)


@pytest.mark.parametrize("state", [S.EXPIRED, S.FAILED, S.PAID, S.COMPLETED])
def test_foreign_money_goes_back_and_leaves_no_trace_in_the_balances(state: State) -> None:
    player = Player(payment(state=state)).hear(DOLLARS)
    done = player.hear(by_operator(Event.RETURNED, foreign=player.foreign(), why="sent back")).last
    assert isinstance(done, Decision)
    assert (player.payment.state, player.payment.attention, done.outcome) == (state, None, Outcome.CHANGED)
    assert (player.history[-1].event, player.history[-1].why) == (Event.RETURNED, "sent back: 70.00 USD")
    assert (player.moved(Why.FOREIGN_RETURNED), player.foreign()) == (7_000, ())
    assert not +player.balances()
    player.hear(by_operator(Event.RETURNED))
    assert isinstance(player.last, Refused)


def test_money_of_every_currency_and_provider_goes_back_the_way_it_came_in_one_go() -> None:
    player = Player(payment(state=S.PAID), {1: attempt(), 2: attempt(2, provider="other", state=AttemptState.PAID)})
    player.hear(DOLLARS, paid(40, "T-2", code="USD"), paid(300, "T-3", 2, "USD"), paid(5, "T-4", 2, "JPY"), paid(1_000, "T-5"))
    back = (Foreign("bank", "USD", 7_040), Foreign("other", "JPY", 5), Foreign("other", "USD", 300))
    assert player.foreign() == back
    player.hear(by_operator(Event.RETURNED, foreign=back))
    assert (player.payment.held_units, player.payment.attention, player.foreign()) == (0, None, ())
    assert player.history[-1].why == "10.00 EUR, 70.40 USD, 5 JPY, 3.00 USD"
    kinds = {account.kind for transfer in player.transfers for account in (transfer.debit, transfer.credit)}
    assert kinds == {"clearing:bank", "clearing:other", "held", "payout_in_transit"}
    assert len({transfer.key for transfer in player.transfers}) == len(player.transfers)
    assert not +player.balances()


def test_foreign_money_under_review_is_not_returned_behind_the_decision() -> None:
    player = Player().hear(DOLLARS)
    player.hear(by_operator(Event.RETURNED, foreign=player.foreign()))
    assert isinstance(player.last, Refused)
    assert (player.payment.attention, player.foreign()) == (Attention.CURRENCY, (Foreign("bank", "USD", 7_000),))


async def of_two_currencies(stage: Stage) -> Payment:
    """An open payment for which only money of other currencies came, by two attempts at two providers."""
    await stage.merchant()
    opened = (await stage.open()).payment
    tried = await stage.begin(opened)
    await stage.tell(about(tried, Event.DECLINED))
    again = await stage.begin(opened, provider="other")
    await stage.tell(about(tried, Event.PAID, receipt=receipt(7_000, "T-1", "USD")))
    await stage.tell(about(again, Event.PAID, receipt=receipt(300, "T-2", "USD")))
    await stage.tell(about(again, Event.PAID, receipt=receipt(5, "T-3", "JPY")))
    return await stage.payment(opened.id)


async def foreign(stage: Stage, found: Payment) -> list[Foreign]:
    return await stage.storage.read(lambda tx: foreign_of(tx, found.id))


async def decide(stage: Stage, verdict: Judge) -> Advanced | Refused:
    return await stage.writer.submit(Judging(stage.door, "bank").judge, verdict)


async def test_money_of_other_currencies_goes_back_once_and_ends_the_case(stage: Stage) -> None:
    found = await of_two_currencies(stage)
    assert (found.state, found.attention) == (State.REVIEW, Attention.CURRENCY)
    returned = Judge(payment_id=found.id, verdict=Verdict.RETURNED)
    assert isinstance(await decide(stage, returned), Refused)
    assert state(await decide(stage, Judge(payment_id=found.id, verdict=Verdict.REJECTED))) is State.FAILED
    assert (await stage.payment(found.id)).attention == Attention.CURRENCY
    assert await foreign(stage, found) == [Foreign("bank", "USD", 7_000), Foreign("other", "JPY", 5), Foreign("other", "USD", 300)]
    assert await stage.faults() == []
    assert state(await decide(stage, returned)) is State.FAILED
    assert ((await stage.payment(found.id)).attention, await foreign(stage, found)) == (None, [])
    assert await stage.rows("SELECT DISTINCT balance FROM account WHERE balance IS NOT NULL") == [(0,)]
    assert await stage.rows("SELECT why FROM history ORDER BY version DESC LIMIT 1") == [
        ("decided by a person: 70.00 USD, 5 JPY, 3.00 USD",)
    ]
    assert isinstance(await decide(stage, returned), Refused)
    assert await stage.faults() == []


async def test_a_payment_that_is_accepted_stays_on_the_list_until_its_foreign_money_went_back(stage: Stage) -> None:
    found = await of_two_currencies(stage)
    accepted = Judge(payment_id=found.id, verdict=Verdict.ACCEPTED, received=Money(found.amount_units + 1, EUR))
    assert state(await decide(stage, accepted)) is State.PAID
    after = await stage.payment(found.id)
    assert (after.held_units, after.attention) == (1, Attention.CURRENCY)
    assert await stage.faults() == []
    assert state(await decide(stage, Judge(payment_id=found.id, verdict=Verdict.RETURNED))) is State.PAID
    after = await stage.payment(found.id)
    assert (after.held_units, after.attention, await foreign(stage, found)) == (0, None, [])
    assert await stage.faults() == []


async def test_foreign_money_that_comes_after_a_return_goes_back_by_itself(stage: Stage) -> None:
    found = await of_two_currencies(stage)
    await decide(stage, Judge(payment_id=found.id, verdict=Verdict.REJECTED))
    await decide(stage, Judge(payment_id=found.id, verdict=Verdict.RETURNED))
    [tried, _] = await stage.attempts(found.id)
    await stage.tell(about(tried, Event.PAID, receipt=receipt(40, "T-9", "USD")))
    assert await foreign(stage, found) == [Foreign("bank", "USD", 40)]
    await decide(stage, Judge(payment_id=found.id, verdict=Verdict.RETURNED))
    assert (await stage.payment(found.id)).attention is None
    assert await stage.faults() == []
