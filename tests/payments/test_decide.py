"""What reports mean, in memory: money of every amount at every moment, declines, doubts, decisions of people."""

from decimal import Decimal

import pytest

from paymux.decline import DeclineReason
from paymux.errors import Refusal, Refused
from paymux.ledger.postings import Why
from paymux.merchants.model import Late, Policy
from paymux.payments.decide import RECORDED_MAX
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Attention, LastError, Outcome, Report, Source
from tests.payments.samples import ACCEPT_LATE, NOW, Player, attempt, by_operator, paid, payment, receipt, report

TOLERANT = Policy(short_tolerance_units=5)
S, A = State, Attention


def outcome(player: Player) -> Outcome | None:
    return None if isinstance(player.last, Refused) else player.last.outcome


def facts(player: Player) -> tuple[State, int, int, int, str | None]:
    """(state, received, held, owed to the merchant, why a person must look)"""
    p = player.payment
    return p.state, p.received_units, p.held_units, p.payable_units, p.attention


@pytest.mark.parametrize(
    ("policy", "amounts", "expected"),
    [
        (Policy(), [10_000], (S.PAID, 10_000, 0, 10_000, None)),
        (Policy(), [10_001], (S.PAID, 10_001, 1, 10_000, A.SURPLUS)),
        (Policy(), [9_999], (S.REVIEW, 9_999, 9_999, 0, A.SHORT)),
        (Policy(), [1], (S.REVIEW, 1, 1, 0, A.SHORT)),
        (TOLERANT, [9_995], (S.PAID, 9_995, 0, 9_995, None)),
        (TOLERANT, [9_994], (S.REVIEW, 9_994, 9_994, 0, A.SHORT)),
        (Policy(short_tolerance_units=10**9), [1], (S.PAID, 1, 0, 1, None)),
        (Policy(), [4_000, 6_000], (S.PAID, 10_000, 0, 10_000, None)),
        (Policy(), [4_000, 5_999], (S.REVIEW, 9_999, 9_999, 0, A.SHORT)),
        (Policy(), [4_000, 5_999, 1], (S.PAID, 10_000, 0, 10_000, None)),
        (Policy(), [4_000, 7_000], (S.PAID, 11_000, 1_000, 10_000, A.SURPLUS)),
        (TOLERANT, [4_000, 5_996], (S.PAID, 9_996, 0, 9_996, None)),
        (Policy(), [10_000, 10_000], (S.PAID, 20_000, 10_000, 10_000, A.SURPLUS)),
        (Policy(), [10_000, 1, 2], (S.PAID, 10_003, 3, 10_000, A.SURPLUS)),
    ],
)
def test_money_on_a_living_attempt_is_judged_by_how_much_came(policy: Policy, amounts: list[int], expected: tuple[object, ...]) -> None:
    player = Player(policy=policy).hear(*(paid(units, f"T-{place}") for place, units in enumerate(amounts)))
    assert facts(player) == expected
    assert player.attempts[1].state is AttemptState.PAID


def test_refunds_come_out_of_what_is_forwarded_and_never_exceed_what_came() -> None:
    def about(event: Event, units: int) -> Report:
        return report(event, None, Source.SHOP, refund_units=units)

    player = Player().hear(paid(10_000), about(Event.REFUNDED, 4_000), about(Event.REFUNDED, 6_001))
    assert isinstance(player.last, Refused)
    assert player.last.reasons == {Refusal.REFUND_TOO_LARGE}
    player.hear(about(Event.REFUNDED, 6_000), about(Event.REFUND_FAILED, 6_000), about(Event.REFUNDED, 1_000), report(Event.SETTLED))
    assert (player.payment.refunded_units, player.payment.refundable_units) == (5_000, 5_000)
    assert (player.payment.state, player.moved(Why.SETTLED)) == (S.SETTLED, 5_000)
    assert player.told == [S.PAID, S.SETTLED], "a refund changes no word"


@pytest.mark.parametrize("state", [S.CREATED, S.AWAITING, S.PENDING, S.UNCLEAR, S.REVIEW, S.EXPIRED, S.FAILED])
def test_only_a_payment_that_succeeded_can_be_refunded(state: State) -> None:
    player = Player(payment(state=state)).hear(report(Event.REFUNDED, None, Source.SHOP, refund_units=1))
    assert isinstance(player.last, Refused)
    assert player.last.reasons == {Refusal.NOT_REFUNDABLE}


