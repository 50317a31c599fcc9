"""Money: digits become units and come back unchanged, and what is not an exact amount is refused."""

import doctest
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymux import money
from paymux.money import (
    COINS,
    EXPONENT_MAX,
    UNITS_MAX,
    Currency,
    Money,
    currency,
    decimal_text,
    decimal_units,
    fiat,
    known,
    plain_decimal,
    round_half_up,
    share,
)

EUR, JPY = Currency("EUR", 2), Currency("JPY", 0)

exponents = st.integers(0, EXPONENT_MAX)
units = st.integers(0, UNITS_MAX)


def test_the_examples_of_the_module_are_true() -> None:
    assert doctest.testmod(money).failed == 0


@pytest.mark.parametrize(
    ("code", "exponent"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("CLF", 4),
        ("UYW", 4),
        ("IDR", 2),
        ("INR", 2),
        ("CLP", 0),
        ("VND", 0),
    ],
)
def test_a_fiat_currency_has_the_decimals_of_iso_4217(code: str, exponent: int) -> None:
    assert fiat(code) == currency(code) == known(code) == Currency(code, exponent)


@pytest.mark.parametrize("code", ["XAU", "XDR", "XXX", "XTS", "ZZZ", "", "eur", "Eur", " EUR", "EURO", "E", "978", "BTC", "ＥＵＲ"])
def test_metals_test_codes_coins_and_unknown_words_are_no_fiat(code: str) -> None:
    assert fiat(code) is None


@pytest.mark.parametrize("code", sorted(COINS))
def test_a_coin_has_its_own_exponent_and_never_hides_a_fiat_currency(code: str) -> None:
    assert currency(code) == known(code) == Currency(code, COINS[code])
    assert fiat(code) is None


@pytest.mark.parametrize("code", ["XAU", "XXX", "btc", "WAT", ""])
def test_an_unknown_code_is_no_currency(code: str) -> None:
    assert currency(code) is None


def test_a_stored_code_that_is_unknown_is_our_own_bug() -> None:
    with pytest.raises(AssertionError, match="WAT"):
        known("WAT")


@given(st.text(max_size=5))
def test_every_currency_found_can_be_stored(code: str) -> None:
    found = currency(code)
    assert found is None or (found.code == code and 0 <= found.exponent <= EXPONENT_MAX)


@pytest.mark.parametrize(
    ("text", "exponent", "expected"),
    [
        ("49.99", 2, 4999),
        ("49.9", 2, 4990),
        ("49", 2, 4900),
        ("0", 2, 0),
        ("0.00", 2, 0),
        ("007.50", 2, 750),
        ("0.01", 2, 1),
        ("500", 0, 500),
        ("500.00", 0, 500),  # zeros behind the last unit change no amount
        ("49.990000", 2, 4999),
        ("1.234", 3, 1234),
        ("0.00000001", 8, 1),
        ("92233720368547758.07", 2, UNITS_MAX),
        ("9223372036854775807", 0, UNITS_MAX),
        ("92233720368.54775807", 8, UNITS_MAX),
        ("0.29", 2, 29),  # 0.29 * 100 is 28.999… in floats
        ("1.15", 2, 115),
        ("4.35", 2, 435),
    ],
)
def test_a_plain_decimal_is_exact_units(text: str, exponent: int, expected: int) -> None:
    assert decimal_units(text, exponent) == expected


@pytest.mark.parametrize(
    ("text", "exponent"),
    [
        ("49.999", 2),
        ("0.001", 2),
        ("0.5", 0),
        ("500.01", 0),
        ("0.000000001", 8),
        ("1.0000000000000000000000000001", 2),
        ("1." + "0" * 59 + "1", 8),
        ("92233720368547758.08", 2),
        ("9223372036854775808", 0),
        ("9" * 30, 0),
        ("9" * 30 + "." + "9" * 60, 8),
        ("9" * 31, 0),
        ("1." + "0" * 61, 2),
    ],
)
def test_too_many_decimals_or_too_large_is_no_amount(text: str, exponent: int) -> None:
    assert decimal_units(text, exponent) is None


NOT_PLAIN = [
    "",
    " ",
    "-1",
    "+1",
    "1,00",
    "1.",
    ".5",
    "1e3",
    "1E-2",
    "0x10",
    "1_000",
    " 1",
    "1 ",
    "1\n",
    "1.0.0",
    "NaN",
    "Infinity",
    "null",
    "１",
    "٣",
    "1 000",
    "$1",
]


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_only_digits_and_one_dot_are_a_plain_decimal(text: str) -> None:
    assert plain_decimal(text) is None
    assert decimal_units(text, 2) is None


