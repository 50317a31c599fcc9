"""Merchants and payments by bulk SQL: a million stored ones, and prepared ones that wait for their provider's report.

Everything is as the service itself would have left it: a paid payment has its attempt, receipt, transfer, balance, notice and three
history rows, so that `paymux ledger check` passes. One SQL text for both engines; `md5` is taught to SQLite. Payment `id` belongs
to merchant `1 + id % merchants`, its attempt's key is `op_bench_<id>` (see `wire`).
"""

import hashlib
import sqlite3
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.wire import CURRENCY, PROVIDER, SHOP
from paymux.clock import DAY, Clock
from paymux.keyring import Keyring
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage import installation
from paymux.storage.connect import storage_for
from paymux.storage.migrate import migrate
from paymux.storage.query import Tx

MERCHANTS = 100
WALLET = "0x52908400098527886E0F7030069857D2E4169EE7"
LIVE_IN = 100  # one stored payment in so many is still open; the others are paid (7 in 10) or expired

_NUMBERS = {
    "postgres": "CREATE TEMP TABLE number AS SELECT n FROM generate_series(CAST({first} AS bigint), {last}) AS s(n)",
    "sqlite": "CREATE TEMP TABLE number AS WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s",
}

_SHARED = f"""
INSERT INTO account (merchant_id, kind, currency, balance)
    SELECT id, 'payable', '{CURRENCY}', 0 FROM merchant WHERE true ON CONFLICT DO NOTHING;
INSERT INTO account (merchant_id, kind, currency, balance)
    SELECT id, 'clearing:{PROVIDER}', '{CURRENCY}', NULL FROM merchant WHERE true ON CONFLICT DO NOTHING;
"""