def test_surplus_cannot_be_refunded_it_is_returned() -> None:
    player = Player().hear(paid(15_000), report(Event.REFUNDED, None, Source.SHOP, refund_units=10_001))
    assert isinstance(player.last, Refused)
    assert player.payment.refundable_units == 10_000


@pytest.mark.parametrize("state", [S.CREATED, S.AWAITING, S.PENDING, S.UNCLEAR])
def test_the_whole_amount_pays_in_every_state_that_waits(state: State) -> None:
    player = Player(payment(state=state)).hear(paid(10_000, happened_at=NOW - 5))
    assert (player.payment.state, player.payment.paid_at, player.payment.txid_in) == (S.PAID, NOW - 5, "0xT-1")
    assert player.told == [S.PAID]


def test_a_receipt_is_counted_once() -> None:
    player = Player().hear(paid(10_000), paid(10_000), paid(10_000, source=Source.POLL))
    assert facts(player) == (S.PAID, 10_000, 0, 10_000, None)
    assert outcome(player) is Outcome.REPEATED
    assert player.states() == [S.PAID]


@pytest.mark.parametrize("state", [S.EXPIRED, S.FAILED])
@pytest.mark.parametrize(
    ("policy", "units", "expected"),
    [
        (Policy(), 10_000, (S.REVIEW, 10_000, 10_000, 0, A.LATE)),
        (Policy(), 1, (S.REVIEW, 1, 1, 0, A.LATE)),
        (ACCEPT_LATE, 10_000, (S.PAID, 10_000, 0, 10_000, None)),
        (ACCEPT_LATE, 10_500, (S.PAID, 10_500, 500, 10_000, A.SURPLUS)),
        (ACCEPT_LATE, 9_999, (S.REVIEW, 9_999, 9_999, 0, A.LATE)),
        (Policy(late=Late.ACCEPT, short_tolerance_units=1), 9_999, (S.PAID, 9_999, 0, 9_999, None)),
    ],
)
def test_late_money_waits_or_is_taken_as_the_merchant_wants(state: State, policy: Policy, units: int, expected: tuple[object, ...]) -> None:
    player = Player(payment(state=state), policy=policy).hear(paid(units))
    assert facts(player) == expected
    assert player.told == ([S.REVIEW] if expected[0] is S.REVIEW else [S.REVIEW, S.PAID])


def test_more_late_money_waits_with_the_first() -> None:
    player = Player(payment(state=S.EXPIRED)).hear(paid(4_000, "T-1"), paid(6_000, "T-2"))
    assert facts(player) == (S.REVIEW, 10_000, 10_000, 0, A.LATE)


def test_a_payment_whose_time_is_over_expires_before_its_money_is_judged() -> None:
    player = Player(now=payment().expires_at).hear(paid(10_000))
    assert facts(player) == (S.REVIEW, 10_000, 10_000, 0, A.LATE)
    assert player.states() == [S.EXPIRED, S.REVIEW]
    assert player.told == [S.EXPIRED, S.REVIEW]
    assert player.history[0].happened_at == payment().expires_at


def test_one_millisecond_earlier_it_is_in_time() -> None:
    assert Player(now=payment().expires_at - 1).hear(paid(10_000)).payment.state is S.PAID


@pytest.mark.parametrize("state", [S.PENDING, S.UNCLEAR, S.REVIEW])
def test_what_is_in_progress_does_not_expire(state: State) -> None:
    player = Player(payment(state=state), now=payment().expires_at + 1).hear(report(Event.TIMED_OUT, None, Source.CLOCK))
    assert (player.payment.state, player.history) == (state, [])


@pytest.mark.parametrize("event", [Event.PENDING, Event.FLAGGED, Event.ACCEPTED, Event.SETTLED, Event.DECLINED, Event.REJECTED])
@pytest.mark.parametrize("swept", [True, False])
def test_people_are_refused_what_time_forbids_swept_or_not(event: Event, swept: bool) -> None:
    stored = payment(state=S.EXPIRED) if swept else payment()
    player = Player(stored, now=stored.expires_at).hear(by_operator(event, number=1, final=event is Event.DECLINED))
    assert isinstance(player.last, Refused)
    assert player.last.has(Refusal.STATE_FORBIDS)


@pytest.mark.parametrize("dead", [AttemptState.DECLINED, AttemptState.CANCELLED])
def test_money_on_a_dead_attempt_waits_for_a_person(dead: AttemptState) -> None:
    player = Player(attempts={1: attempt(state=dead)}).hear(paid(10_000))
    assert facts(player) == (S.REVIEW, 10_000, 10_000, 0, A.DEAD_ATTEMPT)
    assert player.attempts[1].state is AttemptState.PAID


