"""What a storage promises of transactions, on both engines; and two processes on one SQLite file."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from paymux.clock import Clock
from paymux.errors import DatabaseGone, OutcomeUnknown, StorageError
from paymux.storage import installation, sqlite
from paymux.storage.connect import storage_for
from paymux.storage.postgres import PLANS_KEPT_FIRST, PostgresStorage
from paymux.storage.query import Tx, load
from paymux.storage.sqlite import SqliteStorage
from paymux.storage.writer import LostUpdate, Storage
from tests.databases import Server, database, sqlite_url
from tests.storage.ad_hoc import opened, rows, run

q = load("tests.storage")
ROOT = Path(__file__).parents[2]
COUNTS = 60


def put(name: str, value: str = "1") -> Callable[[Tx], object]:
    async def work(tx: Tx) -> str:
        await tx.fetch(q.put_fact, name=name, value=value)
        return name

    return work


def put_alone(*facts: tuple[str, str]) -> Callable[[Tx], object]:
    async def work(tx: Tx) -> None:
        tx.alone = True
        assert (await tx.glance(q.engine))[0]["name"] == tx.engine
        await tx.fetch_alone(q.put_facts, facts)

    return work


async def fact(storage: Storage, name: str) -> str | None:
    return (await storage.read(installation.facts)).get(name)


async def test_what_was_answered_is_seen_by_others(storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)
    assert await storage.write(put("mine")) == "mine"  # type: ignore[arg-type]
    assert await fact(other, "mine") == "1"
    await other.close()


async def test_an_exception_undoes_everything_and_is_raised(storage: Storage) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetch(q.put_fact, name="torn", value="1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.write(work)
    assert await fact(storage, "torn") is None
    assert await storage.write(put("after")) == "after"  # type: ignore[arg-type]


async def test_a_broken_rule_of_a_table_undoes_everything(storage: Storage) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetch(q.put_fact, name="first", value="1")
        await tx.fetch(q.put_facts, [("second", "1"), ("first", "2")])

    with pytest.raises(Exception, match=r"(?i)unique"):
        await storage.write(work)
    assert await fact(storage, "first") is None
    assert await fact(storage, "second") is None


async def test_a_transaction_reads_its_own_writing_and_others_do_not(storage: Storage, ready_url: str) -> None:
    other, seen = await opened(ready_url), []

    async def work(tx: Tx) -> None:
        await tx.fetch(q.put_fact, name="mine", value="1")
        seen.append((await installation.facts(tx)).get("mine"))

    await storage.write(work)
    assert seen == ["1"]
    await other.close()


async def test_a_lone_statement_is_durable_or_undone_like_a_transaction(storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)
    await storage.write(put_alone(("mine", "1")))  # type: ignore[arg-type]
    assert await fact(other, "mine") == "1"
    with pytest.raises((LostUpdate, asyncpg.UniqueViolationError)):
        await storage.write(put_alone(("yours", "1"), ("mine", "2")))  # type: ignore[arg-type]
    assert await fact(other, "mine") == "1"
    assert await fact(other, "yours") is None
    await other.close()


@pytest.mark.parametrize("alone", [True, False])
async def test_a_statement_that_may_be_alone_is_undone_with_its_transaction(storage: Storage, alone: bool) -> None:
    async def work(tx: Tx) -> None:
        tx.alone = alone
        if alone:
            await tx.fetch(q.put_fact, name="first", value="1")  # it begins the transaction
        await tx.fetch_alone(q.put_facts, [("second", "1")])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.write(work)
    assert [await fact(storage, "first"), await fact(storage, "second")] == [None, None]


async def test_a_connection_lost_in_a_lone_statement_leaves_an_unknown_outcome(postgres: Server) -> None:
    with database(postgres) as url:
        storage = await opened(url)

        async def ended(tx: Tx) -> None:
            tx.alone = True
            await tx.fetch_alone(q.end_myself_with, [("x",)])

        async def never_begun(tx: Tx) -> None:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
                await tx.glance(q.end_myself)
            tx.alone = True
            await tx.fetch_alone(q.put_facts, [("never", "1")])

        with pytest.raises(OutcomeUnknown):
            await storage.write(ended)
        with pytest.raises(DatabaseGone):
            await storage.write(never_begun)
        assert await storage.write(put("after")) == "after"  # type: ignore[arg-type]
        assert await fact(storage, "never") is None
        await storage.close()


async def test_forgetting_plans_never_turns_a_commit_into_a_failure() -> None:
    class Lost:
        asked = 0

        async def execute(self, statement: str) -> None:
            self.asked += 1
            raise (asyncpg.InterfaceError, asyncpg.ConnectionDoesNotExistError, TimeoutError)[self.asked % 3]("lost")

    storage, connection = PostgresStorage("postgresql://nobody"), Lost()
    for _ in range(PLANS_KEPT_FIRST * 8):
        await storage._used(connection)  # type: ignore[arg-type]
    assert connection.asked == 4


async def test_a_snapshot_sees_one_moment_however_many_statements_it_has(storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)
    loop = asyncio.get_running_loop()

    async def work(tx: Tx) -> tuple[str | None, str | None]:
        before = (await installation.facts(tx)).get("late")
        written = other.write(put("late"))  # type: ignore[arg-type]
        if tx.engine == "sqlite":  # its unit runs in a thread of its own and may not wait for the loop
            asyncio.run_coroutine_threadsafe(written, loop).result(10)
        else:
            await written
        return before, (await installation.facts(tx)).get("late")

    assert await storage.snapshot(work) == (None, None)
    assert await fact(storage, "late") == "1"
    await other.close()


async def test_a_snapshot_writes_nothing(storage: Storage) -> None:
    with contextlib.suppress(asyncpg.ReadOnlySQLTransactionError):  # SQLite undoes it without a word
        await storage.snapshot(put("sneaked"))  # type: ignore[arg-type]
    assert await fact(storage, "sneaked") is None


async def test_a_unit_that_waits_for_something_else_is_refused_on_sqlite(tmp_path: Path) -> None:
    storage = await opened(sqlite_url(tmp_path / "a.db"))

    async def work(tx: Tx) -> None:
        await tx.fetch(q.put_fact, name="torn", value="1")
        await asyncio.sleep(0)

    with pytest.raises(AssertionError, match="something else than the database"):
        await storage.write(work)
    assert await fact(storage, "torn") is None
    await storage.close()


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:///", "sqlite:///:memory:"])
async def test_a_url_that_names_no_database_says_what_to_write(url: str) -> None:
    with pytest.raises(StorageError, match="sqlite:////"):
        storage_for(url)


async def test_a_server_that_is_not_there_is_said_plainly() -> None:
    with pytest.raises(StorageError, match="cannot connect to PostgreSQL"):
        await storage_for("postgresql://nobody@127.0.0.1:1/none").open()


async def test_a_folder_that_cannot_be_written_is_said_plainly() -> None:
    with pytest.raises(StorageError, match="cannot open the SQLite file"):
        await SqliteStorage(Path("/proc/none/paymux.db")).open()


PROCESS = """
import asyncio, sys
from tests.storage.ad_hoc import opened
from tests.storage.test_transactions import count_up
async def main():
    storage = await opened(sys.argv[1])
    await count_up(storage, int(sys.argv[2]))
    await storage.close()