@pytest.mark.parametrize(
    ("amount", "exponent", "places", "text"),
    [
        (4999, 2, None, "49.99"),
        (0, 2, None, "0.00"),
        (5, 2, None, "0.05"),
        (-5, 2, None, "-0.05"),
        (-4999, 2, None, "-49.99"),
        (10, 0, None, "10"),
        (10, 0, 2, "10.00"),
        (0, 0, None, "0"),
        (1, 8, None, "0.00000001"),
        (1234, 3, None, "1.234"),
        (4990, 2, 4, "49.9000"),
        (UNITS_MAX, 8, None, "92233720368.54775807"),
    ],
)
def test_units_are_written_with_all_their_decimals(amount: int, exponent: int, places: int | None, text: str) -> None:
    assert decimal_text(amount, exponent, places) == text


def test_writing_never_cuts_decimals() -> None:
    with pytest.raises(AssertionError):
        decimal_text(1234, 3, 2)


@given(units, exponents, st.integers(0, 20))
def test_what_is_written_reads_back_as_the_same_units(amount: int, exponent: int, more: int) -> None:
    assert decimal_units(decimal_text(amount, exponent, exponent + more), exponent) == amount


@given(st.integers(-UNITS_MAX, UNITS_MAX), exponents)
def test_the_text_of_units_is_their_exact_value(amount: int, exponent: int) -> None:
    assert Fraction(decimal_text(amount, exponent)) == Fraction(amount, 10**exponent)


@given(st.from_regex(r"[0-9]{1,30}(\.[0-9]{1,60})?", fullmatch=True).filter(str.isascii), exponents)
def test_units_are_the_exact_value_of_the_digits_or_nothing(text: str, exponent: int) -> None:
    exact = Fraction(text) * 10**exponent
    expected = int(exact) if exact.denominator == 1 and exact <= UNITS_MAX else None
    assert decimal_units(text, exponent) == expected


@given(st.text(max_size=40), exponents)
def test_any_text_is_an_amount_a_column_holds_or_none(text: str, exponent: int) -> None:
    found = decimal_units(text, exponent)
    assert found is None or 0 <= found <= UNITS_MAX


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("2.345", 2, "2.35"),
        ("2.344999", 2, "2.34"),
        ("2.5", 0, "3"),
        ("3.5", 0, "4"),
        ("0.005", 2, "0.01"),
        ("1", 2, "1.00"),
        ("99.995", 2, "100.00"),
    ],
)
def test_half_is_rounded_up(value: str, places: int, expected: str) -> None:
    assert str(round_half_up(Decimal(value), places)) == expected


def test_more_digits_than_a_decimal_carries_are_not_rounded_silently() -> None:
    assert round_half_up(Decimal("1" * 30), 2) is None


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [(10000, "2.9", 290), (4999, "2.9", 145), (50, "1", 1), (49, "1", 0), (4999, "0", 0), (4999, "100", 4999), (1, "50", 1), (0, "2.9", 0)],
)
def test_a_share_is_whole_units_rounded_half_up(amount: int, percent: str, expected: int) -> None:
    assert share(amount, Decimal(percent)) == expected


@given(units, st.decimals(min_value=0, max_value=100, places=2))
def test_a_share_is_the_nearest_unit_and_never_more_than_the_whole(amount: int, percent: Decimal) -> None:
    exact = Fraction(amount) * Fraction(percent) / 100
    assert 0 <= share(amount, percent) <= amount
    assert abs(share(amount, percent) - exact) <= Fraction(1, 2)


@given(st.integers(), st.integers())
def test_adding_and_subtracting_undo_each_other(left: int, right: int) -> None:
    assert Money(left, EUR) + Money(right, EUR) - Money(right, EUR) == Money(left, EUR)


def test_two_currencies_never_mix() -> None:
    with pytest.raises(AssertionError):
        Money(1, EUR) + Money(1, JPY)
    with pytest.raises(AssertionError):
        Money(1, EUR) - Money(1, JPY)


@pytest.mark.parametrize(("amount", "text"), [(Money(4999, EUR), "49.99 EUR"), (Money(500, JPY), "500 JPY"), (Money(-1, EUR), "-0.01 EUR")])
def test_money_reads_as_people_write_it(amount: Money, text: str) -> None:
    assert str(amount) == text
