"""What a client gives and gets. Exact rationals; rounded once, down for what goes out, up for what comes in. Pure.

Let k = in/out, d the discount's percent, F the fixed fee: out = down(in / (k(1-d/100)) - F), in = up((out + F) k (1-d/100)). A positive
amount is what the client gives, a negative one what it wants to receive. Source: the vendor's web client, which computes the same.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from paymux.exchange.model import Currency, Direction, Discount, trimmed
from paymux.money import UNITS_MAX, decimal_text


class Fault(StrEnum):
    """Why there is no amount; the order of the checks."""

    ZERO = "zero"
    EATEN = "eaten"  # the other amount is nothing, or less
    TOO_LITTLE = "too_little"
    TOO_MUCH = "too_much"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Rate:
    """`give` of the first currency for `get` of the second."""

    give: Fraction
    get: Fraction

    @property
    def k(self) -> Fraction:
        return self.give / self.get


@dataclass(frozen=True, slots=True)
class Quote:
    """The amounts of an order. Of `in_units` the fee takes `fee_units`, the partner `commission_units`, and `rounding_units` were left
    over by rounding; the rest buys `out_units`."""

    in_units: int
    out_units: int
    fee_units: int
    rounding_units: int
    commission_units: int
    discount: str


@dataclass(frozen=True, slots=True)
class Refusal:
    fault: Fault
    limit: str = ""


def rate_of(direction: Direction) -> Rate:
    return Rate(Fraction(direction.rate_in), Fraction(direction.rate_out))


def full_number(rate: Rate) -> str:
    """Units of the first currency for one of the second: cut, never rounded up, with 20 significant digits."""
    if not rate.k:
        return "0"
    digits = 20
    scale = 0
    while rate.k * 10**scale < 1:
        scale += 1
    places = scale + digits
    return trimmed(decimal_text(floor(rate.k * 10**places), places))


def quote(
    direction: Direction, give: Currency, get: Currency, rate: Rate, amount: Decimal, reserve_units: int | None, *, partner: bool = False
) -> Quote | Refusal:
    """The amounts for a wish. `reserve_units`: None where the reserve is not asked (an order that stands already)."""
    fee, unit_in, unit_out = Fraction(direction.fee), 10**give.decimals, 10**get.decimals
    wants_out = amount < 0
    asked = _half_up(amount.copy_abs(), unit_out if wants_out else unit_in)
    if asked == 0:
        return Refusal(Fault.ZERO)
    if asked > UNITS_MAX:
        return Refusal(Fault.RESERVE if wants_out else Fault.TOO_MUCH, plain_units(reserve_units or 0, get) if wants_out else direction.max)
    if wants_out:
        in_units, discount = _in_for(direction, rate, Fraction(asked, unit_out) + fee, unit_in)
        out_units = asked
    else:
        in_units, discount = asked, _discount(direction, Fraction(asked, unit_in))
        out_units = floor((Fraction(in_units, unit_in) / _price(rate, discount) - fee) * unit_out)
    if out_units <= 0 or in_units <= 0:
        return Refusal(Fault.EATEN)
    if fault := _limits(direction, get, in_units, unit_in, out_units, reserve_units):
        return fault
    return _parted(direction, in_units, out_units, _price(rate, discount), fee, unit_in, unit_out, discount, partner)


def _parted(
    direction: Direction,
    in_units: int,
    out_units: int,
    price: Fraction,
    fee: Fraction,
    unit_in: int,
    unit_out: int,
    discount: Discount | None,
    partner: bool,
) -> Quote:
    value = floor(Fraction(out_units, unit_out) * price * unit_in)
    fee_units = floor(fee * price * unit_in)
    share = floor(in_units * Fraction(direction.commission_percent) / 100) if partner else 0
    return Quote(
        in_units,
        out_units,
        fee_units,
        in_units - value - fee_units,
        min(share, value),
        discount.percent if discount else "0",
    )


def _in_for(direction: Direction, rate: Rate, wanted: Fraction, unit: int) -> tuple[int, Discount | None]:
    plain_in = ceil(wanted * rate.k * unit)
    discount = _discount(direction, Fraction(plain_in, unit))
    if discount is None:
        return plain_in, None
    return max(ceil(wanted * _price(rate, discount) * unit), ceil(Fraction(discount.more_than) * unit)), discount


def _price(rate: Rate, discount: Discount | None) -> Fraction:
    return rate.k * (1 - Fraction(discount.percent) / 100) if discount else rate.k


def _discount(direction: Direction, amount: Fraction) -> Discount | None:
    return next((one for one in direction.discounts if Fraction(one.more_than) <= amount), None)


def _limits(direction: Direction, get: Currency, in_units: int, unit: int, out_units: int, reserve_units: int | None) -> Refusal | None:
    amount = Fraction(in_units, unit)
    if Fraction(direction.min) and amount < Fraction(direction.min):
        return Refusal(Fault.TOO_LITTLE, direction.min)
    if (Fraction(direction.max) and amount > Fraction(direction.max)) or in_units > UNITS_MAX:
        return Refusal(Fault.TOO_MUCH, direction.max)
    if reserve_units is not None and out_units > reserve_units:
        return Refusal(Fault.RESERVE, plain_units(reserve_units, get))
    return None


def plain_units(units: int, currency: Currency) -> str:
    """Units as a plain decimal without trailing zeros."""
    return trimmed(decimal_text(units, currency.decimals))


def _half_up(amount: Decimal, unit: int) -> int:
    return floor(Fraction(amount) * unit + Fraction(1, 2))
