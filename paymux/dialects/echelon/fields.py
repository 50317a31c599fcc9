"""Judge what Echelon's requests carry: amounts, ids, texts, and a method's fields by their table. Pure.

A `Fault` is a breach of the schema (400). What the schema lets pass and a business rule does not is judged elsewhere.
Source: Echelon's OpenAPI document; the letters of an account's name and the lengths of bank fields are ours.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from paymux.dialects.echelon.methods import ACCOUNT_TYPES, NARROW, Method, Spec, specs
from paymux.http.call import spelling_fault
from paymux.money import UNITS_MAX, Currency, Money, currency

ID = re.compile(r"[A-Za-z0-9_-]{1,250}")
NO_DECIMALS = frozenset({"IDR", "INR"})  # although ISO gives them two
URL_MAX = 1000
DIGITS_MAX = 30  # an amount with more digits before or behind its dot is none
_EXACT = Context(prec=4 * DIGITS_MAX)  # the usual one would round what has more than 28 digits
_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]+")
_NAME_MARKS = frozenset(" .,'’`´-–()/&+:#_\"@")

FORMS: Mapping[str, str] = {
    "accountNumber":       r"[^\x00-\x1f\x7f]{1,64}",
    "paymentOperatorCode": r"[A-Za-z0-9_-]{1,30}",
    "productId":           r"[A-Za-z0-9_-]{1,30}",
    "phoneNumber":         r"\+?[0-9]{7,16}",
    "upiId":               r"(?=.{1,100}\Z)[a-zA-Z0-9_\-.]+@[a-zA-Z0-9_.]+",
    "said":                r"[0-9]{13}",
    "remark":              r"[^\x00]{1,255}",
    "accountType":         r"[^\x00-\x1f\x7f]{1,64}",
    "bankCode":            r"[^\x00-\x1f\x7f]{1,64}",
    "bankName":            r"[^\x00-\x1f\x7f]{1,255}",
    "bankBranch":          r"[^\x00-\x1f\x7f]{1,255}",
    "bankCity":            r"[^\x00-\x1f\x7f]{1,255}",
    "bankProvince":        r"[^\x00-\x1f\x7f]{1,255}",
    "emailAddress":        r"[^\x00]{1,255}",  # whether it is an address is a business rule of payins
}  # fmt: skip
BLANK_IS_ABSENT = frozenset({"paymentOperatorCode", "segmentCode", "exchangedToCurrency"})

_BODY = msgspec.json.Decoder(float_hook=Decimal)  # a number keeps its literal digits


class Fault(Exception):
    """The first breach of the schema ends the reading; it never leaves the dialect."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An amount as it was written; `money` is None while the currency is unknown or takes fewer decimals."""

    amount: Decimal
    code: str
    money: Money | None
    too_precise: bool

    @property
    def echo(self) -> dict[str, Any]:
        return {"amount": plain(self.amount), "currencyCode": self.code}


def body_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request."""
    try:
        sent = _BODY.decode(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        raise Fault("The body is not valid JSON") from None
    if not isinstance(sent, dict):
        raise Fault("The body must be a JSON object")
    return sent


def part(sent: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A required object within an object."""
    value = sent.get(name)
    if value is None:
        raise Fault(f"Field {name} is required")
    if not isinstance(value, dict):
        raise Fault(f"Field {name} must be an object")
    return value


def text(sent: Mapping[str, Any], name: str, longest: int, *, required: bool = False, shortest: int = 1) -> str | None:
    """A text of bounded length."""
    value = sent.get(name)
    if value is None or (value == "" and name in BLANK_IS_ABSENT):
        if required:
            raise Fault(f"Field {name} is required")
        return None
    if not isinstance(value, str) or not shortest <= len(value) <= longest or "\0" in value or not _encodable(value):
        raise Fault(f"Field {name} must be a text of {shortest} to {longest} characters")
    return value


def plain(amount: Decimal) -> Decimal:
    """Without an exponent and without trailing zeros: 10000, 12.5."""
    whole = amount.normalize(_EXACT)
    exponent = whole.as_tuple().exponent
    return whole.quantize(Decimal(1), context=_EXACT) if isinstance(exponent, int) and exponent > 0 else whole


def decimals(known: Currency) -> int:
    """How many decimals the wire takes."""
    return 0 if known.code in NO_DECIMALS else known.exponent


def amount_of(units: int, code: str) -> Decimal:
    """Units as a number on the wire."""
    known = currency(code)
    assert known is not None, f"stored currency {code} is unknown"
    return plain(Decimal(units).scaleb(-known.exponent))


