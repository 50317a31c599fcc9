"""Migrations: repeatable, one at a time, and the schema that is shown is the one they build."""

import asyncio
import re
from importlib import resources
from pathlib import Path

import pytest

from paymux.clock import Clock
from paymux.errors import StorageError
from paymux.storage.connect import storage_for
from paymux.storage.migrate import for_sqlite, migrate, migrations
from paymux.storage.writer import Storage
from tests.databases import Server, database, sqlite_url
from tests.storage.ad_hoc import opened, rows, run

SQLITE_CATALOGUE = (
    "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master "
    "WHERE name NOT LIKE 'sqlite_%' AND type <> 'trigger' ORDER BY type, name"  # triggers have no common text
)
POSTGRES_CATALOGUES = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "  # noqa: ISC004
    "WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "  # noqa: ISC004
    "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
    "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
)


def plain(sql: str) -> str:
    """Without comments, with one blank where there are several, and none beside marks: SQLite writes an added column its own way."""
    return re.sub(r" ?([(),]) ?", r"\1", " ".join(re.sub(r"--[^\n]*", " ", sql).split()))


async def catalogue(storage: Storage) -> list[tuple[object, ...]]:
    if storage.engine == "sqlite":
        return [(*row[:3], plain(row[3])) for row in await rows(storage, SQLITE_CATALOGUE)]
    return [row for query in POSTGRES_CATALOGUES for row in await rows(storage, query)]


async def built_from_schema(url: str) -> list[tuple[object, ...]]:
    shown = resources.files("paymux.storage").joinpath("schema.sql").read_text("utf-8")
    storage = storage_for(url)
    await storage.open()
    await run(storage, for_sqlite(shown) if storage.engine == "sqlite" else shown)
    found = await catalogue(storage)
    await storage.close()
    return found


def test_numbers_are_dense_and_both_engines_have_them_all() -> None:
    for engine in ("sqlite", "postgres"):
        assert [one.number for one in migrations(engine)] == list(range(1, len(migrations(engine)) + 1))
    assert [one.name for one in migrations("sqlite")] == [one.name for one in migrations("postgres")]


async def test_a_second_run_applies_nothing(database_url: str) -> None:
    storage = storage_for(database_url)
    await storage.open()
    assert [one.number for one in await migrate(storage, 5)] == [one.number for one in migrations(storage.engine)]
    before = await catalogue(storage)
    assert await migrate(storage, 6) == []
    assert await catalogue(storage) == before
    assert {row[0] for row in await rows(storage, "SELECT applied_at FROM migration")} == {5}
    await storage.close()


async def test_nodes_that_start_at_once_migrate_once(database_url: str) -> None:
    nodes = [storage_for(database_url) for _ in range(3)]
    for node in nodes:
        await node.open()
    done = await asyncio.gather(*(migrate(node, Clock.wall()) for node in nodes))
    assert sorted(one.number for applied in done for one in applied) == [one.number for one in migrations(nodes[0].engine)]
    for node in nodes:
        await node.close()


async def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    storage = await opened(database_url)
    await run(storage, "INSERT INTO migration (number, name, applied_at) VALUES (9999, 'from_the_future', 0);")
    with pytest.raises(StorageError, match="start the newer Paymux"):
        await migrate(storage, 0)
    await storage.close()


async def test_the_schema_that_is_shown_is_what_the_migrations_build_on_sqlite(tmp_path: Path) -> None:
    storage = await opened(sqlite_url(tmp_path / "migrated.db"))
    migrated = await catalogue(storage)
    await storage.close()
    assert await built_from_schema(sqlite_url(tmp_path / "shown.db")) == migrated


async def test_the_schema_that_is_shown_is_what_the_migrations_build_on_postgres(postgres: Server) -> None:
    with database(postgres) as migrated_url, database(postgres) as shown_url:
        storage = await opened(migrated_url)
        migrated = await catalogue(storage)
        await storage.close()
        assert await built_from_schema(shown_url) == migrated


async def test_every_table_of_sqlite_is_strict(tmp_path: Path) -> None:
    storage = await opened(sqlite_url(tmp_path / "a.db"))
    lax = await rows(storage, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0")
    assert [name for (name,) in lax if not name.startswith("sqlite_")] == []
    await storage.close()