def test_a_payment_paid_on_two_attempts_gives_the_merchant_one_amount() -> None:
    dead_first = Player(attempts={1: attempt(state=AttemptState.CANCELLED), 2: attempt(2)})
    dead_first.hear(paid(10_000, "T-1", 1), paid(10_000, "T-2", 2))
    assert facts(dead_first) == (S.REVIEW, 20_000, 20_000, 0, A.DEAD_ATTEMPT)
    dead_first.hear(by_operator(Event.ACCEPTED))
    assert facts(dead_first) == (S.PAID, 20_000, 10_000, 10_000, A.SURPLUS)

    alive_first = Player(attempts={1: attempt(state=AttemptState.CANCELLED), 2: attempt(2)})
    alive_first.hear(paid(10_000, "T-2", 2), paid(10_000, "T-1", 1))
    assert facts(alive_first) == (S.PAID, 20_000, 10_000, 10_000, A.SURPLUS)


def test_equal_references_of_two_providers_are_two_receipts() -> None:
    player = Player(attempts={1: attempt(state=AttemptState.CANCELLED), 2: attempt(2, provider="other")})
    player.hear(paid(10_000, "T-1", 2), paid(10_000, "T-1", 1))
    assert player.payment.received_units == 20_000


@pytest.mark.parametrize("state", [S.AWAITING, S.PENDING, S.REVIEW, S.EXPIRED, S.PAID])
def test_money_in_another_currency_is_held_and_counts_for_nothing(state: State) -> None:
    player = Player(payment(state=state)).hear(paid(10_000, code="USD"))
    assert (player.payment.received_units, player.payment.held_units, player.payment.attention) == (0, 0, A.CURRENCY)
    assert player.payment.state is (S.REVIEW if state in (S.AWAITING, S.PENDING) else state)
    assert player.balances() == {("clearing", "USD"): -10_000, ("held", "USD"): 10_000}


def test_after_foreign_money_the_right_one_waits_for_the_same_person() -> None:
    player = Player().hear(paid(10_000, "T-1", code="USD"), paid(10_000, "T-2"))
    assert facts(player) == (S.REVIEW, 10_000, 10_000, 0, A.CURRENCY)


@pytest.mark.parametrize(
    ("tries", "final", "state"),
    [(None, False, S.AWAITING), (3, False, S.AWAITING), (1, False, S.FAILED), (None, True, S.FAILED)],
)
def test_a_decline_ends_the_payment_only_when_no_try_is_left(tries: int | None, final: bool, state: State) -> None:
    player = Player(tries=tries).hear(report(Event.DECLINED, final=final, why="no funds"))
    assert (player.payment.state, player.payment.last_error) == (state, LastError.PROVIDER_DECLINED)
    assert (player.attempts[1].state, player.attempts[1].reason) == (AttemptState.DECLINED, "no funds")


def test_an_attempt_keeps_why_it_was_declined_and_a_living_one_has_no_reason() -> None:
    player = Player().hear(report(Event.PENDING, decline_reason=DeclineReason.LOST_CARD))
    assert player.attempts[1].decline_reason is None
    player.hear(report(Event.DECLINED, decline_reason=DeclineReason.LOST_CARD), report(Event.DECLINED))
    assert player.attempts[1].decline_reason == "lost_card"
    player.hear(paid(10_000))
    assert (player.attempts[1].state, player.attempts[1].decline_reason) == (AttemptState.PAID, "lost_card")
    assert Player().hear(report(Event.DECLINED)).attempts[1].decline_reason == "unknown"
    assert Player().hear(report(Event.CANCELLED)).attempts[1].decline_reason is None


def test_the_third_of_three_declines_ends_it() -> None:
    player = Player(tries=3)
    for number in (1, 2, 3):
        assert player.payment.state is S.AWAITING
        (player if number == 1 else player.begin(number)).hear(report(Event.PENDING, number), report(Event.DECLINED, number))
    assert player.payment.state is S.FAILED


@pytest.mark.parametrize("state", [S.PENDING, S.UNCLEAR])
def test_a_decline_calms_what_was_in_progress(state: State) -> None:
    player = Player(payment(state=state, attention=A.DOUBT if state is S.UNCLEAR else None)).hear(report(Event.DECLINED))
    assert (player.payment.state, player.payment.attention) == (S.AWAITING, None)


def test_a_flagged_payment_that_is_declined_has_failed() -> None:
    player = Player().hear(report(Event.FLAGGED), report(Event.DECLINED))
    assert facts(player) == (S.FAILED, 0, 0, 0, None)


