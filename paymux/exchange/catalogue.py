"""What the exchange offers: currencies, directions and reserves. Cached, and checked against the database in every batch."""

from collections.abc import Mapping, Sequence

import msgspec

from paymux.exchange.model import Currency, Direction
from paymux.exchange.offer import Catalogue
from paymux.rates import book
from paymux.storage.query import Tx, load

_q = load("paymux.exchange")


class Shelf:
    """Reads the catalogue; what an operator set up is kept until the installation's version grows."""

    def __init__(self) -> None:
        self._kept: tuple[str, Mapping[str, Currency], Mapping[str, Direction]] | None = None

    async def read(self, tx: Tx, asked: Sequence[None], now: int) -> list[Catalogue]:
        """The verb: one look for the whole batch."""
        currencies, directions = await self._setup(tx)
        reserves = {row["currency"]: row["balance"] for row in await tx.fetch(_q.inventories)}
        quotes = await book.quotes(tx) if any(one.source for one in directions.values()) else {}
        by_codes = {(one.from_code, one.to_code): one for one in directions.values()}
        return [Catalogue(currencies, directions, by_codes, reserves, quotes, now)] * len(asked)

    async def currencies(self, tx: Tx) -> Mapping[str, Currency]:
        return (await self._setup(tx))[0]

    async def _setup(self, tx: Tx) -> tuple[Mapping[str, Currency], Mapping[str, Direction]]:
        version = (await tx.fetch(_q.exchange_version))[0]["value"]
        if self._kept is None or self._kept[0] != version:
            currencies = [msgspec.json.decode(row["profile"], type=Currency) for row in await tx.fetch(_q.all_currencies)]
            directions = [msgspec.json.decode(row["profile"], type=Direction) for row in await tx.fetch(_q.all_directions)]
            self._kept = (version, {one.code: one for one in currencies}, {one.id: one for one in directions})
        return self._kept[1], self._kept[2]
