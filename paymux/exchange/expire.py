"""The sweep: unpaid orders whose time is over are deleted and told, and visits by partners' links are forgotten in time.

Every read counts the moment, whether or not this has run.
"""

from collections.abc import Sequence

from paymux.clock import DAY
from paymux.exchange import store
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Status
from paymux.storage.aside import Aside
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

CLICKS_KEPT_MS = 90 * DAY


class Sweep:
    """One duty: expire a bounded batch. An order that cannot be deleted, as when its notice cannot be made, keeps no other waiting."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._aside = exchange, Aside("order")

    async def duty(self, writer: Batcher, batch: int) -> int:
        """Delete up to so many overdue orders; returns how many there were."""
        return await self._aside.sweep(writer, self.expire, self._overdue, self._end, batch)

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """Delete up to so many overdue orders; returns how many there were."""
        results = []
        for batch in commands:
            [(uids, _)] = await self._overdue(tx, [batch], now)
            await self._end(tx, uids, now)
            await tx.fetch(store.q.forget_clicks, before=now - CLICKS_KEPT_MS, batch=batch)
            results.append(len(uids))
        return results

    async def _overdue(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[int], int]]:
        """Up to so many overdue orders that are not passed over, and the moment."""
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.overdue_orders, now=now, batch=self._aside.room(batch))
            results.append((self._aside.left([row["uid"] for row in rows], batch, now), now))
        return results

    async def _end(self, tx: Tx, uids: Sequence[int], now: int) -> list[None]:
        await self._exchange.change(tx, [Step(uid=uid, actor=Actor.CLOCK, to=Status.DELETED) for uid in uids], now)
        return [None for _ in uids]
