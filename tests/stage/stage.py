"""An installation in this process: a core and a node on an event loop in a thread of its own, served on a free port of 127.0.0.1.

Tests speak to it over HTTP like anybody, and may reach inside with `run` where a story needs a person or a company to misbehave.

    with Stage(database_url) as stage:
        shop = stage.merchant(webhook_url=receiver.hook)
        session = shop.open("49.99")
"""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import uvicorn

from paymux.app.core import Core
from paymux.app.node import Node
from paymux.clock import Clock
from paymux.config import load
from paymux.decline import DeclineReason
from paymux.errors import Refused
from paymux.http.server import configured
from paymux.merchants.create import Created, NewMerchant, create_merchant
from paymux.merchants.model import Plan, Policy
from paymux.money import decimal_text
from paymux.payments import store
from paymux.payments.lifecycle import Event
from paymux.payments.model import Attempt, HistoryRow, Payment, Report, Source
from paymux.payments.report import SandboxReport, Told
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import transfer_txid
from paymux.providers.sandbox.messages import SentTransfer, Standing
from paymux.storage import installation
from paymux.storage.query import Tx
from paymux.storage.query import load as load_queries
from tests.stage.proof import prove
from tests.stage.shop import Shop, plain_client

T = TypeVar("T")

SECRET_KEY = "a secret key for stories, not used anywhere else"
WAIT_S = 20.0
_q = load_queries("tests.stage")


