"""What a setting may be: each type reads text (environment, command line) or a TOML value, or says what it expected.

A `BadValue` never repeats the value: it may be a secret.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from paymux.keyring import MASTER_CHARS_MIN
from paymux.money import currency, plain_decimal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_INTEGER = re.compile(r"[0-9]{1,18}")
_ON, _OFF = {"1", "true", "on", "yes"}, {"0", "false", "off", "no"}
_DATABASE = re.compile(r"sqlite:///[^?#]+|postgres(?:ql)?://\S+")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_BASE_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")


class BadValue(Exception):
    """A value is not what its setting takes; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Type:
    """What is expected, as words for a person, and how it is read (None: not that)."""

    expected: str
    reader: Callable[[object], Any]

    def read(self, raw: object) -> Any:
        try:
            value = self.reader(raw)
        except (ValueError, ArithmeticError):
            value = None
        if value is None:
            raise BadValue(self.expected)
        return value


def one_of(*words: str) -> Type:
    """One of some words, in any case."""

    def read(raw: object) -> str | None:
        return raw.lower() if isinstance(raw, str) and raw.lower() in words else None

    return Type(", ".join(words[:-1]) + " or " + words[-1], read)


def integer(least: int, most: int = 1_000_000) -> Type:
    """A whole number between two bounds, both allowed."""

    def read(raw: object) -> int | None:
        if isinstance(raw, str) and _INTEGER.fullmatch(raw):
            raw = int(raw)
        return raw if isinstance(raw, int) and not isinstance(raw, bool) and least <= raw <= most else None

    return Type(f"a whole number from {least} to {most}", read)


def decimal(most: int, above: bool = False) -> Type:
    """A plain decimal from 0 (or, above, from just over it) to `most`."""

    def read(raw: object) -> Decimal | None:
        value = _decimal(raw)
        return value if value is not None and value <= most and (value > 0 or not above) else None

    return Type(f"a decimal number {'above 0 and up' if above else 'from 0'} to {most}", read)


def _decimal(raw: object) -> Decimal | None:
    if isinstance(raw, Decimal | int) and not isinstance(raw, bool):
        raw = f"{raw:f}" if isinstance(raw, Decimal) else str(raw)
    return plain_decimal(raw) if isinstance(raw, str) else None


def _switch(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    word = str(raw).lower()
    return True if word in _ON else False if word in _OFF else None


def _text(raw: object) -> str | None:
    return raw if isinstance(raw, str) and raw.isprintable() and raw.strip() else None


def _secret(raw: object) -> str | None:
    return raw.strip() if isinstance(raw, str) and len(raw.strip()) >= MASTER_CHARS_MIN else None


def _database(raw: object) -> str | None:
    return raw if isinstance(raw, str) and _DATABASE.fullmatch(raw) else None


def _base_url(raw: object) -> str | None:
    if not isinstance(raw, str) or not raw.isprintable() or " " in raw or "\\" in raw:
        return None
    parts = urlsplit(raw)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    if parts.scheme not in ("http", "https") or not _BASE_HOST.fullmatch(host) or parts.query or parts.fragment or raw.endswith(("?", "#")):
        return None
    if parts.path.strip("/"):  # pages lie at the root: their forms and files would be sought beside it
        return None
    return raw.rstrip("/")


def _items(raw: object) -> list[str] | None:
    """The parts of a list: a TOML list, a JSON list, or text with commas."""
    if isinstance(raw, str):
        raw = json.loads(raw) if raw.startswith("[") else [part.strip() for part in raw.split(",") if part.strip()]
    if isinstance(raw, list | tuple) and all(isinstance(item, str) for item in raw):
        return list(raw)
    return None


def _list(item: Callable[[str], Any]) -> Callable[[object], tuple[Any, ...] | None]:
    def read(raw: object) -> tuple[Any, ...] | None:
        items = _items(raw)
        return None if items is None else _whole(item(part) for part in items)

    return read


def _whole(values: Iterable[Any]) -> tuple[Any, ...] | None:
    """All the values, or None when one of them is None."""
    kept = tuple(values)
    return None if any(value is None for value in kept) else kept


def _domain(raw: str) -> str | None:
    name = raw.lower().removeprefix("@")
    return name if _DOMAIN.fullmatch(name) else None


def _rates(raw: object) -> dict[str, Decimal] | None:
    if not isinstance(raw, Mapping):
        items = _items(raw) or [""]
        if not all(part.count("=") == 1 for part in items):
            return None
        raw = {code.strip(): value.strip() for code, _, value in (part.partition("=") for part in items)}
    rates: dict[str, Decimal] = {}
    for code, value in raw.items():
        rate = _decimal(value)
        if rate is None or rate <= 0 or currency(code) is None:
            return None
        rates[code] = rate
    return rates


TEXT = Type("a text", _text)
SWITCH = Type("on or off (1/0, true/false, yes/no)", _switch)
SECRET = Type(f"a text of at least {MASTER_CHARS_MIN} characters", _secret)
SECRETS = Type(
    f"texts of at least {MASTER_CHARS_MIN} characters, with commas between (a key with a comma in it: as a JSON list)", _list(_secret)
)
DATABASE = Type("sqlite:///file or postgresql://user@host:port/name", _database)
BASE_URL = Type("an absolute http or https URL without user name, path, query and fragment", _base_url)
NETWORKS = Type("IP addresses or networks, with commas between", _list(ipaddress.ip_network))
DOMAINS = Type("domain names, with commas between", _list(_domain))
RATES = Type("currencies with their worth in USD above 0, such as EUR=1.08,GBP=1.27 or a TOML table of decimal strings", _rates)
