"""Which URLs a page may carry, and its static files with a hash in their path. Pure after the first load.

>>> safe_url("javascript:alert(1)") is None
True
>>> own_url("//evil.example/") is None
True
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

WALLET_SCHEMES = frozenset({"bitcoin", "ethereum", "lightning", "litecoin", "upi"})

_STATIC = Path(__file__).parent / "static"
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")  # browsers drop or turn these, so what we checked is not what they would open
_OWN = re.compile(r"(?:/(?![/\\])|\?)[^\x00-\x20\x7f\\]*")
_LOGO = re.compile(r"data:image/(?:png|jpeg|webp|gif|svg\+xml);base64,[A-Za-z0-9+/=]+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class StaticFile:
    path: str
    content_type: str
    body: bytes


@cache
def static_files() -> dict[str, StaticFile]:
    """The stylesheet and the script by their endings, "css" and "js"."""
    files = {}
    for ending, content_type in _TYPES.items():
        body = (_STATIC / f"checkout.{ending}").read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:12]
        files[ending] = StaticFile(f"/checkout/static/checkout.{digest}.{ending}", content_type, body)
    return files


def safe_url(url: str | None) -> str | None:
    """An absolute http(s) URL with a host, exactly as given; None for everything else."""
    if not url or _UNSAFE.search(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def own_url(url: str | None) -> str | None:
    """A path or query on this host, or an absolute http(s) URL that the caller built; None for everything else."""
    if not url:
        return None
    return url if _OWN.fullmatch(url) else safe_url(url)


def address(path: str, query: Mapping[str, str]) -> str:
    """Where a page that could not be shown is to be sought again; what a script asks there (`live`) is no page.

    >>> address("/hosted-checkout.php", {"session": "7", "live": "poll"})
    '/hosted-checkout.php?session=7'
    """
    pairs = urlencode({name: value for name, value in query.items() if name != "live"})
    return f"{path}?{pairs}" if pairs else path


def query_string(keep: Mapping[str, str | None], **pairs: str | None) -> str:
    """A query string without what is empty; "?" alone leads to the page itself."""
    return "?" + urlencode({name: value for name, value in {**keep, **pairs}.items() if value})


def origin(url: str) -> str | None:
    """Scheme, host and port for a policy; None if the URL has no plain ASCII host."""
    found = _ORIGIN.match(url) if safe_url(url) else None
    rest = url[found.end() :] if found else "x"
    return found.group() if found and (not rest or rest[0] in "/?#") else None


def safe_logo(logo: str | None) -> str | None:
    """A picture on this host or within the page itself; no other host is ever asked."""
    if not logo:
        return None
    return logo if _LOGO.fullmatch(logo) or (logo.startswith("/") and _OWN.fullmatch(logo)) else None


def wallet_url(payload: str | None) -> str | None:
    """The payload itself where a wallet on the same device can open it."""
    if not payload or _UNSAFE.search(payload):
        return None
    return payload if payload.partition(":")[0].lower() in WALLET_SCHEMES else None
