"""Rates of sources outside: a pair's quote with its age. Pure.

A rate is a plain decimal text: units of the second currency for one of the first.
"""

import msgspec


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """The last good quote of a source, and what went wrong since."""

    source: str
    rate: str | None
    quoted_at: int | None
    fault: str | None
    looked_at: int
