"""ETpay's requests and answers: bytes -> command, payment -> JSON. Pure.

The body is read as JSON whatever its Content-Type is, and also when there is none: the official SDK sends none.
Source: ETpay's manual and SDK; where they are silent the decision is ours and stands at its place.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from paymux.clock import MINUTE
from paymux.dialects.etpay import fields
from paymux.dialects.etpay.account import DIALECT, METHOD, TERMS_PATH, Account, Details, country, shop_of
from paymux.dialects.etpay.errors import Code, Fault, invalid, missing
from paymux.dialects.etpay.fields import Body, Wrong
from paymux.merchants.model import Merchant
from paymux.money import Money, decimal_text
from paymux.payments.model import Named, OpenPayment


class InitializeRequest(msgspec.Struct):
    """The fields that are read, for the documentation; `fields` judges them. Unknown ones are ignored."""

    merchant_code: str
    merchant_api_token: str
    merchant_order_id: Annotated[str, msgspec.Meta(max_length=64)] | int
    order_amount: Annotated[str, msgspec.Meta(extra_json_schema={"type": ["string", "number"]})]
    customer_email: str | None = None
    customer_phone: str | int | None = None
    metadata: list[dict[str, Any]] | None = None
    user_bank_code: str | None = None
    user_rut: str | int | None = None
    is_rut_block: bool | str | None = None
    target_flow: str | None = None
    payment_completed_url: str | None = None
    payment_cancellation_url: str | None = None
    payment_webhook_url: str | None = None
    concat: str | None = None


class InitializeAnswer(msgspec.Struct, frozen=True):
    token: str
    signature_token: str
    terms_url: str | None


class StatusRequest(msgspec.Struct):
    """At least one of the three names; several must fit together. Empty text counts as absent."""

    merchant_api_token: str
    merchant_code: str | None = None
    session_token: str | None = None
    merchant_order_id: str | int | None = None
    payment_token: str | None = None


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """One ended payment: the claims of its notice, in the wire's order."""

    session_token: str
    merchant_account_bank: str | None
    merchant_account_type: str | None
    merchant_account: str | None
    merchant_name: str
    merchant_currency: str
    merchant_order_id: str
    merchant_amount: Decimal | int
    user_bank: str | None
    user_rut: str | None
    user_account: str | None
    payment_token: str
    payment_status: str | bool
    payment_process: str
    iat: int


class Asker(msgspec.Struct, frozen=True):
    """Who says to ask: `code` is None where the status query leaves it out."""

    code: str | None
    token: str


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What is random in a new session."""

    token: str
    payment_token: str
    sealed_signature: str


class Banks(msgspec.Struct, frozen=True):
    """The banks that can be named, and whether test banks and plain http addresses may be."""

    codes: frozenset[str]
    sandbox: bool


_BODY = msgspec.json.Decoder(float_hook=Decimal)  # a number keeps its literal digits
_NAMES = ("session_token", "merchant_order_id", "payment_token")


def body_of(data: bytes) -> Body | Fault:
    """The JSON object of a request."""
    try:
        sent = _BODY.decode(data)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):  # syntax, UTF-8, absurd number, depth
        return Fault(Code.INVALID_JSON)
    return sent if isinstance(sent, dict) else Fault(Code.INVALID_JSON)


def asker(sent: Body, code_required: bool) -> Asker | Fault:
    """The credentials in a body."""
    found: dict[str, str | None] = {}
    for name, required in (("merchant_code", code_required), ("merchant_api_token", True)):
        value = fields.given(sent, name)
        if value is None and required:
            return missing(name)
        if value is not None and not isinstance(value, str):
            return invalid(name, "must be a string")
        found[name] = value
    return Asker(found["merchant_code"], found["merchant_api_token"] or "")


def session(sent: Body, merchant: Merchant, account: Account, banks: Banks, secrets: Secrets, base_url: str) -> OpenPayment | Fault:
    """The command for a new session, or the first field that breaks its rule."""
    try:
        return _session(sent, merchant, account, banks, secrets, base_url)
    except Wrong as wrong:
        return wrong.fault


def _session(sent: Body, merchant: Merchant, account: Account, banks: Banks, secrets: Secrets, base_url: str) -> OpenPayment:
    prefix = country(account.currency)
    order_id = fields.order_id(sent)
    amount = fields.amount(sent, account.money, account.amount_max_units)
    email = fields.email(sent)
    phone = fields.phone(sent, prefix)
    meta, shown = fields.metadata(sent)
    bank = fields.bank(sent, frozenset(code for code in banks.codes if code.startswith(prefix)))
    rut = fields.user_rut(sent)
    locked = fields.switch(sent, "is_rut_block")
    success_url = fields.url(sent, "payment_completed_url") or account.success_url
    failure_url = fields.url(sent, "payment_cancellation_url") or account.failure_url
    facts = Details(
        signature=secrets.sealed_signature,
        merchant_name=account.name or merchant.name,
        account_bank=account.account_bank,
        account_type=account.account_type,
        account=account.account,
        site_url=account.site_url,
        terms_url=terms_url(account, base_url),
        concat=fields.concat(sent),
        webhook_url=fields.called_url(sent, "payment_webhook_url", https_only=not banks.sandbox),
        bank=bank,
        rut=rut,
        rut_locked=locked and rut is not None,
        flow=fields.flow(sent),
        phone=phone,
        boolean_status=account.boolean_status,
        shown=shown,
    )
    return OpenPayment(
        merchant_id=merchant.id,
        dialect=DIALECT,
        shop=shop_of(merchant, account),
        amount=amount,
        lasts_ms=account.session_minutes * MINUTE,
        order_ref=order_id,
        reference=secrets.token,
        outcome_ref=secrets.payment_token,
        method=METHOD,
        email=email,
        country=prefix.upper(),
        return_url=success_url or account.site_url,
        cancel_url=failure_url or account.site_url,
        meta=meta,
        details=msgspec.json.encode(facts).decode(),
    )


def terms_url(account: Account, base_url: str) -> str | None:
    """The terms that a payer agrees to; the Mexican API has none."""
    return account.terms_url or (None if account.currency == "MXN" else base_url + TERMS_PATH)


def named(sent: Body, merchant_id: int) -> Named | Fault | None:
    """Which payments are asked for; None where no payment can have such a name."""
    found: dict[str, str] = {}
    for name in _NAMES:
        value = fields.given(sent, name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            return invalid(name, "must be a string")
        if value is not None:
            found[name] = value
    if not found:
        return missing("session_token", "One of session_token, merchant_order_id or payment_token is required")
    if any("\0" in value or len(value) > 200 for value in found.values()):
        return None
    return Named(
        merchant_id=merchant_id,
        dialect=DIALECT,
        reference=found.get("session_token"),
        order_ref=found.get("merchant_order_id"),
        outcome_ref=found.get("payment_token"),
    )


def amount_number(amount: Money) -> Decimal | int:
    """Whole currency units as a JSON number: 50000, 39, 39.5."""
    number = Decimal(decimal_text(amount.units, amount.currency.exponent))
    return int(number) if number == number.to_integral_value() else number.normalize()
