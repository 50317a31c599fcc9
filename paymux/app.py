"""Composition: settings -> storage -> providers -> dialects -> pages -> ASGI. Everything is wired here, once.

`Core` is what commands and the server share: the database and the verbs. `Node` is a serving process: the core, the doors, the
background duties.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from paymux import __version__
from paymux.checkout.door import Checkout
from paymux.checkout.orders import OrderPages
from paymux.checkout.transfer.door import TransferDoor
from paymux.clock import Clock
from paymux.config import Settings
from paymux.dialects.ecomtrade24 import notices as ecomtrade24
from paymux.dialects.ecomtrade24 import routes as ecomtrade24_routes
from paymux.dialects.etpay import account as etpay_account
from paymux.dialects.etpay import notices as etpay
from paymux.dialects.etpay import routes as etpay_routes
from paymux.dialects.etpay import statuses as etpay_statuses
from paymux.dialects.exchanger import notices as exchanger
from paymux.dialects.exchanger import routes as exchanger_routes
from paymux.dialects.exchanger.methods import Parts
from paymux.errors import Refused, StorageError
from paymux.exchange.catalogue import Shelf
from paymux.exchange.change import Exchange
from paymux.exchange.create import Opener
from paymux.exchange.expire import Sweep as OrderSweep
from paymux.exchange.keys import Keys as ExchangeKeys
from paymux.exchange.payout import Payouts
from paymux.exchange.read import Reads as OrderReads
from paymux.exchange.report import Reporter as OrderReporter
from paymux.http import openapi
from paymux.http.client import Client
from paymux.http.serve import JSON, Dispatcher, Origin, Receive, Request, Response, Route, Scope, Table
from paymux.http.serve import Send as AsgiSend
from paymux.keyring import Keyring
from paymux.merchants.directory import Directory
from paymux.payments import callback
from paymux.payments.advance import Door
from paymux.payments.attempt import Beginner, Starter
from paymux.payments.dialect import Dialect
from paymux.payments.expire import Sweep
from paymux.payments.lifecycle import State
from paymux.payments.model import OpenPayment
from paymux.payments.open import Opened, open_payments
from paymux.payments.poll import Poller, Polling
from paymux.payments.read import Reads
from paymux.payments.report import Reporter
from paymux.payments.transfer import Transfers
from paymux.providers.protocol import Provider, Registry, Send
from paymux.providers.sandbox.bank import SandboxBank, all_providers
from paymux.providers.sandbox.firms import BANK
from paymux.providers.sandbox.house.cashier import Cashier
from paymux.providers.sandbox.house.house import House
from paymux.providers.sandbox.transport import in_process_send
from paymux.rates.look import Looker
from paymux.routing.health import HealthBook
from paymux.storage import installation
from paymux.storage.connect import sqlite_file, storage_for
from paymux.storage.migrate import applied, migrate, migrations
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher, Storage
from paymux.webhooks.deliver import Deliverer
from paymux.work import Duty, keep_doing

if TYPE_CHECKING:
    from paymux.ops.scrape import Scrape

log = structlog.get_logger()


TOLD: Mapping[str, Mapping[State, str]] = {  # for the ledger check
    ecomtrade24.RECORD.name: ecomtrade24.RECORD.told,
    etpay_account.DIALECT: etpay_statuses.TOLD,
}


def dialects(keyring: Keyring) -> dict[str, Dialect]:
    """Every dialect's record, by name."""
    records = (ecomtrade24.RECORD, etpay.record(keyring))
    return {record.name: record for record in records}


