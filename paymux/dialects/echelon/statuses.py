"""Echelon's words for the state of a payin or a payout, and why one failed. Pure.

SUCCESS and FAILED are last words. Where money comes late, short or in another currency the core lets a person decide; the wire has
said FAILED by then and keeps it until that person accepts the money. Source: Echelon's OpenAPI document; which of the core's states
has which word is ours.
"""

from enum import StrEnum

from paymux.payments.decide import overdue
from paymux.payments.lifecycle import SUCCESS, State
from paymux.payments.model import Attention, LastError, Payment
from paymux.payouts.lifecycle import PayoutState


class Word(StrEnum):
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    REFUSED = "REFUSED"


class Reason(StrEnum):
    SYSTEM = "SYSTEM"  # our side or the one behind the channel could not do it; nobody declined
    PROCESS = "PAYMENT_PROCESS_ERROR"
    EXPIRED = "ENTITY_EXPIRED"
    AMOUNT = "DIFFERENT_AMOUNT_CONFIRMED"
    CURRENCY = "INCORRECT_CURRENCY"
    ACCOUNT_NUMBER = "INVALID_ACCOUNT_NUMBER"
    ACCOUNT_NAME = "INVALID_ACCOUNT_NAME"


WORDS: dict[State, Word] = {
    State.CREATED:   Word.PROCESSING,
    State.AWAITING:  Word.PROCESSING,
    State.PENDING:   Word.PROCESSING,
    State.UNCLEAR:   Word.PROCESSING,
    State.REVIEW:    Word.PROCESSING,  # unless REVIEWED says otherwise
    State.PAID:      Word.SUCCESS,
    State.SETTLED:   Word.SUCCESS,
    State.COMPLETED: Word.SUCCESS,
    State.EXPIRED:   Word.FAILED,
    State.FAILED:    Word.FAILED,
}  # fmt: skip

REVIEWED: dict[str, Reason] = {  # why a person looks -> what the wire has said meanwhile
    Attention.LATE: Reason.EXPIRED,
    Attention.SHORT: Reason.AMOUNT,
    Attention.CURRENCY: Reason.CURRENCY,
}

BROKEN = frozenset({LastError.PROVIDER_UNAVAILABLE, LastError.NO_ROUTE, LastError.WALLET_ERROR, LastError.SETTLEMENT_FAILED})

PAYOUT_WORDS: dict[PayoutState, Word] = {
    PayoutState.ACCEPTED: Word.PROCESSING,
    PayoutState.SENDING:  Word.PROCESSING,
    PayoutState.PENDING:  Word.PROCESSING,
    PayoutState.UNCLEAR:  Word.PROCESSING,
    PayoutState.PAID:     Word.SUCCESS,
    PayoutState.FAILED:   Word.FAILED,
}  # fmt: skip


def word(payment: Payment, now: int) -> Word:
    """The word at this moment: one whose time is over has failed, whether or not the clock's sweep has run."""
    if overdue(payment, now):
        return Word.FAILED
    if payment.state is State.REVIEW and payment.attention in REVIEWED:
        return Word.FAILED
    return WORDS[payment.state]


def reason(payment: Payment, now: int) -> Reason:
    """Why a payin failed."""
    if overdue(payment, now) or payment.state is State.EXPIRED:
        return Reason.EXPIRED
    if payment.state is State.REVIEW and payment.attention in REVIEWED:
        return REVIEWED[payment.attention]
    if 0 < payment.received_units != payment.amount_units:
        return Reason.AMOUNT
    if payment.received_units:
        return Reason.EXPIRED
    return Reason.SYSTEM if payment.last_error in BROKEN else Reason.PROCESS


def ended_at(payment: Payment, now: int) -> int:
    """When the last word was said."""
    if payment.state in SUCCESS and payment.paid_at is not None:
        return payment.paid_at
    if overdue(payment, now):
        return payment.expires_at
    return min(payment.expires_at, payment.updated_at) if payment.state is State.EXPIRED else payment.updated_at
