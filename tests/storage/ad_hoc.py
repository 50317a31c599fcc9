"""SQL that only a test needs: one statement for both engines, and whole scripts."""

from collections.abc import Sequence
from typing import Any

from paymux.clock import Clock
from paymux.storage.connect import storage_for
from paymux.storage.migrate import migrate
from paymux.storage.postgres import PostgresTx
from paymux.storage.query import Query, Statement, Tx
from paymux.storage.sqlite import SqliteTx
from paymux.storage.writer import Storage


def ad_hoc(sql: str) -> Query:
    """A query without parameters."""
    return Query("ad_hoc", "", Statement(sql, (), None), Statement(sql, (), None))


async def rows(storage: Storage, sql: str) -> list[tuple[Any, ...]]:
    """What a query finds."""

    async def work(tx: Tx) -> Sequence[Any]:
        return await tx.fetch(ad_hoc(sql))

    return [tuple(row) for row in await storage.read(work)]


async def run(storage: Storage, sql: str) -> None:
    """Several statements in one transaction."""

    async def work(tx: Tx) -> None:
        if isinstance(tx, SqliteTx):
            tx.script(sql)
        else:
            assert isinstance(tx, PostgresTx)
            await tx.script(sql)

    await storage.write(work)


async def opened(url: str, lanes: int = 2) -> Storage:
    """A storage with the newest schema."""
    storage = storage_for(url, lanes)
    await storage.open()
    await migrate(storage, Clock.wall())
    return storage
