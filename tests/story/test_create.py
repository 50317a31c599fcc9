"""A shop creates a session: what it may send, what is kept of it, and what a repeat gives."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from paymux.merchants.model import Plan
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.routing.model import Health
from tests.node import ABSENT, ORDER, LiveNode, request_bytes, serving, status_of

HOSTED = ["ok", "session_id", "checkout_url", "checkout_mode", "smart_route", "expires_at"]
SMART = [
    "ok", "session_id", "checkout_url", "checkout_mode", "direct_url", "warmup_url", "selected_provider", "smart_route", "expires_at"
]  # fmt: skip
FORCING = {
    "provider": "guardarian", "payment_provider": "moonpay", "checkout_provider": "stripe", "m_provider_name": "malum",
    "provider_mode": "x", "fallback_provider": "banxa", "smart_route": True, "hosted": False,
    "checkout_mode": "smart_router", "selected_provider": "epv2",
    "direct_url": "https://evil.example/", "package": "unlimited", "guardarian": "1", "upi": {}, "session_id": "tok_1",
}  # fmt: skip


@pytest.mark.parametrize(("plan", "members"), [("free", HOSTED), ("pro", SMART), ("unlimited", SMART)])
async def test_the_plan_behind_the_key_decides_the_answer(live: LiveNode, plan: str, members: list[str]) -> None:
    created = await (await live.merchant(plan)).create()
    assert list(created) == members
    page = "hosted-checkout" if members is HOSTED else "checkout-continue"
    assert created["checkout_url"] == f"{live.url}/{page}.php?session={created['session_id']}"
    assert created["smart_route"] is (members is SMART)
    assert created.get("selected_provider") is None
    assert created.get("direct_url") is None


async def test_numbers_of_sessions_grow_by_one(live: LiveNode) -> None:
    shop = await live.merchant()
    numbers = [(await shop.create())["session_id"] for _ in range(5)]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert numbers[0] > 0


async def test_a_shop_cannot_force_a_route(live: LiveNode) -> None:
    free, pro = await live.merchant("free"), await live.merchant("pro")
    for shop, members in ((free, HOSTED), (pro, SMART)):
        answer = await shop.post(**FORCING)
        assert list(answer.json()) == members
        for word in ("guardarian", "moonpay", "stripe", "malum", "banxa", "epv2", "evil", "tok_1"):
            assert word not in answer.text
        payment = await live.payment(answer.json()["session_id"])
        assert payment.method is None
        stored = repr(payment)
        assert "guardarian" not in stored
        assert "evil" not in stored
        (row,) = await live.history(payment.id)
        assert row["why"].startswith("dropped: provider, payment_provider")


async def test_a_provider_inside_meta_is_the_shops_own_data(live: LiveNode) -> None:
    shop = await live.merchant()
    meta = {"provider": "guardarian", "ümlaut": "a/b", "n": 1.50, "deep": [{"x": None}], "big": 12345678901234567890}
    session = await shop.status((await shop.create(meta=meta))["session_id"])
    assert session["meta"] == meta


@pytest.mark.parametrize("meta", [None, "text", 5, [1, 2], True, ABSENT, {}])
async def test_what_is_no_object_is_no_meta(live: LiveNode, meta: Any) -> None:
    shop = await live.merchant()
    session = await shop.status((await shop.create(meta=meta))["session_id"])
    assert "meta" not in session or session["meta"] == {}


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ('"49.99"', "49.99"), ("49.99", "49.99"), ('"49.9"', "49.90"), ("100", "100.00"), ('" 5.00 "', "5.00"), ('"49.999"', "50.00"),
        ("59.970000000000006", "59.97"), ("1.005", "1.01"), ("0.005", "0.01"), ('"0.01"', "0.01"), ("9999999.99", "9999999.99"),
        ("1e2", "100.00"), ("4.5E1", "45.00"), ("00", None), ('"007.10"', "7.10"),
    ],
)  # fmt: skip
async def test_amounts_are_read_from_their_literal_digits(live: LiveNode, literal: str, stored: str | None) -> None:
    shop = await live.merchant()
    answer = await shop.send(f'{{"amount":{literal},"currency":"EUR","domain":"shop.example.com"}}'.encode())
    if stored is None:
        assert answer.status_code == 400
        return
    assert (await shop.status(answer.json()["session_id"]))["amount"] == stored


async def test_every_active_currency_is_answered_with_two_decimals(live: LiveNode) -> None:
    shop = await live.merchant()
    for sent, currency, amount in (("500", "jpy", "500.00"), ("5.5", " inr ", "5.50"), ("7", "KWD", "7.00"), ("1.50", "gbp", "1.50")):
        session = await shop.status((await shop.create(amount=sent, currency=currency))["session_id"])
        assert (session["amount"], session["currency"]) == (amount, currency.strip().upper())


@pytest.mark.parametrize(
    "domain", ["shop.example.com", "https://Shop.Example.com:443/cart?x#y", "www.shop.example.com.", " HTTP://u@shop.example.com "]
)
async def test_a_domain_is_compared_in_one_form(live: LiveNode, domain: str) -> None:
    shop = await live.merchant()
    assert (await shop.status((await shop.create(domain=domain))["session_id"]))["shop_domain"] == "shop.example.com"


@pytest.mark.parametrize(
    ("sent", "email", "order_id", "country"),
    [
        ({"email": "a@shop.example", "customer_email": "b@shop.example", "order_id": "1", "merchant_ref": "2"}, "a@shop.example", "1",
         None),
        ({"email": "", "customer_email": "b@shop.example", "order_id": " ", "merchant_ref": "2"}, "b@shop.example", "2", None),
        ({"billing_email": "c@shop.example", "purchase_id": 3, "billing_country": "us"}, "c@shop.example", "3", "US"),
        ({"customer": {"email": "d@shop.example"}, "order_id": 12345678901234567890, "country": "de"}, "d@shop.example",
         "12345678901234567890", "DE"),
        ({"email": "not an address", "country": "Germany"}, None, None, None),
        ({"customer": "d@shop.example", "email": ["x"], "country": 49}, None, None, None),
    ],
)  # fmt: skip
async def test_the_canonical_name_wins_over_its_aliases(
    live: LiveNode, sent: dict[str, Any], email: str | None, order_id: str | None, country: str | None
) -> None:
    shop = await live.merchant()
    nothing = dict.fromkeys(("email", "country"), ABSENT)
    payment = await live.payment((await shop.create(**{**nothing, **sent}))["session_id"])
    assert (payment.email, payment.order_ref, payment.country) == (email, order_id, country)


async def test_the_old_name_of_the_domain_is_taken(live: LiveNode) -> None:
    shop = await live.merchant()
    await shop.create(domain=ABSENT, merchant="shop.example.com")
    await shop.create(domain="", merchant="shop.example.com")
    assert (await shop.post(domain="other.example", merchant="shop.example.com")).status_code == 403


@pytest.mark.parametrize("plan", ["free", "pro"])
async def test_a_method_has_no_effect_while_the_checkout_is_hosted(live: LiveNode, plan: str) -> None:
    shop = await live.merchant(plan)
    await live.change(shop, smart_routing=False)
    for method in ("card", "nonsense", 5, ["card"], {"a": 1}):
        created = await shop.create(method=method)
        assert created["checkout_mode"] == "hosted"
        assert (await live.payment(created["session_id"])).method is None


async def test_a_bank_payment_takes_the_orders_currency_or_the_one_asked_for(live: LiveNode) -> None:
    shop = await live.merchant()
    assert (await shop.create(method="BANK", bank_fiat_currency=ABSENT))["smart_route"] is True
    assert (await shop.create(method="bank", bank_fiat_currency="usd", currency="GBP"))["smart_route"] is True
    assert (await shop.post(method="bank", currency="GBP")).json()["error"] == "invalid_bank_fiat_currency"
    assert (await shop.post(method="card", bank_fiat_currency="nonsense")).status_code == 200


async def test_return_addresses_are_kept_byte_for_byte(live: LiveNode) -> None:
    shop = await live.merchant()
    url = "http://localhost:3000/checkout?orderId=123&payment=ecomtrade24&x=%20%C3%A4#done"
    payment = await live.payment((await shop.create(return_url=url, cancel_url="https://elsewhere.example/?a=b&c"))["session_id"])
    assert (payment.return_url, payment.cancel_url) == (url, "https://elsewhere.example/?a=b&c")
    payment = await live.payment((await shop.create(return_url="", cancel_url=None))["session_id"])
    assert (payment.return_url, payment.cancel_url) == (None, None)


async def test_the_content_type_does_not_matter_the_body_does(live: LiveNode) -> None:
    shop = await live.merchant()
    body = json.dumps(ORDER).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", ""):
        assert (await shop.send(body, **{"Content-Type": kind})).status_code == 200
    form = await shop.send(b"amount=5&currency=EUR&domain=shop.example.com", **{"Content-Type": "application/json"})
    assert form.json() == {"ok": False, "error": "invalid_json"}


async def test_a_chunked_body_is_a_body(live: LiveNode) -> None:
    shop = await live.merchant()
    body = json.dumps(ORDER).encode()
    names = f"Host: x\r\nX-API-Key: {shop.key}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    head = f"POST /gateway/session.php HTTP/1.1\r\n{names}"
    chunks = [b"%x\r\n%s\r\n" % (len(body[at : at + 7]), body[at : at + 7]) for at in range(0, len(body), 7)]
    answer = await live.raw(head.encode(), *chunks, b"0\r\n\r\n")
    assert status_of(answer) == 200


@pytest.mark.parametrize("path", ["//gateway//session.php", "/gateway/session.php?", "///gateway/session.php?x=1"])
async def test_a_doubled_slash_is_one(live: LiveNode, path: str) -> None:
    shop = await live.merchant()
    answer = await live.raw(request_bytes("POST", path, {"X-API-Key": shop.key}, json.dumps(ORDER).encode()))
    assert status_of(answer) == 200


async def test_urls_are_built_from_the_address_that_was_asked(live: LiveNode) -> None:
    shop = await live.merchant()
    for host, base in (("pay.example", "http://pay.example"), ("[::1]:8080", "http://[::1]:8080")):
        raw = request_bytes("POST", "/gateway/session.php", {"X-API-Key": shop.key, "Host": host}, json.dumps(ORDER).encode())
        created = json.loads((await live.raw(raw)).partition(b"\r\n\r\n")[2])
        assert created["checkout_url"].startswith(f"{base}/checkout-continue.php?session=")


async def test_forwarded_headers_of_a_stranger_count_for_nothing(live: LiveNode) -> None:
    shop = await live.merchant()
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example", **shop.headers}
    answer = await live.http.post("/gateway/session.php", json=ORDER, headers=forged)
    assert answer.json()["checkout_url"].startswith(live.url)


async def test_the_base_url_of_the_settings_wins_over_the_request(database_url: str) -> None:
    async with serving(database_url, base_url="https://pay.shop.example") as live:
        created = await (await live.merchant("free")).create()
        assert created["checkout_url"] == f"https://pay.shop.example/hosted-checkout.php?session={created['session_id']}"


async def test_a_change_of_plan_is_for_new_sessions_only(live: LiveNode) -> None:
    shop = await live.merchant("free")
    before = await shop.create(order_id="A")
    await live.change(shop, plan=Plan.PRO)
    after = await shop.create(order_id="B")
    again = await shop.create(order_id="A")
    assert (before["checkout_mode"], after["checkout_mode"], again) == ("hosted", "smart_router", before)
    await live.change(shop, plan=Plan.FREE)
    assert await shop.create(order_id="B") == after
    assert (await shop.create(order_id="C"))["checkout_mode"] == "hosted"


async def test_the_platforms_switch_is_for_the_very_next_session(live: LiveNode) -> None:
    shop = await live.merchant("pro")
    await live.set_fact("smart_routing", "off")
    try:
        assert (await shop.create())["checkout_mode"] == "hosted"
        assert (await shop.me())["smart_router"]["enabled_global"] is False
    finally:
        await live.set_fact("smart_routing", "default")
    assert (await shop.create())["checkout_mode"] == "smart_router"


async def test_the_wallet_is_frozen_in_the_session(live: LiveNode) -> None:
    shop = await live.merchant()
    session_id = (await shop.create(order_id="A"))["session_id"]
    await live.change(shop, wallet="0x" + "2" * 40)
    await shop.create(order_id="A")
    assert json.loads((await live.payment(session_id)).details)["wallet"] == "0x" + "1" * 40
    assert json.loads((await live.payment((await shop.create())["session_id"])).details)["wallet"] == "0x" + "2" * 40


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example.com/hook", True), ("http://hooks.shop.example.com:8080/a?b", True), ("https://SHOP.example.com", True),
        ("https://evil.example/shop.example.com", False), ("https://shop.example.com.evil.example/", False),
        ("https://xshop.example.com/", False),
        ("https://shop.example.com@evil.example/", False), ("ftp://shop.example.com/", False), ("javascript:alert(1)", False), (5, False),
        ("https://example.com/", False), ("https://shop.example.com\\@evil.example/", False),
    ],
)  # fmt: skip
async def test_a_sessions_own_notice_address_must_be_on_its_domain(live: LiveNode, url: Any, kept: bool) -> None:
    shop = await live.merchant()
    details = json.loads((await live.payment((await shop.create(webhook_url=url))["session_id"])).details)
    assert details.get("webhook_url") == (url if kept else None)


async def test_a_repeat_of_an_open_session_is_that_session_with_newer_facts(live: LiveNode) -> None:
    shop = await live.merchant()
    first = await shop.create(order_id="A")
    newer: dict[str, Any] = {
        "return_url": "https://shop.example.com/r2", "cancel_url": "https://shop.example.com/c2", "country": "FR",
        "email": "second@example.com", "meta": {"try": 2},
    }  # fmt: skip
    assert await shop.create(order_id="A", amount=49.990, currency="eur", **newer) == first
    payment = await live.payment(first["session_id"])
    assert (payment.return_url, payment.cancel_url, payment.country, payment.email) == tuple(newer.values())[:4]
    assert (await shop.status(first["session_id"]))["meta"] == {"try": 2}
    assert await live.payments_of(shop) == [first["session_id"]]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "49.98"}, {"currency": "USD"}, {"order_id": "B"}, {"method": "card"}, {"method": "bank"},
        {"domain": "second.example.com"},
    ],
)  # fmt: skip
async def test_another_wish_is_another_session(live: LiveNode, change: dict[str, Any]) -> None:
    shop = await live.merchant(shops=("shop.example.com", "second.example.com"))
    first = await shop.create(order_id="A")
    second = await shop.create(**{"order_id": "A", **change})
    assert second["session_id"] > first["session_id"]
    assert await shop.create(order_id="A") == first


async def test_without_an_order_number_nothing_is_a_repeat(live: LiveNode) -> None:
    shop = await live.merchant()
    assert (await shop.create())["session_id"] != (await shop.create())["session_id"]
    assert (await shop.create(order_id=""))["session_id"] != (await shop.create(order_id=None))["session_id"]


async def test_another_merchants_order_is_another_order(live: LiveNode) -> None:
    one, other = await live.merchant(), await live.merchant()
    assert (await one.create(order_id="A"))["session_id"] != (await other.create(order_id="A"))["session_id"]


@pytest.mark.parametrize("state", ["pending", "review", "unclear"])
async def test_a_repeat_changes_nothing_while_money_may_come(live: LiveNode, state: str) -> None:
    shop = await live.merchant()
    first = await shop.create(order_id="A")
    if state == "unclear":
        await live.advance(Report(payment_id=first["session_id"], event=Event.DOUBTED, source=Source.POLL, happened_at=0))
    else:
        await live.report(first["session_id"], state)
    before = await live.payment(first["session_id"])
    assert before.state == state
    assert await shop.create(order_id="A", email="thief@example.com", return_url="https://evil.example/", meta={"x": 1}) == first
    assert await live.payment(first["session_id"]) == before
    await live.advance_clock(2 * 3600)
    assert await shop.create(order_id="A") == first


@pytest.mark.parametrize("outcome", ["paid", "settled", "declined", "expired"])
async def test_a_repeat_after_the_end_is_a_new_session(live: LiveNode, outcome: str) -> None:
    shop = await live.merchant()
    first = await shop.create(order_id="A")
    await live.report(first["session_id"], outcome)
    second = await shop.create(order_id="A")
    assert second["session_id"] > first["session_id"]
    assert await shop.create(order_id="A") == second


async def test_a_repeat_after_its_time_is_a_new_session_whether_or_not_the_sweep_has_run(live: LiveNode) -> None:
    shop = await live.merchant()
    first = await shop.create(order_id="A")
    await live.advance_clock(3601)
    second = await shop.create(order_id="A")
    assert second["session_id"] > first["session_id"]
    assert (await live.payment(first["session_id"])).state == "expired"
    assert [row["word"] for row in await live.notices(first["session_id"])] == ["expired"]


async def test_a_route_that_went_down_is_not_offered_to_the_next_session(live: LiveNode) -> None:
    shop = await live.merchant()
    assert (await shop.post(method="klarna")).status_code == 200
    await live.set_route("birch", Health.DOWN)
    try:
        assert (await shop.post(method="klarna")).json()["error"] == "method_not_available"
        assert (await shop.post(method="card")).status_code == 200
    finally:
        await live.set_route("birch", Health.UP)


async def test_how_long_a_session_lasts_and_whose_addresses_count_are_settings(database_url: str) -> None:
    async with serving(database_url, session_minutes=5, email_deny_domains="proxy.example") as live:
        shop = await live.merchant()
        session = await shop.status((await shop.create(email="a@sub.Proxy.example"))["session_id"])
        ends, began = (datetime.strptime(session[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for name in ("expires_at", "created_at"))
        assert (ends - began).total_seconds() == 300
        assert (await live.payment(session["id"])).email is None
        assert (await shop.post(method="klarna", email="a@proxy.example")).json()["error"] == "valid_customer_email_required"
        assert (await shop.post(method="klarna", email="a@notproxy.example")).status_code == 200
