"""The sweep: open payments whose time is over are expired. Every read counts the moment, whether or not this has run."""

from collections.abc import Sequence

from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.storage.query import Tx
from paymux.storage.sweep import Sweeper


class Sweep(Sweeper):
    """One duty. A payment that cannot be expired, as when its notice cannot be made, keeps no other waiting."""

    def __init__(self, door: Door) -> None:
        super().__init__("payment")
        self._door = door

    async def overdue(self, tx: Tx, now: int, batch: int) -> list[int]:
        return [row["id"] for row in await tx.fetch(store.q.overdue_payments, now=now, batch=batch)]

    async def end(self, tx: Tx, ids: Sequence[int], now: int) -> None:
        locked = await store.lock(tx, ids)
        reports = [
            Report(payment_id=payment.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=payment.expires_at)
            for payment, _ in locked.values()
        ]
        await self._door.advance(tx, reports, now)
