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
    return str(datetime.fromtimestamp(at // 1000, UTC))[:19]


def iso(at: int) -> str:
    """ISO 8601 with offset, whole seconds."""
    return datetime.fromtimestamp(at // 1000, UTC).isoformat()


def iso_ms(at: int) -> str:
    """RFC 3339 with milliseconds and `Z`, such as 2021-05-19T10:57:28.313Z."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"
