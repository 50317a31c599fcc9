"""Every error of EcomTrade24's wire is provoked over HTTP, in the manual's order of checks; who asks is judged first."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from paymux.dialects.ecomtrade24.errors import HTTP, Code
from paymux.errors import OutcomeUnknown
from paymux.merchants.model import Plan, ShopStatus
from paymux.routing.model import Health
from tests.node import ABSENT, ORDER, LiveNode, Shop, assert_refused, request_bytes, serving, status_of, together

# Codes of the reseller's endpoints, which have a test of their own where they are.
RESELLER = {
    Code.RESELLER_NOT_APPROVED, Code.KEY_REVEAL_NOT_ALLOWED, Code.MERCHANT_NOT_FOUND, Code.MISSING_MERCHANT_ID, Code.EMAIL_TAKEN,
    Code.INVALID_EMAIL, Code.INVALID_PACKAGE, Code.INVALID_COUNTRY, Code.INVALID_WEBHOOK_URL, Code.INVALID_STATUS,
}  # fmt: skip
# Provoked elsewhere in this file or beside it, by what a field's value cannot do.
BY_CIRCUMSTANCES = {
    Code.MISSING_API_KEY, Code.INVALID_API_KEY, Code.MERCHANT_DISABLED, Code.MISSING_WALLET, Code.INVALID_WALLET, Code.DOMAIN_NOT_ALLOWED,
    Code.METHOD_NOT_AVAILABLE, Code.MISSING_SESSION_ID, Code.SESSION_NOT_FOUND, Code.METHOD_NOT_ALLOWED, Code.NOT_FOUND,
    Code.PAYLOAD_TOO_LARGE, Code.SERVER_ERROR, Code.SERVICE_UNAVAILABLE, Code.RATE_LIMITED, Code.TEMPORARILY_BLOCKED,
    Code.REQUEST_TIMEOUT,
}  # fmt: skip

# One field's value -> the code. In the order of the checks; each case breaks all later checks as well, where it can.
BY_FIELD: list[tuple[dict[str, Any], Code]] = [
    *(({"domain": value}, Code.INVALID_DOMAIN) for value in (
        ABSENT, None, "", " ", 5, ["shop.example.com"], {"a": 1}, "localhost", "example", "127.0.0.1", "[::1]", "-a.com", "a b.com",
        "shop.example.com shop.example.com", "shop..example.com", "x" * 300 + ".com", "shop.example.com\n.evil", "a.1", "shop_.example.com",
        "\ud83d\ude00", True)),
    *(({"amount": value}, Code.INVALID_AMOUNT) for value in (
        ABSENT, None, "", "0", 0, "0.00", "0.004", -1, "-5", "abc", "49,99", "1,000.00", "1e3", "0x10", "+5", True, [], {}, ["5"], {"a": 5},
        "10000000", 9999999.995, "9" * 400, ".5", "5.", "5 0", "٥", "NaN", "Infinity", "1_000", "0.0049999999999999999")),
    *(({"currency": value}, Code.INVALID_CURRENCY) for value in (
        ABSENT, None, "", "EU", "EURO", "E1R", "XXX", "XTS", "XAU", "BTC", "USDC", "DEM", 978, ["EUR"], "ＥＵＲ", "EUR\0", True)),
    ({"currency": "JPY", "amount": "0.50"}, Code.INVALID_AMOUNT),
    *(({"return_url": value}, Code.INVALID_RETURN_URL) for value in (
        "javascript:alert(1)", "data:text/html,x", "/order", "//evil.example/", "shop.example.com", "ftp://shop.example.com", "https://",
        "https:///x", "https://shop.example.com/\r\nSet-Cookie: a=b", "https://shop.example.com/\0", "https://a b/", "http://[::1/",
        "https://shop.example.com:99999/", "https://shop.example.com\\@evil.example", "https://x/" + "a" * 2048, 5, ["https://a.example"])),
    ({"cancel_url": "javascript:alert(1)"}, Code.INVALID_CANCEL_URL),
    ({"cancel_url": "https://shop.example.com/\nx"}, Code.INVALID_CANCEL_URL),
    *(({"order_id": value}, Code.INVALID_ORDER_ID) for value in (
        "x" * 192, "a\r\nSet-Cookie: x=y", "a\0b", "a\x7fb", True, ["A"], {"a": 1}, 1e300)),
    ({"meta": {"a": "x" * 8192}}, Code.META_TOO_LARGE),
    *(({"method": value}, Code.INVALID_METHOD) for value in ("moonpay", "cards", 5, ["card"], {"a": 1}, True)),
    ({"method": "bank", "currency": "GBP"}, Code.INVALID_BANK_CURRENCY),
    ({"method": "bank", "bank_fiat_currency": "XXX"}, Code.INVALID_BANK_CURRENCY),
    ({"method": "bank", "bank_fiat_currency": ["EUR"]}, Code.INVALID_BANK_CURRENCY),
    ({"method": "klarna", "email": ABSENT}, Code.EMAIL_REQUIRED),
    ({"method": "klarna", "email": "no address"}, Code.EMAIL_REQUIRED),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code"), BY_FIELD)
async def test_a_field_that_breaks_its_rule_is_named_by_its_code(live: LiveNode, changes: dict[str, Any], code: Code) -> None:
    shop = await live.merchant()
    body = {name: value for name, value in (ORDER | changes).items() if value is not ABSENT}
    answer = await shop.send(json.dumps(body).encode())  # as ASCII: lone surrogates travel, too
    assert_refused(answer, HTTP[code], code)
    assert await live.payments_of(shop) == []


def test_every_code_of_the_wire_is_provoked() -> None:
    assert {code for _, code in BY_FIELD} | {Code.INVALID_JSON} | BY_CIRCUMSTANCES | RESELLER == set(Code)


async def test_the_first_check_that_fails_is_answered(live: LiveNode) -> None:
    """Each step mends the first thing that was wrong; what comes next is the next check."""
    shop = await live.merchant(wallet=None)
    await live.change(shop, active=False)
    body: Any = ["not an object"]

    async def refused(code: Code, key: str | None = shop.key) -> None:
        headers = {} if key is None else {"X-API-Key": key}
        answer = await live.http.post("/gateway/session.php", content=json.dumps(body).encode(), headers=headers)
        assert_refused(answer, HTTP[code], code)

    await refused(Code.MISSING_API_KEY, None)
    await refused(Code.INVALID_API_KEY, "nobody's")
    await refused(Code.MERCHANT_DISABLED)
    await live.change(shop, active=True)
    await refused(Code.INVALID_JSON)
    body = {"domain": "?", "amount": "?", "currency": "?", "return_url": "?", "cancel_url": "?", "method": "?", "email": "?"}
    await refused(Code.INVALID_DOMAIN)
    body["domain"] = "not.registered.example"
    await refused(Code.DOMAIN_NOT_ALLOWED)
    body["domain"] = "shop.example.com"
    await refused(Code.INVALID_AMOUNT)
    body["amount"] = "5.00"
    await refused(Code.INVALID_CURRENCY)
    body["currency"] = "EUR"
    await refused(Code.MISSING_WALLET)
    await live.change(shop, wallet="0x" + "0" * 40)
    await refused(Code.INVALID_WALLET)
    await live.change(shop, wallet="0x" + "aB" * 20)
    await refused(Code.INVALID_RETURN_URL)
    body["return_url"] = "https://a.example"
    await refused(Code.INVALID_CANCEL_URL)
    body["cancel_url"] = ""
    await refused(Code.INVALID_METHOD)
    body["method"] = "klarna"
    await refused(Code.METHOD_NOT_AVAILABLE)  # 5 EUR is below what its only route takes
    body["amount"] = "50.00"
    await refused(Code.EMAIL_REQUIRED)
    body["email"] = "buyer@example.com"
    answer = await shop.send(json.dumps(body).encode())
    assert answer.status_code == 200
    assert len(await live.payments_of(shop)) == 1


@pytest.mark.parametrize(
    ("wallet", "code"),
    [
        (None, Code.MISSING_WALLET), ("", Code.MISSING_WALLET), ("  ", Code.MISSING_WALLET), ("0x123", Code.INVALID_WALLET),
        ("1" * 40, Code.INVALID_WALLET), ("0x" + "g" * 40, Code.INVALID_WALLET), ("0x" + "0" * 40, Code.INVALID_WALLET),
        ("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", Code.INVALID_WALLET),
        ("0x2791bca1f2de4661ed88a30c99a7a9449aa84174", Code.INVALID_WALLET),
    ],
)  # fmt: skip
async def test_without_a_wallet_of_its_own_a_merchant_takes_no_payment(live: LiveNode, wallet: str | None, code: Code) -> None:
    shop = await live.merchant("free", wallet=wallet)
    assert_refused(await shop.post(), 422, code)
    assert (await shop.me())["ok"] is True
    await live.change(shop, wallet="0x" + "1" * 40)
    assert (await shop.post()).status_code == 200


async def test_a_shop_counts_while_it_is_approved(live: LiveNode) -> None:
    shop, neighbour = await live.merchant(), await live.merchant(shops=("neighbour.example.com",))
    for status in (ShopStatus.PENDING, ShopStatus.BLOCKED):
        await live.put_shop(shop, "new.example.com", status)
        assert_refused(await shop.post(domain="new.example.com"), 403, Code.DOMAIN_NOT_ALLOWED)
    await live.put_shop(shop, "new.example.com", ShopStatus.APPROVED)
    assert (await shop.post(domain="new.example.com")).status_code == 200
    for domain in ("eu.shop.example.com", "example.com", "neighbour.example.com"):
        assert_refused(await shop.post(domain=domain), 403, Code.DOMAIN_NOT_ALLOWED)
    assert (await neighbour.post(domain="neighbour.example.com")).status_code == 200


async def test_a_method_is_available_while_a_route_serves_it(live: LiveNode) -> None:
    shop = await live.merchant()
    assert_refused(await shop.post(method="klarna", currency="GBP"), 422, Code.METHOD_NOT_AVAILABLE)
    assert_refused(await shop.post(method="klarna", amount="1.00"), 422, Code.METHOD_NOT_AVAILABLE)
    await live.change(shop, methods={"paypal": False})
    assert_refused(await shop.post(method="paypal"), 422, Code.METHOD_NOT_AVAILABLE)
    await live.set_route("birch", Health.DOWN)
    try:
        assert_refused(await shop.post(method="ideal"), 422, Code.METHOD_NOT_AVAILABLE)
        assert_refused(await shop.post(method="bank"), 422, Code.METHOD_NOT_AVAILABLE)
    finally:
        await live.set_route("birch", Health.UP)


PATHS = ["/gateway/me.php", "/gateway/session_status.php", "/gateway/status.php"]


@pytest.mark.parametrize("path", [*PATHS, "/gateway/session.php"])
async def test_the_first_place_that_has_a_key_counts(live: LiveNode, path: str) -> None:
    shop, off = await live.merchant(), await live.merchant()
    await live.change(off, active=False)
    good, wrong = shop.key, "wrong"
    cases: list[tuple[dict[str, str], dict[str, str], Code | None]] = [
        ({}, {}, Code.MISSING_API_KEY),
        ({"Authorization": "Bearer "}, {}, Code.MISSING_API_KEY),
        ({"Authorization": "Bearer", "X-API-Key": "  "}, {"api_key": "", "key": ""}, Code.MISSING_API_KEY),
        ({"Authorization": f"Basic {good}"}, {}, Code.MISSING_API_KEY),
        ({"Authorization": f"Bearer {good}"}, {}, None),
        ({"authorization": f"bEaReR   {good}  "}, {}, None),
        ({"Authorization": f"Bearer {good}", "X-API-Key": wrong}, {"api_key": wrong}, None),
        ({"Authorization": f"Bearer {wrong}", "X-API-Key": good}, {"api_key": good}, Code.INVALID_API_KEY),
        ({"Authorization": "Basic abc", "X-API-Key": good}, {"api_key": wrong}, None),
        ({"Authorization": "Bearer ", "X-API-Key": good}, {}, None),
        ({"X-API-Key": f" {good} "}, {"api_key": wrong}, None),
        ({"X-API-Key": wrong}, {"api_key": good}, Code.INVALID_API_KEY),
        ({}, {"api_key": good, "key": wrong}, None),
        ({}, {"key": good}, None),
        ({}, {"api_key": wrong, "key": good}, Code.INVALID_API_KEY),
        ({"X-API-Key": good + "x"}, {}, Code.INVALID_API_KEY),
        ({"X-API-Key": "k" * 5000}, {}, Code.INVALID_API_KEY),
        ({"X-API-Key": "k\xe9y"}, {}, Code.INVALID_API_KEY),
        ({"X-API-Key": off.key}, {}, Code.MERCHANT_DISABLED),
    ]
    method = "POST" if path.endswith("session.php") else "GET"
    for headers, query, code in cases:  # as bytes: a client would not send some of them
        raw = request_bytes(method, f"{path}?{urlencode(query)}", headers)
        answer = await live.raw(raw)
        members = json.loads(answer.partition(b"\r\n\r\n")[2])
        if code is None:
            assert status_of(answer) in (200, 400), (headers, query, answer)
            assert members.get("error") in (None, "missing_session_id", "invalid_json")
        else:
            assert (status_of(answer), members) == (HTTP[code], {"ok": False, "error": code}), (headers, query)


async def test_a_key_in_the_query_is_never_answered_or_logged(live: LiveNode, capfd: pytest.CaptureFixture[str]) -> None:
    shop = await live.merchant()
    answer = await live.http.post(f"/gateway/session.php?api_key={shop.key}", json=ORDER)
    assert answer.status_code == 200
    assert shop.key not in answer.text
    await live.http.get(f"/gateway/nothing.php?api_key={shop.key}")
    written = capfd.readouterr()
    assert shop.key not in written.out + written.err


async def test_a_rotated_key_is_dead_for_the_very_next_request(live: LiveNode) -> None:
    old = await live.merchant()
    session_id = (await old.create(order_id="A"))["session_id"]
    new = await live.rotate_key(old)
    for answer in (await old.post(), await old.ask(session_id=session_id), await live.http.get("/gateway/me.php", headers=old.headers)):
        assert_refused(answer, 401, Code.INVALID_API_KEY)
    assert (await new.status(session_id))["order_id"] == "A"


async def test_a_disabled_merchant_is_told_so_at_once_and_can_come_back(live: LiveNode) -> None:
    shop = await live.merchant()
    session_id = (await shop.create())["session_id"]
    await live.change(shop, active=False)
    for answer in (await shop.post(), await shop.ask(session_id=session_id), await live.http.get("/gateway/me.php", headers=shop.headers)):
        assert_refused(answer, 403, Code.MERCHANT_DISABLED)
    await live.change(shop, active=True, plan=Plan.FREE)
    assert (await shop.me())["package"] == "free"


async def test_a_wrong_method_is_told_the_right_one(live: LiveNode) -> None:
    shop = await live.merchant()
    for path, right in ((PATHS[0], "GET"), (PATHS[1], "GET"), (PATHS[2], "GET"), ("/gateway/session.php", "POST")):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "NONSENSE"):
            if method == right:
                continue
            if method == "NONSENSE":
                assert status_of(await live.raw(request_bytes(method, path))) in (400, 405)
                continue
            answer = await live.http.request(method, path, headers=shop.headers)
            assert (answer.status_code, answer.headers["allow"]) == (405, right)
            if method == "HEAD":
                assert answer.content == b""
            else:
                assert_refused(answer, 405, Code.METHOD_NOT_ALLOWED)
    assert await live.payments_of(shop) == []


@pytest.mark.parametrize(
    "path", ["/gateway/", "/gateway/nothing.php", "/gateway/session.php/", "/gateway/SESSION.PHP", "/api/nothing.php", "/nothing"]
)
async def test_an_unknown_path_is_not_found(live: LiveNode, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert_refused(await live.http.request(method, path, headers=(await live.merchant()).headers), 404, Code.NOT_FOUND)


async def test_no_answer_of_the_gateway_invites_another_sites_script(live: LiveNode) -> None:
    shop = await live.merchant()
    headers = {**shop.headers, "Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
    answers = [
        await live.http.get("/gateway/me.php", headers=headers),
        await live.http.post("/gateway/session.php", json=ORDER, headers=headers),
        await live.http.options("/gateway/session.php", headers=headers),
        await live.http.get("/gateway/session_status.php", headers=headers),
        await live.http.get("/gateway/nothing", headers=headers),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


async def test_a_fault_of_ours_tells_nothing_of_us(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await live.merchant()
    session_id = (await shop.create())["session_id"]

    async def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM endpoint at /srv/paymux/payments/open.py")

    monkeypatch.setattr(live.core.directory, "by_key", broken, raising=False)
    monkeypatch.setattr(live.core, "_opens", broken)
    monkeypatch.setattr(live.core, "_opens_remembered", broken)
    for answer in (await shop.ask(session_id=session_id), await shop.post()):
        assert_refused(answer, 500, Code.SERVER_ERROR)
    monkeypatch.setattr(live.core.reads, "with_attempts", broken, raising=False)
    page = await live.http.get(f"/hosted-checkout.php?session={session_id}")
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    for text in (page.text, str(page.headers)):
        assert not [word for word in ("SELECT", "Traceback", "RuntimeError", "/srv", ".py") if word in text]
    monkeypatch.undo()
    assert (await shop.status(session_id))["status"] == "created"


async def until_taken(post: Callable[[], Awaitable[httpx2.Response]]) -> int:
    """As a shop does that is put off: the node's own duties stand in the same short queue."""
    for _ in range(20):
        status = (await post()).status_code
        if status != 503:
            break
    return status