def asked(sent: Any, name: str = "money") -> Asked:
    """Money of a request: amount above zero and a currency code."""
    if sent is None:
        raise Fault(f"Field {name} is required")
    if not isinstance(sent, dict):
        raise Fault(f"Field {name} must be an object")
    value = sent.get("amount")
    if value is None:
        raise Fault(f"Field {name}.amount is required")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Fault(f"Field {name}.amount must be a number")
    amount = Decimal(value)
    code = text(sent, "currencyCode", 30, required=True)
    assert code is not None
    places = amount.as_tuple().exponent
    if not amount.is_finite() or amount <= 0 or not isinstance(places, int):
        raise Fault(f"Field {name}.amount must be larger than zero")
    if amount.adjusted() >= DIGITS_MAX or amount.adjusted() < -DIGITS_MAX or len(amount.as_tuple().digits) > 2 * DIGITS_MAX:
        raise Fault(f"Field {name}.amount has too many digits")
    known = currency(code)
    if known is None:
        return Asked(amount, code, None, False)
    if -plain(amount).as_tuple().exponent > decimals(known):  # type: ignore[operator]  # finite: an int
        return Asked(amount, code, None, True)
    units = int(amount.scaleb(known.exponent, _EXACT))
    if units > UNITS_MAX:
        raise Fault(f"Field {name}.amount is too large")
    return Asked(amount, code, Money(units, known), False)


def called_url(sent: Mapping[str, Any], name: str) -> str | None:
    """A URL that callbacks go to: one that we can call, so that none is promised that could never be sent."""
    value = url(sent, name)
    if value is not None and (fault := spelling_fault(value)):
        raise Fault(f"Field {name} cannot be called: {fault}")
    return value


def url(sent: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """An absolute http(s) URL; plain http and localhost do."""
    value = text(sent, name, URL_MAX, required=required)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    if (
        parts is None
        or parts.scheme.lower() not in ("http", "https")
        or not host
        or not _HOST.fullmatch(host)
        or re.search(r"[\x00-\x20\\]", value)
    ):
        raise Fault(f"Field {name} must be an http or https URL")
    return value


def is_email(value: str) -> bool:
    """Whether it could be an e-mail address."""
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def is_operator(code: str) -> bool:
    """Whether it can be an operator's code."""
    return re.fullmatch(FORMS["paymentOperatorCode"], code) is not None


def is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def method_fields(method: Method, code: str, sent: Mapping[str, Any], money_code: str) -> dict[str, Any]:
    """The fields of a payment method, judged by its table; what the table does not name is ignored."""
    demanded = set(method.by_currency.get(money_code, "").split())
    found = _fields(specs(method.request), sent, code, demanded, "", relaxed=money_code in method.relaxed)
    if (
        method.operator_when is not None
        and found.get("paymentOperatorCode") == method.operator_when[0]
        and method.operator_when[1] not in found
    ):
        raise Fault(f"Field {method.operator_when[1]} is required for operator {method.operator_when[0]}")
    types = ACCOUNT_TYPES.get(money_code)
    if code == "BANK_TRANSFER" and types and found["account"]["accountType"] not in types:
        raise Fault(f"Field account.accountType must be one of {', '.join(sorted(types))}")
    return found


def _fields(
    wanted: tuple[Spec, ...], sent: Mapping[str, Any], code: str, demanded: set[str], above: str, *, relaxed: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for spec in wanted:
        path = above + spec.name
        value = sent.get(spec.name)
        inside = any(name.startswith(path + ".") for name in demanded)
        if value is None or (value == "" and spec.name in BLANK_IS_ABSENT):
            if (spec.required and not relaxed) or path in demanded or inside:
                raise Fault(f"Field {path} is required")
            continue
        if spec.inner:
            if not isinstance(value, dict):
                raise Fault(f"Field {path} must be an object")
            found[spec.name] = _fields(spec.inner, value, code, demanded, path + ".", relaxed=relaxed)
        else:
            found[spec.name] = _value(code, spec.name, path, value)
    return found


def good(code: str, name: str, value: str) -> bool:
    """Whether a method's field may have this value; an address must be one here, since a person typed it."""
    try:
        _value(code, name, name, value)
    except Fault:
        return False
    return name != "emailAddress" or is_email(value)


def _value(code: str, name: str, path: str, value: Any) -> str:
    if not isinstance(value, str) or not _encodable(value):
        raise Fault(f"Field {path} must be a text")
    fits = _is_name(value) if name == "accountName" else re.fullmatch(NARROW.get((code, name), FORMS.get(name, "")), value)
    if not fits:
        raise Fault(f"Field {path} is not valid")
    return value


def _is_name(value: str) -> bool:
    """Letters and marks of any script, digits, and the punctuation of names."""
    return 1 <= len(value) <= 64 and all(mark in _NAME_MARKS or unicodedata.category(mark)[0] in "LMN" for mark in value)


def _encodable(value: str) -> bool:
    return not any("\ud800" <= mark <= "\udfff" for mark in value)
