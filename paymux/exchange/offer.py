"""What the exchange offers at one moment, and an order seen beside it. Pure."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor

import msgspec

from paymux.exchange.model import Currency, Direction, Order
from paymux.rates.model import Quoted, published


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

    def offered(self, direction: Direction) -> int:
        """What a direction offers of its second currency's reserve, in units."""
        has = self.reserves.get(direction.to_code, 0)
        if not direction.reserve:
            return has
        most: int = floor(Fraction(direction.reserve) * 10 ** self.currencies[direction.to_code].decimals)
        return min(has, most)

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
        rate_in, rate_out = published(quoted.rate, direction.margin_percent)
        return msgspec.structs.replace(direction, rate_in=rate_in, rate_out=rate_out)


class Opened(msgspec.Struct, frozen=True):
    """An order with its secret in clear, and the catalogue of the same moment."""

    order: Order
    secret: str
    catalogue: Catalogue
