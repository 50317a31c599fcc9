"""EcomTrade24's answers: payment, merchant, code -> JSON structs, whose field order is the wire's key order. Pure.

Amounts are text with 2 decimals, times `YYYY-MM-DD HH:MM:SS` UTC. `base_url` has no slash at its end.
Source: EcomTrade24's manual; `status` at the top level and the members after `last_error` are ours.
"""

import msgspec

from paymux import clock
from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.mode import HOSTED, ROUTED_PLANS, SMART, Platform, details, effective, wish_of
from paymux.dialects.ecomtrade24.statuses import word
from paymux.merchants.model import Merchant
from paymux.money import Money, decimal_text
from paymux.payments.model import Payment
from paymux.routing.choose import bank_currencies, methods_available
from paymux.routing.model import METHODS


class HostedAnswer(msgspec.Struct, frozen=True):
    ok: bool
    session_id: int
    checkout_url: str
    checkout_mode: str
    smart_route: bool
    expires_at: str


class SmartAnswer(msgspec.Struct, frozen=True):
    """`direct_url` and `selected_provider` are always null: providers stay inside."""

    ok: bool
    session_id: int
    checkout_url: str
    checkout_mode: str
    direct_url: None
    warmup_url: str
    selected_provider: None
    smart_route: bool
    expires_at: str


def session_answer(payment: Payment, base_url: str) -> HostedAnswer | SmartAnswer:
    """The answer to a created or repeated session."""
    expires_at = clock.text(payment.expires_at)
    if details(payment).mode == HOSTED:
        url = f"{base_url}/hosted-checkout.php?session={payment.id}"
        return HostedAnswer(True, payment.id, url, HOSTED, False, expires_at)
    url = f"{base_url}/checkout-continue.php?session={payment.id}"
    return SmartAnswer(True, payment.id, url, SMART, None, url, None, True, expires_at)


class StatusSession(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    order_id: str | None
    status: str
    amount: str
    currency: str
    shop_domain: str
    payment_url: str
    txid: str | None  # the best reference so far: txid_out, else txid_in
    txid_in: str | None
    txid_out: str | None
    last_error: str | None
    created_at: str
    expires_at: str
    paid_at: str | None
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # only if given at creation


class StatusAnswer(msgspec.Struct, frozen=True):
    """`status` stands at the top level too: a known client reads it only there."""

    ok: bool
    status: str
    session: StatusSession


def status_answer(payment: Payment, base_url: str, now: int) -> StatusAnswer:
    """A payment as its shop sees it at this moment."""
    status = word(payment.state, payment.expires_at, now)
    session = StatusSession(
        id=payment.id,
        order_id=payment.order_ref,
        status=status,
        amount=amount_text(payment.amount),
        currency=payment.currency,
        shop_domain=payment.shop,
        payment_url=f"{base_url}/checkout.php?session={payment.id}",
        txid=payment.settled_txid or payment.txid_in,
        txid_in=payment.txid_in,
        txid_out=payment.settled_txid,
        last_error=payment.last_error,
        created_at=clock.text(payment.created_at),
        expires_at=clock.text(payment.expires_at),
        paid_at=None if payment.paid_at is None else clock.text(payment.paid_at),
        meta=msgspec.UNSET if payment.meta is None else msgspec.Raw(payment.meta.encode()),
    )
    return StatusAnswer(True, status, session)


def amount_text(amount: Money) -> str:
    """2 decimals for every currency ("500.00" JPY); more only if the amount would not be exact otherwise."""
    exponent = amount.currency.exponent
    if exponent == 2:  # as nearly all have
        return f"{amount.units // 100}.{amount.units % 100:02d}"
    beyond = 10 ** max(exponent - 2, 0)
    if amount.units % beyond:
        return decimal_text(amount.units, exponent)
    return decimal_text(amount.units // beyond, min(exponent, 2), 2)


class MethodState(msgspec.Struct, frozen=True):
    enabled: bool  # the merchant's switch
    configured: bool  # the gateway has a route for it
    available: bool  # a session that asks for it would be served now


class BankState(MethodState, frozen=True):
    supported_bank_fiat: list[str]


class SmartRouter(msgspec.Struct, frozen=True):
    enabled_global: bool
    allowed_for_package: bool
    effective: bool
    methods: dict[str, MethodState]


class MeAnswer(msgspec.Struct, frozen=True):
    ok: bool
    merchant_id: int
    email: str
    package: str
    checkout_mode: str
    country: str | None
    smart_router: SmartRouter


def me_answer(merchant: Merchant, platform: Platform) -> MeAnswer:
    """What the merchant may use: plan, mode, and each buyer-facing method; no provider is named."""
    live, wish = effective(merchant, platform), wish_of(merchant)
    kept = methods_available(wish, platform.routes, platform.rates)
    methods: dict[str, MethodState] = {}
    for method in METHODS:
        enabled = method not in merchant.methods_off
        configured = any(method in route.methods for route in platform.routes)
        available = live and kept[method]
        if method == "bank":
            methods[method] = BankState(enabled, configured, available, bank_currencies(platform.routes, wish))
        else:
            methods[method] = MethodState(enabled, configured, available)
    router = SmartRouter(platform.smart_routing_global, merchant.plan in ROUTED_PLANS, live, methods)
    return MeAnswer(True, merchant.id, merchant.email, merchant.plan, SMART if live else HOSTED, merchant.country, router)


class ErrorAnswer(msgspec.Struct, frozen=True):
    ok: bool
    error: str
    retry_after: int | msgspec.UnsetType = msgspec.UNSET  # whole seconds, at least 1


def error_answer(code: Code, retry_after: int | None = None) -> ErrorAnswer:
    """The body of every refusal; the same number of seconds belongs into the header `Retry-After`."""
    return ErrorAnswer(False, code, msgspec.UNSET if retry_after is None else max(1, retry_after))