def test_a_flagged_payment_with_money_stays_with_the_person() -> None:
    player = Player().hear(report(Event.FLAGGED), paid(1))
    assert facts(player) == (S.REVIEW, 1, 1, 0, A.SHORT)
    player.hear(report(Event.DECLINED))
    assert facts(player) == (S.REVIEW, 1, 1, 0, A.SHORT)


def test_a_flagged_payment_that_is_paid_after_all_is_paid() -> None:
    assert facts(Player().hear(report(Event.FLAGGED), paid(10_000))) == (S.PAID, 10_000, 0, 10_000, None)


@pytest.mark.parametrize(
    ("answer", "state", "attempt_state"),
    [
        (report(Event.HANDED_OVER), S.AWAITING, AttemptState.HANDED_OVER),
        (report(Event.PENDING), S.PENDING, AttemptState.PENDING),
        (report(Event.FLAGGED), S.REVIEW, AttemptState.PENDING),
        (report(Event.DECLINED), S.AWAITING, AttemptState.DECLINED),
        (report(Event.CANCELLED), S.AWAITING, AttemptState.CANCELLED),
        (report(Event.DOUBTED), S.UNCLEAR, AttemptState.UNCLEAR),
        (paid(10_000), S.PAID, AttemptState.PAID),
        (paid(1), S.REVIEW, AttemptState.PAID),
    ],
)
def test_a_doubt_ends_with_whatever_is_learned(answer: object, state: State, attempt_state: AttemptState) -> None:
    player = Player(attempts={1: attempt(state=AttemptState.STARTED)}).hear(report(Event.DOUBTED, ask_at=NOW + 9, why="time-out"))
    assert (player.payment.state, player.attempts[1].state) == (S.UNCLEAR, AttemptState.UNCLEAR)
    assert (player.attempts[1].ask_at, player.attempts[1].doubted_at) == (NOW + 9, NOW)
    player.hear(answer)  # type: ignore[arg-type]
    assert (player.payment.state, player.attempts[1].state) == (state, attempt_state)


def test_an_alarm_puts_a_doubt_on_a_persons_list_once_and_the_end_takes_it_off() -> None:
    player = Player().hear(report(Event.DOUBTED), *[report(Event.DOUBTED, source=Source.POLL, alarm=True)] * 3)
    assert (player.payment.state, player.payment.attention, len(player.history)) == (S.UNCLEAR, A.DOUBT, 2)
    assert player.hear(paid(10_000)).payment.attention is None


def test_an_alarm_after_the_end_goes_when_the_attempt_is_known_to_be_dead() -> None:
    player = Player(payment(state=S.EXPIRED)).hear(report(Event.DOUBTED, alarm=True))
    assert (player.payment.state, player.payment.attention) == (S.EXPIRED, A.DOUBT)
    player.hear(report(Event.CANCELLED))
    assert (player.payment.state, player.payment.attention) == (S.EXPIRED, None)


def test_a_person_accepts_what_is_held() -> None:
    player = Player(fee_percent=Decimal("1.5")).hear(paid(4_000), by_operator(Event.ACCEPTED))
    assert facts(player) == (S.PAID, 4_000, 0, 3_940, None)


def test_a_person_accepts_money_that_only_the_provider_knows() -> None:
    player = Player().hear(report(Event.FLAGGED), by_operator(Event.ACCEPTED, receipt=receipt(10_000, "T-9")))
    assert facts(player) == (S.PAID, 10_000, 0, 10_000, None)


def test_a_person_cannot_accept_nothing() -> None:
    player = Player().hear(report(Event.FLAGGED), by_operator(Event.ACCEPTED))
    assert isinstance(player.last, Refused)
    assert player.payment.state is S.REVIEW


@pytest.mark.parametrize("state", [S.CREATED, S.AWAITING, S.PENDING, S.UNCLEAR, S.EXPIRED, S.FAILED, S.PAID, S.SETTLED, S.COMPLETED])
def test_a_person_decides_about_money_only_under_review(state: State) -> None:
    player = Player(payment(state=state)).hear(by_operator(Event.ACCEPTED, receipt=receipt(10_000, "T-9")))
    assert isinstance(player.last, Refused)
    assert (player.payment.state, player.transfers) == (state, [])


@pytest.mark.parametrize("number", [None, 1])
def test_a_person_rejects_and_the_money_goes_back(number: int | None) -> None:
    player = Player().hear(paid(4_000), by_operator(Event.REJECTED, number=number))
    assert facts(player) == (S.FAILED, 4_000, 4_000, 0, A.TO_RETURN)
    player.hear(by_operator(Event.RETURNED))
    assert facts(player) == (S.FAILED, 4_000, 0, 0, None)
    assert not +player.balances()
    player.hear(by_operator(Event.RETURNED))
    assert isinstance(player.last, Refused)


