"""Which screen shows a payment as it stands, how the last attempt ended, as far as buyers are told, and what to try next. Pure."""

from collections.abc import Sequence

from paymux.checkout.view import FIXABLE, Decline, Screen
from paymux.decline import DeclineReason
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import ALIVE, DEAD, OPEN, SUCCESS, AttemptState, State
from paymux.payments.model import Attempt, Attention, LastError, Payment

# What a buyer is told of a reason. One that is not here is told as unknown: the bank gave none that helps, or it would help a thief
# (`paymux.decline.DISCREET`). Number, date and code of a card have one text, which says not which of them was wrong.
TOLD = {
    DeclineReason.INSUFFICIENT_FUNDS:      Decline.NOT_ENOUGH,
    DeclineReason.LIMIT_EXCEEDED:          Decline.NOT_ENOUGH,
    DeclineReason.AUTHENTICATION_FAILED:   Decline.NOT_CONFIRMED,
    DeclineReason.EXPIRED_CARD:            Decline.BAD_DETAILS,
    DeclineReason.INCORRECT_NUMBER:        Decline.BAD_DETAILS,
    DeclineReason.INCORRECT_CVC:           Decline.BAD_DETAILS,
    DeclineReason.INVALID_ACCOUNT:         Decline.NOT_ACCEPTED,
    DeclineReason.CARD_NOT_SUPPORTED:      Decline.NOT_ACCEPTED,
    DeclineReason.CURRENCY_NOT_SUPPORTED:  Decline.NOT_ACCEPTED,
    DeclineReason.TRANSACTION_NOT_ALLOWED: Decline.NOT_ACCEPTED,
    DeclineReason.AMOUNT_NOT_ALLOWED:      Decline.AMOUNT_LIMIT,
    DeclineReason.SESSION_EXPIRED:         Decline.TOO_SLOW,
}  # fmt: skip


def declined_for(attempts: Sequence[Attempt]) -> Decline:
    """Why the last attempt was declined, in the buyer's words; UNKNOWN if it was not."""
    last = attempts[-1] if attempts else None
    if last is None or last.state is not AttemptState.DECLINED:
        return Decline.UNKNOWN
    return TOLD.get(DeclineReason.of(last.decline_reason), Decline.UNKNOWN)


def to_retry(attempts: Sequence[Attempt]) -> str | None:
    """The method of the last attempt, if it was declined for what its buyer can mend by trying it again."""
    return attempts[-1].method if declined_for(attempts) in FIXABLE else None


def left_unpaid(payment: Payment, attempts: Sequence[Attempt]) -> bool:
    """Whether the last attempt that a buyer was sent to ended without a payment, and it is sure that no money came by any."""
    last = attempts[-1] if attempts else None
    if last is None or last.state is not AttemptState.CANCELLED or last.handed_url is None:
        return False
    untouched = payment.received_units == 0 and payment.attention is None  # money in another currency raises attention alone
    return payment.state in OPEN and untouched and all(attempt.state in DEAD for attempt in attempts)


def alive(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that may still succeed; there is at most one."""
    return next((attempt for attempt in attempts if attempt.state in ALIVE), None)


def screen(payment: Payment, attempts: Sequence[Attempt], now: int) -> Screen:
    """The screen of a payment for somebody who sees it now."""
    if payment.state in SUCCESS:
        return Screen.SURPLUS if payment.held_units else Screen.PAID
    if overdue(payment, now) or payment.state is State.EXPIRED:
        return Screen.EXPIRED
    if payment.state is State.FAILED:
        return Screen.FAILED
    if payment.state is State.REVIEW:
        return Screen.SHORT if payment.attention == Attention.SHORT else Screen.REVIEW
    if payment.state is State.UNCLEAR:
        return Screen.UNCLEAR
    if payment.state is State.PENDING or alive(attempts) is not None:
        return Screen.WAITING
    assert payment.state in OPEN
    if attempts and attempts[-1].state is AttemptState.DECLINED and payment.last_error == LastError.PROVIDER_DECLINED:
        return Screen.DECLINED
    return Screen.CHOOSE
