"""Hot queries find their rows by an index, on both engines, however many rows there are."""

import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import paymux
from paymux.exchange import store as exchange
from paymux.ledger import book, check
from paymux.merchants import caps, directory, logo
from paymux.payments import store, verify
from paymux.payouts import store as payouts
from paymux.storage.query import Query, load
from paymux.storage.sqlite import beside_schema
from tests.databases import Server, create_database, drop_database, sqlite_url
from tests.storage.ad_hoc import opened, run

ROWS = 20_000
NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "
STATE = "CASE i % 50 WHEN 0 THEN 'created' WHEN 1 THEN 'awaiting' WHEN 2 THEN 'pending' ELSE 'paid' END"
FILLED = f"""
{NUMBERS} INSERT INTO merchant (name, email, plan, active, smart_routing, methods_off, policy, version, created_at, updated_at)
SELECT 'M', 'm@example.com', 'pro', 1, 1, '[]', '{{}}', 1, 0, 0 FROM n WHERE i <= 4000;
{NUMBERS} INSERT INTO merchant_key (hash, merchant_id, dialect, created_at) SELECT 'k1.x.' || i, 1 + i % 4000, 'stub', 0 FROM n;
{NUMBERS} INSERT INTO payment (merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state,
    version, order_ref, repeat_key, details, created_at, expires_at, updated_at)
SELECT 1 + i % 200, 'stub', 'shop', 100, 'EUR', 0, 0, 0, {STATE}, 2, 'A-' || i, 'key-' || i, '{{}}', i, 1000000 + i, i FROM n;
{NUMBERS} INSERT INTO attempt (payment_id, merchant_id, number, route, provider, method, state, operation_key, amount_units, currency,
    choice, asked, ask_at, started_at)
SELECT i, 1 + i % 200, 1, 'r', 'bank', 'card', 'paid', 'op_' || i, 100, 'EUR', '[]', 0, CASE i % 100 WHEN 0 THEN i END, i FROM n;
{NUMBERS} INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, happened_at, learned_at)
SELECT 'bank', 'T-' || i, i, i, 1 + i % 200, 100, 'EUR', 0, 0 FROM n;
{NUMBERS} INSERT INTO history (payment_id, version, merchant_id, event, to_state, source, why, happened_at, learned_at)
SELECT i, 1, 1, 'created', 'created', 'shop', '', 0, 0 FROM n;
{NUMBERS} INSERT INTO account (merchant_id, kind, currency, balance)
SELECT i / 2, CASE i % 2 WHEN 0 THEN 'payable' ELSE 'fees' END, 'EUR', NULL FROM n WHERE i <= 4000;
{NUMBERS} INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT 't' || i, 1, i, 1 + i % 3999, 4000, 100, 'payment.paid', 0, 0 FROM n;
{NUMBERS} INSERT INTO channel_day (merchant_id, channel, day, units) SELECT 1 + i % 4000, 'PAYIN:M' || i || ':EUR', 0, 100 FROM n;
{NUMBERS} INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, body, state, tries, created_at)
SELECT 1, i, 'stub', 'paid', 'd' || i, '', 'delivered', 1, 0 FROM n;
{NUMBERS} INSERT INTO payout (merchant_id, dialect, reference, amount_units, fee_units, currency, method, state, version, operation_key,
    provider, details, asked, act_at, created_at, updated_at, payment_id)
SELECT 1 + i % 200, 'stub', 'r-' || i, 5, 0, 'EUR', 'refund', 'paid', 1, 'po_' || i, 'bank', '{{}}', 0,
    CASE i % 100 WHEN 0 THEN i END, i, i, CASE i % 2 WHEN 0 THEN i END FROM n;
{NUMBERS} INSERT INTO merchant_logo (merchant_id, name, image, updated_at) SELECT i, i || '.png', '', 0 FROM n WHERE i <= 4000;
{NUMBERS} INSERT INTO exchange_order (id, rid, secret, merchant_id, direction_id, from_code, to_code, in_units, out_units, fee_units,
    rounding_units, commission_units, received_units, reserved_units, status, version, payout, asked, act_at, details, created_at,
    expires_at, updated_at)
SELECT 'id' || i, 'r' || i, '', i % 200, 'd', 'A', 'B', 1, 1, 0, 0, 0, 0, 0,
    CASE i % 100 WHEN 0 THEN 'hold' WHEN 1 THEN 'done' WHEN 2 THEN 'new' ELSE 'deleted' END, 1, 'none', 0,
    CASE i % 500 WHEN 0 THEN i END, '{{}}', i, i, i FROM n;
{NUMBERS} INSERT INTO exchange_click (code, browser, network, referrer, query, visitor, clicked_at)
SELECT 'p' || (i % 200), '', '', '', '', '', i FROM n;
"""

