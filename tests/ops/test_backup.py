"""A backup is one moment of a database that is written meanwhile, and it gets its name only when it was proven."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paymux.app.core import TOLD
from paymux.clock import Clock
from paymux.ops import backup
from paymux.ops.backup import NotGood, Prover
from paymux.payments.report import Told
from paymux.storage import migrate as migration
from paymux.storage.connect import storage_for
from paymux.storage.migrate import Migration, migrations
from paymux.storage.query import load
from tests.databases import Server, pgbench, sqlite_url
from tests.ops.ward import Ward, ward
from tests.server import paymux
from tests.storage.ad_hoc import rows, run

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the tests' own server."""
    if "PAYMUX_TEST_DATABASE_URL" not in os.environ:
        monkeypatch.setenv("PATH", f"{pgbench().parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def no_scratch_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    server: Server = request.getfixturevalue("postgres")

    async def left() -> list[tuple[Any, ...]]:
        storage = storage_for(server.admin_url)
        await storage.open()
        try:
            return await rows(storage, "SELECT datname FROM pg_database WHERE datname LIKE 'paymux_check_%'")
        finally:
            await storage.close()

    assert asyncio.run(left()) == []


def prover(said: list[str] | None = None) -> Prover:
    return Prover(TOLD, (said if said is not None else []).append, Clock.wall)


def left_in(folder: Path) -> list[str]:
    """What lies there beside the database."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("paymux.db"))


async def _pay(w: Ward, stop: asyncio.Event) -> int:
    count = 0
    while not stop.is_set():
        await w.tell(await w.payment(), Told.PAID)
        count += 1
    return count


async def test_a_backup_made_while_payments_go_on_is_one_moment(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    async with ward(database_url) as w:
        stop = asyncio.Event()
        paying = asyncio.create_task(_pay(w, stop))
        good = [await prover().make(database_url, folder / f"{number}.backup") for number in range(3)]
        stop.set()
        paid = await paying
    assert paid > 3
    assert good[0].rows["payment"] < good[2].rows["payment"] <= paid + 1
    for made in good:
        assert made.rows["transfer"] == made.rows["receipt"]
        again = await prover().verify(database_url, Path(made.file))
        assert (again.rows, again.schema, again.bytes) == (made.rows, made.schema, made.bytes)
    assert left_in(folder) == ["0.backup", "1.backup", "2.backup"]
    assert (folder / "0.backup").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE account SET balance = balance + 1 WHERE balance IS NOT NULL;",
        "DELETE FROM receipt;",
        "UPDATE payment SET received_units = received_units + 1;",
    ],
)
async def test_a_tampered_database_is_refused_as_a_backup(database_url: str, tmp_path: Path, sql: str) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    async with ward(database_url) as w:
        await w.run(sql)
        with pytest.raises(NotGood, match="do not add up"):
            await prover().make(database_url, folder / "new.backup")
    assert left_in(folder) == []


async def test_a_copy_that_lost_rows_is_refused(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the restore had forgotten some: a payment that was only opened leaves no trace in the books."""
    folder = tmp_path / "backups"
    folder.mkdir()
    prove = Prover.prove

    async def forgetful(self: Prover, storage: Any, expected: Any) -> Any:
        await run(storage, "DELETE FROM history WHERE payment_id = 2;\nDELETE FROM payment WHERE id = 2;\n")
        return await prove(self, storage, expected)

    async with ward(database_url) as w:
        await w.payment()
        monkeypatch.setattr(Prover, "prove", forgetful)
        with pytest.raises(NotGood, match="payment 1 instead of 2"):
            await prover().make(database_url, folder / "new.backup")
    assert left_in(folder) == []


async def test_a_damaged_file_is_no_good_backup(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "old.backup"
    async with ward(database_url):
        await prover().make(database_url, file)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:8192] + b"\xff" * 4096 + whole[12288:], b"hello", b""):
        file.write_bytes(damaged)
        with pytest.raises(NotGood):
            await prover().verify(database_url, file)
        assert file.read_bytes() == damaged


