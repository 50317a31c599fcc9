"""The requests of EcomTrade24's wire: the body, the order of checks, methods, repeats, look-ups."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from paymux.dialects.ecomtrade24 import wire
from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.wire import ById, ByOrder, Platform, lookup, parse_session
from paymux.merchants.model import Merchant, Plan, Policy, ShopStatus
from paymux.payments.model import OpenPayment
from paymux.routing.model import METHODS
from tests.dialects.ecomtrade24.samples import (
    E1,
    FREE,
    PLATFORM,
    PRO,
    facts,
    literal,
    opened,
    parse,
)

# ---- the body


@pytest.mark.parametrize(
    "body",
    [
        b"", b"   ", b"amount=5", b"[]", b"[1]", b"null", b"5", b'"x"', b"true", b"{", b'{"a":1}x', b'{"a":NaN}', b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}', b'{"\xff":1}', rb'{"a":"\ud800"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\x01"}', b'{"a":1e99999999999999999999}',
        b'{"amount":1' + b"0" * 5000 + b"}", b'{"a":' * 30_000, b"[" * 60_000 + b"]" * 60_000,
        b'{"meta":' * 20_000 + b"1" + b"}" * 20_000,
    ],
)  # fmt: skip
def test_what_is_not_a_json_object_is_invalid_json(body: bytes) -> None:
    assert parse_session(body, FREE, PLATFORM) is Code.INVALID_JSON


def test_an_empty_object_is_an_object_without_a_domain() -> None:
    assert parse_session(b"{}", FREE, PLATFORM) is Code.INVALID_DOMAIN


def test_the_last_of_two_equal_keys_wins() -> None:
    found = literal("amount", '"1.00", "amount": "2.00"')
    assert isinstance(found, OpenPayment)
    assert found.amount.units == 200


# ---- the order of checks


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"amount":"0","currency":"EUR","domain":"shop.example.com"}', "invalid_amount"),
        ('{"amount":"0","currency":"zz","domain":"shop.example.com"}', "invalid_amount"),
        ('{"amount":"5.00","currency":"zz","domain":"shop.example.com"}', "invalid_currency"),
        ('{"amount":"0","currency":"EUR"}', "invalid_domain"),
        ("amount=5", "invalid_json"),
    ],
)
def test_the_manuals_order_of_checks_holds(body: str, code: str) -> None:
    assert parse_session(body.encode(), FREE, PLATFORM) == code


def test_each_check_comes_before_the_next_one() -> None:
    wrong: dict[str, Any] = {
        "domain": "localhost", "amount": "0", "currency": "zz", "return_url": "x", "cancel_url": "x", "order_id": "x" * 192,
        "meta": {"x": "y" * 9000}, "method": "zz", "email": "no",
    }  # fmt: skip
    bad_wallet = replace(PRO, wallet="0x12")
    steps: list[tuple[dict[str, Any], Merchant, str]] = [
        ({}, bad_wallet, "invalid_domain"),
        ({"domain": "new.example.com"}, bad_wallet, "domain_not_allowed"),
        ({"domain": "shop.example.com"}, bad_wallet, "invalid_amount"),
        ({"amount": "5"}, bad_wallet, "invalid_currency"),
        ({"currency": "EUR"}, replace(PRO, wallet=None), "missing_merchant_payout_wallet"),
        ({}, bad_wallet, "invalid_merchant_payout_wallet"),
        ({}, PRO, "invalid_return_url"),
        ({"return_url": ""}, PRO, "invalid_cancel_url"),
        ({"cancel_url": ""}, PRO, "invalid_order_id"),
        ({"order_id": 1}, PRO, "meta_too_large"),
        ({"meta": {}}, PRO, "invalid_method"),
        ({"method": "ideal"}, PRO, "method_not_available"),
        ({"method": "bank", "bank_fiat_currency": "GBP"}, PRO, "invalid_bank_fiat_currency"),
        ({"method": "klarna"}, PRO, "valid_customer_email_required"),
    ]
    for mended, merchant, code in steps:
        wrong |= mended
        assert parse(wrong, merchant) == code
    assert isinstance(parse(wrong | {"method": "card"}, PRO), OpenPayment)


# ---- method and routing


@pytest.mark.parametrize("method", [*METHODS, "CARD", "guardarian", "", None, 5, [1]])
def test_a_free_merchants_method_has_no_effect(method: object) -> None:
    found = opened({"method": method, "bank_fiat_currency": "zz"})
    assert found.method is None
    assert facts(found).mode == "hosted"
    expected = method.lower() if isinstance(method, str) and method.lower() in METHODS else None
    assert facts(found).asked_method == expected


@pytest.mark.parametrize(
    ("merchant", "platform"),
    [
        (FREE, PLATFORM),
        (replace(PRO, smart_routing=False), PLATFORM),
        (PRO, msgspec.structs.replace(PLATFORM, smart_routing_global=False)),
    ],
)
def test_the_mode_is_hosted_unless_plan_switch_and_platform_all_allow(merchant: Merchant, platform: Platform) -> None:
    found = parse_session(json.dumps(E1 | {"method": "ideal", "smart_route": True}).encode(), merchant, platform)
    assert isinstance(found, OpenPayment)
    assert facts(found).mode == "hosted"


@pytest.mark.parametrize("plan", [Plan.PRO, Plan.UNLIMITED])
def test_paid_plans_are_routed(plan: Plan) -> None:
    found = opened({"method": " CARD "}, replace(PRO, plan=plan))
    assert (found.method, facts(found).mode, facts(found).bank_currency) == ("card", "smart_router", None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": "visa"}, "invalid_method"),
        ({"method": 5}, "invalid_method"),
        ({"method": "card\u0000"}, "invalid_method"),
        ({"method": "ideal"}, "method_not_available"),  # its route is down
        ({"method": "revolut"}, "method_not_available"),  # below its minimum
        ({"method": "card", "amount": "1.00"}, "method_not_available"),
        ({"method": "card", "currency": "GBP"}, "method_not_available"),  # no rate to compare its minimum with
        ({"method": "klarna", "email": "x"}, "valid_customer_email_required"),
        ({"method": "klarna", "email": "x@fake.example.net"}, "valid_customer_email_required"),
        ({"method": "bank", "bank_fiat_currency": "GBP"}, "invalid_bank_fiat_currency"),
        ({"method": "bank", "bank_fiat_currency": 5}, "invalid_bank_fiat_currency"),
        ({"method": "bank", "currency": "JPY", "amount": 500}, "invalid_bank_fiat_currency"),
    ],
)
def test_a_method_that_cannot_serve_is_refused(changes: dict[str, Any], code: str) -> None:
    assert parse(changes, PRO) == code


def test_a_method_or_route_that_the_merchant_switched_off_is_not_available() -> None:
    assert parse({"method": "card"}, replace(PRO, methods_off=frozenset({"card"}))) is Code.METHOD_NOT_AVAILABLE
    assert parse({"method": "card"}, replace(PRO, policy=Policy(routes_off=("sim-card",)))) is Code.METHOD_NOT_AVAILABLE
    assert parse({"method": "bank"}, replace(PRO, policy=Policy(routes_off=("sim-bank",)))) is Code.METHOD_NOT_AVAILABLE


@pytest.mark.parametrize(("sent", "currency"), [(None, "EUR"), ("usd", "USD"), (" EUR ", "EUR")])
def test_a_bank_currency_is_the_orders_unless_given(sent: str | None, currency: str) -> None:
    assert facts(opened({"method": "bank", "bank_fiat_currency": sent}, PRO)).bank_currency == currency


def test_a_bank_currency_counts_only_with_the_method_bank() -> None:
    assert facts(opened({"method": "card", "bank_fiat_currency": "zz"}, PRO)).bank_currency is None


def test_without_a_method_creation_never_fails_for_routing_reasons() -> None:
    nothing = msgspec.structs.replace(PLATFORM, routes=())
    assert isinstance(parse_session(json.dumps(E1 | {"email": ""}).encode(), PRO, nothing), OpenPayment)


# ---- what is dropped, what repeats


def test_forbidden_fields_change_nothing_and_are_noted_by_name() -> None:
    plain = opened(merchant=PRO)
    forced = opened({"provider": "guardarian", "smart_route": False, "Hosted": 1, "stripe": "x", "direct_url": "x", "package": "free"}, PRO)
    assert replace(forced, note="") == plain
    assert forced.note == "dropped: provider, smart_route, hosted, direct_url, package, stripe"
    assert "guardarian" not in forced.note


def test_the_same_wish_has_the_same_repeat_key() -> None:
    key = opened().repeat_key
    assert key is not None
    assert len(key) == 32
    assert opened({"amount": 49.99, "domain": "https://SHOP.example.com", "email": "x@example.org", "meta": None}).repeat_key == key
    assert opened({"method": "card"}).repeat_key == key  # no effect in hosted mode


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": "ORD-2"}, {"amount": "49.98"}, {"currency": "USD"}, {"domain": "two.example.com"}, {"method": "paypal"},
        {"method": "bank"}, {"method": "bank", "bank_fiat_currency": "USD"},
    ],
)  # fmt: skip
def test_another_wish_has_another_repeat_key(changes: dict[str, Any]) -> None:
    merchant = replace(PRO, shops=PRO.shops | {"two.example.com": ShopStatus.APPROVED})
    keys = {opened(sent, merchant).repeat_key for sent in ({}, {"method": "card"}, {"method": "bank", "currency": "USD"}, changes)}
    assert len(keys) == 4


# ---- look-up


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, Code.MISSING_SESSION_ID),
        ({"session_id": "", "order_id": " ", "number": ""}, Code.MISSING_SESSION_ID),
        ({"x": "1"}, Code.MISSING_SESSION_ID),
        ({"session_id": "1459"}, ById(1459)),
        ({"session_id": " 01459 "}, ById(1459)),
        ({"session_id": "1459", "order_id": "A", "number": "session_1"}, ById(1459)),
        ({"order_id": "A", "number": "session_1"}, ByOrder("A")),
        ({"order_id": " ORD-10001 "}, ByOrder("ORD-10001")),
        ({"merchant_ref": "A"}, ByOrder("A")),
        ({"merchant_ref": "A", "order_id": "B"}, ByOrder("B")),
        ({"order_id": "A\0"}, Code.SESSION_NOT_FOUND),
        ({"order_id": "x" * 192}, Code.SESSION_NOT_FOUND),
        ({"order_id": "\udc80"}, Code.SESSION_NOT_FOUND),
        ({"number": "session_1459"}, ById(1459)),
        ({"number": "1459"}, ById(1459)),
        ({"number": "session_"}, Code.SESSION_NOT_FOUND),
        ({"number": "order_1"}, Code.SESSION_NOT_FOUND),
        ({"number": "session_session_1"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "abc"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "session_1459"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "0"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "-1"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "1.5"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "٣"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "9223372036854775807"}, ById(2**63 - 1)),
        ({"session_id": "9223372036854775808"}, Code.SESSION_NOT_FOUND),
        ({"session_id": "9" * 5000}, Code.SESSION_NOT_FOUND),
    ],
)
def test_a_look_up_names_one_session_or_a_code(query: dict[str, str], found: ById | ByOrder | Code) -> None:
    assert lookup(query) == found


# ---- whatever is sent


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from([found.name for found in msgspec.structs.fields(wire.SessionRequest)]), JSON)
def test_any_value_in_any_field_gives_a_payment_or_a_code(name: str, value: object) -> None:
    for merchant in (FREE, PRO):
        found = parse({name: value}, merchant)
        assert isinstance(found, OpenPayment | Code)
        if isinstance(found, OpenPayment):
            stored = msgspec.to_builtins(found).values()
            texts = [text for text in stored if isinstance(text, str)]
            assert not any("\0" in text for text in texts)
            "".join(texts).encode()


@given(st.binary(max_size=60))
def test_any_bytes_give_a_code(body: bytes) -> None:
    assert isinstance(parse_session(body, FREE, PLATFORM), Code)
