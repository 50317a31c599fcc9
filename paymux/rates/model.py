"""Rates of sources outside: a pair's quote with its age. Pure.

A rate is a plain decimal text: units of the second currency for one of the first.
"""

from fractions import Fraction

import msgspec


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """The last good quote of a source, and what went wrong since."""

    source: str
    rate: str | None
    quoted_at: int | None
    fault: str | None
    looked_at: int


def published(rate: str, margin_percent: str) -> tuple[str, str]:
    """(in, out) of a quote with the exchange's margin on it: in' = in + in * margin / 100, as exact decimals."""
    margin = 1 + Fraction(margin_percent) / 100
    scaled = margin.numerator * 10**12 // margin.denominator
    whole, part = divmod(scaled, 10**12)
    text = f"{whole}.{part:012d}".rstrip("0").rstrip(".")
    return text, rate
