"""The tables of ETpay's dialect are total, and its tokens and rules are what the contract says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymux.dialects.etpay import fields, wire
from paymux.dialects.etpay.account import Account
from paymux.dialects.etpay.errors import HTTP, MESSAGES, REFUSALS, Code, Fault
from paymux.dialects.etpay.notices import DELAYS_S
from paymux.dialects.etpay.pages import joined
from paymux.dialects.etpay.statuses import TOLD, WORDS
from paymux.errors import Refusal
from paymux.merchants.model import Merchant, Plan
from paymux.payments.lifecycle import State
from paymux.payments.model import OpenPayment

MERCHANT = Merchant(
    id=1, name="M", email="m@example.com", plan=Plan.PRO, active=True, country="CL", wallet=None, smart_routing=True,
    methods_off=frozenset(), shops={},
)  # fmt: skip
SECRETS = wire.Secrets(token="t" * 64, payment_token="p" * 20, sealed_signature="e1.k.x")
BANKS = wire.Banks(frozenset({"cl_test", "cl_estado"}), True)


def test_every_code_refusal_and_state_has_its_row() -> None:
    assert set(HTTP) == set(MESSAGES) == set(Code)
    assert set(REFUSALS) == set(Refusal)
    assert set(WORDS) == set(State)
    assert set(TOLD.values()) == {"success", "error"}


def test_the_repeats_come_1_5_30_minutes_2_and_12_hours_after_the_first_try() -> None:
    assert [sum(DELAYS_S[: count + 1]) for count in range(len(DELAYS_S))] == [60, 300, 1800, 7200, 43200]


@pytest.mark.parametrize(
    ("url", "concat", "expected"),
    [
        ("https://s.example/ok", None, "https://s.example/ok?jwt=T"),
        ("https://s.example/ok?a=1", None, "https://s.example/ok?a=1&jwt=T"),
        ("https://s.example/ok?a=1", "&", "https://s.example/ok?a=1&jwt=T"),
        ("https://s.example/ok", "&", "https://s.example/ok?jwt=T"),
        ("https://s.example/ok?a=1", "?", "https://s.example/ok?a=1&jwt=T"),
        ("https://s.example/ok", ";", "https://s.example/ok;jwt=T"),
        ("https://s.example/ok?a=1#top", ";", "https://s.example/ok?a=1;jwt=T#top"),
        ("https://s.example/ok#top", None, "https://s.example/ok?jwt=T#top"),
    ],
)
def test_the_token_is_joined_to_a_shops_url(url: str, concat: str | None, expected: str) -> None:
    assert joined(url, "T", concat) == expected


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("111111111", "111111111"), ("11.111.111-1", "111111111"), ("10000013-k", "10000013K"), ("11111111-2", None), ("", None), ("x", None)],
)
def test_a_rut_is_stored_without_marks_and_judged_by_its_check_digit(typed: str, stored: str | None) -> None:
    assert fields.rut(typed) == stored


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*wire.InitializeRequest.__struct_fields__, "other"]), json_values))
def test_whatever_is_sent_becomes_a_session_or_a_named_fault(sent: dict[str, object]) -> None:
    found = wire.session(sent, MERCHANT, Account(currency="CLP"), BANKS, SECRETS, "http://localhost")
    assert isinstance(found, OpenPayment) or (isinstance(found, Fault) and found.field in wire.InitializeRequest.__struct_fields__)
    assert isinstance(wire.asker(sent, True), wire.Asker | Fault)
    wire.named(sent, 1)


@given(st.binary(max_size=200))
def test_bytes_become_an_object_or_a_fault(body: bytes) -> None:
    assert isinstance(wire.body_of(body), dict | Fault)
