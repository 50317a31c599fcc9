"""A serving process: the core, the doors, the background duties. Everything that serves is wired here, once."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from paymux import __version__
from paymux.app.core import Core
from paymux.app.etpay import etpay_document, etpay_tables
from paymux.app.exchange import FORMS as EXCHANGE_FORMS
from paymux.app.exchange import SWEPT_AT_ONCE, ExchangeDuties, exchange_document, exchange_doors
from paymux.checkout.door import Checkout
from paymux.checkout.front import front
from paymux.checkout.payment_page import PaymentPage
from paymux.dialects.echelon import routes as echelon_routes
from paymux.dialects.echelon.page import Page
from paymux.dialects.ecomtrade24 import routes as ecomtrade24_routes
from paymux.http import openapi
from paymux.http.client import Client
from paymux.http.serve import JSON, Dispatcher, Origin, Receive, Request, Response, Route, Scope, Table
from paymux.http.serve import Send as AsgiSend
from paymux.payments import callback
from paymux.payments.attempt import Starter
from paymux.payments.expire import Sweep
from paymux.payments.poll import Poller, Polling
from paymux.payments.transfer import Transfers
from paymux.payouts.onward import any_onward, send_on
from paymux.payouts.poll import Outbound
from paymux.providers.protocol import Remitter, Send
from paymux.providers.sandbox.bank import SandboxBank
from paymux.providers.sandbox.firms import BANK
from paymux.providers.sandbox.house.bank import SandboxBank as PayingBank
from paymux.providers.sandbox.house.house import House
from paymux.providers.sandbox.transport import in_process_send
from paymux.storage import installation
from paymux.storage.connect import sqlite_file
from paymux.storage.writer import Batcher, Verb
from paymux.webhooks.deliver import Deliverer
from paymux.work import Duty, keep_doing

if TYPE_CHECKING:
    from paymux.ops.scrape import Scrape

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
ECHELON_SECURITY = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}


class Node(ExchangeDuties):
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
        banks: list[Remitter] = [PayingBank(core.writer)] if core.sandbox else []
        self.remitters = {bank.name: bank for bank in banks}
        self.outbound = Outbound(core.reader, core.writer, core.payout_door, self.remitters, polling)
        ExchangeDuties.__init__(self, core, core.reader, core.writer, core.storage, self.client, core.clock, core.sandbox)
        # Its own batcher: recording an answer locks notices that a payment's change also locks.
        recorder = Batcher(core.storage.write, core.now, core.storage.retryable, 1, settings.writer_batch_max, settings.writer_queue_max)
        self.deliverer = Deliverer(
            writer=recorder,
            client=self.client,
            keyring=core.keyring,
            forms={name: dialect.form for name, dialect in core.dialects.items()} | EXCHANGE_FORMS,
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
        gateway = ecomtrade24_routes.Gateway(
            settings, core.reader, core.directory, core.reads, core.open_payment, core.open_remembered, core.clock
        ).table()
        payins = self._echelon()
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
        doors = exchange_doors(core, core.reader, core.writer, core.keyring, settings, core.sandbox)
        exchange, root = doors.api, front((self._payment_page, doors.form), ecomtrade24_routes.failure)
        transfer_api, transfer_pages = etpay_tables(core, self.transfers, next(iter(self.remitters), None))
        described = openapi.document(gateway, "Paymux: EcomTrade24 Pay's merchant API", __version__, SECURITY)
        echelon_described = openapi.document(payins, "Paymux: Echelon's merchant API", __version__, ECHELON_SECURITY)
        own = Table(
            "own",
            (
                Route("GET", "/healthz", self._healthy),
                Route("HEAD", "/healthz", self._healthy),
                Route("POST", "/callbacks/*", self._callback),
                *(Route(verb, "/", root) for verb in ("GET", "POST")),
                Route("GET", f"/openapi/{gateway.name}.json", openapi.served(described)),
                Route("GET", f"/openapi/{exchange.name}.json", openapi.served(exchange_document(exchange))),
                Route("GET", f"/openapi/{payins.name}.json", openapi.served(echelon_described)),
                Route("GET", f"/openapi/{transfer_api.name}.json", openapi.served(etpay_document(transfer_api))),
                *([Route("GET", "/metrics", scrape.answer)] if scrape else []),
            ),
            ecomtrade24_routes.failure,
        )
        origin = Origin(settings.base_url, settings.trusted_proxies)
        tables = (own, exchange, *doors.pages, gateway, payins, checkout, transfer_api, transfer_pages)
        dispatcher = Dispatcher(tables, origin, ecomtrade24_routes.failure, settings.body_max_bytes)
        dispatcher.observe = scrape.metrics.requested if scrape else None
        return dispatcher

    def _echelon(self) -> Table:
        """Echelon's merchant API; its payment page asks the same verbs."""
        core = self.core
        merchants = echelon_routes.Merchants(
            core.settings,
            core.keyring,
            core.reader,
            core.writer,
            core.directory,
            core.channels,
            next(iter(self.remitters), None),
            core.sandbox,
        )
        self._payment_page = PaymentPage(Page(merchants.desk, merchants.payins), core.keyring, core.sandbox)
        return merchants.table()

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """The ASGI application, for HTTP alone. The sandbox's own house lies under /sandbox/, as a company of its own would."""
        if self.house is not None and scope["path"].startswith("/sandbox/"):
            await self.house.pages(scope, receive, send)
        else:
            await self._dispatcher(scope, receive, send)

    def write_answers(self) -> None:
        """Send what was answered in this turn of the loop: its connections are about to be closed."""
        self._dispatcher.answers.write()

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
        doors = (self.core.door, self.core.payout_door, self.core.exchange)
        if any(door.told for door in doors):
            for door in doors:
                door.told = False
            self.deliverer.wake()

    def duties(self) -> list[Duty]:
        """What runs in the background beside the deliverer."""

        async def when_any(look: Verb[int, bool], verb: Verb[int, int]) -> int:
            return await self.core.writer.submit(verb, SWEPT_AT_ONCE) if await self.core.reader.submit(look, SWEPT_AT_ONCE) else 0

        duties = [
            Duty("expire", partial(self.sweep.duty, self.core.writer, SWEPT_AT_ONCE), 1.0, SWEPT_AT_ONCE),
            Duty("poll", self.poller.duty, 1.0, 50),
            *self.exchange_duties(),
            Duty("payouts", self.outbound.duty, 0.3, 50),
            Duty("onward", partial(when_any, any_onward, send_on), 0.5, SWEPT_AT_ONCE),
        ]
        if self.house is not None:
            duties.append(
                Duty("channels", partial(when_any, self.core.channels.any_due, self.core.channels.take_turns), 0.3, SWEPT_AT_ONCE)
            )
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
