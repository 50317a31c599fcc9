"""Echelon's tokens: JWT HS256 whose `operations` say which calls they allow, and the limits on how often one may call.

The key is the server's, derived per master key, so a rotation of the master locks nobody out; the header names no key, each known one is
tried. Operations are regular expressions from outside: they are run by RE2, whose time is linear in the text, within bounded memory.
Source: Echelon's general concepts page and OpenAPI document; full match, and the claim `money`, are ours.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from paymux.clock import SECOND
from paymux.dialects.echelon.claims import Claims, TokenWish
from paymux.http.limits import Window
from paymux.keyring import Keyring

PATTERN_MEMORY = 64 * 1024  # bytes that one compiled pattern may take
REPEATS_MAX = 300  # all counted repetitions of a pattern together: an id has 250 characters, and unfolding more takes long
STARS_MAX = 60
PROGRAM_MAX = 12_000  # steps of all patterns of a token, compiled
PATH_CHARS_MAX = 400
TOKEN_CHARS_MAX = 16_000
_COUNTS = re.compile(r"(?<=[{,])[0-9]+(?=[},])")
_PLAIN = re.compile(r"[A-Za-z0-9_/!-]+")  # such a path means itself, and nothing has to be compiled
_options = re2.Options()
_options.max_mem = PATTERN_MEMORY
_options.log_errors = False
_options.encoding = re2.Options.Encoding.LATIN1


@lru_cache(maxsize=512)  # each may hold some 100 kB once it was run
def _expression(pattern: str) -> Any | None:
    """The compiled pattern, or None if it is none, or one that would take too much."""
    if sum(int(count[:9]) for count in _COUNTS.findall(pattern)) > REPEATS_MAX or sum(map(pattern.count, "*+?")) > STARS_MAX:
        return None
    if "\\p" in pattern or "\\P" in pattern:
        return None  # classes of all Unicode take long to unfold, and ids are ASCII
    try:
        return re2.compile(pattern.encode("latin-1"), _options)
    except (re2.error, UnicodeEncodeError):
        return None


def runnable(operations: Sequence[str]) -> bool:
    """Whether every operation's path is an expression, and all of them together can be run at once: each call may have to try each."""
    left = PROGRAM_MAX
    for operation in operations:
        pattern = operation.partition(" ")[2]
        if _PLAIN.fullmatch(pattern):
            continue
        expression = _expression(pattern)
        if expression is None:
            return False
        left -= expression.programsize
        if left < 0:
            return False
    return True


def covers(operations: tuple[str, ...], method: str, path: str) -> bool:
    """Whether any operation allows the call. The path is decoded, without query and trailing slash, and matched as a whole."""
    for operation in operations:
        verb, _, pattern = operation.partition(" ")
        if verb != method:
            continue
        if pattern == path:
            return True
        if _PLAIN.fullmatch(pattern):
            continue
        expression = _expression(pattern) if len(path) <= PATH_CHARS_MAX else None
        if expression is not None and expression.fullmatch(path.encode("latin-1", "replace")) is not None:
            return True
    return False


_encoder = msgspec.json.Encoder(decimal_format="number")


class Tokens:
    """Issues and reads tokens."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = [OctKey.import_key(keyring.subkey("echelon-token", key_id)) for key_id in keyring.key_ids()]

    def issue(self, wish: TokenWish, jti: str, now: int) -> str:
        """A token for so many seconds."""
        iat = now // SECOND
        claims = Claims(
            operations=wish.operations,
            exp=iat + wish.valid_s,
            iat=iat,
            jti=jti,
            sub=wish.merchant_code,
            money=wish.money,
            settlement=wish.settlement,
        )
        header = {"alg": "HS256", "typ": "JWT"}
        return jws.serialize_compact(header, _encoder.encode(claims), self._keys[0], algorithms=["HS256"])

    def read(self, authorization: str) -> Claims | None:
        """The claims of a bearer token whose signature is ours; None for everything else. Whether it has expired is asked elsewhere."""
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_CHARS_MAX:
            return None
        for key in self._keys:
            try:
                found = jws.deserialize_compact(token, key, algorithms=["HS256"])
                return msgspec.json.decode(found.payload, type=Claims)
            except (JoseError, ValueError, TypeError, msgspec.MsgspecError):
                continue
        return None

    @staticmethod
    def live(claims: Claims, now: int) -> bool:
        return now < claims.exp * SECOND


class Limits:
    """So many requests a second for each merchant, over all endpoints; for each address while no merchant is known."""

    def __init__(self, per_second: int, held: bool) -> None:
        self._per_second, self._held = per_second, held
        self._window = Window(SECOND)

    def too_fast(self, who: object, now: int) -> bool:
        return self._held and self._window.hit(who, self._per_second, now) > 0
