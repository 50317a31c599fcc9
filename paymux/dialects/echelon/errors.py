"""Echelon's errors: the business codes, what they are on the wire, and the two shapes of a body. Pure.

Everything but a business rule is a BasicError `{"description"}`; business rules (406) are an array of BusinessError.
Source: Echelon's OpenAPI document and its status code page. Descriptions are free texts of ours; none names a provider.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from paymux.errors import Refusal
from paymux.merchants.channels import Bar


class Code(StrEnum):
    MERCHANT_NOT_FOUND = "MERCHANT_NOT_FOUND"
    MERCHANT_INACTIVE = "MERCHANT_INACTIVE"
    OPERATION_INVALID = "OPERATION_INVALID"
    CURRENCY_NOT_SUPPORTED = "CURRENCY_NOT_SUPPORTED"
    CURRENCY_PRECISION_EXCEEDED = "CURRENCY_PRECISION_EXCEEDED"
    PAYMENT_METHOD_CODE_INVALID = "PAYMENT_METHOD_CODE_INVALID"
    PAYMENT_METHOD_NOT_FOUND = "PAYMENT_METHOD_NOT_FOUND"
    PAYMENT_METHOD_ERROR = "PAYMENT_METHOD_ERROR"
    PAYMENT_OPERATOR_NOT_FOUND = "PAYMENT_OPERATOR_NOT_FOUND"
    PAYMENT_OPERATOR_INVALID = "PAYMENT_OPERATOR_INVALID"
    PAYMENT_OPERATOR_CODE_INVALID = "PAYMENT_OPERATOR_CODE_INVALID"
    PAYMENT_OPERATOR_REQUIRED = "PAYMENT_OPERATOR_REQUIRED"
    PAYMENT_OPERATOR_UNAVAILABLE = "PAYMENT_OPERATOR_UNAVAILABLE"
    NO_ACTIVE = "PAYMENT_CHANNEL_NO_ACTIVE_FOUND"
    NO_OPENED = "PAYMENT_CHANNEL_NO_OPENED_FOUND"
    NO_SEGMENT = "PAYMENT_CHANNEL_NO_SEGMENT_FOUND"
    AMOUNT_LIMITS = "PAYMENT_CHANNEL_AMOUNT_LIMITS"
    DAILY_LIMITS = "PAYMENT_CHANNEL_DAILY_LIMITS"
    SEGMENT_CODE_INVALID = "SEGMENT_CODE_INVALID"
    EMAIL_INVALID = "EMAIL_INVALID"
    CLIENT_IP_INVALID = "CLIENT_IP_INVALID"
    IP_DENIED = "IP_DENIED"
    BALANCE_INSUFFICIENT = "BALANCE_INSUFFICIENT"
    BANK_CODE_REQUIRED = "BANK_CODE_REQUIRED"


class BasicError(msgspec.Struct, frozen=True):
    description: str


class BusinessError(msgspec.Struct, frozen=True, omit_defaults=True):
    """`attrCode` is the name of the request's attribute at fault."""

    code: Code
    description: str
    attrCode: str | None = None


# (code, what it says, attribute at fault)
BARS: dict[Bar, tuple[Code, str, str | None]] = {
    Bar.CURRENCY:          (Code.CURRENCY_NOT_SUPPORTED, "The merchant does not have this currency", "currencyCode"),
    Bar.SEGMENT_UNKNOWN:   (Code.SEGMENT_CODE_INVALID, "There is no such segment", "segmentCode"),
    Bar.METHOD:            (Code.PAYMENT_METHOD_NOT_FOUND, "The merchant does not have this method in this currency", "paymentMethodCode"),
    Bar.METHOD_FAULTY:     (Code.PAYMENT_METHOD_ERROR, "The method has trouble right now", "paymentMethodCode"),
    Bar.OPERATOR_UNKNOWN:  (Code.PAYMENT_OPERATOR_NOT_FOUND, "There is no such operator", "paymentOperatorCode"),
    Bar.OPERATOR_FOREIGN:  (Code.PAYMENT_OPERATOR_INVALID, "The operator does not serve this method", "paymentOperatorCode"),
    Bar.OPERATOR_REQUIRED: (Code.PAYMENT_OPERATOR_REQUIRED, "The method needs an operator", "paymentOperatorCode"),
    Bar.OPERATOR_OFF:      (Code.PAYMENT_OPERATOR_UNAVAILABLE, "The operator is switched off", "paymentOperatorCode"),
    Bar.NONE_ACTIVE:       (Code.NO_ACTIVE, "No channel is active", None),
    Bar.NONE_OPEN:         (Code.NO_OPENED, "No channel is open", None),
    Bar.NONE_FOR_SEGMENT:  (Code.NO_SEGMENT, "No channel serves this segment", "segmentCode"),
    Bar.AMOUNT:            (Code.AMOUNT_LIMITS, "The amount is outside the limits", "amount"),
    Bar.DAILY:             (Code.DAILY_LIMITS, "The limit of the day is reached", "amount"),
}  # fmt: skip

# What the core refuses: (status, description, business code where the status is 406).
REFUSALS: dict[Refusal, tuple[int, str, Code | None]] = {
    Refusal.DUPLICATE_REFERENCE:  (409, "This id was accepted before", None),
    Refusal.UNKNOWN_PAYMENT:      (410, "There is no such payment", None),
    Refusal.INSUFFICIENT_BALANCE: (406, "The available balance is too small", Code.BALANCE_INSUFFICIENT),
    Refusal.DAILY_CAP:            (406, "The limit of the day is reached", Code.DAILY_LIMITS),
    Refusal.PAYMENT_NOT_OPEN:     (406, "The payment is over", Code.PAYMENT_METHOD_ERROR),
    Refusal.ATTEMPT_ALIVE:        (406, "The payment is under way", Code.PAYMENT_METHOD_ERROR),
    Refusal.NO_ROUTE:             (406, "No channel is open", Code.NO_OPENED),
    Refusal.EMAIL_REQUIRED:       (406, "An e-mail address is needed", Code.EMAIL_INVALID),
    Refusal.BAD_METHOD:           (406, "There is no such method", Code.PAYMENT_METHOD_CODE_INVALID),
    Refusal.STATE_FORBIDS:        (406, "The payment's state does not allow it", Code.PAYMENT_METHOD_ERROR),
    Refusal.CURRENCY_MISMATCH:    (406, "The currency is another one", Code.CURRENCY_NOT_SUPPORTED),
    Refusal.NOT_REFUNDABLE:       (406, "The payment's state does not allow it", Code.PAYMENT_METHOD_ERROR),
    Refusal.REFUND_TOO_LARGE:     (406, "The amount is too large", Code.PAYMENT_METHOD_ERROR),
}  # fmt: skip

DESCRIPTIONS = {
    400: "The request does not satisfy the schema",
    401: "A valid auth token is required",
    403: "The auth token does not allow this",
    404: "There is no such URL, method or API version",
    408: "The body did not come in time",
    409: "This id was accepted before",
    410: "There is no such payment",
    413: "The body is too large",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Please repeat the request in a moment",
}


def barred(bar: Bar) -> BusinessError:
    """A channel rule in this wire's words."""
    return BusinessError(*BARS[bar])


def business(code: Code, description: str, attribute: str | None = None) -> BusinessError:
    return BusinessError(code, description, attribute)


def listed(*found: BusinessError | None) -> Sequence[BusinessError]:
    """Those that apply, in order."""
    return [one for one in found if one is not None]
