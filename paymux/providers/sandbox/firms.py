"""The sandbox companies: what each can do, as plain data. Pure.

Alder takes every currency and comes first; birch is choosy (EUR and USD, at least 10 USD, an e-mail); cedar may charge at the start
and comes last. So a plain EUR card payment goes alder, birch, cedar; klarna, ideal and bank go by birch alone, what no named method
covers by cedar alone. The bank serves transfers only, where they are asked for by name.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from paymux.providers.protocol import Abilities
from paymux.routing.model import Route

NOT_FOUND_FINAL_AFTER_S = 900
BANK = "sandbox-bank"


class Firm(msgspec.Struct, frozen=True, kw_only=True):
    """One sandbox company."""

    name: str  # the provider's name
    title: str  # on its own pages
    route: Route
    charges_at_start: bool = False

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            routes=(self.route,),
            start_moves_money=self.charges_at_start,
            not_found_final_after_s=NOT_FOUND_FINAL_AFTER_S,
            sandbox=True,
        )


_ALL = (
    Firm(
        name="sandbox-alder",
        title="Alder Pay",
        route=Route(slug="alder", provider="sandbox-alder", layer="EPv1", methods=("card", "paypal", "revolut"), priority=10),
    ),
    Firm(
        name="sandbox-birch",
        title="Birch Bank",
        route=Route(
            slug="birch",
            provider="sandbox-birch",
            layer="EPv2",
            methods=("card", "klarna", "bank", "ideal"),
            currencies=("EUR", "USD"),
            min_units=1000,
            limit_currency="USD",
            requires_email=True,
            priority=20,
        ),
    ),
    Firm(
        name="sandbox-cedar",
        title="Cedar Direct",
        route=Route(slug="cedar", provider="sandbox-cedar", layer="EPv3", methods=("card", "other"), priority=30),
        charges_at_start=True,
    ),
    Firm(
        name=BANK,
        title="Banco de prueba",
        route=Route(slug="bank-transfer", provider=BANK, layer="EPv1", methods=("transfer",), asked_only=True, priority=40),
    ),
)
FIRMS: Mapping[str, Firm] = MappingProxyType({firm.name: firm for firm in _ALL})
