"""The words of the exchange: currencies, directions, orders. Pure.

Amounts are whole units of a currency's own decimals (at most 8). Rates, percents and limits are plain decimal texts, read exactly.
"""

from enum import StrEnum
from typing import Literal

import msgspec

from paymux.exchange.lifecycle import Payout, Status


class Check(StrEnum):
    """How a currency's addresses are checked."""

    NONE = "none"
    BTC = "btc"
    EVM = "evm"
    TRON = "tron"
    CARD = "card"
    IBAN = "iban"


class Option(msgspec.Struct, frozen=True):
    name: str
    value: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a client gives. `id` is an ObjectID or a slug, unique in its list."""

    id: str
    name: str
    placeholder: str = ""
    regexp: str = ""  # searched, as JavaScript's `match` does: anchors are the operator's
    regexp_error: str = ""
    required: bool = True
    options: tuple[Option, ...] = ()
    check: Check = Check.NONE


class Discount(msgspec.Struct, frozen=True):
    """From so much on (in the first currency), so many percent off the price."""

    more_than: str
    percent: str


class Currency(msgspec.Struct, frozen=True, kw_only=True):
    """One currency of the exchange. `payment` and `payout`: whether a person or a module receives and pays."""

    id: str  # 24 hex digits
    code: str  # such as USDTTRC20
    name: str
    symbol: str
    decimals: int
    network: str = ""
    memo: str = ""  # what a memo tag is called on this chain; empty: there is none
    check: Check = Check.NONE
    payment: Literal["manual", "automatic"] = "manual"
    payout: Literal["manual", "automatic"] = "manual"
    account: str = ""  # where clients send
    payment_text: str = ""
    usd_rate: str = "0"
    position_in: int = 0
    position_out: int = 0
    active: bool = True


class Floating(msgspec.Struct, frozen=True):
    """How a direction's orders follow its rate until they are paid, in percents of units out per unit in."""

    down_percent: str = "0"  # followed down when it fell by more than this
    up_percent: str = "0"  # followed up when it rose by more than this
    up_limit_percent: str = "0"  # never more than this above the rate that the order began with; "0": no limit


class Direction(msgspec.Struct, frozen=True, kw_only=True):
    """One way to exchange. `rate_in` of the first currency give `rate_out` of the second; the percentage fee is inside."""

    id: str
    from_code: str
    to_code: str
    rate_in: str
    rate_out: str
    source: str = ""  # a rate source's name: its quote takes the place of rate_out
    margin_percent: str = "0"  # on a source's quote: in' = in + in * margin / 100
    quote_age_max_s: int = 900  # older than this, the direction is closed
    floating: Floating | None = None  # None: an order keeps the rate that it was made with
    fee: str = "0"  # fixed, of the second currency
    min: str = "0"  # of the first currency; "0": no limit
    max: str = "0"
    reserve: str = ""  # of the second currency, what this direction offers of the reserve at most; empty: all of it
    ttl_minutes: int = 60
    commission_percent: str = "0"  # of what comes in, for the partner who sent the client
    discounts: tuple[Discount, ...] = ()  # the largest amount first
    from_fields: tuple[Field, ...] = ()
    to_fields: tuple[Field, ...] = ()
    route_fields: tuple[Field, ...] = ()
    friendly_url: str = ""
    web: bool = True
    bot: bool = True
    exported: bool = True
    active: bool = True


class Value(msgspec.Struct, frozen=True):
    """What a client gave for a field."""

    key: str
    name: str
    value: str


class Afloat(msgspec.Struct, frozen=True):
    """The terms of an order whose rate floats, the rate that it began with, and whether it is fixed by now."""

    down_percent: str
    up_percent: str
    up_limit_percent: str
    first_in: str
    first_out: str
    fixed: bool = False


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an order keeps beside its money."""

    rate_in: str
    rate_out: str
    discount: str = "0"
    fee: str = "0"
    floating: Afloat | None = None
    out_asked: bool = False  # the client named what it wants to receive
    quoted_at: int = 0
    lasts_ms: int = 0  # how long it waits for its payment; 0: it was made before this was kept
    from_decimals: int = 8
    to_decimals: int = 8
    from_values: tuple[Value, ...] = ()
    to_values: tuple[Value, ...] = ()
    route_values: tuple[Value, ...] = ()
    language: str = "en"
    partner: str | None = None
    hide_out: bool = False
    callback_url: str | None = None
    ipn_url: str | None = None
    reliable: bool = False  # the IPN is repeated until it is taken
    email: str = ""
    client_type: str = "api"
    extra: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # not None: msgspec would read `Raw | None` back as null alone
    comment: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is stored. `secret` and `ipn_secret` are encrypted."""

    uid: int
    id: str
    rid: str
    secret: str
    merchant_id: int
    direction_id: str
    from_code: str
    to_code: str
    in_units: int
    out_units: int
    fee_units: int
    rounding_units: int
    commission_units: int
    received_units: int
    reserved_units: int
    late_units: int
    status: Status
    version: int
    payout: Payout
    operation_key: str | None
    asked: int
    act_at: int | None
    txid: str | None
    details: Details
    ipn_secret: str | None
    created_at: int
    expires_at: int
    updated_at: int


class Reserve(msgspec.Struct, frozen=True):
    """What the inventory of a currency has, in units."""

    code: str
    units: int


def secret_about(order_id: str) -> str:
    """What an order's encrypted secrets are bound to."""
    return f"order:{order_id}"


def trimmed(text: str) -> str:
    """A plain decimal without trailing zeros."""
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
