"""Hosted Checkout or Smart Routing: what decides it, and what is frozen of it in a session. Pure.

Source: EcomTrade24's manual: the key alone decides the plan, the plan decides the mode, no request field can.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

import msgspec

from paymux.merchants.model import Merchant, Plan
from paymux.money import Money
from paymux.payments.model import Payment
from paymux.routing.model import Route, Wish

DIALECT = "ecomtrade24"
HOSTED, SMART = "hosted", "smart_router"
ROUTED_PLANS = frozenset({Plan.PRO, Plan.UNLIMITED})


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What a request needs to know of the gateway itself, read in the request's own batch."""

    smart_routing_global: bool
    routes: tuple[Route, ...]
    rates: Mapping[str, Decimal]  # currency code -> value of one major unit in USD
    session_lasts_ms: int
    email_deny: frozenset[str]  # domains of proxy or fake addresses, lower case
    gateway_host: str  # the shop of payments that links and products open


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This dialect's own facts of a payment, frozen at its creation."""

    mode: str  # HOSTED or SMART
    wallet: str  # the merchant's at that moment
    bank_currency: str | None = None  # with method "bank" only
    webhook_url: str | None = None  # this session's own, instead of the shop's
    asked_method: str | None = None  # what the shop asked for, also where it has no effect


def details(payment: Payment) -> Details:
    return _details(payment.details)


@lru_cache(4096)
def _details(text: str) -> Details:
    """Most sessions of a merchant share theirs."""
    return msgspec.json.decode(text, type=Details)


def effective(merchant: Merchant, platform: Platform) -> bool:
    """Is Smart Routing live for this merchant? The plan, the platform's switch and the merchant's own all say so."""
    return platform.smart_routing_global and merchant.plan in ROUTED_PLANS and merchant.smart_routing


def wish_of(
    merchant: Merchant, *, amount: Money | None = None, method: str | None = None, country: str | None = None, has_email: bool = True
) -> Wish:
    """What this merchant wants routed; without an amount it is the general question of me.php."""
    return Wish(
        package=merchant.plan,
        amount_units=amount.units if amount else None,
        currency=amount.currency.code if amount else None,
        method=method,
        country=country,
        has_email=has_email,
        methods_off=merchant.methods_off,
        routes_off=frozenset(merchant.policy.routes_off),
        route_priority=merchant.policy.route_priority,
    )
