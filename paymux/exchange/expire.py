"""The sweep: unpaid orders whose time is over are deleted and told, and visits by partners' links are forgotten in time.

Every read counts the moment, whether or not this has run.
"""

from collections.abc import Sequence

from paymux.clock import DAY
from paymux.exchange import store
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Status
from paymux.storage.query import Tx

CLICKS_KEPT_MS = 90 * DAY


class Sweep:
    """One duty: expire a bounded batch."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """Delete up to so many overdue orders; returns how many there were."""
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.overdue_orders, now=now, batch=batch)
            await self._exchange.change(tx, [Step(uid=row["uid"], actor=Actor.CLOCK, to=Status.DELETED) for row in rows], now)
            await tx.fetch(store.q.forget_clicks, before=now - CLICKS_KEPT_MS, batch=batch)
            results.append(len(rows))
        return results
