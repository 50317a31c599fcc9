"""Beside a running server, as commands do it, but without starting a process for each: merchants, the clock, the proof."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from paymux.app.core import Core
from paymux.config import load
from paymux.merchants.create import Created, NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage import installation
from paymux.storage.query import Tx
from paymux.storage.query import load as load_queries
from tests.server import SECRET_KEY
from tests.stage.proof import prove as prove_core

T = TypeVar("T")
SECRET = "test-webhook-secret"
_q = load_queries("tests.stage")


def with_core(database_url: str, work: Callable[[Core], Awaitable[T]]) -> T:
    """Open the database, do something, close it; on a thread of its own, for a browser may hold this one's loop."""
    settings = load({}, secret_key=SECRET_KEY, database=database_url)
    results: list[T] = []
    failures: list[BaseException] = []

    async def opened() -> T:
        core = await Core.open(settings)
        try:
            return await work(core)
        finally:
            await core.close()

    def body() -> None:
        try:
            results.append(asyncio.run(opened()))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def make_merchants(database_url: str, hooks: Sequence[str]) -> list[Created]:
    """A pro merchant with the shop shop.example.com for each address that notices shall go to."""

    async def work(core: Core) -> list[Created]:
        async def made(tx: Tx) -> list[Created]:
            found = []
            for number, hook in enumerate(hooks, 1):
                new = NewMerchant(
                    name=f"Shop {number}",
                    email=f"owner{number}@example.com",
                    plan=Plan.PRO,
                    country="DE",
                    wallet="0x" + "1" * 40,
                    shops=("shop.example.com",),
                    webhook_url=hook,
                    webhook_secret=SECRET,
                )
                found.append(await create_merchant(core.keyring, "ecomtrade24", tx, new, core.clock.now()))
            return found

        return await core.storage.write(made)

    return with_core(database_url, work)


def advance_clock(database_url: str, seconds: int) -> None:
    """Move the sandbox's clock for every server on the database."""

    async def work(core: Core) -> None:
        await installation.move_clock(core.storage, lambda old: old + seconds * 1000)

    with_core(database_url, work)


def rows(database_url: str, query: str, **params: Any) -> list[dict[str, Any]]:
    """What a query of queries.sql beside this file finds."""

    async def work(core: Core) -> list[dict[str, Any]]:
        async def read(tx: Tx) -> list[dict[str, Any]]:
            return [dict(row) for row in await tx.fetch(getattr(_q, query), **params)]

        return await core.storage.read(read)

    return with_core(database_url, work)


def prove(database_url: str) -> None:
    """The ledger check."""
    with_core(database_url, prove_core)
