"""Bring a database to the newest schema: numbered SQL, forward only, each in one transaction with its own record.

A file is `NNNN_name.sql` for both engines, or `NNNN_name.sqlite.sql` beside `NNNN_name.postgres.sql`. The common text is
written for PostgreSQL; `for_sqlite` says how it is read on SQLite.
"""

import re
from dataclasses import dataclass
from importlib import resources

from paymux.errors import StorageError
from paymux.storage.postgres import PostgresTx
from paymux.storage.query import Tx, load
from paymux.storage.sqlite import SqliteTx
from paymux.storage.writer import Storage

_q = load("paymux.storage")
_NAME = re.compile(r"(\d{4})_([a-z_0-9]+?)(?:\.(sqlite|postgres))?\.sql")


TABLE = """
CREATE TABLE migration (
    number bigint PRIMARY KEY,
    name text NOT NULL,
    applied_at bigint NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def for_sqlite(sql: str) -> str:
    """The common text as SQLite reads it: INTEGER for the integer types, STRICT tables, `-- clustered` ones without a row id."""
    sql = re.sub(r"\bbig(serial|int)\b", "INTEGER", sql)
    sql = re.sub(r"^\);  -- clustered$", ") STRICT, WITHOUT ROWID;", sql, flags=re.MULTILINE)
    return re.sub(r"^\);$", ") STRICT;", sql, flags=re.MULTILINE)


def migrations(engine: str) -> list[Migration]:
    """Every migration of an engine, in order."""
    found = []
    for file in resources.files("paymux.storage").joinpath("migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match and match.group(3) in (None, engine):
            sql = file.read_text("utf-8")
            common = match.group(3) is None and engine == "sqlite"
            found.append(Migration(int(match.group(1)), match.group(2), for_sqlite(sql) if common else sql))
    return sorted(found, key=lambda migration: migration.number)


async def _script(tx: Tx, sql: str) -> None:
    if isinstance(tx, SqliteTx):
        tx.script(sql)
    else:
        assert isinstance(tx, PostgresTx)
        await tx.script(sql)


async def applied(tx: Tx) -> int:
    """The number of the newest migration in a database; 0 for an empty one."""
    if not (await tx.fetch(_q.migration_table))[0]["found"]:
        return 0
    return int((await tx.fetch(_q.newest_migration))[0]["number"])


async def migrate(storage: Storage, wall: int) -> list[Migration]:
    """Apply what is missing; returns it. Refuses a database that is newer than this program."""
    known = migrations(storage.engine)
    done: list[Migration] = []

    async def prepare(tx: Tx) -> int:
        await tx.fetch(_q.lock_migrations)
        if not (await tx.fetch(_q.migration_table))[0]["found"]:
            await _script(tx, for_sqlite(TABLE) if storage.engine == "sqlite" else TABLE)
        return await applied(tx)

    newest = await storage.write(prepare)
    if newest > known[-1].number:
        raise StorageError(f"the database has schema {newest}, this program knows only {known[-1].number}: start the newer Paymux")
    for migration in known:
        if migration.number <= newest:
            continue

        async def apply(tx: Tx, migration: Migration = migration) -> bool:
            await tx.fetch(_q.lock_migrations)
            if await applied(tx) >= migration.number:  # another node was faster
                return False
            await _script(tx, migration.sql)
            await tx.fetch(_q.record_migration, number=migration.number, name=migration.name, applied_at=wall)
            return True

        if await storage.write(apply):
            done.append(migration)
    return done
