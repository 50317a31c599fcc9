"""Error codes of the exchanger's wire. A closed set; pure.

Numbers are the vendor's own, as its web client knows them; those that no source names (order not found, change refused) are ours. Two are
larger than 2^53: they are sent as a JavaScript server prints them. Every error is HTTP 200 with `success: false`; other statuses are
the transport's (400 unparsable, 404 unknown method, 405 verb, 408, 413, 5xx).
"""

from enum import IntEnum

from paymux.errors import Refusal


class Code(IntEnum):
    UNAUTHORISED = 40301
    MAINTENANCE = 5555555555555555
    TOO_MANY = 5030000
    NO_ROUTE = 6801545277215051
    AMOUNT_MISSING = 5071545873252155
    AMOUNT_ZERO = 7701545348962388
    AMOUNT_EATEN = 1661545348963371
    TOO_LITTLE = 7701545348962387
    TOO_MUCH = 3631545348962766
    ABOVE_RESERVE = 9951545348963164
    FIELD = 6231546409213868
    NOT_FOUND = 1404
    NOT_ALLOWED = 1409
    TOO_MANY_KEYS = 1429
    BAD_REQUEST = 1400
    UNKNOWN_METHOD = 404
    WRONG_VERB = 405
    TIMEOUT = 408
    TOO_LARGE = 413
    FAULT = 500
    BUSY = 503


MESSAGES: dict[Code, str] = {
    Code.UNAUTHORISED: "Not authorised",
    Code.MAINTENANCE: "The exchange is closed for maintenance",
    Code.TOO_MANY: "Too many requests, please wait",
    Code.NO_ROUTE: "This direction does not exist or is closed",
    Code.AMOUNT_MISSING: "The amount is missing or is not a number",
    Code.AMOUNT_ZERO: "The amount is zero",
    Code.AMOUNT_EATEN: "The amount is too small: nothing would be left of it",
    Code.TOO_LITTLE: "The amount is below the minimum",
    Code.TOO_MUCH: "The amount is above the maximum",
    Code.ABOVE_RESERVE: "The reserve is smaller than this amount",
    Code.FIELD: "A field is missing or wrong",
    Code.NOT_FOUND: "There is no such order",
    Code.NOT_ALLOWED: "The order's status cannot be changed like this",
    Code.TOO_MANY_KEYS: "There are as many keys as there may be",
    Code.BAD_REQUEST: "The request cannot be read",
    Code.UNKNOWN_METHOD: "There is no such method",
    Code.WRONG_VERB: "This method is called with another verb",
    Code.TIMEOUT: "The request did not come in time",
    Code.TOO_LARGE: "The request is too large",
    Code.FAULT: "Something went wrong",
    Code.BUSY: "Please try again in a moment",
}

# The transport's statuses; every other code is answered with 200.
TRANSPORT: dict[int, Code] = {
    400: Code.BAD_REQUEST,
    404: Code.UNKNOWN_METHOD,
    405: Code.WRONG_VERB,
    408: Code.TIMEOUT,
    413: Code.TOO_LARGE,
    500: Code.FAULT,
    503: Code.BUSY,
}

REFUSALS: dict[Refusal, Code] = {
    Refusal.UNKNOWN_PAYMENT: Code.NOT_FOUND,
    Refusal.STATE_FORBIDS: Code.NOT_ALLOWED,
    Refusal.PAYMENT_NOT_OPEN: Code.NOT_ALLOWED,
    Refusal.INSUFFICIENT_BALANCE: Code.NOT_ALLOWED,
    # An order is never opened twice, attempted or routed: to meet these here is our own fault.
    Refusal.DUPLICATE_REFERENCE: Code.FAULT,
    Refusal.ATTEMPT_ALIVE: Code.FAULT,
    Refusal.NO_ROUTE: Code.FAULT,
    Refusal.EMAIL_REQUIRED: Code.FAULT,
    Refusal.BAD_METHOD: Code.FAULT,
    Refusal.CURRENCY_MISMATCH: Code.FAULT,
    Refusal.NOT_REFUNDABLE: Code.FAULT,
    Refusal.REFUND_TOO_LARGE: Code.FAULT,
    Refusal.DAILY_CAP: Code.FAULT,
}
