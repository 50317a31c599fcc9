"""The field rules of ETpay's POST /session/initialize: one JSON value -> what is stored. Pure.

Numbers arrive as `int` or as `Decimal` of their literal digits, never as `float`. Each rule raises `Wrong` with the fault to answer.
Source: ETpay's manual and SDK for names and forms, programs of real shops for what they send; limits are ours.

>>> rut("11.111.111-1")
'111111111'
>>> rut("11.111.111-2") is None
True
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from paymux.dialects.etpay.account import Shown
from paymux.dialects.etpay.errors import Fault, invalid, missing
from paymux.http.call import spelling_fault
from paymux.money import UNITS_MAX, Currency, Money, decimal_units

Body = Mapping[str, Any]

ORDER_ID_MAX = 64
URL_MAX = 2048
EMAIL_MAX = 254
TEXT_MAX = 200
METADATA_ENTRIES_MAX, METADATA_BYTES_MAX = 50, 16 * 1024

_ORDER_ID = re.compile(r"[A-Za-z0-9\-_.:/ ]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9-]{4,34}")
_RUT = re.compile(r"[0-9]{1,8}[0-9K]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
_JOINING = re.compile(r"[!$'()*+,\-./:;=@_~|&?]{1,3}")
_HOST = re.compile(r"[^\s\\/?#@%<>\[\]]+|\[[0-9a-fA-F:.]+\]")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Wrong(Exception):
    """The first rule that is broken ends the reading; it never leaves the dialect."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def given(body: Body, name: str) -> Any:
    """A value; null and empty text equal absence."""
    value = body.get(name)
    return None if isinstance(value, str) and not value.strip() else value


def text(body: Body, name: str, chars_max: int = TEXT_MAX) -> str | None:
    value = given(body, name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Wrong(invalid(name, "must be a string"))
    if len(value) > chars_max or _CONTROL.search(value):
        raise Wrong(invalid(name, f"must have at most {chars_max} characters and no control characters"))
    return value.strip()


def order_id(body: Body, name: str = "merchant_order_id") -> str:
    value = given(body, name)
    if value is None:
        raise Wrong(missing(name))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Wrong(invalid(name, "must be a string"))
    if len(value) > ORDER_ID_MAX:
        raise Wrong(invalid(name, f"must have 1 to {ORDER_ID_MAX} characters"))
    if not _ORDER_ID.fullmatch(value):
        raise Wrong(invalid(name, "may only have letters, digits, spaces and - _ . : /"))
    return value


def own_id(body: Body, name: str) -> str:
    """A shop's own name for something, which stands in paths: like an order id, without blanks and slashes."""
    value = order_id(body, name)
    if " " in value or "/" in value:
        raise Wrong(invalid(name, "may only have letters, digits and - _ . :"))
    return value


def amount(body: Body, currency: Currency, max_units: int | None, name: str = "order_amount") -> Money:
    """Whole units of the currency: a number or a text of plain digits, with the currency's decimals at most."""
    value = given(body, name)
    if value is None:
        raise Wrong(missing(name))
    rule = (
        "must be a positive integer" if currency.exponent == 0 else f"must be a positive number with at most {currency.exponent} decimals"
    )
    units: int | None = None
    if isinstance(value, str):
        units = decimal_units(value.strip(), currency.exponent) if currency.exponent or value.strip().isdigit() else None
    elif isinstance(value, int | Decimal) and not isinstance(value, bool) and abs(Decimal(value).adjusted()) < 30:
        units = decimal_units(format(Decimal(value), "f"), currency.exponent)
    if not units or units > UNITS_MAX // 1000:
        raise Wrong(invalid(name, rule))
    if max_units is not None and units > max_units:
        raise Wrong(invalid(name, f"must be at most {Money(max_units, currency)}"))
    return Money(units, currency)


def email(body: Body) -> str | None:
    """The payer's address; one that cannot be an address counts as none, so that a buyer's typing error stops no sale."""
    value = text(body, "customer_email", EMAIL_MAX)
    return value if value and _EMAIL.fullmatch(value) else None


def phone(body: Body, country: str) -> str | None:
    value = given(body, "customer_phone")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = text({"customer_phone": value}, "customer_phone", 32)
    if found is not None and country == "mx" and not re.fullmatch(r"[0-9]{10}", found):
        raise Wrong(invalid("customer_phone", "must have 10 digits"))
    return found


def metadata(body: Body) -> tuple[str | None, tuple[Shown, ...]]:
    """(everything as compact JSON, what payers may see)."""
    value = given(body, "metadata")
    if value is None:
        return None, ()
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Wrong(invalid("metadata", "must be an array of objects"))
    try:
        stored = _ENCODER.encode(value)
    except RecursionError:
        raise Wrong(invalid("metadata", "is nested too deeply")) from None
    if len(value) > METADATA_ENTRIES_MAX or len(stored) > METADATA_BYTES_MAX:
        raise Wrong(invalid("metadata", f"may have {METADATA_ENTRIES_MAX} entries and {METADATA_BYTES_MAX // 1024} KiB"))
    shown = [
        Shown(str(entry["name"]), str(entry["value"]))
        for entry in value
        if entry.get("show") is True and _plain(entry.get("name")) and _plain(entry.get("value"))
    ]
    return stored.decode(), tuple(Shown(_clean(one.name), _clean(one.value)) for one in shown)


def account(body: Body) -> str:
    """The number of a bank account: 4 to 34 letters, digits and hyphens."""
    value = given(body, "account")
    if value is None:
        raise Wrong(missing("account"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value.strip()):
        raise Wrong(invalid("account", "must have 4 to 34 letters, digits and hyphens"))
    return value.strip()


def bank(body: Body, known: frozenset[str], name: str = "user_bank_code") -> str | None:
    """The code of a bank that this merchant's payers may use, in lower case."""
    value = text(body, name)
    if value is None:
        return None
    if value.lower() not in known:
        raise Wrong(invalid(name, "is not a bank of this merchant's country"))
    return value.lower()


def rut(value: str) -> str | None:
    """A RUT without separators and with an upper-case K; None if its check digit (modulo 11) is wrong."""
    plain = value.strip().upper().replace(".", "").replace("-", "").replace(" ", "")
    if not _RUT.fullmatch(plain):
        return None
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(plain[:-1])))
    return plain if plain[-1] == "0123456789K0"[11 - total % 11] else None


