"""Every error of ETpay's wire: a stable code, an HTTP status, the field where one is at fault, a sentence for people. A closed set; pure.

On the wire an error is `{"error": "<code>", "field": "<name>", "message": "<sentence>"}`, without `field` where none is at fault.
ETpay's manual says nothing of errors but that `message` is read; codes and statuses are ours.
"""

from enum import StrEnum

import msgspec

from paymux.errors import Refusal


class Code(StrEnum):
    INVALID_JSON = "invalid_json"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_TOKEN = "invalid_token"  # of the payouts login
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    SESSION_ENDED = "session_ended"  # only where the sandbox is told to simulate an outcome
    CONFLICT = "conflict"  # the id names another refund or payout
    NOT_REFUNDABLE = "not_refundable"
    REFUND_TOO_LARGE = "refund_too_large"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    SERVICE_UNAVAILABLE = "service_unavailable"  # nothing was lost or the outcome is unknown: repeating is safe


HTTP: dict[Code, int] = {
    Code.INVALID_JSON:        400,
    Code.MISSING_FIELD:       400,
    Code.INVALID_FIELD:       400,
    Code.INVALID_CREDENTIALS: 401,
    Code.INVALID_TOKEN:       401,
    Code.NOT_FOUND:           404,
    Code.METHOD_NOT_ALLOWED:  405,
    Code.REQUEST_TIMEOUT:     408,
    Code.SESSION_ENDED:       409,
    Code.CONFLICT:            409,
    Code.NOT_REFUNDABLE:      409,
    Code.REFUND_TOO_LARGE:    409,
    Code.INSUFFICIENT_BALANCE: 409,
    Code.PAYLOAD_TOO_LARGE:   413,
    Code.RATE_LIMITED:        429,
    Code.INTERNAL_ERROR:      500,
    Code.SERVICE_UNAVAILABLE: 503,
}  # fmt: skip

MESSAGES: dict[Code, str] = {
    Code.INVALID_JSON: "The body must be a JSON object",
    Code.MISSING_FIELD: "A required field is missing",
    Code.INVALID_FIELD: "A field is invalid",
    Code.INVALID_CREDENTIALS: "Invalid merchant credentials",
    Code.INVALID_TOKEN: "Log in at /v1/auth/login and send the token as Authorization: Bearer",
    Code.NOT_FOUND: "There is nothing at this path",
    Code.METHOD_NOT_ALLOWED: "Use the HTTP method that the header Allow names",
    Code.REQUEST_TIMEOUT: "The body did not come in time",
    Code.SESSION_ENDED: "The session has ended",
    Code.CONFLICT: "This id was used for something else",
    Code.NOT_REFUNDABLE: "Only a successful payment can be refunded",
    Code.REFUND_TOO_LARGE: "This is more than is left of the payment",
    Code.INSUFFICIENT_BALANCE: "The available balance is too small",
    Code.PAYLOAD_TOO_LARGE: "The body is longer than 64 KiB",
    Code.RATE_LIMITED: "Too many calls; wait for the seconds in Retry-After",
    Code.INTERNAL_ERROR: "The fault is ours",
    Code.SERVICE_UNAVAILABLE: "The server is busy; repeat the same request after the seconds in Retry-After",
}

REFUSALS: dict[Refusal, Code] = {
    Refusal.UNKNOWN_PAYMENT:      Code.NOT_FOUND,
    Refusal.PAYMENT_NOT_OPEN:     Code.SESSION_ENDED,
    Refusal.ATTEMPT_ALIVE:        Code.SESSION_ENDED,
    Refusal.STATE_FORBIDS:        Code.SESSION_ENDED,
    Refusal.DUPLICATE_REFERENCE:  Code.CONFLICT,
    Refusal.NOT_REFUNDABLE:       Code.NOT_REFUNDABLE,
    Refusal.REFUND_TOO_LARGE:     Code.REFUND_TOO_LARGE,
    Refusal.INSUFFICIENT_BALANCE: Code.INSUFFICIENT_BALANCE,
    # What this wire cannot cause by itself is our own fault.
    Refusal.NO_ROUTE:             Code.SERVICE_UNAVAILABLE,
    Refusal.EMAIL_REQUIRED:       Code.INTERNAL_ERROR,
    Refusal.BAD_METHOD:           Code.INTERNAL_ERROR,
    Refusal.CURRENCY_MISMATCH:    Code.INTERNAL_ERROR,
    Refusal.DAILY_CAP:            Code.INTERNAL_ERROR,
}  # fmt: skip


class Fault(msgspec.Struct, frozen=True):
    """Why a request is refused."""

    code: Code
    field: str | None = None
    message: str | None = None  # instead of the code's own


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every refusal; the field order is the wire's."""

    error: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    message: str


def answer(fault: Fault) -> ErrorAnswer:
    return ErrorAnswer(error=fault.code, field=fault.field or msgspec.UNSET, message=fault.message or MESSAGES[fault.code])


def missing(field: str, message: str | None = None) -> Fault:
    return Fault(Code.MISSING_FIELD, field, message or f"{field} is required")


def invalid(field: str, rule: str) -> Fault:
    """`rule` goes on after the field's name, such as "must be a string"."""
    return Fault(Code.INVALID_FIELD, field, f"{field} {rule}")
