"""Rates of sources outside: a pair's quote with its age, and what is believed of a new one. Pure.

A rate is a plain decimal text: units of the second currency for one of the first. A quote that jumps by `JUMP_MAX` times or more
against the last good one is refused: a person looks, and sets the source anew.
"""

import json
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction

import msgspec

JUMP_MAX = Fraction(2)  # 10 times is refused, and so is twice
RATE_CHARS_MAX = 40


class Kind(StrEnum):
    FIXED = "fixed"
    FILE = "file"
    URL = "url"
    AVERAGE = "average"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rate comes from. `place`: the rate itself, a file's path, a URL, or the names of sources separated by blanks.
    `pointer`: where the rate stands in a JSON document (RFC 6901); empty: the document is the rate."""

    name: str
    kind: Kind
    place: str
    pointer: str = ""
    every_s: int = 60


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


def read_rate(document: bytes, pointer: str) -> str | None:
    """The rate in a document: a plain decimal above zero, as text or as a JSON number; None if it is not there."""
    found: object
    if pointer:
        try:
            found = json.loads(document, parse_float=_plain)
        except (ValueError, RecursionError):
            return None
        for part in pointer.removeprefix("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(name)
            elif isinstance(found, list) and name.isascii() and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
    else:
        found = document.decode("utf-8", "replace").strip()
    text = str(found)
    if isinstance(found, bool) or not text or len(text) > RATE_CHARS_MAX or text.strip("0123456789.") or text.count(".") > 1:
        return None
    return text if text != "." and Fraction(text) > 0 else None


def _plain(number: str) -> str:
    """A JSON number without its exponent; one that is far too large or too small for a rate stays as it is, and is none."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # not even an exponent that can be read
        return number
    return format(value, "f") if abs(value.adjusted()) <= RATE_CHARS_MAX else number


def judged(before: Quoted | None, rate: str | None, fault: str, source: str, now: int) -> Quoted:
    """What is kept after a look: the new rate, or the last good one with the fault."""
    last = before.rate if before else None
    if rate is not None and last is not None and not 1 / JUMP_MAX < Fraction(rate) / Fraction(last) < JUMP_MAX:
        rate, fault = None, f"refused: it jumped from {last} to {rate}"
    if rate is not None:
        return Quoted(source=source, rate=rate, quoted_at=now, fault=None, looked_at=now)
    quoted_at = before.quoted_at if before else None
    return Quoted(source=source, rate=last, quoted_at=quoted_at, fault=fault[:300], looked_at=now)


def average(rates: list[str]) -> str | None:
    """The mean of what there is, cut to 12 decimals, or to 12 significant digits where it is less than 1; None of nothing."""
    if not rates:
        return None
    mean = sum(map(Fraction, rates), Fraction(0)) / len(rates)
    places = 12
    while mean * 10**places < 10**11 and mean < 1:  # a coin of little worth for one of much would be cut to nothing
        places += 1
    whole, part = divmod(mean.numerator * 10**places // mean.denominator, 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