async def test_a_full_queue_is_answered_503_and_nothing_is_half_done(database_url: str) -> None:
    async with serving(database_url, writer_queue_max=3, session_per_minute=1000) as live:
        shop = await live.merchant()
        await shop.create()
        answers = await together([shop.post(order_id=f"ORD-{number}") for number in range(60)])
        made = [answer for answer in answers if answer.status_code == 200]
        put_off = [answer for answer in answers if answer.status_code == 503]
        assert len(made) + len(put_off) == 60
        assert put_off
        for answer in put_off:
            assert_refused(answer, 503, Code.SERVICE_UNAVAILABLE)
            assert answer.headers["retry-after"] == "1"
        assert len(await live.payments_of(shop)) == 1 + len(made)
        again = [await until_taken(partial(shop.post, order_id=f"ORD-{number}")) for number in range(60)]
        assert again == [200] * 60
        assert len(await live.payments_of(shop)) == 61


async def test_a_database_that_is_gone_is_answered_503_or_500_in_the_wires_form(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    shop: Shop = await live.merchant()

    async def lost(*_: object) -> None:
        raise OutcomeUnknown("the connection was lost in COMMIT")

    monkeypatch.setattr(live.core.writer, "submit", lost)
    assert_refused(await shop.post(), 503, Code.SERVICE_UNAVAILABLE)
