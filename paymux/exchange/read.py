"""Reads of orders, coalesced."""

import hmac
from collections.abc import Sequence

import msgspec

from paymux.exchange import store
from paymux.exchange.catalogue import Shelf
from paymux.exchange.floating import seen
from paymux.exchange.model import Order, secret_about
from paymux.exchange.offer import Catalogue, Opened
from paymux.keyring import Keyring
from paymux.storage.query import Tx


class Ask(msgspec.Struct, frozen=True):
    """An order by its number; with `secret` it must be the order's own, None is for who needs none."""

    uid: int
    secret: str | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a merchant's orders; `statuses` None: all."""

    merchant_id: int
    statuses: tuple[str, ...] | None
    limit: int
    skip: int


class Listed(msgspec.Struct, frozen=True):
    """The page, the number of all, and the catalogue of the same moment."""

    orders: list[Opened]
    total: int


class Reads:
    """The verbs, with what decrypts secrets and the catalogue."""

    def __init__(self, keyring: Keyring, shelf: Shelf) -> None:
        self._keyring, self._shelf = keyring, shelf
        self._decoy = keyring.encrypt("-" * 24, "decoy")

    async def orders(self, tx: Tx, asked: Sequence[Ask], now: int) -> list[Opened | None]:
        """Orders whose secret is right; None for a wrong number and a wrong secret alike."""
        found = await store.find(tx, [one.uid for one in asked])
        catalogue = (await self._shelf.read(tx, [None], now))[0]
        results: list[Opened | None] = []
        for one in asked:
            order = found.get(one.uid)
            opened = self._open(order, catalogue) if order is not None else None
            given, kept = one.secret, opened.secret if opened else self._keyring.decrypt(self._decoy, "decoy")  # as long as for a real one
            right = given is None or hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())
            results.append(opened if right else None)
        return results

    async def uid_of(self, tx: Tx, ids: Sequence[str], now: int) -> list[int | None]:
        """The numbers of orders by their ids."""
        found = {row["id"]: row["uid"] for row in await tx.fetch(store.q.find_ids, [(one,) for one in sorted(set(ids))])}
        return [found.get(one) for one in ids]

    async def pages(self, tx: Tx, pages: Sequence[Page], now: int) -> list[Listed]:
        """Merchants' orders, the newest first."""
        catalogue = (await self._shelf.read(tx, [None], now))[0]
        results = []
        for page in pages:
            rows = [(status,) for status in page.statuses or ()] or [("",)]
            same = {"merchant_id": page.merchant_id, "every": int(page.statuses is None), "now": now}
            total = (await tx.fetch(store.q.count_orders, rows, **same))[0]["found"]
            found = await tx.fetch(store.q.orders_of_merchant, rows, **same, page=page.limit, skip=page.skip)
            results.append(Listed([self._open(store.order_of(row), catalogue) for row in found], total))
        return results

    async def latest(self, tx: Tx, limits: Sequence[int], now: int) -> list[list[Opened]]:
        """The newest finished orders."""
        catalogue = (await self._shelf.read(tx, [None], now))[0]
        return [
            [self._open(store.order_of(row), catalogue) for row in await tx.fetch(store.q.latest_orders, page=limit)] for limit in limits
        ]

    def _open(self, order: Order, catalogue: Catalogue) -> Opened:
        return Opened(seen(order, catalogue), self._keyring.decrypt(order.secret, secret_about(order.id)), catalogue)
