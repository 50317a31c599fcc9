"""Judge and normalise what names a place on EcomTrade24's wire: domains, e-mail addresses, wallets, URLs. Pure.

Each function takes whatever JSON value was sent (already non-empty) and gives the text to store, or None if it is not one.
Source: EcomTrade24's manual (domain, EVM wallet on Polygon); the exact rules are ours where the manual is silent.

>>> normalised_domain("https://Shop.Example.com:443/cart")
'shop.example.com'
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

import idna

URL_MAX = 2048
EMAIL_MAX = 254
DOMAIN_MAX = 253

_SCHEME = re.compile(r"^[a-z][a-z0-9+.\-]*://")
_PORT = re.compile(r":[0-9]*$")
_LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")
_WALLET = re.compile(r"0x[0-9a-fA-F]{40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK = re.compile(r"\s")
_HOST = re.compile(r"[^\s\\/?#@%<>\[\]]+|\[[0-9a-fA-F:.]+\]")

# A payout to one of these is lost: nobody's address, and the two USDC contracts on Polygon (native, bridged).
_NO_WALLETS = frozenset(
    {
        "0x" + "0" * 40,
        "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359",
        "0x2791bca1f2de4661ed88a30c99a7a9449aa84174",
    }
)


KEPT_CHARS_MAX = 300  # longer ones are rare, and not worth the memory


def normalised_domain(value: object) -> str | None:
    """A shop's domain in its one comparable form: lower case, no scheme, path, user, port, last dot or `www.`, punycode."""
    if not isinstance(value, str):
        return None
    return _normalised(value) if len(value) <= KEPT_CHARS_MAX else _normalised.__wrapped__(value)


@lru_cache(4096)
def _normalised(value: str) -> str | None:
    text = _SCHEME.sub("", value.strip().lower())
    text = re.split(r"[/?#]", text, maxsplit=1)[0].rpartition("@")[2]
    text = _PORT.sub("", text).removesuffix(".").removeprefix("www.")
    return _ascii_domain(text)


def _ascii_domain(text: str) -> str | None:
    if len(text) > DOMAIN_MAX:
        return None
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return text if len(text) <= DOMAIN_MAX and _DOMAIN.fullmatch(text) else None


@lru_cache(4096)
def _mail_domain(host: str) -> str | None:
    return _ascii_domain(host)


def email(value: object, deny: frozenset[str] = frozenset()) -> str | None:
    """A plausible address, as given; `deny` holds domains (lower case) whose addresses, sub-domains' too, count as none."""
    if not isinstance(value, str):
        return None
    address = value.strip()
    local, at, host = address.partition("@")
    if not (local and at) or len(address) > EMAIL_MAX or _CONTROL.search(address) or _BLANK.search(address):
        return None
    domain = _mail_domain(host.lower())  # fails on a second "@"
    if domain is None:
        return None
    return None if deny and _denied(domain, deny) else address


def _denied(domain: str, deny: frozenset[str]) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in deny for start in range(len(labels)))


def wallet(value: str) -> str | None:
    """An EVM address in any letter case that somebody can own; kept in the letter case given."""
    address = value.strip()
    return address if _WALLET.fullmatch(address) and address.lower() not in _NO_WALLETS else None


def http_url(value: object) -> str | None:
    """An absolute http(s) URL with a host, at most 2048 characters, without control characters; kept byte for byte."""
    return value.strip() if isinstance(value, str) and url_host(value.strip()) else None


@lru_cache(4096)
def url_host(url: str) -> str | None:
    """The host of an absolute http(s) URL, lower case; None if it is not one that may be stored and redirected to."""
    if len(url) > URL_MAX or _CONTROL.search(url) or not re.match(r"https?://[^\s\\/?#]", url, re.IGNORECASE):
        return None
    if re.search(r"[\s\\]", re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]):
        return None  # a browser reads a backslash as the host's end, we would not
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # a bad port raises
    except ValueError:
        return None
    if not host or not re.search(r"\w", host) or not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        return None
    return host


def belongs_to(url: str, domain: str) -> bool:
    """Is the host of this http(s) URL the normalised domain or a sub-domain of it?"""
    host = url_host(url)
    name = _ascii_domain(host.removesuffix(".")) if host else None
    return name is not None and (name == domain or name.endswith("." + domain))