def test_money_under_review_is_not_returned_behind_the_decision() -> None:
    player = Player().hear(paid(4_000), by_operator(Event.RETURNED))
    assert isinstance(player.last, Refused)
    assert player.payment.held_units == 4_000


def test_money_that_was_returned_does_not_pay() -> None:
    player = Player(policy=ACCEPT_LATE).hear(paid(6_000, "T-1"), by_operator(Event.REJECTED), by_operator(Event.RETURNED))
    player.hear(paid(4_000, "T-2"))
    assert facts(player) == (S.REVIEW, 10_000, 4_000, 0, A.LATE)


def test_a_returned_surplus_is_not_settled() -> None:
    player = Player().hear(paid(15_000), by_operator(Event.RETURNED), report(Event.SETTLED, txid_out="0xout"))
    assert facts(player) == (S.SETTLED, 15_000, 0, 0, None)
    assert (player.moved(Why.SETTLED), player.payment.txid_out) == (10_000, "0xout")
    assert not +player.balances()


@pytest.mark.parametrize(
    ("percent", "fee"),
    [("0", 0), ("1.5", 150), ("0.005", 1), ("0.0049", 0), ("100", 10_000)],
)
def test_the_fee_is_a_share_of_what_the_merchant_is_given(percent: str, fee: int) -> None:
    player = Player(fee_percent=Decimal(percent)).hear(paid(12_000))
    assert (player.moved(Why.FEE), player.payment.payable_units) == (fee, 10_000 - fee)


def test_a_fee_that_changed_meanwhile_does_not_change_what_is_settled() -> None:
    player = Player(fee_percent=Decimal(1)).hear(paid(10_000))
    player.fee_percent = Decimal(2)
    player.hear(report(Event.SETTLED))
    assert (player.moved(Why.FEE), player.moved(Why.SETTLED), player.balances()["payable", "EUR"]) == (100, 9_900, 0)


def test_a_fee_that_takes_everything_leaves_nothing_to_settle() -> None:
    player = Player(fee_percent=Decimal(100)).hear(paid(10_000), report(Event.SETTLED))
    assert (player.payment.state, player.moved(Why.SETTLED)) == (S.SETTLED, 0)


@pytest.mark.parametrize("event", [Event.PENDING, Event.DECLINED, Event.DOUBTED, Event.FLAGGED, Event.CANCELLED])
def test_a_provider_that_contradicts_a_paid_payment_is_recorded_and_changes_nothing(event: Event) -> None:
    player = Player().hear(paid(10_000), report(event, why="changed our mind"))
    assert outcome(player) is Outcome.RECORDED
    assert facts(player) == (S.PAID, 10_000, 0, 10_000, None)
    assert (player.history[-1].event, player.history[-1].to_state, player.told) == (event, S.PAID, [S.PAID])


def test_contradictions_do_not_grow_a_history_for_ever() -> None:
    player = Player().hear(paid(10_000), *[report(Event.DECLINED)] * (RECORDED_MAX + 50))
    assert player.payment.version == RECORDED_MAX
    player.hear(paid(5, "T-2"))
    assert player.payment.received_units == 10_005


@pytest.mark.parametrize("event", [Event.PENDING, Event.DOUBTED, Event.FLAGGED, Event.DECLINED])
def test_a_repeat_changes_nothing(event: Event) -> None:
    player = Player().hear(report(event))
    before = player.payment
    player.hear(report(event))
    assert (player.payment, outcome(player)) == (before, Outcome.REPEATED)


def test_settled_before_paid_is_recorded_and_settles_nothing() -> None:
    player = Player().hear(report(Event.SETTLED, txid_out="0x1"))
    assert (player.payment.state, outcome(player), player.transfers) == (S.AWAITING, Outcome.RECORDED, [])


def test_a_dead_attempt_says_nothing_about_the_one_that_lives() -> None:
    player = Player(payment(state=S.PENDING), {1: attempt(state=AttemptState.CANCELLED), 2: attempt(2, state=AttemptState.PENDING)})
    player.hear(*(report(event, 1) for event in (Event.PENDING, Event.FLAGGED, Event.DOUBTED, Event.DECLINED, Event.HANDED_OVER)))
    assert (player.payment.state, player.attempts[2].state) == (S.PENDING, AttemptState.PENDING)
