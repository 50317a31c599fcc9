"""A serving node in the test's own event loop: real HTTP on a free port of loopback, with the core at hand. Knows nothing of pytest.

So a test can ask as a shop does, move the clock, and look into the books, without a process. Where a process matters see
`tests.server`.

    async with serving(database_url) as live:
        shop = await live.merchant(plan="pro")
        created = await shop.create(order_id="ORD-1")
        await live.report(created["session_id"], "paid")
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import uvicorn

from paymux.app.core import PAYOUTS_TOLD, TOLD, Core
from paymux.app.node import SWEPT_AT_ONCE, Node
from paymux.clock import Clock
from paymux.config import load as load_settings
from paymux.dialects.ecomtrade24.mode import DIALECT
from paymux.errors import Refused
from paymux.http.server import configured
from paymux.ledger.check import Fault
from paymux.merchants.change import ChangeMerchant, Keys, RotateKey, SetRoute, SetShop, change_merchants, set_routes, set_shops
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan, ShopStatus
from paymux.payments import store
from paymux.payments.model import Advanced, Payment, Report
from paymux.payments.report import SandboxReport, Told
from paymux.payments.verify import verify
from paymux.payouts.verify import verify_payouts
from paymux.routing.model import Health
from paymux.storage import installation
from paymux.storage.query import Query, Rows, Tx, load
from tests.server import SECRET_KEY

WALLET = "0x" + "1" * 40
ORDER = {  # what a shop sends; a test changes what it is about
    "amount": "49.99",
    "currency": "EUR",
    "domain": "shop.example.com",
    "email": "buyer@example.com",
    "country": "DE",
    "return_url": "https://shop.example.com/order/success",
    "cancel_url": "https://shop.example.com/checkout",
    "meta": {"source": "woocommerce"},
}
ABSENT: Any = object()  # as a field's value: leave the field out
REQUEST_TIMEOUT_S = 30
_ledger, _mine = load("paymux.ledger"), load("tests.story")


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant with its key, and the three calls that a shop makes."""

    live: "LiveNode"
    id: int
    key: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def post(self, **changes: Any) -> httpx2.Response:
        """POST the usual order with changes."""
        body = {name: value for name, value in (ORDER | changes).items() if value is not ABSENT}
        return await self.live.http.post("/gateway/session.php", json=body, headers=self.headers)

    async def send(self, body: bytes, **headers: str) -> httpx2.Response:
        """POST bytes as they are."""
        return await self.live.http.post("/gateway/session.php", content=body, headers={**self.headers, **headers})

    async def create(self, **changes: Any) -> dict[str, Any]:
        """A session; the answer's members."""
        answer = await self.post(**changes)
        assert answer.status_code == 200, answer.text
        created: dict[str, Any] = answer.json()
        assert created["ok"] is True
        return created

    async def ask(self, **query: str | int) -> httpx2.Response:
        return await self.live.http.get("/gateway/session_status.php", params=query, headers=self.headers)

    async def status(self, session_id: int) -> dict[str, Any]:
        """The `session` object of the status answer."""
        answer = await self.ask(session_id=session_id)
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()["session"]
        assert answer.json()["status"] == session["status"]
        return session

    async def me(self) -> dict[str, Any]:
        answer = await self.live.http.get("/gateway/me.php", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass
class LiveNode:
    """The node, its core, a client, and what an operator could do from a command line."""

    core: Core
    node: Node
    url: str
    http: httpx2.AsyncClient
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def rows(self, query: Query, rows: Rows | None = None, **params: Any) -> list[dict[str, Any]]:
        async def work(tx: Tx) -> list[dict[str, Any]]:
            return [dict(row) for row in await tx.fetch(query, rows, **params)]

        return await self.core.storage.write(work)

    async def write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self.core.storage.write(work)

    async def merchant(self, plan: str = "pro", **fields: Any) -> Shop:
        """A merchant of its own for one test, with the shop of `ORDER`."""
        number = next(self._numbers)
        account = {"name": f"Shop {number}", "email": f"m{number}@example.com"}
        given = {**account, "country": "DE", "wallet": WALLET, "shops": (ORDER["domain"],)}
        new = NewMerchant(plan=Plan(plan), **{**given, **fields})

        async def work(tx: Tx) -> Any:
            return await create_merchant(self.core.keyring, DIALECT, tx, new, Clock.wall())

        created = await self.write(work)
        return Shop(self, created.merchant_id, created.api_key, created.webhook_secret)

    async def change(self, shop: Shop, **fields: Any) -> None:
        """What the dashboard or a command would change of a merchant; true for the very next request."""
        assert await self.core.writer.submit(change_merchants, ChangeMerchant(id=shop.id, **fields))

    async def put_shop(self, shop: Shop, domain: str, status: ShopStatus) -> None:
        await self.core.writer.submit(set_shops, SetShop(merchant_id=shop.id, domain=domain, status=status))

    async def rotate_key(self, shop: Shop) -> Shop:
        """The merchant with a new key; the old one is dead."""
        key = await self.core.writer.submit(Keys(self.core.keyring).rotate, RotateKey(merchant_id=shop.id, dialect=DIALECT))
        assert key is not None
        return Shop(self, shop.id, key, shop.secret)

    async def set_route(self, slug: str, health: Health) -> None:
        """What an operator says of a route, for everybody."""
        await self.core.writer.submit(set_routes, SetRoute(slug=slug, health=health))

    async def set_fact(self, name: str, value: object) -> None:
        async def work(tx: Tx) -> None:
            await installation.set_fact(tx, name, str(value))

        await self.write(work)

    async def advance_clock(self, seconds: int) -> None:
        await installation.move_clock(self.core.storage, lambda old: old + seconds * 1000)

    async def set_clock(self, at: int) -> None:
        """From now on it is `at`, in Unix milliseconds; time goes on."""
        await installation.move_clock(self.core.storage, lambda _: at - Clock.wall())

    async def reset_clock(self) -> None:
        await installation.move_clock(self.core.storage, lambda _: 0)

    async def report(self, session_id: int, outcome: str) -> Advanced | Refused:
        """As `paymux sandbox report`."""
        result: Advanced | Refused = await self.core.writer.submit(self.core.reporter.report, SandboxReport(session_id, Told(outcome)))
        return result

    async def advance(self, report: Report) -> Advanced | Refused:
        result: Advanced | Refused = await self.core.writer.submit(self.core.door.advance, report)
        return result

    async def sweep(self) -> None:
        """Expire what is overdue, now and not within the second."""
        await self.core.writer.submit(self.node.sweep.expire, SWEPT_AT_ONCE)

    async def payment(self, session_id: int) -> Payment:
        found = await self.core.reads.by_id(session_id)
        assert found is not None
        return found

    async def payments_of(self, shop: Shop) -> list[int]:
        return [row["id"] for row in await self.rows(_mine.payments_of_merchant, merchant_id=shop.id)]

    async def payments_together(self) -> int:
        return int((await self.rows(_mine.count_payments))[0]["found"])

    async def history(self, session_id: int) -> list[dict[str, Any]]:
        return await self.rows(store.q.history_of_payment, payment_id=session_id)

    async def notices(self, session_id: int) -> list[dict[str, Any]]:
        return await self.rows(store.q.notices_of_payment, payment_id=session_id)

    async def transfers(self, session_id: int) -> list[tuple[str, int]]:
        return [(row["reason"], row["amount_units"]) for row in await self.rows(_ledger.transfers_of_payment, payment_id=session_id)]

    async def assert_books_hold(self) -> None:
        """Nothing that `paymux ledger check` would find."""
        told = TOLD

        async def work(tx: Tx) -> list[Fault]:
            return [*await verify(tx, told), *await verify_payouts(tx, PAYOUTS_TOLD)]

        assert await self.core.storage.snapshot(work) == []

    async def raw(self, *parts: bytes, end: bool = False) -> bytes:
        """Send bytes as they are on a connection of its own and read to its end; `end`: say that no more will come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end:
                writer.write_eof()
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await reader.read()
        finally:
            writer.close()


def request_bytes(method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """One HTTP/1.1 request whose connection is closed after the answer."""
    given = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def status_of(answer: bytes) -> int:
    """The status of a raw answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer.split(b" ", 2)[1])


