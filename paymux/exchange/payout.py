"""Automatic payouts: claimed and marked as started before the payer is called, so that a crash in between asks and never pays twice.

One operation key names the payout over retries and restarts. Started without an answer is asked about with growing pauses.
"""

from collections.abc import Sequence

import msgspec
import structlog
from msgspec.structs import replace

from paymux.clock import MINUTE, SECOND
from paymux.exchange import store
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Payout
from paymux.exchange.model import Order
from paymux.providers.disburse import Disbursement, Failed, NotFound, Payer, Sent, Unclear
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

PAUSES_MS = (20 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE)  # the last one again and again

log = structlog.get_logger()


class Claim(msgspec.Struct, frozen=True):
    """A payout to be sent (`fresh`) or asked about."""

    order: Order
    fresh: bool


class Payouts:
    """The duty. Without a payer nothing is claimed: due payouts wait."""

    def __init__(self, exchange: Exchange, writer: Batcher, payer: Payer | None) -> None:
        self._exchange, self._writer, self._payer = exchange, writer, payer

    async def duty(self, batch: int = 20) -> int:
        """Send or ask about what is due; how much there was."""
        if self._payer is None:
            return 0
        claims = await self._writer.submit(self.claim, batch)
        for claim in claims:
            await self._act(self._payer, claim)
        return len(claims)

    async def claim(self, tx: Tx, batches: Sequence[int], now: int) -> list[list[Claim]]:
        """Mark due payouts as started; from here on only the payer knows."""
        results = []
        for batch in batches:
            orders = [store.order_of(row) for row in await tx.fetch(store.q.due_payouts, now=now, batch=batch)]
            pauses = [PAUSES_MS[min(order.asked, len(PAUSES_MS) - 1)] for order in orders]
            started = [
                replace(order, payout=Payout.STARTED, asked=order.asked + 1, act_at=now + pause)
                for order, pause in zip(orders, pauses, strict=True)
            ]
            await store.change(tx, started, now)
            results.append([Claim(after, before.payout is Payout.DUE) for before, after in zip(orders, started, strict=True)])
        return results

    async def _act(self, payer: Payer, claim: Claim) -> None:
        order = claim.order
        assert order.operation_key is not None, "a payout that is due has its key"
        values = order.details.to_values
        account = " ".join(value.value for value in values)
        wish = Disbursement(order.operation_key, order.out_units, order.to_code, account)
        try:
            told = await payer.send(wish) if claim.fresh else await payer.ask(order.operation_key)
            if isinstance(told, NotFound):
                told = await payer.send(wish)
        except Exception:  # whatever it is: the call may have arrived, so it is asked about
            log.exception("exchange.payout_unclear", order=order.uid)
            return
        await self._tell(order, told)

    async def _tell(self, order: Order, told: Sent | Failed | Unclear) -> None:
        if isinstance(told, Unclear):
            log.warning("exchange.payout_unclear", order=order.uid, why=told.why)
            return
        sent = isinstance(told, Sent)
        step = Step(
            uid=order.uid,
            actor=Actor.PROVIDER,
            payout=Payout.SENT if sent else Payout.DEAD,
            txid=told.txid if isinstance(told, Sent) else None,
            why="paid out" if isinstance(told, Sent) else told.why,
        )
        await self._writer.submit(self._exchange.change, step)
