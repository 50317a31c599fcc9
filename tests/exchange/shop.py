"""A shop of the exchange for tests: how clients, operators and the clock act, and a receiver of notices. Knows nothing of pytest."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from paymux.cli.exchange_fixtures import KEY, OPERATOR_KEY, OPERATOR_SECRET, SECRET, load_exchange
from paymux.dialects.exchanger.auth import signature
from paymux.errors import Refused
from paymux.exchange import store
from paymux.exchange.change import Changed, Step
from paymux.exchange.lifecycle import Actor, Status
from paymux.exchange.model import Order
from paymux.exchange.report import Outcome, SandboxReport
from paymux.exchange.story import story
from paymux.ledger import book
from paymux.ledger.chart import inventory
from tests.node import LiveNode, serving
from tests.receiver import Delivery, Receiver

R1, R2, R3 = "5d8e5f7c1c9d440000a1e7aa", "5d8e5f7c1c9d440000a1e7bb", "5d8e5f7c1c9d440000a1e7cc"
PURSE = {"key": "5d8e5f3b1c9d440000a1e711", "value": "Z123456789012"}
EMAIL = {"key": "email", "value": "buyer@example.com"}
CARD = {"key": "card", "value": "4111111111111111"}
WALLET = {"key": "wallet", "value": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"}
WISH: dict[str, Any] = {"routeId": R1, "amount": 2, "toValues": [PURSE], "routeValues": [EMAIL], "agreement": True}
WISH_R2: dict[str, Any] = {"routeId": R2, "amount": 500, "toValues": [CARD], "agreement": True}
WISH_R3: dict[str, Any] = {"routeId": R3, "amount": "0.1", "toValues": [WALLET], "agreement": True}
BASE = "/service/api/v1/"


class Forms(Receiver):
    """A server that takes notices of orders, whatever signs them."""

    def take(self, path: str, headers: dict[str, str], body: bytes, gone: Callable[[], bool]) -> int | None:
        waited = self._gate.wait(60) and not gone()
        with self._changed:
            self.asked += 1
            self.deliveries.append(Delivery(path, headers, body, 0, True, waited and self.status < 300))
            self._changed.notify_all()
        return self.status if waited else None

    @property
    def told(self) -> list[dict[str, str]]:
        """The forms that came, in order."""
        with self._changed:
            return [dict(parse_qsl(one.body.decode(), strict_parsing=True)) for one in self.deliveries]

    def statuses(self, uid: int) -> list[str]:
        return [one["newStatus"] for one in self.told if one["orderUID"] == str(uid)]


class Exchange:
    """A node with the exchange's fixtures, and what clients, operators and the clock do to it."""

    def __init__(self, live: LiveNode) -> None:
        self.live = live
        self._time = 1_571_328_000_000

    async def post(self, method: str, body: Any = None, *, base: str = BASE, **query: Any) -> dict[str, Any]:
        answer = await self.live.http.post(base + method, json=body or {}, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, method: str, **query: Any) -> dict[str, Any]:
        answer = await self.live.http.get(BASE + method, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def signed(self, method: str, body: Any = None, *, key: str = KEY, secret: str = SECRET, verb: str = "POST") -> dict[str, Any]:
        """As the cabinet's page shows it: `time` in the query, every parameter hashed."""
        self._time += 1000
        text = json.dumps({"time": str(self._time), **(body or {})}, separators=(",", ":"), ensure_ascii=False)
        headers = {"apikey": key, "hash": signature(text, secret)}
        answer = await self.live.http.request(verb, f"{BASE}{method}?time={self._time}", json=body or {}, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def operator(self, method: str, body: Any) -> dict[str, Any]:
        return await self.signed(method, body, key=OPERATOR_KEY, secret=OPERATOR_SECRET, verb="PUT")

    async def create(self, wish: dict[str, Any] = WISH, **changes: Any) -> dict[str, Any]:
        """An order; the answer's data."""
        answer = await self.post("public/exchanger/order/create", {**wish, **changes})
        assert answer["success"] is True, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def lead(self, order: dict[str, Any], status: str) -> dict[str, Any]:
        """The client's own step."""
        body = {"orderUID": order["uid"], "orderSecret": order["secret"], "status": status}
        return await self.post("public/exchanger/order/update-status", body)

    async def read(self, order: dict[str, Any], kind: str = "order") -> dict[str, Any]:
        answer = await self.get("public/exchanger/order/get", orderUID=order["uid"], orderSecret=order["secret"], type=kind)
        assert answer["success"] is True, answer
        found: dict[str, Any] = answer["data"]["order"]
        return found

    async def step(self, uid: int, to: Status, actor: Actor = Actor.OPERATOR) -> Changed | Refused:
        found: Changed | Refused = await self.live.core.writer.submit(self.live.core.exchange.change, Step(uid=uid, actor=actor, to=to))
        return found

    async def report(self, uid: int, outcome: str, units: int | None = None) -> Changed | Refused:
        """As `paymux sandbox report --payment exchanger:<uid>`."""
        command = SandboxReport(uid, Outcome(outcome), units)
        found: Changed | Refused = await self.live.core.writer.submit(self.live.core.order_reporter.report, command)
        return found

    async def stored(self, uid: int) -> Order:
        return (await self.live.core.storage.read(lambda tx: store.find(tx, [uid])))[uid]

    async def story(self, uid: int) -> dict[str, Any]:
        found = await self.live.core.storage.read(lambda tx: story(tx, uid))
        assert found is not None
        return found

    async def inventory(self, code: str) -> int:
        account = inventory(code)
        found: int = (await self.live.core.storage.write(lambda tx: book.available(tx, [account])))[account]
        return found

    async def sweep(self) -> None:
        await self.live.core.writer.submit(self.live.node.order_sweep.expire, 200)

    async def prove(self) -> None:
        await self.live.assert_books_hold()


@asynccontextmanager
async def exchanging(database_url: str, **settings: object) -> AsyncIterator[Exchange]:
    """A node with the fixtures R1, R2 and BTC to USDTTRC20; its books are proved at the end."""
    async with serving(database_url, **{"rate_limits": False, **settings}) as live:
        await load_exchange(live.core)
        exchange = Exchange(live)
        yield exchange
        await exchange.prove()


async def until(exchange: Exchange, uid: int, status: Status) -> None:
    """Wait for what the background does."""
    for _ in range(1000):
        if (await exchange.stored(uid)).status is status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"order {uid} did not become {status}")


def error(answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """(code, object) of an error in this wire's envelope."""
    assert answer["success"] is False, answer
    found = answer["error"]
    assert (found["apiError"], found["errorType"], found["level"]) == (True, "api", 0)
    assert isinstance(answer["latency_ms"], int)
    assert "stack" not in found
    return found["errorCode"], found["object"]