async def test_a_copy_by_hand_with_its_log_beside_it_is_no_proven_file(tmp_path: Path) -> None:
    """What was committed since the last checkpoint stands in the log alone: the file would be found good, and lack it."""
    url = sqlite_url(tmp_path / "paymux.db")
    (tmp_path / "copy").mkdir()
    async with ward(url) as w:
        with closing(sqlite3.connect(tmp_path / "paymux.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await w.tell(await w.payment(), Told.PAID)
        for name in ("paymux.db", "paymux.db-wal"):
            shutil.copyfile(tmp_path / name, tmp_path / "copy" / name)
    with pytest.raises(NotGood, match="log beside it"):
        await prover().verify(url, tmp_path / "copy" / "paymux.db")


async def test_a_backup_of_an_older_schema_proves_that_it_migrates(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(engine: str) -> list[Migration]:
        known = migrations(engine)
        return [*known, Migration(known[-1].number + 1, "later", "CREATE TABLE later (id bigint);")]

    file = tmp_path / "old.backup"
    async with ward(database_url):
        monkeypatch.setattr(backup, "migrations", later)
        monkeypatch.setattr(migration, "migrations", later)
        said: list[str] = []
        good = await prover(said).make(database_url, file)
    assert good.schema == migrations("sqlite")[-1].number
    assert any("migrates" in text for text in said)
    monkeypatch.undo()
    if database_url.startswith("sqlite:"):  # what was kept is the old one
        assert (await prover().verify(database_url, file)).schema == good.schema


async def test_a_newer_backup_wants_its_own_program(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    async with ward(url) as w:
        await w.run("INSERT INTO migration (number, name, applied_at) VALUES (999, 'later', 0);")
        with pytest.raises(NotGood, match="schema 999"):
            await prover().make(url, tmp_path / "new.backup")


async def test_an_existing_file_is_never_written_over(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "old.backup"
    file.write_text("precious")
    async with ward(database_url):
        with pytest.raises(NotGood, match="exists already"):
            await prover().make(database_url, file)
    assert file.read_text() == "precious"


async def test_a_dump_is_proven_on_a_server_and_leaves_nothing_there(postgres_url: str, tmp_path: Path, no_scratch_stays: None) -> None:
    file = tmp_path / "dump.backup"
    async with ward(postgres_url):
        await prover().make(postgres_url, file)
        with pytest.raises(NotGood, match="--database postgresql"):
            await prover().verify(sqlite_url(tmp_path / "paymux.db"), file)


async def test_without_the_clients_programs_it_is_said_what_to_install(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ward(postgres_url):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Exception, match="postgresql-client"):
            await prover().make(postgres_url, tmp_path / "new.backup")
    assert left_in(tmp_path) == []


async def test_every_table_is_counted(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    async with ward(url) as w:
        tables = await rows(w.core.storage, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    counted = re.findall(r"FROM (\w+)", load("paymux.ops").row_counts.sqlite.sql)
    assert sorted(counted) == sorted(name for (name,) in tables), "a new table must be added to row_counts in paymux/ops/queries.sql"


async def test_the_command_says_good_only_when_it_is(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    async with ward(url) as w:
        made = paymux("backup", "--to", tmp_path / "a.backup", "--json", database_url=url)
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["rows"]["payment"] == 1
        verified = paymux("backup", "verify", tmp_path / "a.backup", database_url=url)
        assert verified.stdout.startswith("Good: ")
        assert "1 payment" in verified.stdout
        await w.run("DELETE FROM receipt;")
        refused = paymux("backup", "--to", tmp_path / "b.backup", database_url=url)
        asked = paymux("backup", database_url=url)
    assert refused.returncode == 1
    assert "wrong_receipts" in refused.stderr
    assert not (tmp_path / "b.backup").exists()
    assert asked.returncode == 2
