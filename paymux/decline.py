"""Why a payment was declined: one closed set of words for all providers, in the field's standard terms.

A provider's adapter says them, the attempt keeps them, people who run the gateway read them; what a buyer is told is the checkout's own.
"""

from enum import StrEnum
from typing import Self


class DeclineReason(StrEnum):
    """Why somebody on the way said no."""

    UNKNOWN = "unknown"  # nobody said, or in words that we do not know
    DO_NOT_HONOR = "do_not_honor"  # the bank says no, and not why
    ISSUER_UNAVAILABLE = "issuer_unavailable"  # the bank could not be asked
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"  # of the card or account: an amount or how often, in a day
    AUTHENTICATION_FAILED = "authentication_failed"  # the step with the bank (code, app) failed or was left
    EXPIRED_CARD = "expired_card"
    INCORRECT_NUMBER = "incorrect_number"
    INCORRECT_CVC = "incorrect_cvc"
    INVALID_ACCOUNT = "invalid_account"  # closed, blocked for payments, or there is none
    CARD_NOT_SUPPORTED = "card_not_supported"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    TRANSACTION_NOT_ALLOWED = "transaction_not_allowed"  # this card or account may not make such payments
    AMOUNT_NOT_ALLOWED = "amount_not_allowed"  # too small or too large for the provider
    SESSION_EXPIRED = "session_expired"  # the buyer took too long on the provider's page
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    PICKUP_CARD = "pickup_card"
    RESTRICTED_CARD = "restricted_card"
    FRAUDULENT = "fraudulent"  # the bank's or the provider's suspicion

    @classmethod
    def of(cls, word: object) -> Self:
        """The reason that a word from outside names; UNKNOWN for every other one, and for what is no word at all.

        >>> DeclineReason.of("expired_card"), DeclineReason.of("0wned"), DeclineReason.of(None)
        (<DeclineReason.EXPIRED_CARD: 'expired_card'>, <DeclineReason.UNKNOWN: 'unknown'>, <DeclineReason.UNKNOWN: 'unknown'>)
        """
        try:
            return cls(word) if isinstance(word, str) else cls("unknown")
        except ValueError:
            return cls("unknown")


# Card networks forbid to try these once more by another way; the buyer may still choose to pay otherwise.
NEVER_AGAIN = frozenset({DeclineReason.LOST_CARD, DeclineReason.STOLEN_CARD, DeclineReason.PICKUP_CARD, DeclineReason.FRAUDULENT})

# Who pays with somebody else's card must not learn what is known about it: no buyer is ever told these.
DISCREET = frozenset(
    {
        DeclineReason.LOST_CARD,
        DeclineReason.STOLEN_CARD,
        DeclineReason.PICKUP_CARD,
        DeclineReason.RESTRICTED_CARD,
        DeclineReason.FRAUDULENT,
    }
)
