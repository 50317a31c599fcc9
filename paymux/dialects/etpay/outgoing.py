"""What refunds and payouts are on ETpay's wire: requests, answers, and what is frozen with each. Pure.

An extension of ours: ETpay's manual documents the login alone, and names the functions (create, one, by dates, balance, a webhook with
the final state). Names and rules follow the rest of the wire: the credentials' currency, whole pesos, `pending`, `completed`, `failed`.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from paymux.clock import DAY, iso
from paymux.dialects.etpay import fields
from paymux.dialects.etpay.errors import Fault, invalid, missing
from paymux.dialects.etpay.fields import Body, Wrong
from paymux.dialects.etpay.login import Credentials
from paymux.dialects.etpay.wire import amount_number
from paymux.money import Currency, Money
from paymux.payouts.lifecycle import PayoutState
from paymux.payouts.model import Payout

PENDING, COMPLETED, FAILED = "pending", "completed", "failed"
WORDS: Mapping[PayoutState, str] = {
    PayoutState.ACCEPTED: PENDING,
    PayoutState.SENDING:  PENDING,
    PayoutState.PENDING:  PENDING,
    PayoutState.UNCLEAR:  PENDING,
    PayoutState.PAID:     COMPLETED,
    PayoutState.FAILED:   FAILED,
}  # fmt: skip
TOLD: Mapping[PayoutState, str] = {state: word for state, word in WORDS.items() if word != PENDING}
DAYS_MAX = 31
EPOCH = date(1970, 1, 1)
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=fields.ORDER_ID_MAX)]
Number = Annotated[str, msgspec.Meta(extra_json_schema={"type": ["string", "number"]})]


class LoginMerchant(msgspec.Struct, frozen=True):
    code: str
    api_token: str


class LoginRequest(msgspec.Struct, frozen=True):
    username: str
    password: str
    merchant: LoginMerchant


class LoginAnswer(msgspec.Struct, frozen=True):
    """`token` goes into `Authorization: Bearer …` of the other calls, for `expires_in` seconds."""

    token: str
    token_type: str
    expires_in: int


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two names of the payment; without `amount` all that is left of it."""

    refund_id: Name
    session_token: str | None = None
    payment_token: str | None = None
    amount: Number | None = None
    webhook_url: str | None = None


class PayoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    payout_id: Name
    amount: Number
    bank_code: str
    account: str
    account_type: str | None = None
    rut: str | None = None
    name: str | None = None
    webhook_url: str | None = None


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: pending, completed or failed; the last two never change."""

    refund_id: str
    refund_token: str
    session_token: str
    payment_token: str
    merchant_order_id: str
    amount: Decimal | int
    currency: str
    state: str
    reason: str | None
    created_at: str
    ended_at: str | None


class PayoutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: pending, completed or failed; the last two never change."""

    payout_id: str
    payout_token: str
    amount: Decimal | int
    currency: str
    bank_code: str
    account: str
    state: str
    reason: str | None
    created_at: str
    ended_at: str | None


class Refunds(msgspec.Struct, frozen=True):
    """`refundable`: what is left of the payment."""

    refunds: list[RefundAnswer]
    refundable: Decimal | int


class Payouts(msgspec.Struct, frozen=True):
    """Newest first, at most 100; `next` goes into `before` for the ones behind."""

    payouts: list[PayoutAnswer]
    next: str | None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """`available` can be paid out or back; `in_transit` is held for what is on its way."""

    currency: str
    available: Decimal | int
    in_transit: Decimal | int


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is frozen with a refund. `signature`: the session's signature_token, encrypted; it signs the refund's notice."""

    refund_id: str
    refund_token: str
    session_token: str
    payment_token: str
    merchant_order_id: str
    signature: str


class PayoutFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is frozen with a payout. `method` is where a bank looks for the account."""

    payout_id: str
    payout_token: str
    bank_code: str
    account_type: str | None = None
    account: str
    rut: str | None = None
    name: str | None = None
    method: Mapping[str, Any] = {}


