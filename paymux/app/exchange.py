"""The exchange's part of a serving process: its doors and its background duties."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from paymux import __version__
from paymux.app.core import ExchangeVerbs
from paymux.checkout.exchange_form import ExchangeForm
from paymux.checkout.orders import OrderPages
from paymux.clock import Clock
from paymux.config import Settings
from paymux.dialects.exchanger import notices, routes
from paymux.dialects.exchanger.methods import Parts
from paymux.dialects.exchanger.page import creator
from paymux.dialects.exchanger.partner import PartnerApi
from paymux.exchange.expire import Sweep
from paymux.exchange.payout import Payouts
from paymux.http import openapi
from paymux.http.client import Client
from paymux.http.serve import Table
from paymux.keyring import Keyring
from paymux.providers.sandbox.house.cashier import Cashier
from paymux.rates.look import Looker
from paymux.storage.writer import Batcher, Storage
from paymux.work import Duty

SWEPT_AT_ONCE = 200
FORMS = notices.FORMS


class ExchangeDuties:
    """What a serving process does for the exchange in the background. Without a remitter due payouts wait."""

    def __init__(
        self, verbs: ExchangeVerbs, reader: Batcher, writer: Batcher, storage: Storage, client: Client, clock: Clock, sandbox: bool
    ) -> None:
        self._writer, self._clock = writer, clock
        self.looker = Looker(storage, client)
        self.order_sweep = Sweep(verbs.exchange)
        self.order_payouts = Payouts(verbs.exchange, writer, Cashier(writer, reader) if sandbox else None)

    def exchange_duties(self) -> list[Duty]:
        async def look() -> int:
            return await self.looker.look(self._clock.now())

        return [
            Duty("expire_orders", partial(self.order_sweep.duty, self._writer, SWEPT_AT_ONCE), 1.0, SWEPT_AT_ONCE),
            Duty("pay_out_orders", self.order_payouts.duty, 0.5, 20),
            Duty("look_at_rates", look, 1.0, 1_000_000),
        ]


@dataclass(frozen=True, slots=True)
class ExchangeDoors:
    """The API's table, the pages' tables, and the form that lies at `/` where the link says so."""

    api: Table
    pages: tuple[Table, ...]
    form: ExchangeForm


def exchange_doors(
    verbs: ExchangeVerbs, reader: Batcher, writer: Batcher, keyring: Keyring, settings: Settings, sandbox: bool
) -> ExchangeDoors:
    """Every door of the exchange."""
    v, limited = verbs, settings.rate_limits
    per_minute = (settings.order_per_minute, settings.order_per_minute_key) if limited else None
    parts = Parts(reader, writer, v.shelf, v.order_reads, v.order_opener, v.exchange, v.exchange_keys, per_minute)
    door = routes.Door(parts, PartnerApi(v.partners, v.shelf, reader, keyring, limited))
    form = ExchangeForm(v.shelf, v.partners, creator(door.methods), reader, writer, keyring, sandbox)
    orders = OrderPages(v.order_reads, reader, writer, v.exchange, sandbox).table()
    return ExchangeDoors(door.table(), (orders, form.table()), form)


def exchange_document(table: Table) -> dict[str, Any]:
    """The OpenAPI document: both headers together sign, and public methods need neither."""
    headers = {name: {"type": "apiKey", "in": "header", "name": name} for name in ("apikey", "hash")}
    described = openapi.document(table, "Paymux: the exchanger's API", __version__, headers)
    return {**described, "security": [{}, {"apikey": [], "hash": []}]}