cli, ops, hooks = load("paymux.cli"), load("paymux.ops"), load("paymux.webhooks")
UNTOLD = {"merchant_id": 1, "before": 2**62, "state": "given_up", "page": 50}
BETWEEN = {"after": 5000, "up_to": 5500}
HOT: list[tuple[Query, dict[str, Any]]] = [
    (store.q.find_live, {}),
    (store.q.payment_by_order, {}),
    (store.q.overdue_payments, {"now": 1_000_300, "batch": 200}),
    (store.q.claim_asks, {"now": 300, "again_at": 400, "batch": 50}),
    (store.q.lock_payments, {}),
    (store.q.find_payments, {}),
    (store.q.find_attempts, {}),
    (store.q.attempts_of_payments, {}),
    (store.q.attempt_by_key, {}),
    (store.q.known_receipts, {}),
    (store.q.save_payments, {}),
    (store.q.save_attempts, {}),
    (store.q.refresh_payments, {}),
    (store.q.history_of_payment, {"payment_id": 5}),
    (store.q.receipts_of_payment, {"payment_id": 5}),
    (store.q.notices_of_payment, {"payment_id": 5}),
    (cli.untold_of_merchant, UNTOLD),
    (cli.waiting_of_merchant, UNTOLD | {"state": "waiting"}),
    (cli.payments_of_merchant, {"merchant_id": 1, "before": 2**62, "page": 50}),
    (cli.payments_in_doubt, {"after": 0, "page": 50}),
    (cli.notices_of_merchant, UNTOLD | {"state": "any"}),
    (store.q.attention_list, {"after": 0, "page": 50}),
    (ops.waiting_notices, {}),
    (ops.open_doubts, {}),
    (ops.unclear_attempts, {}),
    (ops.attention, {}),
    (ops.refusing_receivers, {}),
    (ops.undone, {"due": 300, "wall": 300}),
    (hooks.span_of_merchant, {"merchant_id": 1}),
    (hooks.find_resend, {"merchant_id": 1, "first_id": 100, "last_id": 200, "from_at": 0, "until_at": 2**62, "page": 50}),
    (hooks.find_due, {"now": 300, "wall": 300, "room_each": 4, "limit": 100}),
    (directory._q.find_by_key, {}),
    (directory._q.find_by_id, {}),
    (directory._q.load_merchants, {}),
    (book._q.find_accounts, {}),
    (book._q.lock_accounts, {}),
    (book._q.move_balances, {}),
    (book._q.transfers_of_payment, {"payment_id": 5}),
    (book._q.foreign_of_payment, {"payment_id": 5}),
    (caps._q.lock_days, {}),
    (caps._q.count_units, {}),
    (caps._q.days_of, {}),
    (check._q.transfers_after, {"after": 19_000, "page": 500}),
    (verify._q.payments_after, {"after": 5000, "page": 500}),
    (verify._q.histories_between, BETWEEN),
    (verify._q.transfers_between, BETWEEN),
    (verify._q.receipts_between, BETWEEN),
    (verify._q.attempts_between, BETWEEN),
    (verify._q.notices_between, BETWEEN),
    (verify._q.refunds_between, BETWEEN),
    (store.q.payment_by_outcome, {}),
    (payouts.q.payouts_by_reference, {}),
    (payouts.q.refunds_of_payment, {"payment_id": 500, "page": 100}),
    (payouts.q.payouts_created, {"merchant_id": 5, "dialect": "stub", "since": 0, "before_at": 9000, "before_id": 0, "page": 100}),
    (payouts.q.claim_acts, {"now": 300, "again_at": 400, "batch": 50}),
    (logo._q.logos_named, {}),
    (exchange.q.find_orders, {}),
    (exchange.q.find_ids, {}),
    (exchange.q.overdue_orders, {"now": 300, "batch": 200}),
    (exchange.q.due_payouts, {"now": 300, "batch": 20}),
    (exchange.q.latest_orders, {"page": 3}),
    (exchange.q.waiting_orders, {"page": 50}),
    (exchange.q.orders_of_merchant, {"merchant_id": 5, "every": 1, "now": 0, "page": 10, "skip": 0}),
]
NEWEST = [
    (cli.payments_newest, {"before": 2**62, "page": 50}),
    (ops.newest_times, {}),
    (ops.given_up, {"among": 1000}),
    (payouts.q.any_onward, {}),
    (payouts.q.claim_onward, {"batch": 50}),
]  # SQLite walks the newest rows of a table, or the few of another, and calls it a scan
WHOLE = {  # these look through a table on purpose: commands that a person calls, and tables that stay small
    "paymux.ops.row_counts",
    "paymux.ops.key_ids",
    "paymux.ops.newest_times",
    "paymux.ops.given_up",
    "paymux.merchants.route_settings",
    "paymux.ops.routes_down",  # a row for each route
    "paymux.providers.sandbox.house.due_callbacks",
    "paymux.rates.all_quotes",
    "paymux.storage.facts",
}
ROWS = [[5] * 20, [6] * 20]  # whatever columns a batch has
SOURCES = Path(paymux.__file__).parent
SMALL = {"o", "onward"}  # what is under way
TABLES = (
    "payment",
    "attempt",
    "receipt",
    "merchant_key",
    "history",
    "transfer",
    "notice",
    "payout",
    "merchant_logo",
    "channel_day",
    "exchange_order",
    "exchange_click",
)


