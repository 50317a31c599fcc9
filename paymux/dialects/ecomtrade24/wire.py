"""EcomTrade24's requests: bytes -> command, query -> look-up; the answers stand in `answers` and are offered here too. Pure.

`parse_session` gives what `payments.open` wants, or the first code in the manual's order of checks; `fields` and `domain` judge
the single values. Source: EcomTrade24's manual (names, codes); where it is silent the decision is ours and stands at its place.
"""

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from paymux.dialects.ecomtrade24 import domain, fields
from paymux.dialects.ecomtrade24.answers import amount_text, error_answer, me_answer, session_answer, status_answer
from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.mode import DIALECT, HOSTED, SMART, Details, Platform, details, effective, wish_of
from paymux.merchants.model import Merchant, ShopStatus
from paymux.money import Money
from paymux.payments.model import OpenPayment
from paymux.routing.choose import bank_currencies, choose
from paymux.routing.model import METHODS, Wish

__all__ = [
    "ById",
    "ByOrder",
    "Details",
    "Platform",
    "SessionRequest",
    "amount_text",
    "details",
    "effective",
    "error_answer",
    "lookup",
    "me_answer",
    "parse_session",
    "repeat_key",
    "session_answer",
    "status_answer",
]

ID_MAX = 2**63 - 1

# ---- POST /gateway/session.php: the request


_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_AMOUNT_SCHEMA = {
    "type": ["string", "number"],
    "pattern": r"^(?=.*[1-9])[0-9]{1,7}(\.[0-9]{1,2})?$",
    "exclusiveMinimum": 0,
    "maximum": 9999999,
    "examples": ["49.99"],
}
_Amount = Annotated[str, Meta(extra_json_schema=_AMOUNT_SCHEMA)]
_Currency = Annotated[str, Meta(pattern="^[A-Za-z]{3}$", description="an active ISO 4217 code", examples=["EUR"])]
_Domain = Annotated[str, Meta(pattern=rf"^({_LABEL}\.)+[A-Za-z]{{2,63}}$", max_length=190, examples=["shop.example.com"])]
_Url = Annotated[str, Meta(pattern="^https?://[A-Za-z0-9]", max_length=domain.URL_MAX, examples=["https://shop.example.com/order/success"])]
_OrderId = Annotated[str, Meta(max_length=fields.ORDER_ID_MAX, examples=["ORD-10001"])]
_Method = Literal["card", "klarna", "paypal", "revolut", "bank", "ideal", "other"]


class SessionRequest(msgspec.Struct):
    """The fields that are read, for the documentation; `fields` judges them, and takes more forms than are advised here.
    Unknown ones are ignored."""

    amount: _Amount
    currency: _Currency
    domain: _Domain
    merchant: str | None = None
    email: str | None = None
    customer_email: str | None = None
    billing_email: str | None = None
    customer: dict[str, Any] | None = None
    order_id: _OrderId | int | None = None
    merchant_ref: _OrderId | int | None = None
    purchase_id: _OrderId | int | None = None
    return_url: _Url | None = None
    cancel_url: _Url | None = None
    country: str | None = None
    billing_country: str | None = None
    meta: dict[str, Any] | None = None
    method: _Method | None = None
    bank_fiat_currency: str | None = None
    webhook_url: str | None = None


_BODY = msgspec.json.Decoder(float_hook=Decimal)  # a number keeps its literal digits


class _Stop(Exception):
    """The first check that fails ends the reading; it never leaves this file."""

    def __init__(self, code: Code) -> None:
        self.code = code


def parse_session(body: bytes, merchant: Merchant, platform: Platform) -> OpenPayment | Code:
    """The command for a new payment, or the first code that applies, in the manual's order."""
    try:
        return _session(_object(body), merchant, platform)
    except _Stop as stop:
        return stop.code


def _session(sent: fields.Body, merchant: Merchant, platform: Platform) -> OpenPayment:
    shop = _shop(sent, merchant)
    amount = _amount(sent)
    wallet = _wallet(merchant)
    return_url = _url(sent, "return_url", Code.INVALID_RETURN_URL)
    cancel_url = _url(sent, "cancel_url", Code.INVALID_CANCEL_URL)
    try:
        order_id = fields.order_id(sent)
    except fields.Unusable:
        raise _Stop(Code.INVALID_ORDER_ID) from None
    try:
        meta = fields.meta(sent.get("meta"))
    except fields.Unusable:
        raise _Stop(Code.META_TOO_LARGE) from None
    email = domain.email(fields.email_value(sent), platform.email_deny)
    country = fields.country(fields.given(sent, "country"))
    smart = effective(merchant, platform)
    method = _method(sent, strict=smart)
    bank_currency = None
    if smart and method:
        wish = wish_of(merchant, amount=amount, method=method, country=country, has_email=email is not None)
        bank_currency = _routed(sent, wish, platform)
    webhook_url = domain.http_url(sent.get("webhook_url"))
    routed_method = method if smart else None  # a hosted session's method has no effect
    facts = Details(
        mode=SMART if smart else HOSTED,
        wallet=wallet,
        bank_currency=bank_currency,
        webhook_url=webhook_url if webhook_url and domain.belongs_to(webhook_url, shop) else None,
        asked_method=method,
    )
    return OpenPayment(
        merchant_id=merchant.id,
        dialect=DIALECT,
        shop=shop,
        amount=amount,
        lasts_ms=platform.session_lasts_ms,
        order_ref=order_id,
        repeat_key=repeat_key(order_id, amount, shop, routed_method, bank_currency),
        method=routed_method,
        email=email,
        country=country,
        return_url=return_url,
        cancel_url=cancel_url,
        meta=meta,
        details=msgspec.json.encode(facts).decode(),
        note=fields.dropped(sent),
    )


