"""The sweep: open payments whose time is over are expired. Every read counts the moment, whether or not this has run."""

from collections.abc import Sequence

from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.storage.aside import Aside
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher


class Sweep:
    """One duty: expire a bounded batch. A payment that cannot be expired, as when its notice cannot be made, keeps no other waiting."""

    def __init__(self, door: Door) -> None:
        self._door, self._aside = door, Aside("payment")

    async def duty(self, writer: Batcher, batch: int) -> int:
        """Expire up to so many overdue payments; returns how many there were."""
        return await self._aside.sweep(writer, self.expire, self._overdue, self._end, batch)

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """Expire up to so many overdue payments; returns how many there were."""
        results = []
        for batch in commands:
            [(ids, _)] = await self._overdue(tx, [batch], now)
            await self._end(tx, ids, now)
            results.append(len(ids))
        return results

    async def _overdue(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[int], int]]:
        """Up to so many overdue payments that are not passed over, and the moment."""
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.overdue_payments, now=now, batch=self._aside.room(batch))
            results.append((self._aside.left([row["id"] for row in rows], batch, now), now))
        return results

    async def _end(self, tx: Tx, ids: Sequence[int], now: int) -> list[None]:
        locked = await store.lock(tx, ids)
        reports = [
            Report(payment_id=payment.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=payment.expires_at)
            for payment, _ in locked.values()
        ]
        await self._door.advance(tx, reports, now)
        return [None for _ in ids]
