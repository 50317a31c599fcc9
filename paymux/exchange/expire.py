"""The sweep: unpaid orders whose time is over are deleted and told, and visits by partners' links are forgotten in time.

Every read counts the moment, whether or not this has run.
"""

from collections.abc import Sequence

from paymux.clock import DAY
from paymux.exchange import store
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Status
from paymux.storage.query import Tx
from paymux.storage.sweep import Sweeper

CLICKS_KEPT_MS = 90 * DAY


class Sweep(Sweeper):
    """One duty. An order that cannot be deleted, as when its notice cannot be made, keeps no other waiting."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__("order")
        self._exchange = exchange

    async def overdue(self, tx: Tx, now: int, batch: int) -> list[int]:
        return [row["uid"] for row in await tx.fetch(store.q.overdue_orders, now=now, batch=batch)]

    async def end(self, tx: Tx, ids: Sequence[int], now: int) -> None:
        await self._exchange.change(tx, [Step(uid=uid, actor=Actor.CLOCK, to=Status.DELETED) for uid in ids], now)

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        results = await super().expire(tx, commands, now)
        await tx.fetch(store.q.forget_clicks, before=now - CLICKS_KEPT_MS, batch=max(commands))
        return results
