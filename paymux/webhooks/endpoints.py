"""Where notices go and what signs them, per merchant (the empty shop) or per shop.

Whether a URL may be called is judged by whoever takes it from a person (`paymux.http.client.url_fault`), and again at each call.
"""

from collections.abc import Sequence

import msgspec

from paymux import ids
from paymux.clock import DAY
from paymux.keyring import Keyring
from paymux.storage.query import Tx, load
from paymux.webhooks.model import secret_about

_q = load("paymux.webhooks")


class SetUrl(msgspec.Struct, frozen=True, kw_only=True):
    """The new URL of a merchant's endpoint, or of one shop's; empty: none."""

    merchant_id: int
    shop: str = ""
    url: str


class UrlSet(msgspec.Struct, frozen=True):
    """The endpoint; its secret only if it was made now, and then this once."""

    endpoint_id: int
    secret: str | None


class Rotate(msgspec.Struct, frozen=True, kw_only=True):
    """Give an endpoint a new secret (by default a random one); the one before signs beside it for a while."""

    merchant_id: int
    shop: str = ""
    secret: str | None = None
    overlap_ms: int = DAY


class Endpoints:
    """The verbs, with the keyring that encrypts secrets."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def set_urls(self, tx: Tx, wishes: Sequence[SetUrl], now: int) -> list[UrlSet]:
        """Set URLs; a known endpoint keeps its secret, a new one gets its own."""
        return [await self._set_url(tx, wish, now) for wish in wishes]

    async def rotate(self, tx: Tx, wishes: Sequence[Rotate], now: int) -> list[str | None]:
        """New secrets, shown this once; None where there is no such endpoint."""
        results: list[str | None] = []
        for wish in wishes:
            secret = wish.secret or ids.hex_token(32)
            rows = await tx.fetch(
                _q.rotate_secret,
                merchant_id=wish.merchant_id,
                shop=wish.shop,
                secret=self._sealed(wish.merchant_id, secret),
                previous_until=now + wish.overlap_ms,
                now=now,
            )
            results.append(secret if rows else None)
        return results

    async def _set_url(self, tx: Tx, wish: SetUrl, now: int) -> UrlSet:
        known = await tx.fetch(_q.set_url, merchant_id=wish.merchant_id, shop=wish.shop, url=wish.url, now=now)
        if known:
            return UrlSet(known[0]["id"], None)
        secret = ids.hex_token(32)
        sealed = self._sealed(wish.merchant_id, secret)
        added = await tx.fetch(_q.add_endpoint, merchant_id=wish.merchant_id, shop=wish.shop, url=wish.url, secret=sealed, now=now)
        if added:
            return UrlSet(added[0]["id"], secret)
        # Another node added it between the two statements.
        known = await tx.fetch(_q.set_url, merchant_id=wish.merchant_id, shop=wish.shop, url=wish.url, now=now)
        return UrlSet(known[0]["id"], None)

    def _sealed(self, merchant_id: int, secret: str) -> str:
        return self._keyring.encrypt(secret, secret_about(merchant_id))
