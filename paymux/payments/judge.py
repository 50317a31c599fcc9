"""What a person decides: a payment under review is paid or is not, held money went back. Enters by the one door, as reports."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger.read import foreign_of
from paymux.money import Money
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event, State
from paymux.payments.model import Advanced, Receipt, Report, Source
from paymux.storage.query import Tx


class Verdict(StrEnum):
    """What can be decided."""

    ACCEPTED = "accepted"  # it counts as paid
    REJECTED = "rejected"  # it does not; held money is to go back
    RETURNED = "returned"  # held money went back to the buyer, in whatever currency


# Where no provider ever answers, a person who asked it by other means ends the doubt: paid, or the attempt is dead and another may follow.
IN_DOUBT = {Verdict.ACCEPTED: Event.PAID, Verdict.REJECTED: Event.DECLINED, Verdict.RETURNED: Event.RETURNED}
EVENTS = {Verdict.ACCEPTED: Event.ACCEPTED, Verdict.REJECTED: Event.REJECTED, Verdict.RETURNED: Event.RETURNED}


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict. `received`: with ACCEPTED, money that the provider holds and that nobody reported."""

    payment_id: int
    verdict: Verdict
    received: Money | None = None
    why: str = "decided by a person"


class Judging:
    """The verb. `provider` holds the money of a payment that had no attempt."""

    def __init__(self, door: Door, provider: str) -> None:
        self._door, self._provider = door, provider

    async def judge(self, tx: Tx, verdicts: Sequence[Judge], now: int) -> list[Advanced | Refused]:
        """Apply verdicts; a repeat changes nothing, a state that has no such move refuses."""
        return [await self._judge(tx, verdict, now) for verdict in verdicts]

    async def _judge(self, tx: Tx, verdict: Judge, now: int) -> Advanced | Refused:
        locked = await store.lock(tx, [verdict.payment_id])
        if not locked:
            return refuse(Refusal.UNKNOWN_PAYMENT, f"there is no payment {verdict.payment_id}")
        payment = locked[verdict.payment_id][0]
        attempts = await store.attempts_of(tx, payment.id)
        attempt = attempts[-1] if attempts else None
        doubtful = payment.state is State.UNCLEAR
        foreign = await foreign_of(tx, payment.id) if verdict.verdict is Verdict.RETURNED else []
        report = Report(
            payment_id=payment.id,
            event=(IN_DOUBT if doubtful else EVENTS)[verdict.verdict],
            source=Source.OPERATOR,
            happened_at=0,
            attempt_id=attempt.id if attempt else None,
            foreign=tuple(foreign),
            provider=self._provider,
            why=verdict.why,
        )
        if verdict.received is not None:
            assert verdict.verdict is Verdict.ACCEPTED, "money is received with an acceptance"
            if verdict.received.currency.code != payment.currency:
                return refuse(Refusal.CURRENCY_MISMATCH, f"the payment is in {payment.currency}")
            # One reference for each attempt: the same verdict given twice counts its money once.
            operation = attempt.operation_key if attempt else "payment"
            receipt = Receipt(reference=f"operator:{payment.id}:{operation}", amount=verdict.received)
            report = msgspec.structs.replace(report, receipt=receipt)
            holder = attempt.provider if attempt else self._provider
            known = await store.known_receipts(tx, [(holder, receipt.reference)])
            if payment.state not in (State.REVIEW, State.UNCLEAR) and not known:
                return refuse(Refusal.STATE_FORBIDS, f"a payment that is {payment.state} is not under review or in doubt")
        elif doubtful and verdict.verdict is Verdict.ACCEPTED:
            return refuse(Refusal.STATE_FORBIDS, "nobody reported money for it: say how much the provider holds")
        return (await self._door.advance(tx, [report], now))[0]
