"""A database with merchants, and nodes that deliver from it; the clock is moved by hand."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from paymux.clock import Clock
from paymux.http.client import Client
from paymux.keyring import Keyring
from paymux.merchants.create import Created, NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage.connect import storage_for
from paymux.storage.migrate import migrate
from paymux.storage.query import Query, Tx, load
from paymux.storage.writer import Batcher, Storage
from paymux.webhooks import outbox, store
from paymux.webhooks.deliver import Deliverer
from paymux.webhooks.model import Due, NewNotice, NoticeForm
from paymux.webhooks.schedule import DELAYS_S
from tests.webhooks.receiver import WAIT_S

DIALECT = "ecomtrade24"
KEYRING = Keyring("k" * 32)
q = load("tests.webhooks")


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def headers(due: Due, secret: str, secrets: Sequence[str], now: int) -> Mapping[str, str]:
    return {"X-Signature": signature(secret, due.body.encode())}


FORM = NoticeForm(headers=headers, delays_s=DELAYS_S, accepted=lambda status: 200 <= status < 300)


class Watched(Batcher):
    """A writer that tells when a claim found nothing while nothing was on its way."""

    deliverer: Deliverer | None = None
    claims = 0
    awaited = -1

    def __init__(self, storage: Storage, clock: Clock) -> None:
        async def now(_: Tx) -> int:
            return clock.now()

        super().__init__(storage.write, now, storage.retryable, storage.lanes)
        self.idle = asyncio.Event()

    async def submit(self, verb: Any, command: Any) -> Any:
        if verb is not store.claim:
            return await super().submit(verb, command)
        self.claims += 1
        number, quiet = self.claims, self.deliverer is not None and not self.deliverer.in_flight
        claimed = await super().submit(verb, command)
        if quiet and not claimed and number > self.awaited:
            self.idle.set()
        return claimed


class Node:
    """One process that delivers."""

    def __init__(self, writer: Watched, deliverer: Deliverer) -> None:
        self.writer, self.deliverer, self.stop = writer, deliverer, asyncio.Event()
        writer.deliverer = deliverer
        self.running = asyncio.create_task(deliverer.run(self.stop))

    async def drained(self) -> None:
        """Everything that is due now was sent and recorded."""
        self.writer.awaited = self.writer.claims
        self.writer.idle.clear()
        self.deliverer.wake()
        await asyncio.wait_for(self.writer.idle.wait(), WAIT_S)

    async def stopped(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.running, WAIT_S)


class World:
    def __init__(self, url: str, storage: Storage) -> None:
        self.url, self.storage, self.clock = url, storage, Clock()
        self.writer = Watched(storage, self.clock)

    async def merchant(self, webhook_url: str | None) -> Created:
        async def verb(tx: Tx, news: Sequence[NewMerchant], now: int) -> list[Created]:
            return [await create_merchant(KEYRING, DIALECT, tx, new, now) for new in news]

        new = NewMerchant(name="Shop", email="shop@example.com", plan=Plan.PRO, webhook_url=webhook_url)
        created: Created = await self.writer.submit(verb, new)
        return created

    async def put(self, *notices: NewNotice) -> None:
        async def verb(tx: Tx, batches: Sequence[Sequence[NewNotice]], now: int) -> list[None]:
            for batch in batches:
                await outbox.put(tx, batch, now)
            return [None] * len(batches)

        await self.writer.submit(verb, notices)

    async def rows(self, query: Query, **params: Any) -> list[dict[str, Any]]:
        async def work(tx: Tx) -> list[dict[str, Any]]:
            return [dict(row) for row in await tx.fetch(query, **params)]

        return await self.storage.write(work)

    async def states(self) -> list[tuple[str, str]]:
        """(delivery, state) of every notice, in the order of writing."""
        return [(row["delivery"], row["state"]) for row in await self.rows(q.notices)]

    @asynccontextmanager
    async def node(self, *, allow_private: bool = True, **settings: Any) -> AsyncIterator[Node]:
        storage = storage_for(self.url) if self.storage.engine == "postgres" else self.storage
        if storage is not self.storage:
            await storage.open()
        client = Client(allow_private=allow_private)
        writer = Watched(storage, self.clock)
        given = {"forms": {DIALECT: FORM}, "clock": self.clock, "keyring": KEYRING, **settings}
        node = Node(writer, Deliverer(writer=writer, client=client, **given))
        try:
            yield node
        finally:
            if not node.running.done():
                node.running.cancel()
                await asyncio.wait([node.running])
            await writer.drain()
            await client.aclose()
            if storage is not self.storage:
                await storage.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[World]:
    storage = storage_for(url)
    await storage.open()
    try:
        await migrate(storage, Clock.wall())
        yield World(url, storage)
    finally:
        await storage.close()


def notice(merchant_id: int, payment_id: int | None, word: str = "paid", **fields: Any) -> NewNotice:
    """A notice whose body says what it is, with letters that tell bytes from text."""
    fields = {"shop": "", "url": None, "delivery": f"d-{payment_id}-{word}", "dialect": DIALECT, **fields}
    body = fields.pop("body", f'{{"payment":{payment_id},"status":"{word}","note":"ä/€"}}')
    return NewNotice(merchant_id=merchant_id, payment_id=payment_id, word=word, body=body, **fields)
