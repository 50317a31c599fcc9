"""The answers of EcomTrade24's wire, byte for byte where the manual shows them."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from paymux.dialects.ecomtrade24 import fields, wire
from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.wire import parse_session
from paymux.payments.lifecycle import State
from paymux.payments.model import OpenPayment
from paymux.routing.model import METHODS
from tests.dialects.ecomtrade24.samples import (
    BASE,
    CREATED_AT,
    FREE,
    PLATFORM,
    PRO,
    opened,
    payment,
    written,
)


def test_the_hosted_answer_is_the_manuals() -> None:
    assert written(wire.session_answer(payment(opened()), BASE)) == (
        '{"ok":true,"session_id":1459,"checkout_url":"https://pay.example/hosted-checkout.php?session=1459","checkout_mode":"hosted",'
        '"smart_route":false,"expires_at":"2026-04-29 12:30:00"}'
    )


def test_the_smart_routing_answer_is_the_manuals_with_or_without_a_method() -> None:
    for changes in ({}, {"method": "card"}, {"provider": "guardarian", "smart_route": False}):
        assert written(wire.session_answer(payment(opened(changes, PRO), 1460), BASE)) == (
            '{"ok":true,"session_id":1460,"checkout_url":"https://pay.example/checkout-continue.php?session=1460",'
            '"checkout_mode":"smart_router","direct_url":null,"warmup_url":"https://pay.example/checkout-continue.php?session=1460",'
            '"selected_provider":null,"smart_route":true,"expires_at":"2026-04-29 12:30:00"}'
        )


def test_the_status_answer_is_the_manuals_and_more() -> None:
    assert written(wire.status_answer(payment(opened(without="meta")), BASE, CREATED_AT)) == (
        '{"ok":true,"status":"created","session":{"id":1459,"order_id":"ORD-10001","status":"created","amount":"49.99","currency":"EUR",'
        '"shop_domain":"shop.example.com","payment_url":"https://pay.example/checkout.php?session=1459","txid":null,"txid_in":null,'
        '"txid_out":null,"last_error":null,"created_at":"2026-04-29 11:30:00","expires_at":"2026-04-29 12:30:00","paid_at":null}}'
    )


def test_the_status_answer_of_the_third_example() -> None:
    body = (
        b'{"amount":59.970000000000006,"currency":"usd","domain":"https://SHOP.example.com:443/","merchant_ref":"ORD-10003",'
        b'"billing_email":"buyer@example.com","billing_country":"us"}'
    )
    found = parse_session(body, FREE, PLATFORM)
    assert isinstance(found, OpenPayment)
    assert (found.email, found.country) == ("buyer@example.com", "US")
    session = wire.status_answer(payment(found), BASE, CREATED_AT).session
    assert (session.amount, session.currency, session.shop_domain) == ("59.97", "USD", "shop.example.com")
    assert (session.order_id, session.status) == ("ORD-10003", "created")


def test_meta_comes_back_as_it_is_stored() -> None:
    answer = written(wire.status_answer(payment(opened()), BASE, CREATED_AT))
    assert answer.endswith(',"paid_at":null,"meta":{"source":"woocommerce"}}}')


def test_an_overdue_session_is_expired_at_both_places() -> None:
    answer = wire.status_answer(payment(opened()), BASE, CREATED_AT + 3_600_000)
    assert answer.status == answer.session.status == "expired"


@pytest.mark.parametrize(
    ("txid_in", "txid_out", "txid"), [(None, None, None), ("0xa", None, "0xa"), ("0xa", "0xb", "0xb"), (None, "0xb", "0xb")]
)
def test_txid_is_the_best_reference_so_far(txid_in: str | None, txid_out: str | None, txid: str | None) -> None:
    stored = payment(opened(), state=State.SETTLED, txid_in=txid_in, txid_out=txid_out, paid_at=CREATED_AT)
    session = wire.status_answer(stored, BASE, CREATED_AT).session
    assert (session.txid, session.txid_in, session.txid_out, session.paid_at) == (txid, txid_in, txid_out, "2026-04-29 11:30:00")


def test_me_shows_a_free_merchant_every_method_and_none_available() -> None:
    answer = written(wire.me_answer(FREE, PLATFORM))
    assert answer.startswith(
        '{"ok":true,"merchant_id":13,"email":"m13@example.com","package":"free","checkout_mode":"hosted","country":"DE",'
        '"smart_router":{"enabled_global":true,"allowed_for_package":false,"effective":false,'
        '"methods":{"card":{"enabled":true,"configured":true,"available":false},'
    )
    assert list(json.loads(answer)["smart_router"]["methods"]) == list(METHODS)
    assert '"available":true' not in answer
    assert "sim" not in answer


def test_me_shows_a_pro_merchant_what_is_available() -> None:
    answer = json.loads(written(wire.me_answer(replace(PRO, methods_off=frozenset({"paypal"})), PLATFORM)))
    methods = answer["smart_router"]["methods"]
    assert answer["checkout_mode"] == "smart_router"
    assert methods["card"] == {"enabled": True, "configured": True, "available": True}
    assert methods["paypal"] == {"enabled": False, "configured": True, "available": False}
    assert methods["ideal"] == {"enabled": True, "configured": True, "available": False}
    assert methods["bank"] == {"enabled": True, "configured": True, "available": True, "supported_bank_fiat": ["EUR", "USD"]}


def test_me_with_smart_routing_off_is_hosted() -> None:
    answer = wire.me_answer(replace(PRO, smart_routing=False, country=None), PLATFORM)
    assert (answer.checkout_mode, answer.country, answer.smart_router.allowed_for_package) == ("hosted", None, True)
    assert not any(state.available for state in answer.smart_router.methods.values())


def test_an_error_is_its_code_and_nothing_else() -> None:
    assert written(wire.error_answer(Code.MISSING_API_KEY)) == '{"ok":false,"error":"missing_api_key"}'
    assert written(wire.error_answer(Code.RATE_LIMITED, 12)) == '{"ok":false,"error":"rate_limited","retry_after":12}'
    assert written(wire.error_answer(Code.TEMPORARILY_BLOCKED, 0)) == '{"ok":false,"error":"temporarily_blocked","retry_after":1}'


def test_the_documented_request_names_every_field_that_is_read() -> None:
    documented = {found.name for found in msgspec.structs.fields(wire.SessionRequest)}
    assert {*fields.ALIASES, *(name for names in fields.ALIASES.values() for name in names)} < documented
    assert not documented & set(fields.FORBIDDEN)