class RefundWish(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read: the names of the payment, and how much (None: all that is left)."""

    refund_id: str
    session_token: str | None
    payment_token: str | None
    amount: Money | None
    webhook_url: str | None


class PayoutWish(msgspec.Struct, frozen=True, kw_only=True):
    facts: PayoutFacts
    amount: Money
    webhook_url: str | None


def credentials(sent: Body) -> Credentials | Fault:
    """The login's body: who, and the merchant within."""
    merchant = sent.get("merchant")
    if merchant is None:
        return missing("merchant")
    if not isinstance(merchant, dict):
        return invalid("merchant", "must be an object")
    found = {}
    for name, body, key in (
        ("username", sent, "username"), ("password", sent, "password"),
        ("merchant.code", merchant, "code"), ("merchant.api_token", merchant, "api_token"),
    ):  # fmt: skip
        value = fields.given(body, key)
        if value is None:
            return missing(name)
        if not isinstance(value, str):
            return invalid(name, "must be a string")
        found[key] = value
    return Credentials(username=found["username"], password=found["password"], code=found["code"], token=found["api_token"])


def refund(sent: Body, money: Currency, https_only: bool) -> RefundWish | Fault:
    """A wish for a refund, or the first field that breaks its rule."""
    try:
        wish = RefundWish(
            refund_id=fields.own_id(sent, "refund_id"),
            session_token=fields.text(sent, "session_token"),
            payment_token=fields.text(sent, "payment_token"),
            amount=None if fields.given(sent, "amount") is None else fields.amount(sent, money, None, "amount"),
            webhook_url=fields.called_url(sent, "webhook_url", https_only),
        )
    except Wrong as wrong:
        return wrong.fault
    if wish.session_token is None and wish.payment_token is None:
        return missing("payment_token", "One of payment_token or session_token is required")
    return wish


def payout(sent: Body, money: Currency, banks: frozenset[str], token: str, https_only: bool) -> PayoutWish | Fault:
    """A wish for a payout, or the first field that breaks its rule."""
    try:
        payout_id = fields.own_id(sent, "payout_id")
        amount = fields.amount(sent, money, None, "amount")
        if fields.given(sent, "bank_code") is None:
            return missing("bank_code")
        bank = fields.bank(sent, banks, "bank_code")
        account = fields.account(sent)
        facts = PayoutFacts(
            payout_id=payout_id,
            payout_token=token,
            bank_code=bank or "",
            account_type=fields.text(sent, "account_type"),
            account=account,
            rut=fields.user_rut(sent, "rut"),
            name=fields.text(sent, "name"),
            method={"account": {"accountNumber": account}},
        )
        return PayoutWish(facts=facts, amount=amount, webhook_url=fields.called_url(sent, "webhook_url", https_only))
    except Wrong as wrong:
        return wrong.fault


def days(query: Mapping[str, str]) -> tuple[int, int] | Fault:
    """The range of `from` and `to`, both days included, in milliseconds with the end excluded; days begin at midnight UTC."""
    found = []
    for name in ("from", "to"):
        text = query.get(name, "")
        if not text:
            return missing(name)
        try:
            if len(text) != 10:
                raise ValueError
            found.append(date.fromisoformat(text))
        except ValueError:
            return invalid(name, "must be a day such as 2026-01-31")
    first, last = found
    if not timedelta() <= last - first < timedelta(days=DAYS_MAX) or last == date.max:
        return invalid("to", f"must be from's day or one of the {DAYS_MAX - 1} after it")
    return (first - EPOCH).days * DAY, ((last - EPOCH).days + 1) * DAY


def refund_facts(stored: Payout) -> RefundFacts:
    return msgspec.json.decode(stored.details, type=RefundFacts)


def payout_facts(stored: Payout) -> PayoutFacts:
    return msgspec.json.decode(stored.details, type=PayoutFacts)


def refund_answer(stored: Payout) -> RefundAnswer:
    """How a refund stands."""
    facts = refund_facts(stored)
    return RefundAnswer(
        refund_id=facts.refund_id,
        refund_token=facts.refund_token,
        session_token=facts.session_token,
        payment_token=facts.payment_token,
        merchant_order_id=facts.merchant_order_id,
        **_standing(stored),
    )


def payout_answer(stored: Payout) -> PayoutAnswer:
    """How a payout stands."""
    facts = payout_facts(stored)
    return PayoutAnswer(
        payout_id=facts.payout_id,
        payout_token=facts.payout_token,
        bank_code=facts.bank_code,
        account=facts.account,
        **_standing(stored),
    )


def _standing(stored: Payout) -> dict[str, Any]:
    return {
        "amount": amount_number(stored.amount),
        "currency": stored.currency,
        "state": WORDS[stored.state],
        "reason": stored.reason,
        "created_at": iso(stored.created_at),
        "ended_at": iso(stored.ended_at) if stored.ended_at is not None else None,
    }
