"""What a report means: values in, values out. No SQL, no HTTP, no clock.

`decide` walks the two tables of lifecycle.py and returns everything that must be written together: the payment, its attempt, the
history, the transfers, the receipt and the states of which the shop is told.
"""

import dataclasses
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger import postings
from paymux.ledger.postings import Cause, Transfer
from paymux.merchants.model import Late, Policy
from paymux.money import Money, known, share
from paymux.payments.lifecycle import ALIVE, DEAD, ENDED, LIVE, OPEN, SUCCESS, AttemptState, Event, State, after, attempt_after
from paymux.payments.model import Attempt, Attention, HistoryRow, LastError, Outcome, Payment, Receipt, Report, Source

RECORDED_MAX = 200  # a provider that contradicts itself for ever must not grow a history for ever


@dataclass(frozen=True, slots=True)
class Rules:
    """What else a decision looks at. `tries`: attempts that the dialect allows; None for as many as fit before expiry."""

    now: int
    policy: Policy
    fee_percent: Decimal
    tries: int | None
    receipt_known: bool
    spendable_units: int | None = None  # with SETTLED: what the merchant has in the payment's currency


@dataclass(slots=True)
class Decision:
    """What to write. `told` holds the payment as it was at each new state, in order."""

    payment: Payment
    attempt: Attempt | None
    outcome: Outcome = Outcome.REPEATED
    history: list[HistoryRow] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    receipts: list[tuple[str, Receipt]] = field(default_factory=list)
    told: list[Payment] = field(default_factory=list)


def overdue(payment: Payment, now: int) -> bool:
    """Expired by the clock, whether or not the sweep has run."""
    return payment.state in OPEN and payment.expires_at <= now


def decide(payment: Payment, attempt: Attempt | None, report: Report, rules: Rules) -> Decision | Refused:
    """Apply one report to one payment. Refused (STATE_FORBIDS) only for people: a provider's odd report is recorded instead."""
    case = _Case(payment, attempt, report, rules)
    if overdue(payment, rules.now) and report.event is not Event.TIMED_OUT:
        case.time_out()
    decision = case.run()
    if isinstance(decision, Decision) and decision.payment.state is not payment.state:
        decision.outcome = Outcome.CHANGED
    return decision


