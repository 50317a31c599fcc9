"""Sweeps that one row cannot stop: where a batch fails each row is tried by itself, and what fails again is passed over for a while."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

import structlog

from paymux.clock import MINUTE
from paymux.errors import Busy, DatabaseGone, OutcomeUnknown
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

ASIDE_MS = 10 * MINUTE
_PASSING = (Busy, DatabaseGone, OutcomeUnknown)

log = structlog.get_logger()


class Sweeper(ABC):
    """Ends what is overdue, a bounded batch at a time. `what`: how the log names one row."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._aside: dict[int, int] = {}  # rows that could not be ended, with the moment until which they are passed over

    @abstractmethod
    async def overdue(self, tx: Tx, now: int, batch: int) -> list[int]:
        """The ids of up to so many rows whose time is over, the longest overdue first."""

    @abstractmethod
    async def end(self, tx: Tx, ids: Sequence[int], now: int) -> None:
        """End them."""

    async def duty(self, writer: Batcher, batch: int) -> int:
        """End up to so many; how many there were."""
        try:
            return await writer.submit(self.expire, batch)
        except _PASSING:
            raise
        except Exception:  # one of them at least: which, is seen now
            ids, now = await writer.submit(self._look, batch)
        done = await asyncio.gather(*(writer.submit(self._end_each, one) for one in ids), return_exceptions=True)
        for one, fault in zip(ids, done, strict=True):
            if fault is not None and not isinstance(fault, _PASSING):
                self._aside[one] = now + ASIDE_MS
                log.error("sweep.put_aside", what=self._what, id=one, exc_info=fault)
        return len(ids)

    async def expire(self, tx: Tx, commands: Sequence[int], now: int) -> list[int]:
        """End up to so many; how many there were. A verb, as the next two."""
        results = []
        for batch in commands:
            [(ids, _)] = await self._look(tx, [batch], now)
            await self.end(tx, ids, now)
            results.append(len(ids))
        return results

    async def _look(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[int], int]]:
        """Up to so many that are not passed over, and the moment."""
        self._aside = {one: until for one, until in self._aside.items() if until > now}
        results = []
        for batch in commands:
            found = await self.overdue(tx, now, batch + len(self._aside))
            results.append(([one for one in found if one not in self._aside][:batch], now))
        return results

    async def _end_each(self, tx: Tx, ids: Sequence[int], now: int) -> list[None]:
        await self.end(tx, ids, now)
        return [None for _ in ids]
