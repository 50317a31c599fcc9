"""The words of a call to the outside: what is asked, and what came of it. Without the client that makes it, and the libraries it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BODY_BYTES_MAX = 65536

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
