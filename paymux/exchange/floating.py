"""Orders whose rate floats until their money is there. Pure.

What the client sends never changes under its hands; what it receives follows the direction's rate, by the thresholds that the direction had
when the order was made. Once money arrives, or somebody says that it is paid, the rate is fixed. A direction that is closed at that moment
leaves the last rate in force. Source of the thresholds: the vendor's manual on floating rates.
"""

from decimal import Context, Decimal
from fractions import Fraction

from msgspec.structs import replace

from paymux.exchange.calculate import Quote, Rate, quote
from paymux.exchange.lifecycle import UNPAID, standing
from paymux.exchange.model import Afloat, Details, Direction, Order, trimmed
from paymux.exchange.offer import Catalogue

_EXACT = Context(prec=100)


def afloat(direction: Direction) -> Afloat | None:
    """The terms that a new order of a direction keeps; None: its rate is fixed."""
    terms = direction.floating
    if terms is None:
        return None
    return Afloat(terms.down_percent, terms.up_percent, terms.up_limit_percent, direction.rate_in, direction.rate_out)


def seen(order: Order, catalogue: Catalogue) -> Order:
    """An order as it stands now: unpaid and floating, with what the rate of this moment makes of it."""
    return priced(order, catalogue) if standing(order.status, order.expires_at, catalogue.now) in UNPAID else order


def priced(order: Order, catalogue: Catalogue) -> Order:
    """An order whose rate is not fixed yet, at the direction's rate now; the very same order where nothing changes."""
    floats, direction = order.details.floating, catalogue.directions.get(order.direction_id)
    if floats is None or floats.fixed or direction is None:
        return order
    usable = catalogue.usable(direction)
    followed = _followed(order.details, floats, usable) if usable is not None else None
    if usable is None or followed is None:
        return order
    give, get = catalogue.pair(usable)
    unlimited = replace(usable, min="0", max="0")  # limits are for wishes; this order was accepted
    rate = Rate(Fraction(followed[0]), Fraction(followed[1]))
    amount = Decimal(order.in_units).scaleb(-give.decimals, _EXACT)
    found = quote(unlimited, give, get, rate, amount, None, partner=order.details.partner is not None)
    if not isinstance(found, Quote) or found.in_units != order.in_units:
        return order
    details = replace(
        order.details,
        rate_in=followed[0],
        rate_out=followed[1],
        discount=found.discount,
        fee=usable.fee,
        quoted_at=catalogue.now,
    )
    return replace(
        order,
        out_units=found.out_units,
        fee_units=found.fee_units,
        rounding_units=found.rounding_units,
        commission_units=found.commission_units,
        details=details,
    )


def fixed(order: Order, *, yes: bool = True) -> Order:
    """The order with its rate fixed, or (`yes` False) floating again."""
    floats = order.details.floating
    if floats is None or floats.fixed is yes:
        return order
    return replace(order, details=replace(order.details, floating=replace(floats, fixed=yes)))


def _followed(details: Details, floats: Afloat, direction: Direction) -> tuple[str, str] | None:
    """(in, out) of the rate to be followed: it fell, or rose, by more than its threshold; never above the limit over the first rate."""
    now, before = _value(direction.rate_in, direction.rate_out), _value(details.rate_in, details.rate_out)
    change = (now / before - 1) * 100
    if -Fraction(floats.down_percent) <= change <= Fraction(floats.up_percent):
        return None
    limit = Fraction(floats.up_limit_percent)
    if limit and now > _value(floats.first_in, floats.first_out) * (1 + limit / 100):
        most = _EXACT.multiply(Decimal(floats.first_out), _EXACT.add(1, Decimal(floats.up_limit_percent).scaleb(-2, _EXACT)))
        capped = floats.first_in, trimmed(format(most, "f"))
        return None if _value(*capped) == before else capped
    return direction.rate_in, direction.rate_out


def _value(rate_in: str, rate_out: str) -> Fraction:
    return Fraction(rate_out) / Fraction(rate_in)
