"""The words of a call to the outside: what is asked, and what came of it. Without the client that makes it, and the libraries it needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BODY_BYTES_MAX = 65536
URL_CHARS_MAX = 2048
_AUTHORITY = re.compile(r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:]+)(?::([0-9]{1,5}))?(?=[/?#]|$)")

Kind = Literal["timeout", "refused", "dns", "tls", "forbidden_address", "too_large", "bad_url", "protocol"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. The client adds Host, User-Agent, Accept-Encoding and Content-Length itself."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_s: float = 10.0  # for everything together
    body_max_bytes: int = BODY_BYTES_MAX  # of the reply
    keep_first: bool = False  # True: a longer reply is cut there and the rest is not read; False: it is `too_large`


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered. Header names are lower case; repeated ones are joined by ", "."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: int
    cut: bool = False  # the body was as long as we keep, or longer


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There is no usable reply. `detail` is for a person and never holds the URL's path, query or headers."""

    kind: Kind
    detail: str
    sent: bool  # bytes of the request may have left; False means that nothing can have happened


def spelling_fault(url: str) -> str | None:
    """Why a URL cannot be called as it is spelt, as a sentence for a person; None if nothing of it forbids that. Pure; the client's
    `url_fault` also judges the host's name."""
    if len(url) > URL_CHARS_MAX:
        return f"the URL is longer than {URL_CHARS_MAX} characters"
    if "\\" in url or not url.isprintable() or any(char.isspace() for char in url):
        return "the URL contains a blank, a backslash or a control character"
    if not url[:8].lower().startswith(("http://", "https://")):
        return "the URL must begin with http:// or https://"
    found = _AUTHORITY.match(url)
    if not found:
        return "the URL must name a host, and after it at most a port (no user name)"
    if found[2] and not 1 <= int(found[2]) <= 65535:
        return "the URL's port must be 1 to 65535"
    return None
