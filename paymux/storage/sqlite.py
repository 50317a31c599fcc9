"""SQLite: one writer thread, WAL, synchronous=FULL; long reads on their own threads, short look-ups where they are asked.

A unit of work is a coroutine over a `Tx`. Here that `Tx` never really suspends, so the thread steps the coroutine to its
end by itself. Every transaction that may write begins IMMEDIATE: one that began by reading fails at its first write,
whatever the busy timeout (SQLITE_BUSY_SNAPSHOT in SQLite's manual).
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from paymux.clock import ticks
from paymux.errors import StorageError
from paymux.storage.query import Query, Rows, Step, Tx
from paymux.storage.writer import LostUpdate

T = TypeVar("T")

log = structlog.get_logger()

BUSY_TIMEOUT_S = 20.0
COPIED_PAGES = 4096  # between two signs of progress
WRITER = "sqlite-writer"
WRITER_CACHE_KB, READER_CACHE_KB = 4000, 2000  # a connection's own; behind it stands the system's
CHECKPOINT_EVERY_S = 0.5  # while something is written
LOG_PAGES, LOG_PAGES_MAX = 12_000, 30_000  # from the one on the log is begun anew; at the other whoever commits moves its pages at once
OPENERS_MAX = 100  # so often the change to WAL is tried again


class SqliteTx:
    """Statements on one connection."""

    engine = "sqlite"

    def __init__(self, connection: sqlite3.Connection, lasting: dict[Any, Any]) -> None:
        self._connection = connection
        self.facts: list[Any] = []
        self.lasting, self.made, self.alone = lasting, False, False

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    async def fetch(self, query: Query, rows: Rows | None = None, **params: Any) -> Sequence[Any]:
        if rows is not None:
            if not rows:
                return []
            params["rows"] = msgspec.json.encode(rows).decode()
        self._begin()
        return self._connection.execute(query.sqlite.sql, params).fetchall()

    async def fetch_alone(self, query: Query, rows: Rows) -> Sequence[Any]:
        if not self.alone or self._connection.in_transaction:
            return await self.fetch(query, rows)
        try:
            return self._connection.execute(query.sqlite.sql, {"rows": msgspec.json.encode(rows).decode()}).fetchall()
        except sqlite3.IntegrityError as error:
            raise LostUpdate from error

    async def glance(self, query: Query) -> Sequence[Any]:
        return self._connection.execute(query.sqlite.sql).fetchall()

    async def together(self, *steps: Step) -> list[int]:
        return [len(await self.fetch(query, rows)) for query, rows in steps]

    def copy_to(self, target: Path, told: Callable[[int, int], None]) -> None:
        """The whole database as this transaction sees it, into a file; others may write meanwhile. `told(pages done, pages)`."""
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # a transaction sees nothing before it has read
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            self._connection.backup(copy, pages=COPIED_PAGES, progress=lambda _, left, pages: told(pages - left, pages))
        except sqlite3.Error as error:
            raise StorageError(f"cannot copy the database to {target}: {error}. Check that its disk has room.") from error
        finally:
            copy.close()

    def script(self, sql: str) -> None:
        """Several statements without parameters."""
        self._begin()
        for statement in split(sql):
            self._connection.execute(statement)


def _make_private(path: Path) -> None:
    """An empty file for its owner alone, where there is none; SQLite gives its log and index the same mode."""
    # An existing file is never opened here: closing it again would drop the locks that this process holds on it.
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _hint(error: Exception) -> str:
    """What to look at, where the error's own words do not say it."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return " Check PAYMUX_DATABASE; if the file is damaged, restore a backup."
    if isinstance(error, OSError) or name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return " Check that the file and its folder are writable."
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return " Check that its disk has room and is sound."
    return ""


def _use_wal(connection: sqlite3.Connection) -> None:
    """The very first change to WAL needs the file alone, and fails at once while others open it, whatever the busy timeout."""
    for _ in range(OPENERS_MAX):
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            connection.execute("BEGIN IMMEDIATE")  # waits for whoever holds it
            connection.execute("ROLLBACK")
    connection.execute("PRAGMA journal_mode=WAL").fetchall()


def split(sql: str) -> list[str]:
    """The statements of a script (`executescript` would commit before it runs)."""
    statements, part = [], ""
    for line in sql.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            statements.append(part)
            part = ""
    assert not part.strip() or all(line.lstrip().startswith("--") for line in part.strip().splitlines()), f"unfinished SQL: {part}"
    return statements


