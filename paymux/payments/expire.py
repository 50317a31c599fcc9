"""The sweep: open payments whose time is over are expired. Every read counts the moment, whether or not this has run."""

from collections.abc import Sequence

from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.storage.query import Tx


class Sweep:
    """One duty: expire a bounded batch."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """Expire up to so many overdue payments; returns how many there were."""
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.overdue_payments, now=now, batch=batch)
            locked = await store.lock(tx, [row["id"] for row in rows])
            reports = [
                Report(payment_id=payment.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=payment.expires_at)
                for payment, _ in locked.values()
            ]
            await self._door.advance(tx, reports, now)
            results.append(len(rows))
        return results
