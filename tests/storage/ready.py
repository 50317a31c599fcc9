"""A migrated, empty database for each test: on SQLite a copy of one file, on PostgreSQL one database that is emptied before each test.

A new PostgreSQL database for each of some hundred tests would cost more time than all of them.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from paymux.storage.query import Tx
from tests.databases import Server, apart, database, sqlite_url
from tests.storage.ad_hoc import ad_hoc, opened, run

FACTS = "INSERT INTO installation (name, value) VALUES ('version', '1'), ('clock_offset_ms', '0'), ('smart_routing', 'default');"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'"


async def migrate_once(url: str) -> None:
    await (await opened(url)).close()


async def empty(url: str) -> None:
    storage = await opened(url, lanes=1)

    async def tables(tx: Tx) -> list[str]:
        return [row["tablename"] for row in await tx.fetch(ad_hoc(TABLES))]

    await run(storage, f"TRUNCATE {', '.join(await storage.read(tables))} RESTART IDENTITY CASCADE; {FACTS}")
    await storage.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ready") / "migrated.db"
    apart(lambda: migrate_once(sqlite_url(path)))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Server) -> Iterator[str]:
    with database(postgres) as url:
        apart(lambda: migrate_once(url))
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def ready_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated, empty database on each engine in turn."""
    if request.param == "sqlite":
        path = tmp_path / "paymux.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        return sqlite_url(path)
    url: str = request.getfixturevalue("migrated_postgres")
    apart(lambda: empty(url))
    return url