@pytest.fixture(scope="module")
async def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[sqlite3.Connection]:
    """A full SQLite file. Nobody gathers its statistics, as nobody does for an operator's."""
    path = tmp_path_factory.mktemp("plans") / "full.db"
    storage = await opened(sqlite_url(path))
    await run(storage, FILLED)
    await storage.close()
    connection = sqlite3.connect(path)
    for statement in beside_schema():
        connection.execute(statement)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
async def postgres_full(postgres: Server) -> AsyncIterator[str]:
    """A full PostgreSQL database with the statistics that its own daemon would have gathered."""
    url = create_database(postgres)
    storage = await opened(url)
    await run(storage, FILLED)
    await run(storage, "ANALYZE;")
    await storage.close()
    yield url
    drop_database(postgres, url)


def name(case: object) -> str:
    return case.name if isinstance(case, Query) else ""


@pytest.mark.parametrize(("query", "params"), HOT, ids=name)
async def test_sqlite_scans_no_table(sqlite_file: sqlite3.Connection, query: Query, params: dict[str, Any]) -> None:
    given = dict.fromkeys(query.sqlite.params, "[]") | params
    plan = [row[3] for row in sqlite_file.execute(f"EXPLAIN QUERY PLAN {query.sqlite.sql}", given)]
    scans = [line for line in plan if line.startswith("SCAN") and "USING" not in line]
    tables = {row[0] for row in sqlite_file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert [line for line in scans if line.split()[1] in called(query.sqlite.sql, tables)] == [], plan


async def test_no_other_query_of_any_chapter_looks_through_a_table_on_sqlite(sqlite_file: sqlite3.Connection) -> None:
    tables = {row[0] for row in sqlite_file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    looking, seen = [], 0
    for file in sorted(SOURCES.rglob("queries.sql")):
        chapter = ".".join(file.parent.relative_to(SOURCES.parent).parts)
        for query in load(chapter)._queries.values():
            if f"{chapter}.{query.name}" in WHOLE or "INSERT INTO" in query.sqlite.sql.partition("SELECT")[2]:  # of PostgreSQL alone
                continue
            seen += 1
            given: dict[str, Any] = {name: "[]" if name == "rows" else None for name in query.sqlite.params}
            for *_, step in sqlite_file.execute(f"EXPLAIN QUERY PLAN {query.sqlite.sql}", given):
                words = step.split()
                if words[0] == "SCAN" and "USING" not in step and words[1] in called(query.sqlite.sql, tables) - SMALL:
                    looking.append(f"{chapter}.{query.name}: {step}")
    assert looking == []
    assert seen > 200


def called(sql: str, tables: set[str]) -> set[str]:
    """What a query calls these tables."""
    found = re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)(?: (?:AS )?([a-z]\w*))?", sql)
    return {word for table, alias in found if table in tables for word in (table, alias)}


@pytest.mark.parametrize(("query", "params"), [*HOT, *NEWEST], ids=name)
async def test_postgres_scans_no_table_whatever_it_knows_of_the_parameters(
    postgres_full: str, query: Query, params: dict[str, Any]
) -> None:
    given = {"rows": ROWS, **params}
    values = [f"'{given[one]}'" for one in query.postgres.params]
    for plan in await postgres_plans(postgres_full, query, values):
        assert not [line for line in plan for table in TABLES if f"Seq Scan on {table} " in line], plan


async def postgres_plans(url: str, query: Query, values: list[str]) -> list[list[str]]:
    """What PostgreSQL does when it knows the parameters, and when it does not."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"PREPARE hot AS {query.postgres.sql}")
        plans = []
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET plan_cache_mode = {mode}")
            rows = await connection.fetch(f"EXPLAIN EXECUTE hot({', '.join(values)})" if values else "EXPLAIN EXECUTE hot")
            plans.append([row[0] for row in rows])
        return plans
    finally:
        await connection.close()


async def test_sqlite_finds_the_few_notices_that_told_nobody_by_their_own_index(sqlite_file: sqlite3.Connection) -> None:
    query = cli.untold_of_merchant.sqlite
    plan = [row[3] for row in sqlite_file.execute(f"EXPLAIN QUERY PLAN {query.sql}", UNTOLD)]
    assert [line for line in plan if "USING INDEX notice_untold (merchant_id=? AND" in line], plan
    assert not [line for line in plan if "TEMP B-TREE" in line], plan


async def test_postgres_finds_the_few_notices_that_told_nobody_by_their_own_index(postgres_full: str) -> None:
    query = cli.untold_of_merchant
    for plan in await postgres_plans(postgres_full, query, [f"'{UNTOLD[one]}'" for one in query.postgres.params]):
        assert [line for line in plan if "using notice_untold on notice n" in line], plan
