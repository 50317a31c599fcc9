"""Read merchants for people: lists a page at a time, and where their notices go."""

from collections.abc import Sequence

import msgspec

from paymux.storage.query import Tx, load

_q = load("paymux.merchants")


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant in a list."""

    id: int
    name: str
    email: str
    plan: str
    active: bool


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where notices of a merchant (empty shop) or of one shop go; the secret stays where it is."""

    shop: str
    url: str
    enabled: bool
    previous_until: int | None  # until then the secret before signs, too


class Page(msgspec.Struct, frozen=True):
    """`limit` rows whose id is larger than `after`."""

    after: int
    limit: int


async def merchants(tx: Tx, pages: Sequence[Page], now: int) -> list[list[Listed]]:
    """Merchants by id, a page for each wish."""
    return [
        [
            Listed(id=row["id"], name=row["name"], email=row["email"], plan=row["plan"], active=bool(row["active"]))
            for row in await tx.fetch(_q.list_merchants, after=page.after, page=page.limit)
        ]
        for page in pages
    ]


async def endpoints(tx: Tx, ids: Sequence[int], now: int) -> list[list[Endpoint]]:
    """The endpoints of merchants, the merchant's own first."""
    return [
        [
            Endpoint(shop=row["shop"], url=row["url"], enabled=bool(row["enabled"]), previous_until=row["previous_until"])
            for row in await tx.fetch(_q.endpoints_of, merchant_id=merchant_id)
        ]
        for merchant_id in ids
    ]