@cache
def beside_schema() -> list[str]:
    """What a writing connection has beside the schema, for itself alone."""
    return split(resources.files("paymux.storage").joinpath("sqlite_writer.sql").read_text("utf-8"))


class SqliteStorage:
    """One database file. `write` runs units one after the other; `read` runs them beside it."""

    engine = "sqlite"
    lanes = 1
    in_line = True

    def __init__(self, path: Path, readers: int = 2) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=WRITER)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="sqlite-reader")
        self._mover = ThreadPoolExecutor(1, thread_name_prefix="sqlite-checkpoint")
        self._moving: asyncio.Future[None] | None = None
        self._moved_s = ticks()
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lasting: dict[Any, Any] = {}

    def _connect(self) -> sqlite3.Connection:
        writes = threading.current_thread().name.startswith(WRITER)
        cache_kb = WRITER_CACHE_KB if writes else READER_CACHE_KB
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _make_private(self._path)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S)
            connection.row_factory = sqlite3.Row
            _use_wal(connection)
            pragmas = ("synchronous=FULL", "foreign_keys=ON", f"cache_size=-{cache_kb}", "temp_store=MEMORY")
            for pragma in (*pragmas, f"wal_autocheckpoint={LOG_PAGES_MAX}"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            for statement in beside_schema() if writes else ():
                connection.execute(statement)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"cannot open the SQLite file {self._path}: {error}.{_hint(error)}") from error
        self._opened.append(connection)
        return connection

    def _mine(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    async def open(self) -> None:
        """Open the file, or say why it cannot be opened."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._mine)

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit in one durable transaction; an exception rolls it back and is raised."""
        return await self.start(work)

    def start(self, work: Callable[[Tx], Awaitable[T]]) -> Awaitable[T]:
        """The same, begun by the thread now, whenever it is awaited."""
        return self._written(asyncio.get_running_loop().run_in_executor(self._writer, self._write, work))

    async def _written(self, running: Awaitable[T]) -> T:
        result = await running
        if self._moving is None and ticks() > self._moved_s + CHECKPOINT_EVERY_S:
            self._moving = asyncio.ensure_future(self._move())
        return result

    async def _move(self) -> None:
        """Move the log's pages into the database beside the writer, who would else stand still for it every thousand pages. What is
        committed meanwhile is moved by the writer itself, so that the log can begin anew: that is little."""
        loop = asyncio.get_running_loop()
        try:
            if await loop.run_in_executor(self._mover, self._checkpoint) > LOG_PAGES:
                await loop.run_in_executor(self._writer, self._checkpoint)
        except sqlite3.Error as error:  # nothing is lost: the log has it all, and the next time may do better
            log.warning("sqlite.checkpoint_failed", error=str(error))
        finally:
            self._moving, self._moved_s = None, ticks()

    def _checkpoint(self) -> int:
        """The log's length in pages."""
        return int(self._mine().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()["log"])

    async def look(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit of a few look-ups by key, on one snapshot, here and now: a batch of them takes less than a thread's waking and its
        fight for the interpreter."""
        return self._read(work)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit that only reads, on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def snapshot(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a unit that reads for long and must see one moment: here every read does."""
        return await self.read(work)

    def _write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        connection = self._mine()
        try:
            result = step(work(SqliteTx(connection, self._lasting)))
            if connection.in_transaction:
                connection.execute("COMMIT")
            return result
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        connection = self._mine()
        connection.execute("BEGIN")
        try:
            return step(work(SqliteTx(connection, self._lasting)))
        finally:
            connection.execute("ROLLBACK")

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        if self._moving is not None:
            await self._moving
        await loop.run_in_executor(None, self._mover.shutdown)
        await loop.run_in_executor(None, self._readers.shutdown)
        await loop.run_in_executor(None, self._writer.shutdown)
        for connection in self._opened:
            connection.close()

    def retryable(self, error: BaseException) -> bool:
        """Whether the same unit may succeed when run again at once."""
        return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def step(work: Awaitable[T]) -> T:
    """Run a coroutine that never suspends to its end."""
    assert isinstance(work, Coroutine)
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    work.close()
    raise AssertionError("a unit of work on SQLite waited for something else than the database")