class Stage:
    """`settings` are those of paymux.config; what stands here goes before."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        given: dict[str, Any] = {
            "secret_key": SECRET_KEY,
            "database": database_url,
            "allow_private_urls": True,
            "rate_limits": False,
            "start_timeout_s": 1,
        }
        self.settings = load({}, **(given | settings))
        self.loop = asyncio.new_event_loop()
        self.core: Core
        self.node: Node
        self.url = ""
        self._thread = threading.Thread(target=self.loop.run_forever, name="stage", daemon=True)
        self._server: uvicorn.Server
        self._serving: Future[None]

    def __enter__(self) -> Self:
        self._thread.start()
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def begin() -> None:
            self.core = await Core.open(self.settings)
            self.node = Node(self.core)
            self.node.start()
            self._server = uvicorn.Server(configured(self.node, grace_s=3))

        self.run(begin())
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve([listener]), self.loop)
        self.wait_for(lambda: self._server.started, "the server")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async def end() -> None:
            await self.node.stop()
            await self.core.close()

        self._server.should_exit = True
        self._server.force_exit = True
        self._serving.result(WAIT_S)
        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine on the installation's loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(60)

    @staticmethod
    def wait_for(condition: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
        """Look every few milliseconds until the condition holds."""
        ends = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > ends:
                raise AssertionError(f"{what} did not come within {within_s:g} s")
            time.sleep(0.01)

    # --- the merchant and the shop ---

    def merchant(self, *, plan: Plan = Plan.PRO, webhook_url: str | None = None, policy: Policy | None = None, **fields: Any) -> Shop:
        """A new merchant with the shop shop.example.com."""
        new = NewMerchant(
            name="A Shop",
            email="owner@example.com",
            plan=plan,
            country="DE",
            wallet="0x" + "1" * 40,
            shops=("shop.example.com",),
            webhook_url=webhook_url,
            webhook_secret="test-webhook-secret",
            **fields,
        )

        async def work(tx: Tx) -> Created:
            created = await create_merchant(self.core.keyring, "ecomtrade24", tx, new, self.core.clock.now())
            if policy is not None:
                await tx.fetch(_q.set_policy, id=created.merchant_id, policy=msgspec.json.encode(policy).decode())
            return created

        created = self.run(self.core.storage.write(work))
        return Shop(self.url, created.api_key, created.merchant_id)

    # --- time and people ---

    def advance_clock(self, seconds: int) -> None:
        """Move the sandbox's clock, as the command does; what is due by then need not wait for its second."""
        self.run(installation.move_clock(self.core.storage, lambda old: old + seconds * 1000))
        for duty in self.node.duties():
            self.run(duty.run())

    def decide(self, session_id: int, event: Event) -> None:
        """A person decides: ACCEPTED, REJECTED or RETURNED."""
        report = Report(payment_id=session_id, event=event, source=Source.OPERATOR, happened_at=0, why="a person decided")
        outcome = self.run(self.core.writer.submit(self.core.door.advance, report))
        assert not isinstance(outcome, Refused), f"refused: {outcome}"

    def report(self, session_id: int, outcome: str, decline_reason: str = "unknown") -> None:
        """As `paymux sandbox report`."""
        wish = SandboxReport(session_id, Told(outcome), DeclineReason(decline_reason))
        told = self.run(self.core.writer.submit(self.core.reporter.report, wish))
        assert not isinstance(told, Refused), f"refused: {told}"

    def now(self) -> int:
        """The moved clock, as of the newest batch."""
        return self.core.clock.now()

    # --- what is stored ---

    def payment(self, session_id: int) -> Payment:
        found = self.run(self.core.reads.by_id(session_id))
        assert found is not None
        return found

    def attempts(self, session_id: int) -> list[Attempt]:
        found = self.run(self.core.reads.with_attempts(session_id))
        assert found is not None
        return found[1]

    def history(self, session_id: int) -> list[HistoryRow]:
        rows = self._rows("history_of_payment", payment_id=session_id)
        return [HistoryRow(**{name: row[name] for name in HistoryRow.__struct_fields__}) for row in rows]

    def events(self, session_id: int) -> list[str]:
        """What happened, in the history's words."""
        return [str(row.event) for row in self.history(session_id)]

    def attention(self) -> dict[int, str]:
        """The list of payments that a person must look at, with the reasons."""
        return {row["id"]: row["attention"] for row in self._rows("attention_list", after=0, page=100)}

    def _rows(self, query: str, **params: Any) -> Sequence[Mapping[str, Any]]:
        async def work(tx: Tx) -> Sequence[Mapping[str, Any]]:
            return [dict(row) for row in await tx.fetch(getattr(store.q, query), **params)]

        return self.run(self.core.storage.read(work))

    def wait_for_state(self, session_id: int, state: str) -> Payment:
        self.wait_for(lambda: self.payment(session_id).state == state, f"the state {state} of {session_id}")
        return self.payment(session_id)

    def prove(self) -> None:
        """The ledger check."""
        self.run(prove(self.core))

    # --- a company that misbehaves ---

    def claim_paid(self, attempt: Attempt, part: int = 1, units: int | None = None) -> "Callback":
        """A genuine report of a company: this attempt was paid, whatever it said before."""
        reference = f"{attempt.operation_key}.{part}"
        transfer = SentTransfer(
            reference=reference,
            amount=decimal_text(units or attempt.amount_units, 2),
            currency=attempt.currency,
            at=Clock.wall(),
            txid=transfer_txid(reference),
        )
        return self.claim(attempt, status="paid", transfers=[transfer])

    def claim(self, attempt: Attempt, **facts: Any) -> "Callback":
        """A genuine report of a company, of whatever it says."""
        said = Standing(operation_key=attempt.operation_key, reference=attempt.provider_ref or "r", **facts)
        body = msgspec.json.encode(said).decode()
        timestamp = str(Clock.wall())
        signature = messages.sign(self.core.keyring, attempt.provider, timestamp, body)
        return Callback(f"/callbacks/{attempt.provider}", {messages.TIMESTAMP: timestamp, messages.SIGNATURE: signature}, body.encode())

    def post(self, callback: "Callback") -> int:
        """Make a report; the HTTP status of the answer."""
        with plain_client() as client:
            return client.post(self.url + callback.path, headers=callback.headers, content=callback.body).status_code


class Callback(msgspec.Struct, frozen=True):
    """A company's report, signed."""

    path: str
    headers: dict[str, str]
    body: bytes
