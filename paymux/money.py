"""Money is whole minor units and a currency; no float ever touches an amount.

Shapes: `Money(4999, EUR)` is 49.99 EUR (exponent 2); `Money(10, JPY)` is 10 JPY (exponent 0).
Text becomes units only through `decimal_units`, from the literal digits; units become text through `decimal_text`.
Source of exponents: ISO 4217 through the iso4217 package; coins below.

>>> decimal_units("49.99", fiat("EUR").exponent)
4999
>>> decimal_text(4999, 2)
'49.99'
"""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

import msgspec
from iso4217 import Currency as Iso

UNITS_MAX = 2**63 - 1  # what a bigint holds on both engines
EXPONENT_MAX = 8

COINS = {"BTC": 8, "ETH": 8, "USDC": 6, "USDT": 6}

_PLAIN_DECIMAL = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,60})?")


class Currency(msgspec.Struct, frozen=True):
    """A currency code and how many decimals its minor unit has; the pair never changes once used."""

    code: str
    exponent: int


class Money(msgspec.Struct, frozen=True):
    """`units` minor units of `currency`. Mixing two currencies is our own bug, so it asserts."""

    units: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        assert self.currency == other.currency, "two currencies do not add"
        return Money(self.units + other.units, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        assert self.currency == other.currency, "two currencies do not subtract"
        return Money(self.units - other.units, self.currency)

    def __str__(self) -> str:
        return f"{decimal_text(self.units, self.currency.exponent)} {self.currency.code}"


@cache
def fiat(code: str) -> Currency | None:
    """The active ISO 4217 currency of an upper-case code; None for coins, metals, test codes and unknown ones."""
    try:
        iso = Iso(code)
    except ValueError:
        return None
    if iso.exponent is None or code in {"XXX", "XTS"}:  # gold, drawing rights and the like have no minor unit
        return None
    return Currency(code, iso.exponent)


@cache
def currency(code: str) -> Currency | None:
    """A fiat currency or a coin by its upper-case code; None if unknown."""
    if code in COINS:
        return Currency(code, COINS[code])
    return fiat(code)


def known(code: str) -> Currency:
    """The currency of a code that we stored ourselves."""
    found = currency(code)
    assert found is not None, f"stored currency {code} is unknown"
    return found


def plain_decimal(text: str) -> Decimal | None:
    """Digits with an optional dot and digits, nothing else (no sign, exponent, comma, blank); None otherwise."""
    return Decimal(text) if _PLAIN_DECIMAL.fullmatch(text) else None


def decimal_units(text: str, exponent: int) -> int | None:
    """Exact units of a plain decimal; None if it is not one, has too many decimals or is too large."""
    if not _PLAIN_DECIMAL.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    if fraction[exponent:].strip("0"):
        return None
    units = int(whole + fraction[:exponent].ljust(exponent, "0"))
    return units if units <= UNITS_MAX else None


@cache
def _step(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def round_half_up(value: Decimal, places: int) -> Decimal | None:
    """Round a decimal half up to `places`; None when it has more digits than a decimal context carries."""
    try:
        return value.quantize(_step(places), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return None


def decimal_text(units: int, exponent: int, places: int | None = None) -> str:
    """Units as a plain decimal with `places` decimals (default: the exponent; never fewer than the exponent)."""
    places = exponent if places is None else places
    assert places >= exponent, "cutting decimals would change an amount"
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(exponent + 1, "0")
    whole, fraction = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "")
    fraction = fraction.ljust(places, "0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def share(units: int, percent: Decimal) -> int:
    """`percent` of `units`, rounded half up to whole units."""
    return int((Decimal(units) * percent / 100).to_integral_value(rounding=ROUND_HALF_UP))
