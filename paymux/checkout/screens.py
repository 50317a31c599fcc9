"""Which screen shows a payment as it stands. Pure."""

from collections.abc import Sequence

from paymux.checkout.view import Screen
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import ALIVE, OPEN, SUCCESS, AttemptState, State
from paymux.payments.model import Attempt, Attention, LastError, Payment


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