def assert_refused(answer: httpx2.Response, status: int, code: str) -> None:
    """An error in this wire's form, to the byte: nothing else is said. A wait adds its seconds in body and header."""
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/json")
    wait = answer.headers.get("retry-after")
    members = f'"ok":false,"error":"{code}"' + (f',"retry_after":{wait}' if wait else "")
    assert answer.text == "{" + members + "}"


async def together(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*calls))


@asynccontextmanager
async def serving(database_url: str, **settings: Any) -> AsyncIterator[LiveNode]:
    """A node on an empty or used database; settings by their names."""
    own: dict[str, Any] = {"secret_key": SECRET_KEY, "database": database_url, "allow_private_urls": True}
    given = load_settings({}, **own | settings)
    core = await Core.open(given)
    node = Node(core)
    # asyncio spares small packets the wait for an acknowledgement only where the protocol is named.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = configured(node, grace_s=3)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    ticking = asyncio.create_task(server.main_loop())
    node.start()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
    client = httpx2.AsyncClient(base_url=url, timeout=REQUEST_TIMEOUT_S, limits=limits)
    try:
        yield LiveNode(core, node, url, client)
    finally:
        await client.aclose()
        server.should_exit = True
        await ticking
        await server.shutdown(sockets=[listening])
        await node.stop()
        await core.close()
