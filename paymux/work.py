"""Background duties: expire, poll, deliver, and the sandbox's own. Each is a bounded batch, run again at once while there is more.

One duty that fails is logged and tried again; it never stops the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Duty:
    """`run()` does one bounded batch and returns how much there was; `full` or more means that there is more."""

    name: str
    run: Callable[[], Awaitable[int]]
    every_s: float
    full: int


async def keep_doing(duty: Duty, stop: asyncio.Event) -> None:
    """Run a duty until told to stop."""
    while not stop.is_set():
        try:
            done = await duty.run()
        except Exception:
            log.exception("duty.failed", duty=duty.name)
            done = 0
        if done >= duty.full:
            continue
        try:
            await asyncio.wait_for(stop.wait(), duty.every_s)
        except TimeoutError:
            continue