def user_rut(body: Body, name: str = "user_rut") -> str | None:
    value = given(body, name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = text({name: value}, name)
    if found is None:
        return None
    plain = rut(found)
    if plain is None:
        raise Wrong(invalid(name, "is not a valid RUT"))
    return plain


def switch(body: Body, name: str) -> bool:
    value = given(body, name)
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower(), value)
    if value is not None and not isinstance(value, bool):
        raise Wrong(invalid(name, "must be true or false"))
    return bool(value)


def flow(body: Body) -> str | None:
    value = text(body, "target_flow")
    if value is not None and value.lower() not in ("codi", "spei"):
        raise Wrong(invalid("target_flow", "must be codi or spei"))
    return value.lower() if value else None


def called_url(body: Body, name: str, https_only: bool) -> str | None:
    """A URL that notices go to: one that we can call, so that none is promised that could never be sent."""
    value = url(body, name, https_only)
    if value is not None and (fault := spelling_fault(value)):
        raise Wrong(invalid(name, f"cannot be called: {fault}"))
    return value


def url(body: Body, name: str, https_only: bool = False) -> str | None:
    """An absolute http(s) URL, kept as it came."""
    value = given(body, name)
    if value is None:
        return None
    schemes = "https" if https_only else "http or https"
    if not isinstance(value, str) or not is_url(value.strip()) or (https_only and not value.strip().lower().startswith("https:")):
        raise Wrong(invalid(name, f"must be an absolute {schemes} URL of at most {URL_MAX} characters"))
    return value.strip()


def is_url(value: str) -> bool:
    if len(value) > URL_MAX or _CONTROL.search(value) or not re.match(r"https?://[^\s\\/?#]", value, re.IGNORECASE):
        return False
    if re.search(r"[\s\\]", re.split(r"[/?#]", value.partition("://")[2], maxsplit=1)[0]):
        return False  # a browser reads a backslash as the host's end, we would not
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port  # a bad port raises
    except ValueError:
        return False
    return bool(host and re.search(r"\w", host) and _HOST.fullmatch(f"[{host}]" if ":" in host else host))


def concat(body: Body) -> str | None:
    """What joins the token to a redirect URL; anything but 1 to 3 marks that a URL may hold has no effect."""
    value = text(body, "concat")
    return value if value and _JOINING.fullmatch(value) else None


def _plain(value: object) -> bool:
    return isinstance(value, str | int | Decimal) and not isinstance(value, bool)


def _clean(value: str) -> str:
    return _CONTROL.sub(" ", value)
