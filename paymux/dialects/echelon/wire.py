"""Echelon's requests: bytes -> what the verbs want, or the breach of the schema. Pure.

Source: Echelon's OpenAPI document (2.47) and general concepts page; where both are silent the decision is ours and stands at its place.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from paymux.dialects.echelon import fields
from paymux.dialects.echelon.claims import ACTIONS, OPERATIONS_CHARS_MAX, TOPUP_ACTION, MoneyClaim, Settlement, TokenWish, granted
from paymux.dialects.echelon.errors import BusinessError, Code, business, listed
from paymux.dialects.echelon.fields import Asked, Fault
from paymux.dialects.echelon.methods import PAYIN, PAYOUT, Method
from paymux.merchants.channels import Direction

VALID_S, VALID_S_MIN, VALID_S_MAX = 1800, 60, 3600
_OPERATION = re.compile(r"(POST|GET|PATCH|PUT|DELETE) /[^ ]+")
_TRON = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}")

# ---- what the OpenAPI document shows; the fields are judged by hand, so that every breach has its sentence


class MoneyBody(msgspec.Struct):
    amount: Decimal
    currencyCode: str


class TokenBody(msgspec.Struct):
    merchantCode: str
    secret: str
    validitySecs: int = VALID_S
    operations: list[str] | None = None
    money: MoneyBody | None = None


class ActionTokenBody(msgspec.Struct):
    merchantCode: str
    secret: str
    action: str
    idPayment: str | None = None
    validitySecs: int = VALID_S
    money: MoneyBody | None = None


class OptionsBody(msgspec.Struct):
    money: MoneyBody
    segmentCode: str | None = None
    exchangedToCurrency: str | None = None


class PayinBody(msgspec.Struct):
    paymentRequested: OptionsBody
    paymentMethod: dict[str, Any]
    returnUrl: str
    callbackUrl: str | None = None
    customerIp: str | None = None


class PayoutBody(msgspec.Struct):
    paymentRequested: OptionsBody
    paymentMethod: dict[str, Any]
    callbackUrl: str | None = None
    customerIp: str | None = None


class TopUpAsked(msgspec.Struct):
    """Either what the customer pays and the currency that the merchant gets, or the other way round."""

    moneyProvided: MoneyBody | None = None
    currencyRequired: str | None = None
    moneyRequired: MoneyBody | None = None
    currencyProvided: str | None = None
    segmentCode: str | None = None


class TopUpBody(msgspec.Struct):
    topUpRequested: TopUpAsked
    paymentMethod: dict[str, Any]
    returnUrl: str
    callbackUrl: str | None = None
    customerIp: str | None = None


class ReferenceBody(msgspec.Struct):
    reference: str


# ---- tokens


def token_wish(body: bytes, by: Literal["operations", "action"]) -> TokenWish:
    """A request for a token; `Fault` on a breach of the schema."""
    sent = fields.body_object(body)
    code = fields.text(sent, "merchantCode", 250, required=True)
    secret = fields.text(sent, "secret", 1000, required=True)
    assert code is not None
    assert secret is not None
    valid_s = sent.get("validitySecs")
    valid_s = VALID_S if valid_s is None else valid_s
    if isinstance(valid_s, bool) or not isinstance(valid_s, int) or not VALID_S_MIN <= valid_s <= VALID_S_MAX:
        raise Fault(f"Field validitySecs must be a whole number from {VALID_S_MIN} to {VALID_S_MAX}")
    money = None
    if sent.get("money") is not None:
        wanted = fields.asked(sent["money"])
        money = MoneyClaim(fields.plain(wanted.amount), wanted.code)
    return TokenWish(
        merchant_code=code,
        secret=secret,
        valid_s=valid_s,
        operations=_operations(sent) if by == "operations" else _by_action(sent),
        money=money,
        settlement=_settlement(sent) if by == "action" and sent["action"] == TOPUP_ACTION else None,
    )


def _operations(sent: Mapping[str, Any]) -> tuple[str, ...]:
    given = sent.get("operations")
    if given is None:
        return ()  # such a token authorises nothing
    if not isinstance(given, list) or not given:
        raise Fault("Field operations must be a list with at least one item")
    for one in given:
        if not isinstance(one, str) or not 1 <= len(one) <= 1000 or not _OPERATION.fullmatch(one):
            raise Fault("Each of operations must be a method, one blank and a path of up to 1000 characters")
        if any("\ud800" <= mark <= "\udfff" for mark in one):
            raise Fault("Each of operations must be a text")
    if sum(map(len, given)) > OPERATIONS_CHARS_MAX:
        raise Fault(f"All operations together may have {OPERATIONS_CHARS_MAX} characters")
    return tuple(given)


def _by_action(sent: Mapping[str, Any]) -> tuple[str, ...]:
    action = fields.text(sent, "action", 100, required=True)
    if action not in ACTIONS:
        raise Fault(f"Field action must be one of {', '.join(ACTIONS)}")
    id_payment = fields.text(sent, "idPayment", 250)
    if id_payment is not None and not fields.ID.fullmatch(id_payment):
        raise Fault("Field idPayment must be letters, digits, _ and -")
    return granted(action, id_payment)


def _settlement(sent: Mapping[str, Any]) -> Settlement | None:
    """Where a top-up goes on to. The manual writes one of the names with three c; the right spelling does, too."""
    method = fields.text(sent, "settlementMethodPaymentMethodCode", 100)
    operator = fields.text(sent, "settlementMethodPaymentOperatorCode", 30)
    account = fields.text(sent, "settlementMethodAcccountNumber", 62) or fields.text(sent, "settlementMethodAccountNumber", 62)
    if method is operator is account is None:
        return None
    if method != "CRYPTO_TRANSFER" or operator != "TRC20":
        raise Fault("The settlement method must be CRYPTO_TRANSFER, its operator TRC20")
    if account is None or not _TRON.fullmatch(account):
        raise Fault("Field settlementMethodAcccountNumber must be a TRON address")
    return Settlement(method, operator, account)


# ---- payments


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """`paymentRequested`: how much, for which segment."""

    asked: Asked
    segment: str | None
    exchanged_to: str | None

    def echo(self) -> dict[str, Any]:
        more = {"segmentCode": self.segment, "exchangedToCurrency": self.exchanged_to}
        return {"money": self.asked.echo, **{name: value for name, value in more.items() if value is not None}}


class PaymentWish(msgspec.Struct, frozen=True, kw_only=True):
    """A payin or payout as it was asked for. `method` None: its code is unknown, so its fields were not judged."""

    requested: Requested
    code: str
    method: Method | None
    fields: dict[str, Any]
    return_url: str | None
    callback_url: str | None
    customer_ip: str | None

    @property
    def operator(self) -> str | None:
        value = self.fields.get("paymentOperatorCode")
        return value if isinstance(value, str) else None


def requested(sent: Mapping[str, Any]) -> Requested:
    return Requested(
        asked=fields.asked(sent.get("money")),
        segment=fields.text(sent, "segmentCode", 250),
        exchanged_to=fields.text(sent, "exchangedToCurrency", 30),
    )


def options_wish(body: bytes) -> Requested:
    """A question for the available options."""
    return requested(fields.body_object(body))


def payment_wish(body: bytes, direction: Direction) -> PaymentWish:
    """A payin or a payout; `Fault` on a breach of the schema."""
    sent = fields.body_object(body)
    return wish_of(sent, requested(fields.part(sent, "paymentRequested")), direction)


def wish_of(sent: Mapping[str, Any], wanted: Requested, direction: Direction) -> PaymentWish:
    """What a request says beside the money."""
    given = fields.part(sent, "paymentMethod")
    code = fields.text(given, "paymentMethodCode", 100, required=True)
    assert code is not None
    payin = direction is Direction.PAYIN
    method = (PAYIN if payin else PAYOUT).get(code)
    if method is None and not payin:
        raise Fault(f"Field paymentMethod.paymentMethodCode must be one of {', '.join(PAYOUT)}")
    found = fields.method_fields(method, code, given, wanted.asked.code) if method else {}
    if not payin and "emailAddress" in found and not fields.is_email(found["emailAddress"]):
        raise Fault("Field paymentMethod.emailAddress is not an e-mail address")
    return PaymentWish(
        requested=wanted,
        code=code,
        method=method,
        fields=found,
        return_url=fields.url(sent, "returnUrl", required=True) if payin else None,
        callback_url=fields.called_url(sent, "callbackUrl"),
        customer_ip=fields.text(sent, "customerIp", 64),
    )


def broken_rules(wish: PaymentWish, direction: Direction, ips_denied: tuple[str, ...]) -> list[BusinessError]:
    """The business rules that the request breaks by itself, whatever channels there are."""
    asked, email = wish.requested.asked, wish.fields.get("emailAddress")
    return list(
        listed(
            precision(asked),
            business(Code.PAYMENT_METHOD_CODE_INVALID, "There is no such payment method", "paymentMethodCode")
            if wish.method is None
            else None,
            business(Code.EMAIL_INVALID, "This is not an e-mail address", "emailAddress") if email and not fields.is_email(email) else None,
            _ip_rule(wish.customer_ip, ips_denied),
            business(Code.BANK_CODE_REQUIRED, "INR needs the bank's code (IFSC)", "bankCode")
            if wish.code == "BANK_TRANSFER" and asked.code == "INR" and not wish.fields["account"].get("bankCode")
            else None,
        )
    )


def precision(asked: Asked) -> BusinessError | None:
    """Too many decimals for the currency."""
    if not asked.too_precise:
        return None
    return business(Code.CURRENCY_PRECISION_EXCEEDED, f"{asked.code} takes fewer decimals", "amount")


def _ip_rule(ip: str | None, denied: tuple[str, ...]) -> BusinessError | None:
    if ip is None:
        return None
    if not fields.is_ip(ip):
        return business(Code.CLIENT_IP_INVALID, "This is not an IP address", "customerIp")
    return business(Code.IP_DENIED, "This address may not pay here", "customerIp") if ip in denied else None


def external_reference(body: bytes) -> str:
    """The bank's reference that a customer typed in."""
    found = fields.text(fields.body_object(body), "reference", 512, required=True)
    assert found is not None
    return found


def comma_list(*texts: str | None) -> list[str] | None:
    """The values of comma lists, blanks trimmed, empty ones and repeats dropped; None if no list was given at all."""
    if all(text is None for text in texts):
        return None
    values = (value.strip() for text in texts if text for value in text.split(","))
    return list(dict.fromkeys(value for value in values if value))