asyncio.run(main())
"""


async def count_up(storage: Storage, times: int) -> None:
    """Read, then write: what fails at once, whatever the busy timeout, in a transaction that does not begin IMMEDIATE."""

    async def work(tx: Tx) -> None:
        facts = await installation.facts(tx)
        if "count" not in facts:
            await tx.fetch(q.put_fact, name="count", value="0")
        await tx.fetch(q.add_one)

    for _ in range(times):
        await storage.write(work)


async def test_two_processes_migrate_and_write_one_sqlite_file_at_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "shared.db")
    command = [sys.executable, "-c", PROCESS, url, str(COUNTS)]
    processes = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    storage = await opened(url)
    await count_up(storage, COUNTS)
    for process in processes:
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
    assert await fact(storage, "count") == str(3 * COUNTS)
    await storage.close()


async def test_sqlite_keeps_its_promises_of_durability(tmp_path: Path) -> None:
    storage = await opened(sqlite_url(tmp_path / "a.db"))
    assert await rows(storage, "PRAGMA journal_mode") == [("wal",)]
    assert await rows(storage, "PRAGMA synchronous") == [(2,)], "FULL"
    assert await rows(storage, "PRAGMA foreign_keys") == [(1,)]
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await run(storage, "INSERT INTO shop (merchant_id, domain, status, created_at) VALUES (99, 'x', 'approved', 0);")
    await storage.close()


async def test_the_first_mode_claims_the_database(storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)

    async def claim(at: Storage, mode: str) -> str:
        try:
            await at.write(lambda tx: installation.claim_mode(tx, mode))
        except StorageError as error:
            return str(error)
        return mode

    answers = await asyncio.gather(claim(storage, "sandbox"), claim(other, "live"))
    recorded = await fact(storage, "mode")
    assert recorded in ("sandbox", "live")
    assert answers.count(recorded) == 1, "of two that start at once only one goes on"
    assert any(f"PAYMUX_MODE={recorded}" in answer for answer in answers)
    assert await claim(storage, recorded) == recorded
    await other.close()


@pytest.mark.parametrize("known", [[], ["old"]])
async def test_of_two_different_secret_keys_at_once_one_is_recorded(known: list[str], storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)
    if known:
        await storage.write(lambda tx: installation.claim_key(tx, known))

    async def claim(at: Storage, key_id: str) -> str:
        try:
            await at.write(lambda tx: installation.claim_key(tx, [key_id, *known]))
        except StorageError as error:
            return str(error)
        return key_id

    answers = await asyncio.gather(claim(storage, "one"), claim(other, "two"))
    recorded = await fact(storage, "key_id")
    assert recorded in ("one", "two")
    assert answers.count(recorded) == 1, "of two that start at once only one goes on"
    assert any(f"needs the secret key with the id {recorded}" in answer for answer in answers)
    await other.close()


async def test_the_sandbox_clock_moves_for_everyone_at_once(storage: Storage) -> None:
    nodes = [installation.moving_now(Clock(), movable=True) for _ in range(2)]
    for _ in range(3):
        before = [await storage.read(now) for now in nodes]
        await installation.move_clock(storage, lambda old: old + 86_400_000)
        after = [await storage.read(now) for now in nodes]
        assert all(0 <= now - was - 86_400_000 < 60_000 for was, now in zip(before, after, strict=True))
    assert await storage.read(installation.clock_offset) == 3 * 86_400_000
    assert await fact(storage, "version") == "4"


async def test_many_may_open_a_new_sqlite_file_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(12):
        start = threading.Barrier(4)

        def open_one(path: Path = tmp_path / f"{number}.db", start: threading.Barrier = start) -> None:
            async def work() -> None:
                await (await opened(sqlite_url(path))).close()

            start.wait()
            asyncio.run(work())

        await asyncio.gather(*(asyncio.to_thread(open_one) for _ in range(4)))


async def test_the_log_of_sqlite_is_moved_beside_the_writer_and_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_EVERY_S", 0)
    monkeypatch.setattr(sqlite, "LOG_PAGES", 50)
    storage = await opened(sqlite_url(tmp_path / "a.db"))
    for number in range(600):
        await storage.write(put(f"n{number}", "x" * 3000))  # type: ignore[arg-type]
    written_bytes = 600 * 2 * 4096  # each changed two pages at least
    assert (tmp_path / "a.db-wal").stat().st_size < written_bytes / 4
    assert (tmp_path / "a.db").stat().st_size > 600 * 3000 / 2
    await storage.close()
    assert not (tmp_path / "a.db-wal").exists()
    again = await opened(sqlite_url(tmp_path / "a.db"))
    assert len(await rows(again, "SELECT name FROM installation WHERE name LIKE 'n%'")) == 600
    await again.close()
