"""What the exchange offers: currencies, directions and reserves. Cached, and checked against the database in every batch."""

from collections.abc import Mapping, Sequence

import msgspec

from paymux.exchange.model import Currency, Direction
from paymux.rates import book
from paymux.rates.model import Quoted
from paymux.storage.query import Tx, load

_q = load("paymux.exchange")


class Catalogue(msgspec.Struct, frozen=True):
    """Everything that an operator set up, by code and by id, as of one moment. `reserves` are units by code."""

    currencies: Mapping[str, Currency]
    directions: Mapping[str, Direction]
    by_codes: Mapping[tuple[str, str], Direction]
    reserves: Mapping[str, int]
    quotes: Mapping[str, Quoted]
    now: int

    def currency_by_id(self, currency_id: str) -> Currency | None:
        return next((one for one in self.currencies.values() if one.id == currency_id), None)

    def pair(self, direction: Direction) -> tuple[Currency, Currency]:
        return self.currencies[direction.from_code], self.currencies[direction.to_code]

    def open(self) -> list[Direction]:
        """The directions that can be used now: active, both currencies active, and with a rate that is young enough."""
        return [one for one in self.directions.values() if self.usable(one) is not None]

    def usable(self, direction: Direction) -> Direction | None:
        """The direction with the rate that counts now; None: it is closed."""
        give, get = self.pair(direction)
        if not (direction.active and give.active and get.active):
            return None
        if not direction.source:
            return direction
        quoted = self.quotes.get(direction.source)
        if quoted is None or quoted.rate is None or quoted.quoted_at is None:
            return None
        if self.now - quoted.quoted_at > direction.quote_age_max_s * 1000:
            return None
        rate_in, rate_out = book.published(quoted.rate, direction.margin_percent)
        return msgspec.structs.replace(direction, rate_in=rate_in, rate_out=rate_out)


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
