"""Addresses by currency: the standards' own examples, and one character changed."""

import pytest

from paymux.exchange.addresses import CHECKS
from paymux.exchange.fields import FieldFault, judge
from paymux.exchange.model import Check, Field, Option, Value

GOOD = [
    (Check.BTC, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), (Check.BTC, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
    (Check.BTC, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (Check.BTC, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    (Check.EVM, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), (Check.EVM, "0x" + "a" * 40),
    (Check.TRON, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"), (Check.CARD, "4111 1111 1111 1111"), (Check.IBAN, "DE89370400440532013000"),
    (Check.NONE, "anything"),
]  # fmt: skip
BAD = [
    (Check.BTC, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"), (Check.BTC, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
    (Check.BTC, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj1"), (Check.BTC, ""),
    (Check.EVM, "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), (Check.EVM, "0x" + "a" * 39),
    (Check.EVM, "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    (Check.TRON, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"), (Check.TRON, "0x" + "a" * 40), (Check.TRON, "T" + "0" * 33),
    (Check.CARD, "4111111111111112"), (Check.CARD, "4111"), (Check.IBAN, "DE89370400440532013001"), (Check.IBAN, "٤"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "text"), GOOD)
def test_a_right_address_passes(check: Check, text: str) -> None:
    assert CHECKS[check](text)


@pytest.mark.parametrize(("check", "text"), BAD)
def test_a_wrong_address_does_not(check: Check, text: str) -> None:
    assert not CHECKS[check](text)


def test_every_check_is_known() -> None:
    assert set(CHECKS) == set(Check)


def test_the_last_of_a_repeated_key_wins_and_unknown_keys_are_ignored() -> None:
    field = Field(id="a", name="A", regexp="^[0-9]+$")
    assert judge([field], [("a", "x"), ("b", "?"), ("a", "7")]) == (Value("a", "A", "7"),)


def test_a_missing_a_malformed_and_an_unoffered_value_are_told_apart() -> None:
    field = Field(id="a", name="A", regexp="^[0-9]+$", options=())
    listed = Field(id="b", name="B", options=(Option("Bank", "bank"),))
    assert judge([field], []) == FieldFault(field, "required")
    assert judge([field], [("a", "seven")]) == FieldFault(field, "regexp")
    assert judge([listed], [("b", "cash")]) == FieldFault(listed, "options")


def test_an_empty_optional_field_is_not_checked() -> None:
    assert judge([Field(id="a", name="A", regexp="^[0-9]+$", required=False)], [("a", " ")]) == ()