# {kind} is 'paid', 'expired' or 'awaiting', from the number.
_PAYMENTS = f"""
CREATE TEMP TABLE filled AS SELECT n AS id, 1 + n % {{merchants}} AS merchant_id, 1000 + n % 90000 AS units, {{kind}} AS state, {{at}} AS at FROM number;
INSERT INTO payment (id, merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version, order_ref, repeat_key,
    email, country, return_url, cancel_url, meta, details, txid_in, created_at, expires_at, paid_at, updated_at)
SELECT id, merchant_id, 'ecomtrade24', '{SHOP}', units, '{CURRENCY}', CASE state WHEN 'paid' THEN units ELSE 0 END, 0,
    CASE state WHEN 'paid' THEN units ELSE 0 END, state,
    CASE state WHEN 'paid' THEN 3 ELSE 2 END, 'ORD-000000-' || CAST(id AS text), md5('repeat' || CAST(id AS text)), 'buyer@example.com', 'DE',
    'https://shop.example.com/order/success', 'https://shop.example.com/checkout', '{{{{"source":"woocommerce"}}}}',
    '{{{{"mode":"smart_router","wallet":"{WALLET}"}}}}', CASE state WHEN 'paid' THEN '0x' || md5(CAST(id AS text)) || md5('b' || CAST(id AS text)) END,
    at, CASE state WHEN 'awaiting' THEN {{later}} ELSE at + 3600000 END, CASE state WHEN 'paid' THEN at + 60000 END, at + 60000
FROM filled ORDER BY id;
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
SELECT id, 1, merchant_id, 'created', NULL, 'created', 'shop', NULL, '', at, at FROM filled
UNION ALL
SELECT id, 2, merchant_id, 'opened', 'created', 'awaiting', 'answer', id, '', at + 30000, at + 30000 FROM filled WHERE state <> 'expired'
UNION ALL
SELECT id, 2, merchant_id, 'timed_out', 'created', 'expired', 'clock', NULL, '', at + 60000, at + 60000 FROM filled WHERE state = 'expired'
UNION ALL
SELECT id, 3, merchant_id, 'paid', 'awaiting', 'paid', 'provider', id, '', at + 60000, at + 60000 FROM filled WHERE state = 'paid'
ORDER BY 1, 2;
INSERT INTO attempt (id, payment_id, merchant_id, number, route, provider, method, state, operation_key, provider_ref, handed_url, amount_units,
    currency, choice, asked, ask_at, started_at, ended_at)
SELECT id, id, merchant_id, 1, 'alder', '{PROVIDER}', 'card', CASE state WHEN 'paid' THEN 'paid' ELSE 'handed_over' END, 'op_bench_' || CAST(id AS text),
    'ch_' || md5(CAST(id AS text)), 'http://127.0.0.1/sandbox/pay/' || md5(CAST(id AS text)), units, '{CURRENCY}',
    '[{{{{"route":"alder","kept":true,"reason":"ok"}}}}]', 0, CASE state WHEN 'paid' THEN NULL ELSE {{later}} END, at + 30000,
    CASE state WHEN 'paid' THEN at + 60000 END
FROM filled WHERE state <> 'expired' ORDER BY id;
INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at)
SELECT '{PROVIDER}', 'op_bench_' || CAST(id AS text) || '.1', id, id, merchant_id, units, '{CURRENCY}',
    '0x' || md5(CAST(id AS text)) || md5('b' || CAST(id AS text)), at + 60000, at + 60000
FROM filled WHERE state = 'paid' ORDER BY 2;
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT 'payment:' || CAST(f.id AS text) || ':3:payment.paid', f.merchant_id, f.id, d.id, c.id, f.units, 'payment.paid', f.at + 60000, f.at + 60000
FROM filled f JOIN account d ON d.merchant_id = f.merchant_id AND d.kind = 'clearing:{PROVIDER}' AND d.currency = '{CURRENCY}'
JOIN account c ON c.merchant_id = f.merchant_id AND c.kind = 'payable' AND c.currency = '{CURRENCY}'
WHERE f.state = 'paid' ORDER BY f.id;
UPDATE account SET balance = balance + s.units
FROM (SELECT merchant_id, CAST(sum(units) AS bigint) AS units FROM filled WHERE state = 'paid' GROUP BY merchant_id) s
WHERE account.merchant_id = s.merchant_id AND account.kind = 'payable';
INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, tries, created_at)
SELECT merchant_id, id, 'ecomtrade24', 'paid', 'ecomtrade24-' || CAST(id AS text) || '-paid', NULL, NULL,
    '{{{{"event":"payment.completed","session_id":' || CAST(id AS text) || ',"order_id":"ORD-000000-' || CAST(id AS text) ||
    '","status":"paid","amount":"123.45","currency":"{CURRENCY}","email":"buyer@example.com","txid":"0x' || md5(CAST(id AS text)) ||
    md5('b' || CAST(id AS text)) || '","merchant_id":13,"shop_domain":"{SHOP}","sent_at":"2026-04-29T12:11:42+00:00","provider":"ecomtrade24",' ||
    '"test":false,"meta":{{{{"source":"woocommerce"}}}}}}}}', 'unaddressed', 0, at + 60000
FROM filled WHERE state = 'paid' ORDER BY id;
DROP TABLE filled;
DROP TABLE number;
"""

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
        text = _PAYMENTS.format(merchants=MERCHANTS, kind=kind, at=at, later=now + DAY)
        script = _NUMBERS[engine].format(first=first_id, last=last) + ";" + _SHARED + text
        if engine == "sqlite":
            _fill_sqlite(sqlite_path(url), script, rebuild)
        else:
            await _fill_postgres(url, script, rebuild)
    return time.perf_counter() - started


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _fill_sqlite(path: Path, script: str, rebuild: bool) -> None:
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
        for statement in script.split(";\n"):
            for part in statement.split(";", 1) if statement.startswith("CREATE TEMP TABLE number") else [statement]:
                connection.execute(part)
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


def database_name(url: str) -> str:
    return urlsplit(url).path[1:]
