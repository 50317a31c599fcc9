"""`paymux sandbox report` for an order: as if whoever watches payments, or pays out, had reported an outcome, through the one door."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from paymux import ids
from paymux.errors import Refusal, Refused, refuse
from paymux.exchange import store
from paymux.exchange.change import Changed, Exchange, Receipt, Step
from paymux.exchange.lifecycle import Actor, Status, standing
from paymux.storage.query import Tx

S = Status


class Outcome(StrEnum):
    """What can be reported by command."""

    PAID = "paid"  # the money came: on to the payout
    SETTLED = "settled"  # and it was paid out
    DECLINED = "declined"
    PENDING = "pending"
    REVIEW = "review"
    EXPIRED = "expired"


ENDS = {Outcome.DECLINED: S.ERROR_PAYMENT, Outcome.PENDING: S.IN_PROGRESS, Outcome.REVIEW: S.HOLD, Outcome.EXPIRED: S.DELETED}
WHY = "reported by command"


class SandboxReport(msgspec.Struct, frozen=True):
    uid: int
    outcome: Outcome
    units: int | None = None  # what came, where that is not what was asked


class Reporter:
    """The verb behind the command."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def report(self, tx: Tx, commands: Sequence[SandboxReport], now: int) -> list[Changed | Refused]:
        """Apply outcomes; a repeat changes nothing; refused where the status forbids it."""
        return [await self._one(tx, command, now) for command in commands]

    async def _one(self, tx: Tx, command: SandboxReport, now: int) -> Changed | Refused:
        order = (await store.lock(tx, [command.uid])).get(command.uid)
        if order is None:
            return refuse(Refusal.UNKNOWN_PAYMENT, f"there is no order {command.uid}")
        at = standing(order.status, order.expires_at, now)
        if command.outcome in (Outcome.PAID, Outcome.SETTLED):
            return await self._money(tx, command, at, now)
        to = ENDS[command.outcome]
        if at is to:
            return Changed(order, repeated=True)
        actor = Actor.PROVIDER
        if to is S.DELETED:
            if at not in (S.NEW, S.WAIT_PAYMENT):
                return refuse(Refusal.STATE_FORBIDS, f"order {order.uid} is {at}: it cannot expire")
            actor = Actor.OPERATOR
        elif at is S.NEW:
            await self._exchange.change(tx, [Step(uid=order.uid, actor=actor, to=S.WAIT_PAYMENT, why=WHY)], now)
        return (await self._exchange.change(tx, [Step(uid=order.uid, actor=actor, to=to, why=WHY)], now))[0]

    async def _money(self, tx: Tx, command: SandboxReport, at: Status, now: int) -> Changed | Refused:
        order = (await store.lock(tx, [command.uid]))[command.uid]
        done: Changed | Refused = Changed(order, repeated=True)
        if at in (S.RETURNED, S.DELETED) or (at is S.HOLD and command.outcome is Outcome.SETTLED):
            return refuse(Refusal.STATE_FORBIDS, f"order {order.uid} is {at}")
        if at in (S.NEW, S.WAIT_PAYMENT, S.IN_PROGRESS, S.ERROR_PAYMENT):
            missing = order.in_units - order.received_units
            units = missing if command.units is None else command.units
            if units <= 0:
                return refuse(Refusal.STATE_FORBIDS, f"order {order.uid}: all that was asked has come")
            receipt = Receipt(f"report:{ids.hex_token(8)}", units)
            done = (await self._exchange.change(tx, [Step(uid=order.uid, actor=Actor.PROVIDER, receipt=receipt, why=WHY)], now))[0]
        if command.outcome is Outcome.SETTLED and at is not S.DONE and not isinstance(done, Refused):
            step = Step(uid=order.uid, actor=Actor.OPERATOR, to=S.DONE, why=WHY, txid="0x" + ids.hex_token(32))
            done = (await self._exchange.change(tx, [step], now))[0]
        return done
