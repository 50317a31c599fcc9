"""What the core can refuse, and what can go wrong around it.

A `Refused` is a result, not an exception: one bad command must not stop its batch. Each dialect maps every
`Refusal` to its own words. Exceptions here are about the machine (busy, lost connection), never about the request.
"""

from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """Every reason for which the core says no."""

    DUPLICATE_REFERENCE = "duplicate_reference"  # the API's name for it is taken
    UNKNOWN_PAYMENT = "unknown_payment"
    PAYMENT_NOT_OPEN = "payment_not_open"  # final, expired or under review: nothing can be started
    ATTEMPT_ALIVE = "attempt_alive"  # a second one could make the buyer pay twice
    NO_ROUTE = "no_route"
    EMAIL_REQUIRED = "email_required"  # routes are left, but each of them needs a buyer's e-mail
    BAD_METHOD = "bad_method"
    STATE_FORBIDS = "state_forbids"  # the life of a payment has no such move
    CURRENCY_MISMATCH = "currency_mismatch"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NOT_REFUNDABLE = "not_refundable"  # the payment never succeeded
    REFUND_TOO_LARGE = "refund_too_large"  # more than is left of what was received
    DAILY_CAP = "daily_cap"  # the channel has accepted as much as it may in a day


@dataclass(frozen=True, slots=True)
class Refused:
    """Every rule that a command broke, and a sentence for a person."""

    reasons: frozenset[Refusal]
    detail: str = ""

    def has(self, reason: Refusal) -> bool:
        return reason in self.reasons


def refuse(reason: Refusal, detail: str = "") -> Refused:
    """A refusal for one reason."""
    return Refused(frozenset({reason}), detail)


class PaymuxError(Exception):
    """Root of our own exceptions."""


class SettingsError(PaymuxError):
    """A setting is unknown, missing or has a bad value; the text says which and how to mend it."""


class Busy(PaymuxError):
    """The writer's queue is full; nothing was done. Answered as 503 with Retry-After."""


class OutcomeUnknown(PaymuxError):
    """The connection was lost inside COMMIT: done or not done. Answered as 503; repeating is safe."""


class StorageError(PaymuxError):
    """The database cannot be used as it is (wrong mode, newer schema, unreachable)."""


class DatabaseGone(StorageError):
    """The database does not answer; the unit was not committed. Answered as 503 with Retry-After."""
