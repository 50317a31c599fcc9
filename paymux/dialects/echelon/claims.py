"""What Echelon's tokens say, and the operations that an action stands for. Pure.

Source: Echelon's general concepts page and OpenAPI document; the payout actions and the claims `money` and `settlement` are ours.
"""

from decimal import Decimal

import msgspec

OPERATIONS_CHARS_MAX = 8000  # of one token, all operations together
TOPUP_ACTION = "WALLET_OPERATION_CREATE"
ACTIONS: dict[str, tuple[str, ...]] = {  # X stands for the payment's id
    "PAYIN_CREATE": (
        "POST /payins/!availablePaymentOptions", "POST /payins/X", "GET /payins/X", "GET /merchant-info",
        "POST /payins/X/!setExternalReference",
    ),
    "PAYIN_INFO": ("GET /payins/X",),
    "PAYOUT_CREATE": ("POST /payouts/!availablePaymentOptions", "POST /payouts/X", "GET /payouts/X"),
    "PAYOUT_INFO": ("GET /payouts/X",),
    TOPUP_ACTION: ("POST /topups/!availablePaymentOptions", "POST /topups/X", "GET /topups/X"),
}  # fmt: skip
ANY_ID = "[A-Za-z0-9_-]+"


class MoneyClaim(msgspec.Struct, frozen=True):
    amount: Decimal
    currencyCode: str


class Settlement(msgspec.Struct, frozen=True):
    """Where a top-up is sent on to: method, operator and the account's number there."""

    paymentMethodCode: str
    paymentOperatorCode: str
    accountNumber: str


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says. `exp` and `iat` are seconds since 1970."""

    operations: tuple[str, ...] = ()
    exp: int
    iat: int
    jti: str
    sub: str
    money: MoneyClaim | None = None
    settlement: Settlement | None = None  # of top-ups only


class TokenWish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, of the right form."""

    merchant_code: str
    secret: str
    valid_s: int
    operations: tuple[str, ...]
    money: MoneyClaim | None
    settlement: Settlement | None = None


def granted(action: str, id_payment: str | None) -> tuple[str, ...]:
    """The operations that an action stands for."""
    return tuple(operation.replace("X", id_payment or ANY_ID) for operation in ACTIONS[action])
