"""Merchants and payments by bulk SQL: a million stored ones, and prepared ones that wait for their provider's report.

Everything is as the service itself would have left it: a paid payment has its attempt, receipt, transfer, balance, notice and three
history rows, so that `paymux ledger check` passes. One SQL text for both engines; `md5` is taught to SQLite. Payment `id` belongs
to merchant `1 + id % merchants`, its attempt's key is `op_bench_<id>` (see `wire`).
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from bench.wire import CURRENCY, PROVIDER, SHOP
from paymux.app.core import Core
from paymux.cli.exchange_fixtures import load_offer
from paymux.clock import DAY, Clock
from paymux.config import load
from paymux.keyring import Keyring
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage import installation
from paymux.storage.connect import storage_for
from paymux.storage.migrate import migrate
from paymux.storage.query import Tx
from paymux.storage.sqlite import split

MERCHANTS = 100
WALLET = "0x52908400098527886E0F7030069857D2E4169EE7"
LIVE_IN = 100  # one stored payment in so many is still open; the others are paid (7 in 10) or expired

_NUMBERS = {
    "postgres": "CREATE TEMP TABLE number AS SELECT n FROM generate_series(CAST({first} AS bigint), {last}) AS s(n)",
    "sqlite": "CREATE TEMP TABLE number AS WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
    " SELECT n FROM s",
}
# Without it PostgreSQL would join them as if they were small; SQLite's statistics would stay and be no part of a real database.
_ANALYZE = {"postgres": "ANALYZE filled; ANALYZE account;", "sqlite": ""}

_TABLES = ("payment", "history", "attempt", "receipt", "transfer", "notice")


async def create_merchants(url: str, secret_key: str, count: int = MERCHANTS) -> list[str]:
    """An empty database gets its schema and merchants on the unlimited plan; their API keys, merchant 1 first."""
    storage = storage_for(url)
    keyring, now = Keyring(secret_key), Clock.wall()
    await storage.open()
    try:
        await migrate(storage, now)

        async def work(tx: Tx) -> list[str]:
            await installation.claim_mode(tx, "sandbox")
            made = []
            for number in range(1, count + 1):
                new = NewMerchant(
                    name=f"Shop {number}",
                    email=f"owner{number}@example.com",
                    plan=Plan.UNLIMITED,
                    country="DE",
                    currency=CURRENCY,
                    wallet=WALLET,
                    shops=(SHOP,),
                )
                created = await create_merchant(keyring, "ecomtrade24", tx, new, now)
                assert created.merchant_id == number, "the database was not empty"
                made.append(created.api_key)
            return made

        return await storage.write(work)
    finally:
        await storage.close()


async def open_exchange(url: str, secret_key: str) -> None:
    """The exchange's fixtures: three directions and their reserves."""
    core = await Core.open(load({}, secret_key=secret_key, database=url))
    try:
        await load_offer(core)
    finally:
        await core.close()


async def store_payments(url: str, first_id: int, count: int) -> float:
    """Fill in finished payments (a few still open); the seconds it took."""
    kind = f"CASE WHEN n % {LIVE_IN} = 0 THEN 'awaiting' WHEN n % 10 < 7 THEN 'paid' ELSE 'expired' END"
    return await _fill(url, first_id, count, kind, rebuild=True)


async def prepare_payments(url: str, first_id: int, count: int) -> float:
    """Fill in payments whose buyer was handed to the provider, which is about to report; the seconds it took."""
    return await _fill(url, first_id, count, "'awaiting'", rebuild=False)


async def _fill(url: str, first_id: int, count: int, kind: str, rebuild: bool) -> float:
    started = time.perf_counter()
    if count:
        engine = "sqlite" if url.startswith("sqlite") else "postgres"
        last = first_id + count - 1
        now = Clock.wall()
        at = f"{now - 60_000} - ({last} - n) * 100"
        numbers = _NUMBERS[engine].format(first=first_id, last=last)
        script = text("fill.sql", merchants=MERCHANTS, kind=kind, at=at, later=now + DAY, analyze=_ANALYZE[engine])
        if engine == "sqlite":
            _fill_sqlite(sqlite_path(url), [numbers, *split(script)], rebuild)
        else:
            await _fill_postgres(url, f"{numbers};\n{script}", rebuild)
    return time.perf_counter() - started


def text(file: str, **values: object) -> str:
    """An SQL text of this folder with `{names}` put in; other braces are JSON's and stay."""
    known = {"currency": CURRENCY, "provider": PROVIDER, "shop": SHOP, "wallet": WALLET, **values}
    found = Path(__file__).with_name(file).read_text("utf-8")
    for name, value in known.items():
        found = found.replace(f"{{{name}}}", str(value))
    return found


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _fill_sqlite(path: Path, statements: Sequence[str], rebuild: bool) -> None:
    """Without a journal, indexes afterwards: nobody else has the file yet."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest(), deterministic=True)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        marks = ",".join("?" * len(_TABLES))
        indexes = connection.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})", _TABLES
        ).fetchall()
        connection.execute("BEGIN")
        if rebuild:
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}")
        for statement in statements:
            connection.execute(statement)
        if rebuild:
            for _, sql in indexes:
                connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


async def _fill_postgres(url: str, script: str, rebuild: bool) -> None:
    """In one transaction, without the checks of foreign keys, indexes afterwards; then the sequences go on behind it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'; SET work_mem = '64MB'")
        async with connection.transaction():
            indexes = await connection.fetch(
                "SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = current_schema() AND tablename = ANY($1::text[])"
                " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)",
                list(_TABLES),
            )
            if rebuild:
                for row in indexes:
                    await connection.execute(f'DROP INDEX "{row["indexname"]}"')
            await connection.execute(script)
            if rebuild:
                for row in indexes:
                    await connection.execute(row["indexdef"])
            for table in ("payment", "attempt", "transfer", "notice"):
                await connection.execute(f"SELECT setval('{table}_id_seq', (SELECT coalesce(max(id), 1) FROM {table}))")
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
