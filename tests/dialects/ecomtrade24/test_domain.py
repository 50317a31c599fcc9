"""Wallet, e-mail, country, URLs: each rule as a table of what is taken and what is refused."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from paymux.dialects.ecomtrade24.errors import Code
from paymux.dialects.ecomtrade24.wire import parse_session
from paymux.payments.model import OpenPayment
from tests.dialects.ecomtrade24.samples import (
    E1,
    FREE,
    PLATFORM,
    WALLET,
    facts,
    opened,
    parse,
)

# ---- wallet


@pytest.mark.parametrize("wallet", [WALLET, "0x" + "aB" * 20, " " + WALLET])
def test_a_wallet_is_frozen_with_the_session(wallet: str) -> None:
    assert facts(opened(merchant=replace(FREE, wallet=wallet))).wallet == wallet.strip()


@pytest.mark.parametrize("wallet", [None, "", "  "])
def test_no_wallet_is_missing(wallet: str | None) -> None:
    assert parse(merchant=replace(FREE, wallet=wallet)) is Code.MISSING_WALLET


@pytest.mark.parametrize(
    "wallet",
    [
        "0x12", "1" * 40, WALLET + "1", "0x" + "g" * 40, "0x" + "0" * 40, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174", "bc1qxyz",
    ],
)  # fmt: skip
def test_a_wallet_that_would_lose_the_money_is_invalid(wallet: str) -> None:
    assert parse(merchant=replace(FREE, wallet=wallet)) is Code.INVALID_WALLET
    assert parse(merchant=replace(FREE, wallet=wallet.lower())) is Code.INVALID_WALLET


# ---- e-mail, country


@pytest.mark.parametrize("sent", ["buyer@example.com", " buyer@example.com ", "a.b+c@sub.example.co", "ü@münchen.de"])
def test_an_email_is_stored_as_given(sent: str) -> None:
    assert opened({"email": sent}).email == sent.strip()


@pytest.mark.parametrize(
    "sent",
    [
        None, "", "x", "@example.com", "a@", "a@b", "a@@b.com", "a@b@c.com", "a b@example.com", "a@exa mple.com", "a@b..com", 5, [], {},
        "a@1.2.3.4", "a" * 250 + "@example.com", "a\u0000@example.com", "a\n@example.com", "x@fake.example.net", "x@Sub.Fake.example.net",
    ],
)  # fmt: skip
def test_a_malformed_email_is_no_email(sent: object) -> None:
    assert opened({"email": sent}).email is None


@pytest.mark.parametrize(
    ("sent", "email"),
    [
        ({"customer_email": "c@example.com", "billing_email": "b@example.com"}, "c@example.com"),
        ({"email": "", "billing_email": "b@example.com"}, "b@example.com"),
        ({"customer": {"email": "n@example.com"}}, "n@example.com"),
        ({"customer": {"email": "n@example.com"}, "billing_email": "b@example.com"}, "b@example.com"),
        ({"email": "bad", "billing_email": "b@example.com"}, None),
        ({"customer": "x"}, None),
    ],
)
def test_the_first_email_given_wins(sent: dict[str, Any], email: str | None) -> None:
    body = {name: value for name, value in E1.items() if name != "email"} | sent
    found = parse_session(json.dumps(body).encode(), FREE, PLATFORM)
    assert isinstance(found, OpenPayment)
    assert found.email == email


@pytest.mark.parametrize(
    ("sent", "country"),
    [("de", "DE"), (" At ", "AT"), ("DEU", None), ("1A", None), ("", None), (49, None), (None, None), ("ÄÖ", None)],
)
def test_a_country_is_two_letters_or_unknown(sent: object, country: str | None) -> None:
    assert opened({"country": sent}).country == country
    assert opened({"billing_country": sent}, without="country").country == country


# ---- URLs


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/order/success", "http://localhost:3000/x", "https://other.example?orderId=123&payment=ecomtrade24",
        "https://a.example/%2e%2E/?q=%20+a&b=#f", "HTTPS://A.EXAMPLE/", "https://[2001:db8::1]:8443/x", "https://a.example/größe",
        "https://a.example/" + "x" * (2048 - 18),
    ],
)  # fmt: skip
def test_a_url_is_kept_byte_for_byte(url: str) -> None:
    found = opened({"return_url": url, "cancel_url": f" {url} "})
    assert (found.return_url, found.cancel_url) == (url, url)


@pytest.mark.parametrize("url", ["", " ", None])
def test_an_empty_url_is_absent(url: str | None) -> None:
    assert opened({"return_url": url}).return_url is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "/relative", "relative", "//a.example/x", "https://", "https:///x", "http://:80/", "ftp://a.example",
        "https:a.example", "https://a.example/\r\nSet-Cookie: x", "https://a.example/\u0000", "https://a.example:x/", "https://a.example:99999/",
        "https://good.example\\@evil.example/", "https://a b.example/", "https://[::1/", "https://?x", "https://.", "https://user@/",
        5, True, ["x"], {"a": 1}, "https://a.example/" + "x" * (2049 - 18), " javascript:alert(1)//https://a.example",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_by_its_name(url: object) -> None:
    assert parse({"return_url": url}) is Code.INVALID_RETURN_URL
    assert parse({"cancel_url": url}) is Code.INVALID_CANCEL_URL


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://shop.example.com/hook", True), ("http://WWW.shop.example.com/", True), ("https://api.shop.example.com:8443/h?x=1", True),
        ("https://evil.example/", False), ("https://evilshop.example.com/", False), ("https://shop.example.com@evil.example/", False),
        ("https://example.com/", False), ("ftp://shop.example.com/", False), ("x", False), (5, False),
        ("https://shop.example.com.evil.example", False),
    ],
)  # fmt: skip
def test_a_sessions_own_webhook_must_be_of_its_domain(url: object, taken: bool) -> None:
    assert facts(opened({"webhook_url": url})).webhook_url == (url if taken else None)
