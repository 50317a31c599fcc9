"""Amount, currency, domain, order number, meta: each rule as a table of what is taken and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymux.dialects.ecomtrade24 import domain, fields, wire
from paymux.dialects.ecomtrade24.errors import Code
from paymux.money import Money, known
from paymux.payments.model import OpenPayment
from tests.dialects.ecomtrade24.samples import (
    literal,
    opened,
    parse,
)

# ---- amount


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ('"49.99"', 4999), ("49.99", 4999), ('"49.9"', 4990), ("100", 10000), ('" 5.00 "', 500), ('"49.999"', 5000),
        ("59.970000000000006", 5997), ("1.005", 101), ('"1.005"', 101), ("1.00499999999999999999999999999999999999", 100), ("1e3", 100000),
        ("1E-2", 1), ("0.005", 1), ('"0.01"', 1), ('"9999999.99"', 999999999), ('"9999999.994"', 999999999), ("2.675", 268),
        ('"' + "0" * 50 + '5.00"', 500), ('"5.' + "0" * 100 + '"', 500), ("5.00", 500), ('"007"', 700),
    ],
)  # fmt: skip
def test_an_amount_is_read_from_its_digits_and_rounded_half_up(text: str, units: int) -> None:
    found = literal("amount", text)
    assert isinstance(found, OpenPayment)
    assert found.amount == Money(units, known("EUR"))


@pytest.mark.parametrize(
    "text",
    [
        "null", '""', '" "', '"0"', "0", '"0.00"', '"0.004"', "0.004", "-1", '"-5"', '"abc"', '"49,99"', '"1,000.00"', '"1e3"', '"0x10"',
        '"+5"', "true", "false", "[]", "[5]", "{}", '{"a":1}', '"9999999.995"', "10000000", '"5."', '".5"', '"5 0"', '"٣"', '"NaN"',
        '"Infinity"', "1e400", "1e-400", "-0.0", "1e999999", "1e-999999", '"1_0"', '"5\\u0000"', "1" + "0" * 400, '"' + "9" * 5000 + '"',
    ],
)  # fmt: skip
def test_what_is_no_amount_is_invalid_amount(text: str) -> None:
    assert literal("amount", text) is Code.INVALID_AMOUNT


def test_a_missing_amount_is_invalid_amount() -> None:
    assert parse(without="amount") is Code.INVALID_AMOUNT


@pytest.mark.parametrize(
    ("amount", "currency", "units", "said"),
    [
        ("500", "JPY", 500, "500.00"),
        ("500.004", "JPY", 500, "500.00"),
        ("1.2345", "KWD", 1230, "1.23"),
        ("1.235", "KWD", 1240, "1.24"),
        ("49.99", "INR", 4999, "49.99"),
    ],
)
def test_every_currency_has_two_decimals_on_the_wire(amount: str, currency: str, units: int, said: str) -> None:
    found = opened({"amount": amount, "currency": currency})
    assert found.amount.units == units
    assert wire.amount_text(found.amount) == said


def test_an_amount_that_two_decimals_cannot_say_is_said_in_full() -> None:
    assert wire.amount_text(Money(1235, known("KWD"))) == "1.235"


@pytest.mark.parametrize("amount", ["500.5", "500.01", "0.01"])
def test_a_fraction_of_a_yen_is_invalid_amount_once_the_currency_is_known(amount: str) -> None:
    assert parse({"amount": amount, "currency": "JPY"}) is Code.INVALID_AMOUNT
    assert parse({"amount": amount, "currency": "YEN!"}) is Code.INVALID_CURRENCY


@given(st.decimals("0.01", "9999999.99", places=15))
def test_a_number_and_its_text_are_the_same_amount(value: Decimal) -> None:
    assert fields.amount(value) == fields.amount(format(value, "f"))


# ---- currency, domain


@pytest.mark.parametrize("sent", ["eur", " EUR ", "Eur"])
def test_a_currency_is_read_in_any_letter_case(sent: str) -> None:
    assert opened({"currency": sent}).amount.currency.code == "EUR"


@pytest.mark.parametrize("sent", ["", "EU", "EURO", "E1R", "XXX", "BTC", "USDC", 978, None, True, ["EUR"], "XAU", "ıNR", "XTS"])
def test_what_is_no_fiat_currency_is_invalid_currency(sent: object) -> None:
    assert parse({"currency": sent}) is Code.INVALID_CURRENCY


@pytest.mark.parametrize(
    "sent",
    [
        "shop.example.com", "https://Shop.Example.com:443/cart", " SHOP.example.COM ", "www.shop.example.com", "shop.example.com.",
        "http://user:pw@shop.example.com/x?y#z", "shop.example.com?x=https://evil.example", "shop.example.com#a", "shop.example.com:8080",
        "https://www.shop.example.com./", "shop.example.com:", "ｓｈｏｐ.example.com", "ftp://shop.example.com",
    ],
)  # fmt: skip
def test_forms_of_a_domain_are_the_same_shop(sent: str) -> None:
    assert opened({"domain": sent}).shop == "shop.example.com"


@pytest.mark.parametrize(
    "sent",
    [
        "", None, 5, True, [], {}, ["shop.example.com"], "localhost", "192.168.0.1", "[::1]", "shop example.com", "example", "-a.com",
        "a-.com", "a..com", ".com", "a.123", "https://", "//shop.example.com", "sh_op.example.com", "a" * 64 + ".com", "a." * 130 + "com",
        "shop.example.com:x", "shop\u0000.example.com", "shop.example.com\\x", "☃︎\u200d.com", "x" * 60_000, "www.com",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_invalid_domain(sent: object) -> None:
    assert parse({"domain": sent}) is Code.INVALID_DOMAIN


@pytest.mark.parametrize(
    "sent", ["other.example.org", "eu.shop.example.com", "example.com", "new.example.com", "bad.example.com", "www.www.shop.example.com"]
)
def test_a_domain_that_is_not_approved_is_not_allowed(sent: str) -> None:
    assert parse({"domain": sent}) is Code.DOMAIN_NOT_ALLOWED


def test_international_domains_are_punycode() -> None:
    assert domain.normalised_domain("https://MÜNCHEN.de/") == "xn--mnchen-3ya.de" == domain.normalised_domain("XN--MNCHEN-3YA.de")


def test_merchant_is_an_alias_of_domain() -> None:
    assert opened({"merchant": "shop.example.com"}, without="domain").shop == "shop.example.com"
    assert opened({"merchant": "evil.example", "domain": "shop.example.com"}).shop == "shop.example.com"
    assert opened({"merchant": "shop.example.com", "domain": " "}).shop == "shop.example.com"


@given(st.text(max_size=40))
def test_a_normalised_domain_is_plain_ascii_or_nothing(text: str) -> None:
    found = domain.normalised_domain(text)
    assert found is None or (found.isascii() and found == found.lower() and "." in found and len(found) <= 253)


# ---- order number, meta


@pytest.mark.parametrize(
    ("text", "order_id"),
    [
        ('"ORD-1"', "ORD-1"), ('" ORD-1 "', "ORD-1"), ("10001", "10001"), ("0", "0"), ("12.50", "12.50"), ("1e3", "1000"), ("null", None),
        ('""', None), ('" "', None), ('"' + "x" * 191 + '"', "x" * 191), ('"ü😀"', "ü😀"),
        ("1234567890" * 3, "1234567890" * 3),
    ],
)  # fmt: skip
def test_an_order_number_is_text(text: str, order_id: str | None) -> None:
    found = literal("order_id", text)
    assert isinstance(found, OpenPayment)
    assert found.order_ref == order_id
    assert (found.repeat_key is None) == (order_id is None)


@pytest.mark.parametrize(
    "text", ['"' + "x" * 192 + '"', '"a\\u0000b"', '"a\\nb"', "true", "[1]", '{"a":1}', "1" * 192, "1e500", "1e999999999", "1e-999999999"]
)
def test_an_unusable_order_number_is_invalid_order_id(text: str) -> None:
    assert literal("order_id", text) is Code.INVALID_ORDER_ID


def test_an_order_number_has_aliases() -> None:
    assert opened({"order_id": "", "merchant_ref": "A", "purchase_id": "B"}).order_ref == "A"
    assert opened({"purchase_id": 7}, without="order_id").order_ref == "7"


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ('{ "a" : [1, 2.50, 59.970000000000006] }', '{"a":[1,2.50,59.970000000000006]}'),
        ('{"u":"a\\/b\\u00e4\\u0000"}', '{"u":"a/bä\\u0000"}'),
        ('{"provider":"x","n":123456789012345678901234567890}', '{"provider":"x","n":123456789012345678901234567890}'),
        ("{}", "{}"), ("[]", None), ('"x"', None), ("5", None), ("null", None), ("true", None),
    ],
)  # fmt: skip
def test_meta_is_kept_as_compact_json_and_anything_else_is_ignored(text: str, meta: str | None) -> None:
    found = literal("meta", text)
    assert isinstance(found, OpenPayment)
    assert found.meta == meta
    assert found.note == ""


def test_meta_may_have_eight_kib_and_no_byte_more() -> None:
    assert opened({"meta": {"x": "y" * (8192 - 8)}}).meta is not None
    assert parse({"meta": {"x": "y" * (8192 - 7)}}) is Code.META_TOO_LARGE
    assert parse({"meta": {"x": "ü" * 4096}}) is Code.META_TOO_LARGE
