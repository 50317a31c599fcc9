"""Every error code of EcomTrade24's wire, its HTTP status, and a sentence on what to do. A closed set; pure.

Codes up to `temporarily_blocked` stand in EcomTrade24's manual; of their HTTP statuses only `domain_not_allowed` 403 was
seen live. The others are ours. On the wire an error is `{"ok":false,"error":"<code>"}`; the sentences are for the
documentation. None names a provider or another merchant.
"""

from enum import StrEnum

from paymux.errors import Refusal


class Code(StrEnum):
    MISSING_API_KEY = "missing_api_key"
    INVALID_API_KEY = "invalid_api_key"
    MERCHANT_DISABLED = "merchant_disabled"
    INVALID_JSON = "invalid_json"
    INVALID_DOMAIN = "invalid_domain"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_CURRENCY = "invalid_currency"
    MISSING_WALLET = "missing_merchant_payout_wallet"
    INVALID_WALLET = "invalid_merchant_payout_wallet"
    EMAIL_REQUIRED = "valid_customer_email_required"
    RATE_LIMITED = "rate_limited"
    TEMPORARILY_BLOCKED = "temporarily_blocked"

    INVALID_RETURN_URL = "invalid_return_url"
    INVALID_CANCEL_URL = "invalid_cancel_url"
    INVALID_ORDER_ID = "invalid_order_id"
    META_TOO_LARGE = "meta_too_large"
    INVALID_METHOD = "invalid_method"
    METHOD_NOT_AVAILABLE = "method_not_available"
    INVALID_BANK_CURRENCY = "invalid_bank_fiat_currency"
    MISSING_SESSION_ID = "missing_session_id"
    SESSION_NOT_FOUND = "session_not_found"

    METHOD_NOT_ALLOWED = "method_not_allowed"  # of HTTP
    NOT_FOUND = "not_found"
    REQUEST_TIMEOUT = "request_timeout"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    SERVER_ERROR = "server_error"
    SERVICE_UNAVAILABLE = "service_unavailable"  # nothing was lost or the outcome is unknown: repeating is safe

    RESELLER_NOT_APPROVED = "reseller_not_approved"
    KEY_REVEAL_NOT_ALLOWED = "key_reveal_not_allowed"
    MERCHANT_NOT_FOUND = "merchant_not_found"
    MISSING_MERCHANT_ID = "missing_merchant_id"
    EMAIL_TAKEN = "email_taken"
    INVALID_EMAIL = "invalid_email"
    INVALID_PACKAGE = "invalid_package"
    INVALID_COUNTRY = "invalid_country"
    INVALID_WEBHOOK_URL = "invalid_webhook_url"
    INVALID_STATUS = "invalid_status"


# 400: a field is malformed · 401: the key · 403: not permitted · 422: well-formed, but account or route cannot serve it
HTTP: dict[Code, int] = {
    Code.MISSING_API_KEY:        401,
    Code.INVALID_API_KEY:        401,
    Code.MERCHANT_DISABLED:      403,
    Code.INVALID_JSON:           400,
    Code.INVALID_DOMAIN:         400,
    Code.DOMAIN_NOT_ALLOWED:     403,
    Code.INVALID_AMOUNT:         400,
    Code.INVALID_CURRENCY:       400,
    Code.MISSING_WALLET:         422,
    Code.INVALID_WALLET:         422,
    Code.EMAIL_REQUIRED:         422,
    Code.RATE_LIMITED:           429,
    Code.TEMPORARILY_BLOCKED:    429,
    Code.INVALID_RETURN_URL:     400,
    Code.INVALID_CANCEL_URL:     400,
    Code.INVALID_ORDER_ID:       400,
    Code.META_TOO_LARGE:         400,
    Code.INVALID_METHOD:         400,
    Code.METHOD_NOT_AVAILABLE:   422,
    Code.INVALID_BANK_CURRENCY:  422,
    Code.MISSING_SESSION_ID:     400,
    Code.SESSION_NOT_FOUND:      404,
    Code.METHOD_NOT_ALLOWED:     405,
    Code.NOT_FOUND:              404,
    Code.REQUEST_TIMEOUT:        408,
    Code.PAYLOAD_TOO_LARGE:      413,
    Code.SERVER_ERROR:           500,
    Code.SERVICE_UNAVAILABLE:    503,
    Code.RESELLER_NOT_APPROVED:  403,
    Code.KEY_REVEAL_NOT_ALLOWED: 403,
    Code.MERCHANT_NOT_FOUND:     404,
    Code.MISSING_MERCHANT_ID:    400,
    Code.EMAIL_TAKEN:            409,
    Code.INVALID_EMAIL:          400,
    Code.INVALID_PACKAGE:        400,
    Code.INVALID_COUNTRY:        400,
    Code.INVALID_WEBHOOK_URL:    400,
    Code.INVALID_STATUS:         400,
}  # fmt: skip

# A wallet that is wrong in the reseller's own request is a malformed field, not an account that cannot serve.
HTTP_WHEN_SET: dict[Code, int] = HTTP | {Code.INVALID_WALLET: 400}

# Answered with `retry_after` in the body and the same number in the header.
WITH_RETRY_AFTER = frozenset({Code.RATE_LIMITED, Code.TEMPORARILY_BLOCKED, Code.SERVICE_UNAVAILABLE})

