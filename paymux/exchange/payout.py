"""Automatic payouts: claimed and marked as started before the remitter is called, so that a crash in between asks and never pays twice.

One operation key names the payout over retries and restarts. Started without an answer is asked about with growing pauses; a key that the
remitter does not know is sent again, since sending twice with one key is one sending. Nothing is sent of an order on hold: what never
left is dead for sure once the remitter cannot come to know it any more.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from msgspec.structs import replace

from paymux.clock import MINUTE, SECOND
from paymux.exchange import store
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Payout, Status
from paymux.exchange.model import Order
from paymux.money import Currency as Unit
from paymux.money import Money
from paymux.providers.protocol import Remittance, Remitted, Remitter
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

PAUSES_MS = (20 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE)  # the last one again and again

log = structlog.get_logger()


class Claim(msgspec.Struct, frozen=True):
    """A payout to be sent (`fresh`) or asked about. `held_ms`: how long its order is on hold; None: it is not."""

    order: Order
    fresh: bool
    held_ms: int | None = None


class Payouts:
    """The duty. Without a remitter nothing is claimed: due payouts wait."""

    def __init__(self, exchange: Exchange, writer: Batcher, remitter: Remitter | None) -> None:
        self._exchange, self._writer, self._remitter = exchange, writer, remitter

    async def duty(self, batch: int = 20) -> int:
        """Send or ask about what is due; how much there was."""
        if self._remitter is None:
            return 0
        claims = await self._writer.submit(self.claim, batch)
        await asyncio.gather(*(self._act(self._remitter, claim) for claim in claims))
        return len(claims)

    async def claim(self, tx: Tx, batches: Sequence[int], now: int) -> list[list[Claim]]:
        """Mark due payouts as started; from here on only the remitter knows."""
        results = []
        for batch in batches:
            orders = [store.order_of(row) for row in await tx.fetch(store.q.due_payouts, now=now, batch=batch)]
            pauses = [PAUSES_MS[min(order.asked, len(PAUSES_MS) - 1)] for order in orders]
            started = [
                replace(order, payout=Payout.STARTED, asked=order.asked + 1, act_at=now + pause)
                for order, pause in zip(orders, pauses, strict=True)
            ]
            await store.change(tx, started, now)
            held = [(order.uid,) for order in orders if order.status is Status.HOLD]
            since = {row["order_uid"]: row["since"] for row in (await tx.fetch(store.q.held_since, held) if held else [])}
            results.append(
                [
                    Claim(after, before.payout is Payout.DUE, now - since[after.uid] if after.uid in since else None)
                    for before, after in zip(orders, started, strict=True)
                ]
            )
        return results

    async def _act(self, remitter: Remitter, claim: Claim) -> None:
        order = claim.order
        assert order.operation_key is not None, "a payout that is due has its key"
        try:
            told = None if claim.fresh else await remitter.ask(order.operation_key)
            if told is None and claim.held_ms is not None:
                told = _frozen(remitter, claim.held_ms)
            elif told is None:
                told = await remitter.send(remittance(order, order.operation_key))
        except Exception:  # whatever it is: the call may have arrived, so it is asked about
            log.exception("exchange.payout_unclear", order=order.uid)
            return
        await self._tell(order, told)

    async def _tell(self, order: Order, told: Remitted) -> None:
        if told.known is None:
            log.warning("exchange.payout_unclear", order=order.uid, why=told.why)
        if told.known not in ("paid", "failed"):
            return
        sent = told.known == "paid"
        step = Step(
            uid=order.uid,
            actor=Actor.PROVIDER,
            payout=Payout.SENT if sent else Payout.DEAD,
            txid=told.reference if sent else None,
            why="paid out" if sent else told.why or told.reason or "the payout failed",
        )
        await self._writer.submit(self._exchange.change, step)


def _frozen(remitter: Remitter, held_ms: int) -> Remitted:
    """What is said of a payout that the remitter does not know, of an order on hold: nothing is sent since it is."""
    if held_ms >= remitter.not_found_final_after_s * SECOND:
        return Remitted(known="failed", reason="never_sent", why="the payout was never sent")
    return Remitted(known=None, why="the remitter does not know it yet")


def remittance(order: Order, operation_key: str) -> Remittance:
    """What is sent to the recipient. `details`: {"values": [{key, name, value}]}, as the client gave them, a memo tag among them."""
    amount = Money(order.out_units, Unit(order.to_code, order.details.to_decimals))
    details = msgspec.json.encode({"values": order.details.to_values}).decode()
    return Remittance(operation_key=operation_key, amount=amount, method=order.to_code, details=details)
