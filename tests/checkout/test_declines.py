"""What buyers are told of an attempt that ended, what they are not, and what they are led to next."""

import re
from typing import Any

import pytest

from paymux.checkout.render import render
from paymux.checkout.screens import TOLD, declined_for, left_unpaid, to_retry
from paymux.checkout.view import FIXABLE, Decline, Method, Notice, Screen
from paymux.decline import DISCREET, DeclineReason
from paymux.payments.lifecycle import OPEN, AttemptState, State
from paymux.payments.model import Attempt, Attention
from tests.checkout.tags import Tags
from tests.payments.samples import attempt, payment
from tests.screenshots import METHODS, but

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


def test_only_what_the_buyer_can_mend_is_tried_again_first() -> None:
    mended = {reason for reason in DeclineReason if to_retry([tried(reason)])}
    assert mended == {reason for reason, told in TOLD.items() if told in FIXABLE}
    assert {"expired_card", "incorrect_number", "incorrect_cvc", "authentication_failed", "session_expired"} == mended
    assert to_retry([tried("expired_card"), attempt(state=AttemptState.DECLINED, decline_reason="incorrect_cvc", method="bank")]) == "bank"
    for last in (tried("do_not_honor"), tried("expired_card", AttemptState.CANCELLED)):
        assert to_retry([tried("expired_card"), last]) is None
    assert to_retry([]) is None


@pytest.mark.parametrize("decline", Decline)
def test_a_fixable_decline_leads_to_the_same_method_before_the_shops_own(decline: Decline) -> None:
    retry = decline in FIXABLE
    card = Method(code="card", declined=True, retry=retry)
    methods = (Method(code="ideal", available=False), METHODS[2], card, Method(code="bank", highlighted=True))
    page = render(but(screen=Screen.DECLINED, decline=decline, methods=methods))
    tags = Tags(page)
    framed = [button["value"] for button in tags.all("button") if "chosen" in button.get("class", "").split()]
    names = re.findall(r'<span class="name">([^<]+)', page.decode())
    assert names == (["Card", "Bank", "Klarna", "iDEAL"] if retry else ["Bank", "Klarna", "Card", "iDEAL"])
    assert framed == (["card"] if retry else ["bank"]), "one way stands out"
    assert ("Try again or choose" in tags.text, "Declined just now" in tags.text) == (retry, not retry)
    refused = decline not in {Decline.NOT_CONFIRMED, Decline.TOO_SLOW}
    assert ("The payment was declined" in tags.text, "The payment did not go through" in tags.text) == (refused, not refused)


ENDED = attempt(state=AttemptState.CANCELLED)
SENT_NOWHERE = attempt(state=AttemptState.CANCELLED, handed_url=None)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_attempt_that_ended_unpaid_is_told_where_nothing_came(state: State) -> None:
    for attempts in ([ENDED], [ENDED, ENDED], [tried("expired_card"), ENDED], [SENT_NOWHERE, ENDED]):
        assert left_unpaid(payment(state=state), attempts)


@pytest.mark.parametrize(
    ("changes", "attempts"),
    [
        ({}, []), ({}, [tried("do_not_honor")]), ({}, [ENDED, tried("do_not_honor")]), ({}, [SENT_NOWHERE]), ({}, [ENDED, SENT_NOWHERE]),
        *[({}, [ENDED, attempt(state=state)]) for state in sorted(set(AttemptState) - {AttemptState.CANCELLED})],
        *[({}, [attempt(state=state), ENDED]) for state in sorted(set(AttemptState) - {AttemptState.CANCELLED, AttemptState.DECLINED})],
        *[({"state": state}, [ENDED]) for state in sorted(set(State) - OPEN)],
        *[({"attention": why}, [ENDED]) for why in Attention], ({"received_units": 1}, [ENDED]),
    ],
)  # fmt: skip
def test_nothing_is_said_of_an_end_that_is_none_or_where_money_may_be(changes: dict[str, Any], attempts: list[Attempt]) -> None:
    assert not left_unpaid(payment(**changes), attempts)


def test_the_end_of_an_earlier_attempt_is_said_calmly() -> None:
    tags = Tags(render(but(methods=METHODS, notices=(Notice.CANCELLED,))))
    assert "Your earlier payment was not completed. No money was taken." in tags.text
    assert [found["class"] for found in tags.all("div") if found.get("id") == "notice"] == ["notice"]
