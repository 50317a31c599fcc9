"""Echelon's payment methods as one table: what each request carries, what each answer carries, what a currency demands more. Pure.

Fields are written as the manual lists them: `name` may be there, `name*` must be, `name{a*, b}` is an object of those. Source: Echelon's
OpenAPI document (2.47) and its changelog up to 2.54; where the answer of VAPAY_VERIF is not described it is VAPAY's. The Taiwanese store
method and Absa Pay are left out: their wire codes are unknown.
"""

from dataclasses import dataclass, field
from functools import cache

BANK = "accountType, bankCode, bankName, bankBranch, bankCity, bankProvince"


@dataclass(frozen=True, slots=True)
class Spec:
    """One field: `required`, and for an object its inner fields."""

    name: str
    required: bool
    inner: tuple["Spec", ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """`by_currency`: further required fields. `relaxed`: currencies in which none of the required ones is."""

    request: str
    answer: str = ""
    by_currency: dict[str, str] = field(default_factory=dict)
    relaxed: frozenset[str] = frozenset()
    operator_except: frozenset[str] | None = None  # an operator is needed, but for these currencies
    operator_when: tuple[str, str] | None = None  # (operator, field that it demands)
    qr: bool = False
    external_reference: bool = False  # the customer types in a reference of the bank
    redirects: bool = False  # may be answered with a page to go to


PAYIN: dict[str, Method] = {
    "OFFLINE": Method(
        request="account{accountName, accountNumber}, paymentOperatorCode, emailAddress, phoneNumber, productId",
        answer=f"account*{{accountName*, accountNumber*, {BANK}}}, moneyRequired, paymentOperator, productId",
        by_currency={"CNY": "account.accountName", "JPY": "account.accountName emailAddress", "KRW": "account.accountName",
                     "THB": "account.accountNumber"},
    ),
    "ONLINE": Method(
        request="account{accountName, accountNumber}, paymentOperatorCode, emailAddress",
        answer="account*{bankCode, bankName}, moneyRequired",
        redirects=True,
    ),
    "VAPAY": Method(
        request="account*{accountName*, accountNumber}, paymentOperatorCode, emailAddress",
        answer=f"account*{{accountName*, accountNumber*, {BANK}}}, accountCustomer*{{accountName*, accountNumber}}, paymentOperator",
        relaxed=frozenset({"TWD"}),
        operator_except=frozenset({"KRW", "TWD"}),
    ),
    "VAPAY_VERIF": Method(
        request="account*{accountNumber*, accountName}, paymentOperatorCode*, emailAddress",
        answer=f"account*{{accountName*, accountNumber*, {BANK}}}, accountCustomer*{{accountName, accountNumber}}, paymentOperator",
    ),
    "P2A_V2": Method(
        request="account{accountName, accountNumber}, paymentOperatorCode*, emailAddress",
        answer=f"account*{{accountName*, accountNumber*, {BANK}}}, merchantName*, paymentAddress*{{name*, idAddress*}}, qrName*, qrCode*,"
        " paymentOperator*, externalReference{reference}",
        by_currency={"INR": "account.accountName"},
        qr=True,
        external_reference=True,
    ),
    "IMPS": Method(
        request="account*{accountName*, accountNumber}, emailAddress",
        answer=f"account*{{accountName*, accountNumber*, {BANK}}}, merchantName*, qrCode*",
        qr=True,
        external_reference=True,
    ),
    "UPIID": Method(request="upiId*, emailAddress", answer="merchantName*"),
    "UPIQR": Method(
        request="paymentOperatorCode, emailAddress, upiId, phoneNumber, account{accountName}",
        answer="merchantName*, qrName*, qrCode*, externalReference{reference}, upiQrDeepLink, paymentOperator, upiId,"
        " phoneNumber, accountCustomer{accountName}",
        qr=True,
        external_reference=True,
    ),
    "NETBANKING": Method(
        request="account{accountName, accountNumber}, emailAddress, phoneNumber, paymentOperatorCode",
        answer="merchantName*, paymentOperator",
        redirects=True,
    ),
    "PROMPTPAY": Method(
        request="account{accountNumber*, accountName}, paymentOperatorCode, emailAddress",
        answer="accountCustomer*{accountNumber*, accountName}, merchantName*, qrName*, qrCode*, moneyRequired",
        by_currency={"THB": "account.accountNumber"},
        qr=True,
    ),
    "DUITNOW": Method(
        request="account*{accountName*, accountNumber}, paymentOperatorCode, emailAddress",
        answer="accountCustomer*{accountName*, accountNumber}, merchantName*, qrName*, qrCode*, moneyRequired, paymentOperator",
        qr=True,
    ),
    "QRISPAY": Method(
        request="account{accountName, accountNumber}, emailAddress", answer="merchantName*, qrName*, qrCode*", qr=True
    ),
    "EWALLET": Method(
        request="paymentOperatorCode*, account{accountName}, emailAddress, phoneNumber",
        answer="merchantName*, paymentOperator",
        operator_when=("ID_OVO", "phoneNumber"),
        redirects=True,
    ),
    "QRPH": Method(
        request="account{accountName, accountNumber}, emailAddress, paymentOperatorCode, phoneNumber",
        answer="account*{accountName*}, accountCustomer*{accountName, accountNumber}, merchantName*, qrName*, qrCode*, moneyRequired,"
        " paymentOperator",
        qr=True,
    ),
    "VIETQR": Method(
        request="paymentOperatorCode*, emailAddress", answer="merchantName*, qrName*, qrCode*, paymentOperator", qr=True
    ),
    "CAPITEC_PAY": Method(
        request="account{accountNumber*, accountName}, phoneNumber, said",
        answer="merchantName*, accountCustomer{accountNumber*}, phoneNumber, said",
    ),
    "PAY_ME": Method(
        request="account*{accountName*, accountNumber}, emailAddress, phoneNumber",
        answer="account*{accountName}, accountCustomer*{accountName*, accountNumber}, merchantName*, qrName*, qrCode*, moneyRequired",
        qr=True,
    ),
    "MOBILE_MONEY": Method(
        request="phoneNumber*, account*{accountName*}, emailAddress",
        answer="merchantName*, phoneNumber, accountCustomer{accountName*}",
    ),
    "CRYPTO_OFFLINE": Method(
        request="paymentOperatorCode*, emailAddress",
        answer="account*{accountNumber*}, merchantName*, qrName*, qrCode*, paymentOperator*",
        qr=True,
    ),
}  # fmt: skip

PAYOUT: dict[str, Method] = {
    "BANK_TRANSFER": Method(
        request=f"account*{{accountName*, accountNumber*, {BANK}}}, paymentOperatorCode*, emailAddress, remark",
        by_currency={"JPY": "account.bankBranch account.accountType", "ZAR": "account.accountType"},
    ),
    "CRYPTO_TRANSFER": Method(request="account*{accountNumber*}, paymentOperatorCode*, remark"),
    "WALLET_TRANSFER": Method(
        request="account*{accountName, accountNumber}, paymentOperatorCode, phoneNumber, remark",
        by_currency={"INR": "account.accountName"},
    ),
}

ACCOUNT_TYPES = {
    "JPY": frozenset({"savings", "checking", "private", "corporate", "general", "current"}),
    "ZAR": frozenset({"savings", "current", "cheque", "transmission"}),
}

# Fields that only some methods write in a narrower form: (method, field) -> form; see fields.FORMS for the others.
NARROW = {
    ("CAPITEC_PAY", "accountNumber"): r"[0-9]{10}",
    ("CAPITEC_PAY", "phoneNumber"): r"[0-9]{10}",
    ("CRYPTO_TRANSFER", "accountNumber"): r"[a-zA-Z0-9]{1,62}",
    ("WALLET_TRANSFER", "accountNumber"): r"(?=.{3,100}\Z)[^\s@]+@[^\s@]+",
}


@cache
def specs(text: str) -> tuple[Spec, ...]:
    """The fields of a list as the table writes it.

    >>> [(spec.name, spec.required, len(spec.inner)) for spec in specs("account*{accountName*, accountNumber}, upiId")]
    [('account', True, 2), ('upiId', False, 0)]
    """
    found: list[Spec] = []
    while text := text.lstrip(", "):
        end = _word_end(text)
        name, rest = text[:end], text[end:]
        inner: tuple[Spec, ...] = ()
        if rest.startswith("{"):
            body, _, rest = rest[1:].partition("}")
            inner = specs(body)
        found.append(Spec(name.rstrip("*"), name.endswith("*"), inner))
        text = rest
    return tuple(found)


def _word_end(text: str) -> int:
    return next((place for place, mark in enumerate(text) if mark in ",{ "), len(text))
