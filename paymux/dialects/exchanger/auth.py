"""Who asks: the exchanger's signed requests. `hash` = sha256(sha256(JSON of all parameters) + secret), both in lower-case hex.

The cabinet's page says SHA512 and computes SHA256, as its clients do: SHA256 it is. `time` only has to be larger than the key's last one;
it is never compared with our clock. Only a request whose hash is right moves it.
"""

import hmac
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from paymux.dialects.exchanger.params import decimal_of, merged, signed_texts
from paymux.exchange.keys import Keys, Moment, Pair
from paymux.http.serve import Request
from paymux.storage.writer import Batcher

KEY_CHARS_MAX = 200


def signature(text: str, secret: str) -> str:
    """The documented double hash of a JSON text.

    >>> signature('{"time":123456789,"param1":"val1"}', "97aab8410868ba7c1824f490999607c0ce46a3de")[:8]
    'ac876c63'
    """
    inner = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return sha256((inner + secret).encode()).hexdigest()


def signed_by(query: Mapping[str, Any], body: Mapping[str, Any], secret: str, given: str) -> bool:
    """Whether a hash is right for any of the texts that clients hash."""
    sent = given.strip().lower().encode()
    return any(hmac.compare_digest(signature(text, secret).encode(), sent) for text in signed_texts(query, body))


def moment(query: Mapping[str, Any], body: Mapping[str, Any]) -> Decimal | None:
    """The request's `time`, above zero."""
    found = decimal_of(merged(query, body).get("time"))
    return found if found is not None and found > 0 else None


class Caller:
    """Who signed: nobody (no headers), somebody, or a request that must be refused."""

    __slots__ = ("pair", "refused")

    def __init__(self, pair: Pair | None, refused: str = "") -> None:
        self.pair, self.refused = pair, refused


class Gate:
    """Judges signatures."""

    def __init__(self, keys: Keys, reader: Batcher, writer: Batcher) -> None:
        self._keys, self._reader, self._writer = keys, reader, writer

    async def who(self, request: Request, query: Mapping[str, Any], body: Mapping[str, Any]) -> Caller:
        """The caller of a request. Never falls back to nobody when a header is there."""
        key, given = request.header("apikey")[:KEY_CHARS_MAX], request.header("hash")
        if not key and not given:
            return Caller(None)
        if not key or not given:
            return Caller(None, "apikey and hash belong together")
        pair = await self._reader.submit(self._keys.find, key)
        time = moment(query, body)
        if pair is None:
            return Caller(None, "unknown key")
        if time is None:
            return Caller(None, "time is missing or is not a number above zero")
        if not signed_by(query, body, pair.secret, given):
            return Caller(None, "wrong hash")
        if pair.addresses and request.client not in pair.addresses:
            return Caller(None, "this address may not use the key")
        moved: Callable[..., Any] = self._keys.move
        if not await self._writer.submit(moved, Moment(key, time)):
            return Caller(None, "time must be larger than the one before")
        return Caller(pair)
