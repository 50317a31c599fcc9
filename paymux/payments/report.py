"""`paymux sandbox report`: as if the sandbox's provider had reported an outcome, through the same door."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from paymux import ids
from paymux.decline import DeclineReason
from paymux.errors import Refusal, Refused, refuse
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.attempt import Beginner
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import ALIVE, OPEN, SUCCESS, Event, State
from paymux.payments.model import Advanced, Attempt, Outcome, Payment, Receipt, Report, Source
from paymux.storage.query import Tx


class Told(StrEnum):
    """What can be reported by command."""

    PAID = "paid"
    DECLINED = "declined"
    PENDING = "pending"
    REVIEW = "review"
    SETTLED = "settled"
    EXPIRED = "expired"


class SandboxReport(msgspec.Struct, frozen=True):
    payment_id: int
    outcome: Told
    decline_reason: DeclineReason = DeclineReason.UNKNOWN  # with DECLINED


class Reporter:
    """The verb behind the command. `provider` names the sandbox provider that holds money no attempt accounts for."""

    def __init__(self, door: Door, beginner: Beginner, provider: str) -> None:
        self._door, self._beginner, self._provider = door, beginner, provider

    async def report(self, tx: Tx, commands: Sequence[SandboxReport], now: int) -> list[Advanced | Refused]:
        """Apply outcomes. Opens the attempt if the buyer has not; a repeat changes nothing; refused where the state forbids it."""
        results = []
        for command in commands:
            results.append(await self._one(tx, command, now))
        return results

    async def _one(self, tx: Tx, command: SandboxReport, now: int) -> Advanced | Refused:
        locked = await store.lock(tx, [command.payment_id])
        if not locked:
            return refuse(Refusal.UNKNOWN_PAYMENT, f"there is no payment {command.payment_id}")
        payment = locked[command.payment_id][0]
        if command.outcome is Told.PAID and payment.state in SUCCESS:
            return Advanced(payment, Outcome.REPEATED)
        if command.outcome is Told.EXPIRED:
            return await self._advance(tx, [self._base(payment, None, Event.TIMED_OUT)], now)
        attempt = await self._attempt(tx, payment, now)
        return await self._advance(tx, self._reports(payment, attempt, command), now)

    async def _attempt(self, tx: Tx, payment: Payment, now: int) -> Attempt | None:
        earlier = await store.attempts_of(tx, payment.id)
        alive = next((attempt for attempt in earlier if attempt.state in ALIVE), None)
        if alive is not None or payment.state not in OPEN or overdue(payment, now):
            return alive or (earlier[-1] if earlier else None)
        choice = await self._beginner.choice(tx, payment, payment.method, payment.email, frozenset(), now)
        if not choice.routes:
            return None
        attempt = await self._beginner.insert(tx, payment, choice, payment.method, earlier, now)
        await self._door.advance(tx, [self._base(payment, attempt, Event.HANDED_OVER)], now)
        return attempt

    def _reports(self, payment: Payment, attempt: Attempt | None, command: SandboxReport) -> list[Report]:
        reference = f"report:{attempt.operation_key}" if attempt else f"report:payment:{payment.id}"
        paid = msgspec.structs.replace(
            self._base(payment, attempt, Event.PAID),
            receipt=Receipt(reference=reference, amount=payment.amount, txid="0x" + ids.hex_token(32)),
        )
        match command.outcome:
            case Told.PAID:
                return [paid]
            case Told.SETTLED:
                settled = msgspec.structs.replace(self._base(payment, attempt, Event.SETTLED), txid_out="0x" + ids.hex_token(32))
                return [settled] if payment.state in SUCCESS else [paid, settled]
            case Told.DECLINED:
                declined = self._base(payment, attempt, Event.DECLINED)
                return [msgspec.structs.replace(declined, final=True, decline_reason=command.decline_reason)]
            case Told.PENDING:
                return [self._base(payment, attempt, Event.PENDING)]
            case _:
                return [self._base(payment, attempt, Event.FLAGGED)]

    def _base(self, payment: Payment, attempt: Attempt | None, event: Event) -> Report:
        return Report(
            payment_id=payment.id,
            attempt_id=attempt.id if attempt else None,
            event=event,
            source=Source.OPERATOR,
            happened_at=0,
            why="reported by command",
            provider=self._provider,
        )

    async def _advance(self, tx: Tx, reports: list[Report], now: int) -> Advanced | Refused:
        result: Advanced | Refused = refuse(Refusal.STATE_FORBIDS)
        for report in reports:
            result = (await self._door.advance(tx, [report], now))[0]
            if isinstance(result, Refused):
                return result
        assert isinstance(result, Advanced)
        if reports[-1].event is Event.SETTLED and result.payment.state not in (State.SETTLED, State.COMPLETED):
            return refuse(Refusal.STATE_FORBIDS, f"the payment is {result.payment.state}: it cannot be settled")
        return result
