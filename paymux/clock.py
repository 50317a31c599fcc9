"""The only reader of time. Every `…_at` in Paymux is a whole number of Unix milliseconds, UTC.

`now()` is the clock that rules read; in sandbox mode an operator may move it (the offset stands in the database
and is read with every batch). `wall()` is never moved: leases and time-outs of real sockets use it.

>>> text(1777464600000)
'2026-04-29 12:10:00'
>>> iso(1777464600000)
'2026-04-29T12:10:00+00:00'
"""

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock:
    """The system's clock plus an offset in milliseconds (0 unless an operator moved the sandbox's clock)."""

    __slots__ = ("offset",)

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    def now(self) -> int:
        return self.wall() + self.offset

    @staticmethod
    def wall() -> int:
        return time.time_ns() // 1_000_000


def ticks() -> float:
    """Seconds that only grow, for measuring how long something took."""
    return time.perf_counter()


def text(at: int) -> str:
    """`YYYY-MM-DD HH:MM:SS`, UTC."""
    day, second = divmod(at // 1000, 86_400)
    minute, second = divmod(second, 60)
    return f"{_day(day)} {_OF_DAY[minute]}:{_TWO[second]}"


_TWO = tuple(f"{number:02d}" for number in range(60))
_OF_DAY = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(1440))


@lru_cache(400)
def _day(day: int) -> str:
    """The date so many days after 1970-01-01; the dates of stored moments are few, and the moments many."""
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def iso(at: int) -> str:
    """ISO 8601 with offset, whole seconds."""
    return datetime.fromtimestamp(at // 1000, UTC).isoformat()


def iso_ms(at: int) -> str:
    """RFC 3339 with milliseconds and `Z`, such as 2021-05-19T10:57:28.313Z."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"