class _Case:
    def __init__(self, payment: Payment, attempt: Attempt | None, report: Report, rules: Rules) -> None:
        self.report, self.rules = report, rules
        self.was_alive = attempt is None or attempt.state in ALIVE
        self.was_dead = attempt is not None and attempt.state in DEAD
        self.provider = attempt.provider if attempt else report.provider
        self.done = Decision(payment, attempt)

    @property
    def payment(self) -> Payment:
        return self.done.payment

    def time_out(self) -> None:
        """Its time was over before the report came; what the report itself does is still to be seen."""
        self.move(Event.TIMED_OUT, "its time was over", Source.CLOCK, self.payment.expires_at)
        self.done.outcome = Outcome.REPEATED

    def run(self) -> Decision | Refused:
        event, receipt = self.report.event, self.report.receipt
        if receipt is not None and self.rules.receipt_known:
            return self.done  # counted before
        moved = self._move_attempt()
        if event is Event.PAID or (event is Event.ACCEPTED and receipt is not None and self.payment.state is State.REVIEW):
            assert receipt is not None, "money is reported with its receipt"
            self._receive(receipt)
        elif event is Event.ACCEPTED:
            return self._accept()
        elif event is Event.RETURNED:
            return self._return()
        elif event in (Event.REFUNDED, Event.REFUND_FAILED):
            return self._refund()
        elif event is Event.SETTLED:
            short = self._settle()
            if short is not None:
                return short
        elif event in (Event.DECLINED, Event.CANCELLED):
            self._decline()
        else:
            self._plain()
        return self._close(moved)

    def _close(self, moved: bool) -> Decision | Refused:
        if self.done.outcome is Outcome.CHANGED:
            return self.done
        if self._news():
            self.note()
            self.done.outcome = Outcome.CHANGED
            return self.done
        known = self._known_already()
        if self.report.source is Source.OPERATOR and not known and (not moved or self.payment.state not in LIVE):
            return refuse(Refusal.STATE_FORBIDS, f"a payment that is {self.payment.state} cannot be reported {self.report.event}")
        if moved:
            calmed = self.payment.attention == Attention.DOUBT and self.report.event is not Event.DOUBTED
            self.note(**({"attention": None} if calmed else {}))
            self.done.outcome = Outcome.CHANGED
        elif not known and self.payment.version < RECORDED_MAX and self.report.source in (Source.PROVIDER, Source.POLL):
            self.note()
            self.done.outcome = Outcome.RECORDED
        return self.done

    def _news(self) -> bool:
        """Whether a buyer's report brings a fact that the payment does not have: who pays, or that something broke under the buyer."""
        report, payment = self.report, self.payment
        if report.source is not Source.BUYER or payment.state not in LIVE:
            return False
        return report.payer not in (None, payment.payer) or report.error not in (None, payment.last_error)

    def _known_already(self) -> bool:
        """Whether the payment is where this report leads, or past it on the same way."""
        state, event = self.payment.state, self.report.event
        reached: dict[Event, frozenset[State]] = {
            Event.OPENED: frozenset(State) - {State.CREATED},
            Event.HANDED_OVER: frozenset(State) - {State.CREATED},
            Event.PENDING: frozenset({State.PENDING}),
            Event.DOUBTED: frozenset({State.UNCLEAR}),
            Event.FLAGGED: frozenset({State.REVIEW}),
            Event.SETTLED: frozenset({State.SETTLED, State.COMPLETED}),
            Event.COMPLETED: frozenset({State.COMPLETED}),
            Event.ACCEPTED: SUCCESS,
            Event.TIMED_OUT: frozenset({State.EXPIRED}),
        }
        dead = frozenset({State.FAILED})
        if event in (Event.DECLINED, Event.CANCELLED, Event.DIED, Event.REJECTED):
            return state in dead or (not self.report.final and event is not Event.REJECTED and not self.was_alive and state not in SUCCESS)
        return state in reached.get(event, frozenset())

    def _move_attempt(self) -> bool:
        attempt, report = self.done.attempt, self.report
        if attempt is None:
            return False
        state = attempt_after(attempt.state, report.event)
        if state is None:
            if report.ask_at is not None and attempt.state in ALIVE:
                self.done.attempt = replace(attempt, ask_at=report.ask_at)
            return False
        alive, now = state in ALIVE, self.rules.now
        self.done.attempt = replace(
            attempt,
            state=state,
            provider_ref=report.provider_ref or attempt.provider_ref,
            handed_url=report.handed_url or attempt.handed_url,
            reason=attempt.reason if alive else (report.why or report.event)[:200],
            ask_at=report.ask_at if alive else None,
            doubted_at=(attempt.doubted_at or now) if state is AttemptState.UNCLEAR else None,
            ended_at=None if alive else now,
            decline_reason=report.decline_reason if state is AttemptState.DECLINED else attempt.decline_reason,
        )
        return True

    def move(self, event: Event, why: str, source: Source | None = None, happened_at: int | None = None, **changes: Any) -> bool:
        """Follow the table; False (and nothing written) if it has no such move."""
        state = after(self.payment.state, event)
        if state is None:
            return False
        self._write(event, state, why, source, happened_at, changes)
        self.done.told.append(self.payment)
        return True

    def note(self, event: Event | None = None, why: str | None = None, **changes: Any) -> None:
        """A fact beside the state: a history row that changes no state."""
        self._write(event or self.report.event, self.payment.state, self.report.why if why is None else why, None, None, changes)

    def _write(self, event: Event, state: State, why: str, source: Source | None, happened_at: int | None, changes: dict[str, Any]) -> None:
        before, now = self.payment, self.rules.now
        if before.attention == Attention.CURRENCY and "attention" in changes and not self.report.foreign:
            changes["attention"] = Attention.CURRENCY  # no other reason hides it: it alone tells that foreign money is held
        happened = happened_at or self.report.happened_at or now
        if state in SUCCESS and before.state not in SUCCESS:
            changes |= {"paid_at": happened, "last_error": None}
        if self.report.error is not None and "last_error" not in changes and state not in SUCCESS:
            changes["last_error"] = self.report.error
        if self.report.payer is not None:
            changes["payer"] = self.report.payer
        self.done.payment = replace(before, state=state, version=before.version + 1, updated_at=now, **changes)
        self.done.history.append(
            HistoryRow(
                payment_id=before.id,
                version=before.version + 1,
                merchant_id=before.merchant_id,
                event=event,
                from_state=before.state,
                to_state=state,
                source=source or self.report.source,
                attempt_id=self.report.attempt_id,
                why=why[:500],
                happened_at=happened,
                learned_at=now,
            )
        )
        self.done.outcome = Outcome.CHANGED

    def _cause(self, currency: str | None = None) -> Cause:
        payment, happened = self.payment, self.report.happened_at or self.rules.now
        return Cause(payment.id, payment.version, payment.merchant_id, self.provider, currency or payment.currency, happened)

    def _receive(self, receipt: Receipt) -> None:
        payment, units = self.payment, receipt.amount.units
        self.done.receipts.append((self.provider, receipt))
        if receipt.amount.currency.code != payment.currency:
            return self._receive_foreign(receipt)
        facts: dict[str, Any] = {"received_units": payment.received_units + units, "txid_in": payment.txid_in or receipt.txid}
        waits_for_person = payment.attention in (Attention.LATE, Attention.DEAD_ATTEMPT, Attention.CURRENCY)
        if self.report.event is Event.ACCEPTED:
            return self._give(Event.ACCEPTED, units, facts)
        if payment.state in SUCCESS:
            return self._hold(None, Attention.SURPLUS, units, facts)
        if payment.state in ENDED:
            self._hold(Event.LATE, Attention.LATE, units, facts)
            if self.rules.policy.late is Late.ACCEPT and self._enough(0):
                self._give(Event.ACCEPTED, 0, {}, why="the merchant's policy takes late money")
            return None
        if payment.state is State.REVIEW and waits_for_person:
            return self._hold(None, Attention(str(payment.attention)), units, facts)
        if self.was_dead:
            return self._hold(Event.FLAGGED, Attention.DEAD_ATTEMPT, units, facts)
        if self._enough(units):
            return self._give(Event.PAID, units, facts)
        return self._hold(Event.SHORT, Attention.SHORT, units, facts)

    def _enough(self, units: int) -> bool:
        missing = self.payment.amount_units - self.payment.held_units - units  # what was returned is not here any more
        return missing <= min(self.rules.policy.short_tolerance_units, self.payment.amount_units - 1)

    def _receive_foreign(self, receipt: Receipt) -> None:
        why = f"{receipt.amount} came, {self.payment.currency} was asked"
        if self.payment.state not in LIVE or not self.move(Event.FLAGGED, why, attention=Attention.CURRENCY):
            self.note(why=why, attention=Attention.CURRENCY)
        self.done.transfers += postings.foreign(self._cause(receipt.amount.currency.code), receipt.amount.units)

    def _hold(self, event: Event | None, attention: Attention, units: int, facts: dict[str, Any]) -> None:
        """Money came that is not the merchant's yet: it waits for a person."""
        facts |= {"held_units": self.payment.held_units + units, "attention": attention}
        if event is None or not self.move(event, self.report.why or attention, **facts):
            self.note(why=self.report.why or attention, **facts)
        self.done.transfers += postings.received(self._cause(), 0, units, 0, 0)

    def _give(self, event: Event, units: int, facts: dict[str, Any], why: str | None = None) -> None:
        """The payment is paid: what was held and what came now is the merchant's, up to what was asked; the rest is held."""
        payment = self.payment
        released = min(payment.held_units, payment.amount_units)
        paid = min(units, payment.amount_units - released)
        held = payment.held_units - released + units - paid
        fee = share(released + paid, self.rules.fee_percent)
        facts |= {"held_units": held, "payable_units": released + paid - fee, "attention": Attention.SURPLUS if held else None}
        moved = self.move(event, self.report.why if why is None else why, **facts)
        assert moved, f"{payment.state} has no {event}"
        self.done.transfers += postings.received(self._cause(), paid, units - paid, released, fee)
        if event is Event.ACCEPTED and payment.txid_out and not units:  # what a person says came besides is still with the provider
            given = self.payment.payable_units
            self.move(Event.SETTLED, "it was forwarded while a person had to decide", payable_units=0)
            self.done.transfers += postings.settled(self._cause(), given)

    def _accept(self) -> Decision | Refused:
        if self.payment.state is not State.REVIEW:
            if self.report.receipt is not None:
                return refuse(Refusal.STATE_FORBIDS, f"a payment that is {self.payment.state} waits for nobody's decision about money")
            return self._close(False)
        if not self.payment.held_units:
            return refuse(Refusal.STATE_FORBIDS, "no money was received for it: say how much the provider holds")
        self._give(Event.ACCEPTED, 0, {})
        return self.done

    def _return(self) -> Decision | Refused:
        units, foreign = self.payment.held_units, self.report.foreign
        if not (units or foreign) or self.payment.state is State.REVIEW:
            return refuse(Refusal.STATE_FORBIDS, "nothing to return: no money is held, or the payment is still under review")
        back = [(units, self.payment.currency)] if units else []
        back += [(one.amount_units, one.currency) for one in foreign]
        amounts = ", ".join(str(Money(amount, known(code))) for amount, code in back)
        self.note(why=f"{self.report.why}: {amounts}".removeprefix(": "), held_units=0, attention=None)
        if units:
            self.done.transfers += postings.returned(self._cause(), units)
        for one in foreign:
            cause = dataclasses.replace(self._cause(one.currency), provider=one.provider)
            self.done.transfers += postings.foreign_returned(cause, one.amount_units)
        return self.done

    def _refund(self) -> Decision | Refused:
        """A fact beside the state: so much went back, or is on its way, or came to nothing."""
        payment, units = self.payment, self.report.refund_units
        amount = Money(units, known(payment.currency))
        if self.report.event is Event.REFUNDED:
            if payment.state not in SUCCESS:
                return refuse(Refusal.NOT_REFUNDABLE, f"a payment that is {payment.state} cannot be refunded")
            if units > payment.refundable_units:
                left = Money(max(payment.refundable_units, 0), known(payment.currency))
                return refuse(Refusal.REFUND_TOO_LARGE, f"{amount} cannot be refunded: {left} is left of what was received")
            self.note(why=f"{amount} {self.report.why}", refunded_units=payment.refunded_units + units)
        else:
            self.note(why=f"{amount} {self.report.why}", refunded_units=payment.refunded_units - units)
        return self.done

    def _settle(self) -> Decision | Refused | None:
        """Refunds come out of what would be forwarded. Where the merchant has not even the rest any more (it was paid out), nothing is
        booked, and a person must look."""
        payment, has = self.payment, self.rules.spendable_units
        units = max(0, payment.payable_units - payment.refunded_units)
        if after(payment.state, Event.SETTLED) is not None and has is not None and has < units:
            sentence = (
                f"{Money(units, known(payment.currency))} would be forwarded, and the merchant has {Money(has, known(payment.currency))}"
            )
            if self.report.source is Source.OPERATOR:
                return refuse(Refusal.INSUFFICIENT_BALANCE, sentence)
            if payment.attention is None:
                self.note(why=sentence, attention=Attention.FORWARDED)
            return self.done
        if payment.state is State.REVIEW and payment.held_units and not payment.txid_out and self.report.source is not Source.OPERATOR:
            self.note(txid_out=self.report.txid_out)  # it counts once the money is the merchant's; nobody may report it again
            return None
        changes: dict[str, Any] = {"attention": None} if payment.attention == Attention.FORWARDED else {}
        if self.move(Event.SETTLED, self.report.why, txid_out=payment.txid_out or self.report.txid_out, payable_units=0, **changes):
            self.done.transfers += postings.settled(self._cause(), units)
        return None

    def _decline(self) -> None:
        """The attempt is dead. The payment lives on while another attempt is allowed."""
        if not self.was_alive and not self.report.final:
            return
        state, attempt = self.payment.state, self.done.attempt
        used_up = self.rules.tries is not None and attempt is not None and attempt.number >= self.rules.tries
        flagged = state is State.REVIEW and self.payment.attention == Attention.FLAGGED and not self.payment.held_units
        changes: dict[str, Any] = {"attention": None} if self.payment.attention in (Attention.DOUBT, Attention.FLAGGED) else {}
        if self.report.error is None:
            changes["last_error"] = LastError.PROVIDER_DECLINED
        if self.report.final or used_up or flagged:
            if state is not State.REVIEW or flagged:
                self.move(Event.DIED, self.report.why, **changes)
        elif not self.move(Event.CALMED, self.report.why, **changes) and state in LIVE:
            self.note(**({} if state is State.REVIEW else changes))

    def _plain(self) -> None:
        event = self.report.event
        if event is Event.HANDED_OVER:
            event = Event.CALMED if self.payment.state is State.UNCLEAR else Event.OPENED
        if self.done.attempt is not None and not self.was_alive and event is not Event.REJECTED:
            return  # a dead attempt says nothing more, except that money came
        changes: dict[str, Any] = {}
        if event is Event.FLAGGED:
            changes["attention"] = Attention.FLAGGED
        elif event is Event.REJECTED:
            changes |= {"attention": Attention.TO_RETURN if self.payment.held_units else None, "txid_out": None}
        elif self.payment.attention == Attention.DOUBT:
            changes["attention"] = None
        if not self.move(event, self.report.why, **changes) and self.report.alarm and self.payment.attention is None:
            self.note(attention=Attention.DOUBT)