def _object(body: bytes) -> fields.Body:
    try:
        sent = _BODY.decode(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):  # syntax, UTF-8, absurd number, depth
        raise _Stop(Code.INVALID_JSON) from None
    if not isinstance(sent, dict):
        raise _Stop(Code.INVALID_JSON)
    return sent


def _shop(sent: fields.Body, merchant: Merchant) -> str:
    shop = domain.normalised_domain(fields.given(sent, "domain"))
    if shop is None:
        raise _Stop(Code.INVALID_DOMAIN)
    if merchant.shops.get(shop) is not ShopStatus.APPROVED:
        raise _Stop(Code.DOMAIN_NOT_ALLOWED)
    return shop


def _amount(sent: fields.Body) -> Money:
    rounded = fields.amount(sent.get("amount"))
    if rounded is None:
        raise _Stop(Code.INVALID_AMOUNT)
    currency = fields.currency(sent.get("currency"))
    if currency is None:
        raise _Stop(Code.INVALID_CURRENCY)
    money = fields.money(rounded, currency)
    if money is None:  # a fraction of yen: only known now that the currency is
        raise _Stop(Code.INVALID_AMOUNT)
    return money


def _wallet(merchant: Merchant) -> str:
    if not merchant.wallet or not merchant.wallet.strip():
        raise _Stop(Code.MISSING_WALLET)
    wallet = domain.wallet(merchant.wallet)
    if wallet is None:
        raise _Stop(Code.INVALID_WALLET)
    return wallet


def _url(sent: fields.Body, name: str, code: Code) -> str | None:
    value = fields.given(sent, name)
    if value is None:
        return None
    url = domain.http_url(value)
    if url is None:
        raise _Stop(code)
    return url


def _method(sent: fields.Body, *, strict: bool) -> str | None:
    """The method asked for; an unknown one is an error only where it would have an effect."""
    value = fields.given(sent, "method")
    method = value.strip().lower() if isinstance(value, str) else value
    if method is None or method in METHODS:
        return method if isinstance(method, str) else None
    if strict:
        raise _Stop(Code.INVALID_METHOD)
    return None


def _routed(sent: fields.Body, wish: Wish, platform: Platform) -> str | None:
    """The bank currency, for method "bank"; stops unless at least one route can serve the wish as it is now."""
    if wish.method == "bank":
        supported = bank_currencies(platform.routes, wish)
        if not supported:
            raise _Stop(Code.METHOD_NOT_AVAILABLE)
        asked = fields.given(sent, "bank_fiat_currency")
        bank_currency = asked.strip().upper() if isinstance(asked, str) else wish.currency if asked is None else None
        if bank_currency not in supported:
            raise _Stop(Code.INVALID_BANK_CURRENCY)
        wish = replace(wish, bank_currency=bank_currency)
    choice = choose(wish, platform.routes, platform.rates)
    if not choice.routes:
        raise _Stop(Code.EMAIL_REQUIRED if choice.only_email_missing else Code.METHOD_NOT_AVAILABLE)
    return wish.bank_currency


def repeat_key(order_id: str | None, amount: Money, shop: str, method: str | None, bank_currency: str | None) -> str | None:
    """Equal for requests that mean the same payment; None without an order number: such a request never repeats another."""
    if order_id is None:
        return None
    same = msgspec.json.encode([order_id, amount.units, amount.currency.code, shop, method, bank_currency])
    return hashlib.sha256(same).hexdigest()[:32]


# ---- GET /gateway/session_status.php: the look-up


class ById(msgspec.Struct, frozen=True):
    id: int


class ByOrder(msgspec.Struct, frozen=True):
    """A successful session of this order number wins, else the newest."""

    order_ref: str


_NUMBER = re.compile(r"0*([0-9]{1,19})")


def lookup(query: Mapping[str, str]) -> ById | ByOrder | Code:
    """Which session is asked for: `session_id` before `order_id` (or `merchant_ref`) before `number`, the first non-empty."""
    session_id = query.get("session_id", "").strip()
    if session_id:
        return by_id(session_id)
    order_id, number = query.get("order_id", "").strip() or query.get("merchant_ref", "").strip(), query.get("number", "").strip()
    if order_id:
        order_ref = fields.order_ref(order_id)
        return ByOrder(order_ref) if order_ref else Code.SESSION_NOT_FOUND
    return by_id(number.removeprefix("session_")) if number else Code.MISSING_SESSION_ID


def by_id(text: str) -> ById | Code:
    """A session's number written as text."""
    match = _NUMBER.fullmatch(text)
    number = int(match[1]) if match else 0
    return ById(number) if 1 <= number <= ID_MAX else Code.SESSION_NOT_FOUND
