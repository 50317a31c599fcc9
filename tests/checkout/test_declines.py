"""What buyers are told of a decline, and what they are not."""

import pytest

from paymux.checkout.screens import TOLD, declined_for
from paymux.checkout.view import Decline
from paymux.decline import DISCREET, DeclineReason
from paymux.payments.lifecycle import AttemptState
from paymux.payments.model import Attempt
from tests.payments.samples import attempt

UNSAID = {DeclineReason.UNKNOWN, DeclineReason.DO_NOT_HONOR, DeclineReason.ISSUER_UNAVAILABLE}


def tried(reason: str | None, state: AttemptState = AttemptState.DECLINED) -> Attempt:
    return attempt(state=state, decline_reason=reason)


def test_every_reason_is_told_or_kept_on_purpose_and_every_text_is_used() -> None:
    assert set(TOLD) | UNSAID | DISCREET == set(DeclineReason)
    assert not set(TOLD) & (UNSAID | DISCREET)
    assert {*TOLD.values(), Decline.UNKNOWN} == set(Decline)


@pytest.mark.parametrize("reason", ["lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent"])
def test_what_would_help_a_thief_is_told_as_any_other_no(reason: str) -> None:
    assert DeclineReason(reason) in DISCREET
    assert declined_for([tried(reason)]) is Decline.UNKNOWN is declined_for([tried("do_not_honor")])


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("insufficient_funds", Decline.NOT_ENOUGH), ("limit_exceeded", Decline.NOT_ENOUGH), ("expired_card", Decline.BAD_DETAILS),
        ("incorrect_cvc", Decline.BAD_DETAILS), ("authentication_failed", Decline.NOT_CONFIRMED), ("invalid_account", Decline.NOT_ACCEPTED),
        ("amount_not_allowed", Decline.AMOUNT_LIMIT), ("session_expired", Decline.TOO_SLOW),
        (None, Decline.UNKNOWN), ("", Decline.UNKNOWN), ("a word of a newer version", Decline.UNKNOWN),
    ],
)  # fmt: skip
def test_the_reason_of_the_last_attempt_is_told(reason: str | None, told: Decline) -> None:
    assert declined_for([tried("lost_card"), tried(reason)]) is told


def test_what_was_not_declined_has_no_reason_to_tell() -> None:
    assert declined_for([]) is Decline.UNKNOWN
    for state in set(AttemptState) - {AttemptState.DECLINED}:
        assert declined_for([tried("expired_card"), tried("expired_card", state)]) is Decline.UNKNOWN
