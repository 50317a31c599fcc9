"""The merchants, routes and requests that the tests of EcomTrade24's wire share."""

import json
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.wire import Details, Platform, parse_session
from paymux.merchants.model import Merchant, Plan, ShopStatus
from paymux.payments.lifecycle import State
from paymux.payments.model import OpenPayment, Payment
from paymux.routing.model import Health, Route

WALLET = "0x" + "1" * 40
BASE = "https://pay.example"
CREATED_AT = 1777462200000  # 2026-04-29 11:30:00
ROUTES = (
    Route(slug="sim-card", provider="sim", methods=("card", "paypal", "other"), min_units=200),
    Route(slug="sim-big", provider="sim", methods=("revolut",), min_units=100_000),
    Route(slug="sim-klarna", provider="sim", methods=("klarna",), requires_email=True),
    Route(slug="sim-bank", provider="sim", methods=("bank",), currencies=("EUR", "USD")),
    Route(slug="sim-ideal", provider="sim", methods=("ideal",), health=Health.DOWN),
)
PLATFORM = Platform(
    smart_routing_global=True,
    routes=ROUTES,
    rates={"EUR": Decimal("1.1"), "JPY": Decimal("0.0067")},
    session_lasts_ms=3_600_000,
    email_deny=frozenset({"fake.example.net"}),
    gateway_host="pay.example",
)
PRO = Merchant(
    id=12,
    name="M",
    email="m12@example.com",
    plan=Plan.PRO,
    active=True,
    country="DE",
    wallet=WALLET,
    smart_routing=True,
    methods_off=frozenset(),
    shops={"shop.example.com": ShopStatus.APPROVED, "new.example.com": ShopStatus.PENDING, "bad.example.com": ShopStatus.BLOCKED},
)
FREE = replace(PRO, id=13, email="m13@example.com", plan=Plan.FREE)
E1 = {
    "amount": "49.99",
    "currency": "EUR",
    "domain": "shop.example.com",
    "order_id": "ORD-10001",
    "email": "buyer@example.com",
    "country": "DE",
    "return_url": "https://shop.example.com/order/success",
    "cancel_url": "https://shop.example.com/checkout",
    "meta": {"source": "woocommerce"},
}


def parse(changes: dict[str, Any] | None = None, merchant: Merchant = FREE, without: str = "") -> OpenPayment | Code:
    body = {name: value for name, value in (E1 | (changes or {})).items() if name != without}
    return parse_session(json.dumps(body).encode(), merchant, PLATFORM)


def opened(changes: dict[str, Any] | None = None, merchant: Merchant = FREE, without: str = "") -> OpenPayment:
    found = parse(changes, merchant, without)
    assert isinstance(found, OpenPayment), found
    return found


def literal(name: str, text: str) -> OpenPayment | Code:
    """E1 with one field whose JSON is written out."""
    body = {other: value for other, value in E1.items() if other != name}
    return parse_session((json.dumps(body)[:-1] + f', "{name}": {text}}}').encode(), FREE, PLATFORM)


def facts(found: OpenPayment) -> Details:
    return msgspec.json.decode(found.details, type=Details)


def payment(found: OpenPayment, number: int = 1459, **changes: Any) -> Payment:
    stored = Payment(
        id=number, merchant_id=found.merchant_id, dialect=found.dialect, shop=found.shop, amount_units=found.amount.units,
        currency=found.amount.currency.code, received_units=0, held_units=0, state=State.CREATED, version=1, order_ref=found.order_ref,
        repeat_key=found.repeat_key, method=found.method, email=found.email, country=found.country, return_url=found.return_url,
        cancel_url=found.cancel_url, meta=found.meta, details=found.details, txid_in=None, txid_out=None, last_error=None,
        reference=None, payer=None,
        attention=None, created_at=CREATED_AT, expires_at=CREATED_AT + found.lasts_ms, paid_at=None, updated_at=CREATED_AT,
    )  # fmt: skip
    return replace(stored, **changes)


def written(answer: msgspec.Struct) -> str:
    return msgspec.json.encode(answer).decode()
