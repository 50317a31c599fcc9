"""A small world around the sandbox companies: a database, a clock, a house, its providers, and an ear in place of the core."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from paymux.http.call import Call, Reply, Unreachable
from paymux.keyring import Keyring
from paymux.money import Money, known
from paymux.providers.protocol import Callback, Order, Provider, Send, Started
from paymux.providers.sandbox.bank import all_providers
from paymux.providers.sandbox.charge import Charge
from paymux.providers.sandbox.firms import BANK
from paymux.providers.sandbox.house import books
from paymux.providers.sandbox.house.house import House
from paymux.providers.sandbox.transport import in_process_send
from paymux.storage.connect import storage_for
from paymux.storage.migrate import migrate
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher, Storage

NOW = 1777464600000  # 2026-04-29 12:10 UTC
ALDER, BIRCH, CEDAR = "sandbox-alder", "sandbox-birch", "sandbox-cedar"
ORDER = Order(
    operation_key="op_1",
    amount=Money(4999, known("EUR")),
    method="card",
    return_url="http://localhost:8080/checkout/1",
    callback_url="http://localhost:8080/callbacks/sandbox-alder",
    email="buyer@example.com",
    country="DE",
    description="ORD-10001",
)


@dataclass
class Town:
    storage: Storage
    keyring: Keyring
    now: int = NOW
    ear_status: int = 200
    heard: list[Callback | None] = field(default_factory=list)
    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    woken: int = 0

    def __post_init__(self) -> None:
        async def now(_: Tx) -> int:
            return self.now

        self.writer = Batcher(self.storage.write, now, self.storage.retryable, self.storage.lanes)
        self.reader = Batcher(self.storage.read, now, self.storage.retryable, 2)
        self.house = House(self.writer, self.reader, self.keyring, wake=self._wake, hangs_s=20)
        self.send: Send = in_process_send(self.house.api)
        self.providers = all_providers(self.keyring)

    def _wake(self) -> None:
        self.woken += 1

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The core's door: checks each callback as its provider would."""
        self.posted.append((path, headers, body))
        provider = self.providers[path.rpartition("/")[2]]
        self.heard.append(provider.read_callback(headers, body))
        return self.ear_status

    async def duty(self) -> int:
        return await self.house.duty(self.post)

    async def hurried(self, call: Call) -> Reply | Unreachable:
        """Sends with little patience for what hangs."""
        return await self.send(Call(call.method, call.url, call.headers, call.body, timeout_s=0.4))

    def order(self, provider: str = ALDER, **changes: object) -> Order:
        method = {"method": "transfer"} if provider == BANK else {}
        given: dict[str, object] = {**method, "callback_url": f"http://localhost:8080/callbacks/{provider}", **changes}
        return replace(ORDER, **given)

    def provider(self, name: str = ALDER) -> Provider:
        return self.providers[name]

    async def started(self, name: str = ALDER, **changes: object) -> Started:
        """An open charge."""
        provider = self.provider(name)
        answer = await provider.start(self.order(name, **changes), provider.abilities.routes[0].slug, self.send)
        assert isinstance(answer, Started)
        return answer

    async def charge(self, reference: str) -> Charge:
        found = await self.reader.submit(books.find, reference)
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def built(database_url: str) -> AsyncIterator[Town]:
    storage = storage_for(database_url)
    await storage.open()
    try:
        await migrate(storage, NOW)
        town = Town(storage, Keyring("a secret key that only the tests of the sandbox use"))
        yield town
        await town.writer.drain()
    finally:
        await storage.close()
