"""Sweeps that one row cannot stop: where a batch fails each row is tried by itself, and what fails again is passed over for a while."""

import asyncio
from collections.abc import Sequence

import structlog

from paymux.clock import MINUTE
from paymux.errors import Busy, DatabaseGone, OutcomeUnknown
from paymux.storage.writer import Batcher, Verb

ASIDE_MS = 10 * MINUTE
_PASSING = (Busy, DatabaseGone, OutcomeUnknown)

log = structlog.get_logger()


class Aside:
    """The rows of one sweep that could not be ended, by id. `what`: how the log names one."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._until: dict[int, int] = {}

    def room(self, batch: int) -> int:
        """How many rows to look at for a batch."""
        return batch + len(self._until)

    def left(self, ids: Sequence[int], batch: int, now: int) -> list[int]:
        """Of these, in their order, those that are not passed over now; at most a batch."""
        return [one for one in ids if self._until.get(one, now) <= now][:batch]

    async def sweep(
        self, writer: Batcher, verb: Verb[int, int], look: Verb[int, tuple[list[int], int]], end: Verb[int, None], batch: int
    ) -> int:
        """Run `verb` with a batch; how much there was. Where it fails, `end` what `look` finds, each as a command of its own."""
        try:
            return await writer.submit(verb, batch)
        except _PASSING:
            raise
        except Exception:  # one of them at least: which, is seen now
            ids, now = await writer.submit(look, batch)
        done = await asyncio.gather(*(writer.submit(end, one) for one in ids), return_exceptions=True)
        for one, fault in zip(ids, done, strict=True):
            if fault is None:
                self._until.pop(one, None)
            elif not isinstance(fault, _PASSING):
                self._until[one] = now + ASIDE_MS
                log.error("sweep.put_aside", what=self._what, id=one, exc_info=fault)
        return len(ids)
