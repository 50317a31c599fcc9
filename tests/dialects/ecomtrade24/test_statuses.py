"""The words of the wire: total over the states, and notices for exactly the words that are told."""

import pytest

from paymux.dialects.ecomtrade24.errors import HTTP, HTTP_WHEN_SET, MESSAGES, REFUSALS, WITH_RETRY_AFTER, Code
from paymux.dialects.ecomtrade24.statuses import EVENTS, FINAL, TEST, WORDS, event_name, overdue, word
from paymux.errors import Refusal
from paymux.payments.lifecycle import ENDED, SUCCESS, State


def test_every_state_has_a_word() -> None:
    assert set(WORDS) == set(State)


@pytest.mark.parametrize(
    ("state", "said", "event"),
    [
        (State.CREATED, "created", None),
        (State.AWAITING, "awaiting_payment", None),
        (State.PENDING, "pending", "payment.session"),
        (State.UNCLEAR, "pending", "payment.session"),
        (State.REVIEW, "manual_review", "payment.session"),
        (State.PAID, "paid", "payment.completed"),
        (State.SETTLED, "settled", "payment.completed"),
        (State.COMPLETED, "completed", "payment.completed"),
        (State.EXPIRED, "expired", "payment.session"),
        (State.FAILED, "failed", "payment.session"),
    ],
)
def test_a_state_has_its_word_and_its_notice(state: State, said: str, event: str | None) -> None:
    assert word(state, expires_at=1000, now=999) == said
    assert event_name(said) == event


def test_a_test_notice_is_a_session_event() -> None:
    assert event_name(TEST) == "payment.session"
    assert set(EVENTS) - {TEST} < set(WORDS.values())


@pytest.mark.parametrize("state", State)
def test_only_open_payments_expire_by_time(state: State) -> None:
    is_open = state in {State.CREATED, State.AWAITING}
    assert word(state, expires_at=1000, now=1000) == ("expired" if is_open else WORDS[state])
    assert overdue(state, 1000, 1000) == is_open
    assert not overdue(state, 1000, 999)


def test_final_words_are_those_after_which_a_shop_stops_asking() -> None:
    assert {WORDS[state] for state in SUCCESS | ENDED} == FINAL


def test_every_code_has_a_status_and_a_message() -> None:
    assert set(HTTP) == set(HTTP_WHEN_SET) == set(MESSAGES) == set(Code)
    assert all(400 <= status < 600 for status in HTTP.values())
    assert all(HTTP[code] in {429, 503} for code in WITH_RETRY_AFTER)


def test_every_refusal_of_the_core_has_a_code() -> None:
    assert set(REFUSALS) == set(Refusal)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("missing_api_key", 401), ("invalid_api_key", 401), ("merchant_disabled", 403), ("invalid_json", 400), ("invalid_domain", 400),
        ("domain_not_allowed", 403), ("invalid_amount", 400), ("invalid_currency", 400), ("missing_merchant_payout_wallet", 422),
        ("invalid_merchant_payout_wallet", 422), ("valid_customer_email_required", 422), ("rate_limited", 429),
        ("temporarily_blocked", 429), ("method_not_allowed", 405), ("not_found", 404), ("server_error", 500), ("session_not_found", 404),
        ("missing_session_id", 400), ("invalid_method", 400), ("method_not_available", 422), ("invalid_bank_fiat_currency", 422),
        ("invalid_return_url", 400), ("invalid_cancel_url", 400), ("invalid_order_id", 400), ("meta_too_large", 400),
        ("payload_too_large", 413), ("service_unavailable", 503), ("email_taken", 409), ("reseller_not_approved", 403),
    ],
)  # fmt: skip
def test_a_code_has_the_status_that_is_documented(code: str, status: int) -> None:
    assert HTTP[Code(code)] == status


def test_a_bad_wallet_is_a_malformed_field_where_it_is_being_set() -> None:
    assert HTTP_WHEN_SET[Code.INVALID_WALLET] == 400
