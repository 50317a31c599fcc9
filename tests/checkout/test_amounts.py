"""Amounts and times as readers of each language expect them."""

import pytest

from paymux.checkout.amounts import amount_text, time_text
from paymux.money import Money, known
from tests.screenshots import NOW


@pytest.mark.parametrize(
    ("code", "units", "language", "text"),
    [
        ("EUR", 4999, "en", "€49.99"), ("EUR", 4999, "de", "49,99 €"), ("EUR", 4999, "es", "49,99 €"), ("EUR", 4999, "ru", "49,99 €"),
        ("EUR", 4999, "ar", "49.99 €"), ("EUR", 123456, "es", "1234,56 €"), ("EUR", 1234567, "es", "12.345,67 €"),
        ("EUR", 123456789, "ru", "1 234 567,89 €"), ("JPY", 1234567, "en", "¥1,234,567"), ("JPY", 500, "de", "500 ¥"),
        ("KWD", 12345, "en", "12.345 KWD"), ("KWD", 12345, "de", "12,345 KWD"), ("BTC", 81234, "de", "0,00081234 BTC"),
        ("CHF", 5, "en", "0.05 CHF"), ("EUR", 0, "en", "€0.00"), ("USD", 2**63 - 1, "en", "$92,233,720,368,547,758.07"),
    ],
)  # fmt: skip
def test_amounts_are_written_as_each_language_writes_them(code: str, units: int, language: str, text: str) -> None:
    assert amount_text(Money(units, known(code)), language).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "29 Apr 2026, 12:10 UTC"), ("de", "29.04.2026, 12:10 UTC"), ("es", "29 abr 2026, 12:10 UTC"),
        ("ru", "29.04.2026, 12:10 UTC"), ("ar", "29/04/2026, 12:10 UTC"),
    ],
)  # fmt: skip
def test_times_name_their_zone(language: str, text: str) -> None:
    assert time_text(NOW, language) == text
