"""The sweep: open payments whose time is over are expired. Every read counts the moment, whether or not this has run."""

import asyncio
from collections.abc import Sequence

import structlog

from paymux.clock import MINUTE
from paymux.errors import Busy, DatabaseGone, OutcomeUnknown
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

ASIDE_MS = 10 * MINUTE  # how long a payment that could not be expired is passed over
_PASSING = (Busy, DatabaseGone, OutcomeUnknown)

log = structlog.get_logger()


class Sweep:
    """One duty: expire a bounded batch. A payment that cannot be expired, as when its notice cannot be made, keeps no other waiting."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._aside: dict[int, int] = {}  # payments that could not be expired, and until when they are passed over

    async def duty(self, writer: Batcher, batch: int) -> int:
        """Expire up to so many overdue payments; returns how many there were."""
        try:
            return await writer.submit(self.expire, batch)
        except _PASSING:
            raise
        except Exception:  # one of them at least: which, is seen when each is a command of its own
            ids, now = await writer.submit(self._overdue, batch)
            done = await asyncio.gather(*(writer.submit(self._end, payment_id) for payment_id in ids), return_exceptions=True)
            for payment_id, fault in zip(ids, done, strict=True):
                if isinstance(fault, BaseException) and not isinstance(fault, _PASSING):
                    self._aside[payment_id] = now + ASIDE_MS
                    log.error("payment.cannot_expire", payment=payment_id, exc_info=fault)
                elif fault is None:
                    self._aside.pop(payment_id, None)
            return len(ids)

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """Expire up to so many overdue payments; returns how many there were."""
        results = []
        for ids, _ in await self._overdue(tx, commands, now):
            await self._end(tx, ids, now)
            results.append(len(ids))
        return results

    async def _overdue(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[int], int]]:
        """Up to so many overdue payments that are not passed over, and the moment."""
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.overdue_payments, now=now, batch=batch + len(self._aside))
            results.append(([row["id"] for row in rows if self._aside.get(row["id"], now) <= now][:batch], now))
        return results

    async def _end(self, tx: Tx, ids: Sequence[int], now: int) -> list[None]:
        locked = await store.lock(tx, ids)
        reports = [
            Report(payment_id=payment.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=payment.expires_at)
            for payment, _ in locked.values()
        ]
        await self._door.advance(tx, reports, now)
        return [None for _ in ids]
