"""The field rules of EcomTrade24's POST /gateway/session.php: one JSON value -> what is stored. Pure.

Numbers arrive as `int` or as `Decimal` of their literal digits, never as `float`.
Source: EcomTrade24's manual (names, aliases, "dot decimal, greater than 0"); bounds and rounding are ours.

>>> amount(Decimal("59.970000000000006"))
Decimal('59.97')
"""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from paymux.money import Currency, Money, fiat, round_half_up

Body = Mapping[str, object]

# The canonical name wins when its value is not empty, else the first alias that is not.
ALIASES: dict[str, tuple[str, ...]] = {
    "domain": ("merchant",),
    "email": ("customer_email", "billing_email"),  # and then customer.email
    "order_id": ("merchant_ref", "purchase_id"),
    "country": ("billing_country",),
}

# What a shop must not send: ignored, and noted by name. Field names first, then providers' names used as fields.
FORBIDDEN = (
    "provider", "payment_provider", "checkout_provider", "m_provider_name", "provider_mode", "fallback_provider",
    "smart_route", "hosted", "checkout_mode", "selected_provider", "direct_url", "package",
    "guardarian", "cryptocom", "epv1", "epv2", "epv3", "malum", "moonpay", "stripe", "rampnetwork", "upi", "interac", "banxa",
)  # fmt: skip

AMOUNT_MIN, AMOUNT_MAX = Decimal("0.01"), Decimal("9999999.99")
ORDER_ID_MAX = 191
META_MAX_BYTES = 8 * 1024

_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_CODE = re.compile(r"[A-Za-z]{3}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# As JavaScript writes JSON: no blanks, "/" and non-ASCII as they are, so that a receiver who re-serialises gets the same bytes.
_META = msgspec.json.Encoder(decimal_format="number")


class Unusable(Exception):
    """The value is there, but breaks its rule."""


def given(body: Body, field: str) -> object:
    """The first value that is not empty among the field's names; None if there is none."""
    value = body.get(field)  # the canonical name
    if value is not None and not empty(value):
        return value
    for name in ALIASES.get(field, ()):
        value = body.get(name)
        if value is not None and not empty(value):
            return value
    return None


def empty(value: object) -> bool:
    """Null, blank text, `{}` and `[]` (what PHP makes of an empty object) count as not sent. 0 and false do not."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value in ({}, [])


def amount(value: object) -> Decimal | None:
    """A decimal text or a JSON number, rounded half up to 2 decimals; None if it is not one or out of bounds."""
    if isinstance(value, str):
        text = value.strip()
        number = Decimal(text) if _DECIMAL.fullmatch(text) else None
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
    else:
        number = None
    rounded = None if number is None else round_half_up(number, 2)
    return rounded if rounded is not None and AMOUNT_MIN <= rounded <= AMOUNT_MAX else None


def money(rounded: Decimal, currency: Currency) -> Money | None:
    """Two decimals as whole minor units; None where the currency has no such fraction (half a yen)."""
    units = rounded.scaleb(currency.exponent)
    return Money(int(units), currency) if units == units.to_integral_value() else None


def currency(value: object) -> Currency | None:
    """An active ISO 4217 currency by its code in any letter case."""
    text = value.strip() if isinstance(value, str) else ""
    return fiat(text.upper()) if _CODE.fullmatch(text) else None


def email_value(body: Body) -> object:
    """The first e-mail that was sent under any name, judged later; None if none was."""
    found = given(body, "email")
    customer = body.get("customer")
    return customer.get("email") if found is None and isinstance(customer, dict) else found


def order_id(body: Body) -> str | None:
    """The shop's order number as text; raises Unusable if it is neither text nor number, too long, or has control characters."""
    value = given(body, "order_id")
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, Decimal) and abs(value.adjusted()) <= ORDER_ID_MAX:
        text = format(value, "f")
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise Unusable
    if len(text) > ORDER_ID_MAX or _UNSTORABLE.search(text):
        raise Unusable
    return text


def order_ref(text: str) -> str | None:
    """An order number from a query, in the form it is stored in; None if no session can have it."""
    text = text.strip()
    return None if not text or len(text) > ORDER_ID_MAX or _UNSTORABLE.search(text) else text


def country(value: object) -> str | None:
    """Two letters, upper case; anything else counts as unknown."""
    text = value.strip() if isinstance(value, str) else ""
    return text.upper() if _COUNTRY.fullmatch(text) else None


def meta(value: object) -> str | None:
    """The shop's object as compact JSON; None if it is not an object; raises Unusable if it is too large."""
    if not isinstance(value, dict):
        return None
    try:
        text = _META.encode(value)
    except RecursionError:  # nested more deeply than anybody could read it back
        raise Unusable from None
    if len(text) > META_MAX_BYTES:
        raise Unusable
    return text.decode()


def dropped(body: Body) -> str:
    """A note of the forbidden names that were sent, names only; empty if none."""
    sent = frozenset(map(str.lower, body))
    if sent.isdisjoint(FORBIDDEN):
        return ""
    return f"dropped: {', '.join(name for name in FORBIDDEN if name in sent)}"
