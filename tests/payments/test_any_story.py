"""Whatever is reported, in whatever order: the money adds up, the history has no gap, success stays."""

from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from paymux.errors import Refused
from paymux.ledger.postings import Why
from paymux.merchants.model import Late, Policy
from paymux.payments.lifecycle import ALIVE, OPEN, SUCCESS, AttemptState, Event, State, after
from paymux.payments.model import Attention, Outcome, Report, Source
from tests.payments.samples import HOUR, NOW, Player, attempt, payment, receipt, report

SILENT = sorted(
    set(Event)
    - {Event.PAID, Event.ACCEPTED, Event.CREATED, Event.LATE, Event.SHORT, Event.CALMED, Event.OPENED}
    - {Event.REFUNDED, Event.REFUND_FAILED}
)
AMOUNTS = st.sampled_from([1, 4_000, 5_999, 6_000, 9_994, 9_995, 9_999, 10_000, 10_001, 25_000])
REFERENCES = st.sampled_from([f"T-{number}" for number in range(6)])
CURRENCIES = st.sampled_from(["EUR", "EUR", "EUR", "USD", "JPY"])
RECEIPTS = st.builds(receipt, AMOUNTS, REFERENCES, CURRENCIES)
NUMBERS = st.sampled_from([1, 2, 3])
STEPS = st.one_of(
    st.builds(lambda number, found: report(Event.PAID, number, receipt=found), NUMBERS, RECEIPTS),
    st.builds(
        lambda event, number, source, final, alarm: report(event, number, source, final=final, alarm=alarm),
        st.sampled_from(SILENT), NUMBERS, st.sampled_from(list(Source)), st.booleans(), st.booleans(),
    ),
    st.builds(lambda found: report(Event.ACCEPTED, None, Source.OPERATOR, receipt=found, provider="bank"), st.none() | RECEIPTS),
    st.builds(lambda event: report(event, None, Source.OPERATOR, provider="bank"), st.sampled_from([Event.REJECTED, Event.RETURNED])),
    st.builds(lambda units: report(Event.REFUNDED, None, Source.SHOP, refund_units=units), AMOUNTS),
    st.just("refund failed"),
    st.just("return"),
    st.integers(1, 40).map(lambda minutes: minutes * 60_000),
    st.just("begin"),
)  # fmt: skip
POLICIES = st.builds(Policy, short_tolerance_units=st.sampled_from([0, 5, 10_000]), late=st.sampled_from(Late))


def fresh(policy: Policy, fee: str, tries: int | None) -> Player:
    stored = payment(state=State.CREATED, version=1, created_at=NOW, expires_at=NOW + HOUR)
    return Player(stored, {}, policy, Decimal(fee), tries)


def play(player: Player, step: Report | int | str) -> None:
    if isinstance(step, int):
        player.now += step
    elif step == "return":
        player.hear(report(Event.RETURNED, None, Source.OPERATOR, provider="bank", foreign=player.foreign()))
    elif step == "refund failed":
        if player.payment.refunded_units:
            player.hear(report(Event.REFUND_FAILED, None, Source.CLOCK, refund_units=player.payment.refunded_units))
    elif isinstance(step, str):
        open_still = player.payment.state in OPEN and player.payment.expires_at > player.now
        if open_still and len(player.attempts) < 3 and not any(one.state in ALIVE for one in player.attempts.values()):
            number = len(player.attempts) + 1
            player.attempts[number] = attempt(number, state=AttemptState.STARTED, handed_url=None)
    elif isinstance(step, Report) and (step.attempt_id is None or step.attempt_id in player.attempts):
        player.hear(step)


def check_money(player: Player) -> None:
    p, balances = player.payment, player.balances()
    own = [found for found in player.receipts.values() if found.amount.currency.code == p.currency]
    foreign: Counter[str] = Counter()
    for found in player.receipts.values():
        if found.amount.currency.code != p.currency:
            foreign[found.amount.currency.code] += found.amount.units
    assert p.received_units == sum(found.amount.units for found in own)
    assert p.received_units == player.moved(Why.PAID) + player.moved(Why.HELD)
    assert p.held_units == balances["held", "EUR"] >= 0
    kept_back = balances["payable", "EUR"] - p.payable_units  # when it was forwarded: what was refunded by then
    assert 0 <= kept_back <= (p.amount_units if p.state in (State.SETTLED, State.COMPLETED) else 0)
    assert 0 <= p.refunded_units <= min(p.amount_units, p.received_units)
    assert not p.refunded_units or p.state in SUCCESS
    for one in player.transfers:
        if one.reason is Why.FOREIGN_RETURNED:
            foreign[one.credit.currency] -= one.amount_units
    assert min(foreign.values(), default=0) >= 0
    assert +foreign == {code: units for (kind, code), units in balances.items() if kind == "held" and code != "EUR" and units}
    assert not any(units for (kind, _), units in balances.items() if kind == "payout_in_transit")
    assert bool(+foreign) is (p.attention == Attention.CURRENCY), "foreign money is on somebody's list until it went back"
    for code in {code for _, code in balances}:
        assert sum(units for (_, currency), units in balances.items() if currency == code) == 0
    given = player.moved(Why.PAID) + player.moved(Why.RELEASED)
    assert (given > 0) == (p.state in SUCCESS)
    assert given <= p.amount_units
    if p.state is State.SETTLED:
        assert p.payable_units == 0
    assert p.held_units == 0 or p.attention is not None, "held money is on somebody's list"


def check_history(player: Player, first: State) -> None:
    state = first
    for place, row in enumerate(player.history):
        assert row.version == place + 2
        assert row.from_state is state
        assert row.to_state in (state, after(state, row.event))
        assert not (state in SUCCESS and row.to_state not in SUCCESS)
        state = row.to_state
    assert (player.payment.state, player.payment.version) == (state, len(player.history) + 1)
    assert player.told == [row.to_state for row in player.history if row.to_state is not row.from_state]
    keys = [transfer.key for transfer in player.transfers]
    assert len(keys) == len(set(keys))


@settings(max_examples=300)
@given(POLICIES, st.sampled_from(["0", "1.5", "100"]), st.sampled_from([None, 1, 3]), st.lists(STEPS, max_size=25))
def test_the_money_adds_up_and_the_history_leads_to_the_state(
    policy: Policy, fee: str, tries: int | None, steps: list[Report | int | str]
) -> None:
    player = fresh(policy, fee, tries)
    for step in ["begin", *steps]:
        before, done = player.payment, len(player.results)
        play(player, step)
        check_money(player)
        if len(player.results) > done:
            result = player.last
            if isinstance(result, Refused):
                assert player.payment is before
            elif result.outcome is Outcome.REPEATED:
                assert player.payment == before
            assert sum(one.state in ALIVE for one in player.attempts.values()) <= 1
    check_history(player, State.CREATED)


@settings(max_examples=100)
@given(POLICIES, st.lists(STEPS, max_size=15))
def test_hearing_everything_twice_counts_no_money_twice(policy: Policy, steps: list[Report | int | str]) -> None:
    once, twice = fresh(policy, "1.5", None), fresh(policy, "1.5", None)
    for step in ["begin", *steps]:
        play(once, step)
        play(twice, step)
        if isinstance(step, Report) and step.receipt is not None and step.event is Event.PAID:
            play(twice, step)
    assert once.payment == twice.payment
    assert once.transfers == twice.transfers