SWEPT_AT_ONCE = 200
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class Core:
    """The database and every verb, as commands and the server need them."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self.settings, self.storage = settings, storage
        self.sandbox = settings.mode == "sandbox"
        self.clock = Clock()
        self.keyring = Keyring(settings.secret_key, settings.secret_keys_old)
        self.now = installation.moving_now(self.clock, movable=self.sandbox)
        self.writer = Batcher(
            storage.write, self.now, storage.retryable, storage.lanes, settings.writer_batch_max, settings.writer_queue_max
        )
        self.reader = Batcher(storage.read, self.now, storage.retryable, 2, settings.writer_batch_max, settings.writer_queue_max)
        providers: dict[str, Provider] = all_providers(self.keyring, settings.start_timeout_s) if self.sandbox else {}
        self.registry = Registry(providers)
        self.health = HealthBook()
        self.directory = Directory(self.keyring, self.registry.routes(), settings.smart_routing, self.health.over)
        self.dialects = dialects(self.keyring)
        self.door = Door(self.dialects, settings.platform_fee_percent)
        self.beginner = Beginner(self.door, self.directory, self.registry, settings.fx_rates, settings.start_timeout_s)
        self.reporter = Reporter(self.door, self.beginner, next(iter(providers), ""))
        self.reads = Reads(self.reader)
        self._opens = partial(open_payments, self.door)
        self.shelf = Shelf()
        self.exchange = Exchange(self.keyring, self.shelf, exchanger.FORM)
        self.order_opener = Opener(self.keyring)
        self.order_reads = OrderReads(self.keyring, self.shelf)
        self.order_reporter = OrderReporter(self.exchange)
        self.exchange_keys = ExchangeKeys(self.keyring)

    @classmethod
    async def open(cls, settings: Settings, *, migrating: bool = True) -> "Core":
        """Connect, bring the schema up to date, and make sure that the database belongs to this mode.

        Without `migrating` only an empty database gets its schema; an older one is refused.
        """
        storage = storage_for(settings.database, settings.postgres_lanes)
        await storage.open()
        try:
            if not migrating:
                await _refuse_older(storage)
            for migration in await migrate(storage, Clock.wall()):
                log.info("migrated", number=migration.number, name=migration.name)

            async def claim(tx: Tx) -> None:
                await installation.claim_mode(tx, settings.mode)

            await storage.write(claim)
        except BaseException:
            await storage.close()
            raise
        return cls(settings, storage)

    async def open_payment(self, wish: OpenPayment) -> Opened | Refused:
        return await self.writer.submit(self._opens, wish)

    async def close(self) -> None:
        await self.writer.drain()
        await self.storage.close()


class Node:
    """One serving process."""

    def __init__(self, core: Core) -> None:
        settings = core.settings
        self.core = core
        self.client = Client(allow_private=settings.allow_private_urls)
        self.house = House(core.writer, core.reader, core.keyring, settings.base_url) if core.sandbox else None
        self.sends: dict[str, Send] = {}
        if self.house is not None:
            line = in_process_send(self.house.api)
            self.sends = dict.fromkeys(core.registry.providers, line)
        self.starter = Starter(core.writer, core.door, core.beginner, core.registry, self.sends, core.health)
        bank = core.registry.providers.get(BANK)
        self.transfers = Transfers(
            bank if isinstance(bank, SandboxBank) else None,
            self.sends.get(BANK),
            self.starter,
            core.writer,
            core.door,
            core.reads,
            core.clock,
        )
        polling = Polling(settings.poll_first_s, settings.poll_max_s, settings.doubt_deadline_s)
        self.poller = Poller(core.writer, core.door, core.registry, self.sends, polling)
        self.sweep = Sweep(core.door)
        self.looker = Looker(core.storage, self.client)
        self.order_sweep = OrderSweep(core.exchange)
        self.payouts = Payouts(core.exchange, core.writer, Cashier(core.writer, core.reader) if core.sandbox else None)
        # Its own batcher: recording an answer locks notices that a payment's change also locks.
        recorder = Batcher(core.storage.write, core.now, core.storage.retryable, 1, settings.writer_batch_max, settings.writer_queue_max)
        self.deliverer = Deliverer(
            writer=recorder,
            client=self.client,
            keyring=core.keyring,
            forms={name: dialect.form for name, dialect in core.dialects.items()} | exchanger.FORMS,
            clock=core.clock,
            retry_scale=settings.webhook_retry_scale,
            timeout_s=settings.webhook_timeout_s,
            lease_s=settings.webhook_lease_s,
            concurrency=settings.webhook_concurrency,
            per_endpoint=settings.webhook_per_endpoint,
        )
        core.writer.committed = self._committed
        self.scrape = self._counted(recorder) if settings.metrics else None
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._dispatcher = self._doors()

    def _counted(self, recorder: Batcher) -> "Scrape":
        """Have everything counted. Imported here: commands count nothing."""
        from paymux.ops.metrics import Metrics
        from paymux.ops.scrape import Gauges, Scrape

        core, settings = self.core, self.core.settings
        metrics = Metrics(settings.mode, core.storage.engine, str(os.getpid()) if settings.workers > 1 else "")
        for queue, batcher in (("writer", core.writer), ("reader", core.reader), ("recorder", recorder)):
            metrics.watch(queue, batcher)
        core.door.counted = True
        self.starter.observe, self.deliverer.observe = metrics.started, metrics.delivered
        in_flight = metrics.gauge("deliveries_in_flight", "Notices on their way right now.")
        in_flight.set_function(lambda: self.deliverer.in_flight)
        gauges = Gauges(core.storage, core.now, core.directory, sqlite_file(settings.database))
        return Scrape(metrics, gauges, settings.metrics_public)

    def _doors(self) -> Dispatcher:
        core, settings, scrape = self.core, self.core.settings, self.scrape
        open_payment = scrape.metrics.opening(core.open_payment) if scrape else core.open_payment
        gateway = ecomtrade24_routes.Gateway(settings, core.reader, core.directory, core.reads, open_payment, settings.fx_rates).table()
        checkout = Checkout(
            core.dialects,
            core.keyring,
            core.reads,
            core.reader,
            core.writer,
            core.directory,
            core.door,
            self.starter,
            settings.fx_rates,
            core.sandbox,
        ).table()
        exchange = self._exchange()
        orders = OrderPages(core.order_reads, core.reader, core.writer, core.exchange, core.sandbox).table()
        transfer_api = etpay_routes.Api(
            settings,
            core.keyring,
            core.reader,
            core.writer,
            core.directory,
            core.reads,
            open_payment,
            core.door.advance,
            core.reporter,
            self.transfers,
            core.dialects[etpay_account.DIALECT],
        ).table()
        transfer_pages = TransferDoor(
            core.dialects,
            core.keyring,
            core.reads,
            core.reader,
            core.writer,
            core.directory,
            core.door,
            self.transfers,
            core.sandbox,
        ).table()
        etpay_described = openapi.document(transfer_api, "Paymux: ETpay's merchant API", __version__, {})
        described = openapi.document(gateway, "Paymux: EcomTrade24 Pay's merchant API", __version__, SECURITY)
        own = Table(
            "own",
            (
                Route("GET", "/healthz", self._healthy),
                Route("HEAD", "/healthz", self._healthy),
                Route("POST", "/callbacks/*", self._callback),
                Route("GET", f"/openapi/{gateway.name}.json", _fixed(described)),
                Route("GET", f"/openapi/{exchange.name}.json", _fixed(_exchange_document(exchange))),
                Route("GET", f"/openapi/{transfer_api.name}.json", _fixed(etpay_described)),
                *([Route("GET", "/metrics", scrape.answer)] if scrape else []),
            ),
            ecomtrade24_routes.failure,
        )
        origin = Origin(settings.base_url, settings.trusted_proxies)
        tables = (own, exchange, orders, gateway, checkout, transfer_api, transfer_pages)
        dispatcher = Dispatcher(tables, origin, ecomtrade24_routes.failure, settings.body_max_bytes)
        dispatcher.observe = scrape.metrics.requested if scrape else None
        return dispatcher

    def _exchange(self) -> Table:
        core = self.core
        limited = core.settings.rate_limits
        parts = Parts(core.reader, core.writer, core.shelf, core.order_reads, core.order_opener, core.exchange, core.exchange_keys, limited)
        return exchanger_routes.Door(parts).table()

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """The ASGI application. The sandbox's own house lies under /sandbox/, as a company of its own would."""
        if scope["type"] != "http":
            return
        if self.house is not None and scope["path"].startswith("/sandbox/"):
            await self.house.pages(scope, receive, send)
        else:
            await self._dispatcher(scope, receive, send)

    async def _healthy(self, request: Request) -> Response:
        """200 while the database answers."""
        await asyncio.wait_for(self.core.storage.read(installation.facts), 5)
        return Response(200, b'{"ok":true}', JSON)

    async def _callback(self, request: Request) -> Response:
        status = await self._from_house(request.path, request.headers, request.body)
        return Response(status, b'{"ok":true}' if status == 200 else b'{"ok":false}', JSON)

    async def _from_house(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """A provider's report: over HTTP, or from the sandbox's house in this process."""
        core, provider = self.core, path.partition("?")[0].removeprefix("/callbacks/")
        return await callback.receive(provider, headers, body, core.registry, core.reader, core.writer, core.door, core.clock)

    def _committed(self) -> None:
        """Notices leave as soon as they are committed."""
        if self.core.door.told or self.core.exchange.told:
            self.core.door.told = self.core.exchange.told = False
            self.deliverer.wake()

    def duties(self) -> list[Duty]:
        """What runs in the background beside the deliverer."""

        async def sweep() -> int:
            return await self.core.writer.submit(self.sweep.expire, SWEPT_AT_ONCE)

        async def sweep_orders() -> int:
            return await self.core.writer.submit(self.order_sweep.expire, SWEPT_AT_ONCE)

        async def look_at_rates() -> int:
            return await self.looker.look(self.core.clock.now())

        duties = [
            Duty("expire", sweep, 1.0, SWEPT_AT_ONCE),
            Duty("poll", self.poller.duty, 1.0, 50),
            Duty("expire_orders", sweep_orders, 1.0, SWEPT_AT_ONCE),
            Duty("pay_out_orders", self.payouts.duty, 0.5, 20),
            Duty("look_at_rates", look_at_rates, 1.0, 1_000_000),
        ]
        if self.house is not None:
            duties.append(Duty("sandbox", partial(self.house.duty, self._from_house), 0.2, 50))
        return duties

    def start(self) -> None:
        """Begin the background duties."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(keep_doing(duty, self._stop), name=duty.name) for duty in self.duties()]
        self._tasks.append(loop.create_task(self.deliverer.run(self._stop), name="deliver"))

    async def stop(self) -> None:
        """End the duties within 6 s: what hangs is let go and done again after the restart."""
        self._stop.set()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.client.aclose)
            if self._tasks:
                _, hanging = await asyncio.wait(self._tasks, timeout=6)
                for task in hanging:
                    task.cancel()


async def _refuse_older(storage: Storage) -> None:
    newest = migrations(storage.engine)[-1].number
    found = await storage.read(applied)
    if 0 < found < newest:
        raise StorageError(f"the database has schema {found}, this program wants {newest}: run paymux migrate")


def _exchange_document(table: Table) -> dict[str, Any]:
    """The exchanger's OpenAPI document: both headers together sign, and public methods need neither."""
    headers = {name: {"type": "apiKey", "in": "header", "name": name} for name in ("apikey", "hash")}
    described = openapi.document(table, "Paymux: the exchanger's API", __version__, headers)
    return {**described, "security": [{}, {"apikey": [], "hash": []}]}


def _fixed(value: Any) -> Any:
    body = msgspec.json.encode(value)

    async def answer(request: Request) -> Response:
        return Response(200, body, JSON)

    return answer
