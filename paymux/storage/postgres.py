"""PostgreSQL by asyncpg: a few commit lanes for the writer, a small pool for reads.

A connection lost inside COMMIT is an unknown outcome: done or not done. It is never repeated here.
"""

import asyncio
import contextlib
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg
import msgspec

from paymux.errors import DatabaseGone, OutcomeUnknown, StorageError
from paymux.storage.query import Query, Rows, Step, Tx, joined

T = TypeVar("T")

LOCK_TIMEOUT_MS = 10_000
SNAPSHOT_TIMEOUT_S = 3600  # for one statement of somebody who reads everything
MAX_QUERIES = 10_000_000  # then a connection is replaced; each new one has every statement to prepare again
PLANS_KEPT_FIRST = 32  # uses of a connection
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
)


class PostgresTx:
    """Statements on one connection."""

    engine = "postgres"

    def __init__(
        self, connection: asyncpg.Connection, lasting: dict[Any, Any], timeout_s: int | None = None, *, begun: bool = True
    ) -> None:
        """`begun`: no transaction is to be begun by the first statement."""
        self._connection, self._timeout_s = connection, timeout_s  # None: the pool's own
        self.facts: list[Any] = []
        self.lasting, self.made, self.alone = lasting, False, False
        self.begun = begun

    async def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            await self._connection.execute("BEGIN")

    async def fetch(self, query: Query, rows: Rows | None = None, **params: Any) -> Sequence[Any]:
        if rows is not None and not rows:
            return []
        await self._begin()
        return await self._run(query, rows, params)

    async def fetch_alone(self, query: Query, rows: Rows) -> Sequence[Any]:
        if not self.alone or self.begun:
            return await self.fetch(query, rows)
        try:
            return await self._run(query, rows, {})
        except asyncpg.InterfaceError:  # the connection was known to be dead: nothing was sent
            raise
        except _LOST as error:
            raise OutcomeUnknown("the connection was lost in a statement") from error

    async def glance(self, query: Query) -> Sequence[Any]:
        return await self._run(query, None, {})

    async def _run(self, query: Query, rows: Rows | None, params: dict[str, Any]) -> Sequence[Any]:
        statement = query.postgres
        if rows is not None:
            params["rows"] = msgspec.json.encode(rows).decode()
        arguments = [params[name] for name in statement.params]
        found: Sequence[Any] = await self._connection.fetch(statement.sql, *arguments, timeout=self._timeout_s)
        return found

    async def together(self, *steps: Step) -> list[int]:
        filled = [step for step in steps if step[1]]
        if not filled:
            return [0] * len(steps)
        await self._begin()
        texts = [msgspec.json.encode(rows).decode() for _, rows in filled]
        [row] = await self._connection.fetch(joined(tuple(query for query, _ in filled)), *texts, timeout=self._timeout_s)
        counts = iter(row)
        return [next(counts) if rows else 0 for _, rows in steps]

    async def script(self, sql: str) -> None:
        await self._begin()
        await self._connection.execute(sql)


class PostgresStorage:
    """One database. `write` runs a unit in a transaction of its own; `read` on a connection in autocommit."""

    engine = "postgres"
    in_line = False

    def __init__(self, url: str, lanes: int = 2, readers: int = 4) -> None:
        self._url = url
        self.lanes = lanes
        self._readers = readers
        self._pool: asyncpg.Pool | None = None
        self._lasting: dict[Any, Any] = {}
        self._uses: weakref.WeakKeyDictionary[asyncpg.Connection, int] = weakref.WeakKeyDictionary()

    async def open(self) -> None:
        """Connect, or say why it is not possible."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self.lanes + self._readers,
                max_queries=MAX_QUERIES,
                reset=self._used,
                command_timeout=30,
                server_settings={"application_name": "paymux", "lock_timeout": str(LOCK_TIMEOUT_MS), "jit": "off"},
            )
        except (*_LOST, asyncpg.PostgresError, ValueError) as error:
            raise StorageError(f"cannot connect to PostgreSQL: {error}. Check the database URL and that the server runs.") from error

    async def _used(self, connection: asyncpg.Connection) -> None:
        """Before a connection is used again: nothing, since no unit changes a session's state (an open transaction the driver ends first).
        The driver's own reset would be one more round trip for every batch.

        But plans are forgotten whenever a connection has been used twice as often: one that was made for a table with few rows looks
        through all of them, and the server keeps it until it next counts them, which may take minutes."""
        uses = self._uses[connection] = self._uses.get(connection, 0) + 1
        if uses >= PLANS_KEPT_FIRST and uses.bit_count() == 1:
            with contextlib.suppress(asyncpg.PostgresError, *_LOST):  # what was committed is committed, whatever becomes of the connection
                await connection.execute("DISCARD PLANS")

    def _connections(self) -> asyncpg.Pool:
        assert self._pool is not None, "open() comes first"
        return self._pool

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit in one durable transaction; an exception rolls it back and is raised."""
        try:
            return await self._write(work)
        except _LOST as error:
            raise DatabaseGone(f"PostgreSQL does not answer ({type(error).__name__})") from error

    def start(self, work: Callable[[Tx], Awaitable[T]]) -> Awaitable[T]:
        """The same, begun when it is awaited."""
        return self.write(work)

    async def _write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        async with self._connections().acquire() as connection:
            tx = PostgresTx(connection, self._lasting, begun=False)
            try:
                result = await work(tx)
            except BaseException:
                if tx.begun:
                    await _roll_back(connection)
                raise
            if not tx.begun:
                return result
            try:
                await asyncio.shield(connection.execute("COMMIT"))
            except _LOST as error:
                raise OutcomeUnknown("the connection was lost in COMMIT") from error
            return result

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit that only reads."""
        try:
            async with self._connections().acquire() as connection:
                return await work(PostgresTx(connection, self._lasting))
        except _LOST as error:
            raise DatabaseGone(f"PostgreSQL does not answer ({type(error).__name__})") from error

    async def look(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit of a few look-ups by key."""
        return await self.read(work)

    async def snapshot(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit that reads for long and must see one moment, however many statements it has."""
        async with self._connections().acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await work(PostgresTx(connection, self._lasting, SNAPSHOT_TIMEOUT_S))

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()

    def retryable(self, error: BaseException) -> bool:
        """Whether the same unit may succeed when run again at once: it was rolled back for a reason that passes."""
        passing = (
            asyncpg.DeadlockDetectedError,
            asyncpg.SerializationError,
            asyncpg.LockNotAvailableError,
            asyncpg.UniqueViolationError,  # somebody took the place since it was looked at: the next try sees who
            DatabaseGone,
        )
        return isinstance(error, passing)


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except (*_LOST, asyncpg.PostgresError):
        pass  # the connection is gone, and with it the transaction