REFUSALS: dict[Refusal, Code] = {
    Refusal.UNKNOWN_PAYMENT:      Code.SESSION_NOT_FOUND,
    Refusal.PAYMENT_NOT_OPEN:     Code.METHOD_NOT_AVAILABLE,
    Refusal.ATTEMPT_ALIVE:        Code.METHOD_NOT_AVAILABLE,
    Refusal.NO_ROUTE:             Code.METHOD_NOT_AVAILABLE,
    Refusal.EMAIL_REQUIRED:       Code.EMAIL_REQUIRED,
    Refusal.BAD_METHOD:           Code.INVALID_METHOD,
    Refusal.CURRENCY_MISMATCH:    Code.INVALID_CURRENCY,
    # This wire moves no money back and changes no state by itself: to meet these here is our own fault.
    Refusal.STATE_FORBIDS:        Code.SERVER_ERROR,
    Refusal.INSUFFICIENT_BALANCE: Code.SERVER_ERROR,
    Refusal.DAILY_CAP:            Code.SERVER_ERROR,
    Refusal.DUPLICATE_REFERENCE:  Code.SERVER_ERROR,
    Refusal.NOT_REFUNDABLE:       Code.SERVER_ERROR,
    Refusal.REFUND_TOO_LARGE:     Code.SERVER_ERROR,
}  # fmt: skip

MESSAGES: dict[Code, str] = {
    Code.MISSING_API_KEY: "Send the header Authorization: Bearer YOUR_API_KEY.",
    Code.INVALID_API_KEY: "Copy the current API key from the dashboard; a replaced key no longer works.",
    Code.MERCHANT_DISABLED: "The merchant account is not active; ask the operator to activate it.",
    Code.INVALID_JSON: "Send one JSON object in UTF-8.",
    Code.INVALID_DOMAIN: "Send the shop's domain, like shop.example.com.",
    Code.DOMAIN_NOT_ALLOWED: "Add the shop's domain in the dashboard and have it approved; each sub-domain is a shop of its own.",
    Code.INVALID_AMOUNT: "Send an amount with a dot, like 49.99, from 0.01 to 9999999.99; a whole number where the currency has no cents.",
    Code.INVALID_CURRENCY: "Send an active ISO 4217 code like EUR or USD.",
    Code.MISSING_WALLET: "Save a payout wallet for USDC on Polygon in the dashboard before you take payments.",
    Code.INVALID_WALLET: "Save a payout wallet of the form 0x and 40 hex digits that is your own, not a token's contract.",
    Code.EMAIL_REQUIRED: "Send the buyer's real e-mail address; the method asked for needs one.",
    Code.RATE_LIMITED: "Too many calls; wait for the seconds in Retry-After.",
    Code.TEMPORARILY_BLOCKED: "Stop polling and wait for the seconds in Retry-After.",
    Code.INVALID_RETURN_URL: "Send an absolute http or https URL of at most 2048 characters as return_url, or leave it out.",
    Code.INVALID_CANCEL_URL: "Send an absolute http or https URL of at most 2048 characters as cancel_url, or leave it out.",
    Code.INVALID_ORDER_ID: "Send order_id as text or a number of at most 191 characters, without control characters.",
    Code.META_TOO_LARGE: "Send a meta object of at most 8 KiB.",
    Code.INVALID_METHOD: "Send one of card, klarna, paypal, revolut, bank, ideal, other, or leave method out.",
    Code.METHOD_NOT_AVAILABLE: "The method cannot serve this payment now; offer what me.php says is available, or leave method out.",
    Code.INVALID_BANK_CURRENCY: "Send one of supported_bank_fiat of me.php as bank_fiat_currency.",
    Code.MISSING_SESSION_ID: "Send session_id, order_id or number.",
    Code.SESSION_NOT_FOUND: "You have no such session.",
    Code.METHOD_NOT_ALLOWED: "Use the HTTP method that the header Allow names.",
    Code.NOT_FOUND: "There is nothing at this path.",
    Code.REQUEST_TIMEOUT: "The body did not come in time; send the whole request at once.",
    Code.PAYLOAD_TOO_LARGE: "Send at most 64 KiB.",
    Code.SERVER_ERROR: "The fault is ours; look at the server's log.",
    Code.SERVICE_UNAVAILABLE: "The server is busy; repeat the same request after the seconds in Retry-After.",
    Code.RESELLER_NOT_APPROVED: "The reseller account is not approved; ask the operator.",
    Code.KEY_REVEAL_NOT_ALLOWED: "Revealing keys needs the operator's permission and an approved merchant.",
    Code.MERCHANT_NOT_FOUND: "You have no such merchant.",
    Code.MISSING_MERCHANT_ID: "Send merchant_id or external_id.",
    Code.EMAIL_TAKEN: "The e-mail address belongs to another account; use a different one.",
    Code.INVALID_EMAIL: "Send a well-formed e-mail address.",
    Code.INVALID_PACKAGE: "Send free, pro or unlimited.",
    Code.INVALID_COUNTRY: "Send a two-letter country code.",
    Code.INVALID_WEBHOOK_URL: "Send an absolute http or https URL that can be reached from outside.",
    Code.INVALID_STATUS: "Send active or disabled.",
}
