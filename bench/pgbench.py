"""The baseline on PostgreSQL: pgbench writes the same rows as the service, by hand-written statements, each payment in a transaction of its own.

Prepared statements, no needless read: what a plain program close to the database could do at best. A create looks the key up and
inserts payment and history; a settle finds the attempt, locks the payment, and writes payment, attempt, history, receipt, balance,
transfer and notice, over as many merchants as the service's. Payments to settle are prepared by `fill` and each is used once.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import asyncpg

from bench.fill import MERCHANTS, WALLET
from bench.wire import CURRENCY, PROVIDER, SHOP

CLIENTS = (8, 16, 32)
THREADS = 2
Kind = Literal["create", "settle"]
_TPS = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: ([0-9]+)", re.MULTILINE)

KEYS = """
INSERT INTO merchant_key (hash, merchant_id, dialect, created_at, revoked_at)
SELECT 'k1.pgbench0.' || lpad(CAST(id AS text), 64, '0'), id, 'ecomtrade24', 0, NULL FROM merchant ON CONFLICT DO NOTHING
"""  # pgbench cannot compute a keyed hash; its keys are as long and found the same way

CREATE = f"""\\set n :n + 1
\\set merchant random(1, {MERCHANTS})
\\set units random(1000, 90000)
\\set order_number :first + :n * :clients + :client_id
BEGIN;
SELECT m.id, m.version, k.revoked_at, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform
FROM merchant_key k JOIN merchant m ON m.id = k.merchant_id
WHERE k.hash = 'k1.pgbench0.' || lpad(CAST(CAST(:merchant AS bigint) AS text), 64, '0') AND k.dialect = 'ecomtrade24';
INSERT INTO payment (merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version, order_ref,
    repeat_key, method, email, country, return_url, cancel_url, meta, details, created_at, expires_at, updated_at)
VALUES (:merchant, 'ecomtrade24', '{SHOP}', :units, '{CURRENCY}', 0, 0, 0, 'created', 1, 'ORD-000000-' || CAST(CAST(:order_number AS bigint) AS text),
    md5(CAST(CAST(:order_number AS bigint) AS text)), NULL, 'buyer@example.com', 'DE', 'https://shop.example.com/order/success',
    'https://shop.example.com/checkout', '{{"source":"woocommerce"}}', '{{"mode":"smart_router","wallet":"{WALLET}"}}', :now, :later, :now)
RETURNING id \\gset
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
VALUES (:id, 1, :merchant, 'created', NULL, 'created', 'shop', NULL, '', :now, :now);
END;
"""

# A colon before a letter or a digit is a variable to pgbench, inside texts too: `~` stands for it there.
SETTLE = f"""\\set n :n + 1
\\set id :first + :n * :clients + :client_id
\\set merchant 1 + :id % {MERCHANTS}
\\set units 1000 + :id % 90000
BEGIN;
SELECT * FROM attempt WHERE operation_key = 'op_bench_' || CAST(CAST(:id AS bigint) AS text);
SELECT p.*, m.policy FROM payment p JOIN merchant m ON m.id = p.merchant_id WHERE p.id = :id FOR UPDATE OF p;
UPDATE payment SET state = 'paid', version = 3, received_units = :units, payable_units = :units, held_units = 0, paid_at = :now, updated_at = :now,
    txid_in = '0x' || md5(CAST(CAST(:id AS bigint) AS text)) || md5(CAST(CAST(:id AS bigint) AS text))
WHERE id = :id AND version = 2;
UPDATE attempt SET state = 'paid', reason = 'paid', ask_at = NULL, ended_at = :now WHERE payment_id = :id AND number = 1;
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
VALUES (:id, 3, :merchant, 'paid', 'awaiting', 'paid', 'provider', :id, '', :now, :now);
INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at)
VALUES ('{PROVIDER}', 'op_bench_' || CAST(CAST(:id AS bigint) AS text) || '.1', :id, :id, :merchant, :units, '{CURRENCY}',
    '0x' || md5(CAST(CAST(:id AS bigint) AS text)) || md5(CAST(CAST(:id AS bigint) AS text)), :now, :now);
INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, tries, created_at)
SELECT CAST(:merchant AS bigint), CAST(:id AS bigint), 'ecomtrade24', 'paid', 'ecomtrade24-' || CAST(CAST(:id AS bigint) AS text) || '-paid', e.id, NULL,
    replace('{{"event"~"payment.completed","session_id"~' || CAST(CAST(:id AS bigint) AS text) || ',"order_id"~"ORD-000000-123456789","status"~"paid",'
    '"amount"~"123.45","currency"~"{CURRENCY}","email"~"buyer@example.com","txid"~"0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",'
    '"merchant_id"~13,"shop_domain"~"{SHOP}","sent_at"~"2026-04-29T12~11~42+00~00","provider"~"ecomtrade24","test"~false,'
    '"meta"~{{"source"~"woocommerce"}}}}', '~', chr(58)),
    'unaddressed', 0, CAST(:now AS bigint)
FROM endpoint e WHERE e.merchant_id = :merchant AND e.shop = '' AND e.enabled = 1;
UPDATE account SET balance = balance + :units WHERE merchant_id = :merchant AND kind = 'payable' AND currency = '{CURRENCY}' RETURNING id AS payable_id \\gset
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT replace('payment~' || CAST(CAST(:id AS bigint) AS text) || '~3~payment.paid', '~', chr(58)), CAST(:merchant AS bigint), CAST(:id AS bigint), a.id,
    CAST(:payable_id AS bigint), CAST(:units AS bigint), 'payment.paid', CAST(:now AS bigint), CAST(:now AS bigint)
FROM account a WHERE a.merchant_id = :merchant AND a.kind = replace('clearing~{PROVIDER}', '~', chr(58)) AND a.currency = '{CURRENCY}';
END;
"""

SCRIPTS: dict[Kind, str] = {"create": CREATE, "settle": SETTLE}


class PgbenchFailed(Exception):
    """It ended early or a transaction failed; the text is its own."""


@dataclass(frozen=True, slots=True)
class Ran:
    """`per_s` transactions a second without the time to connect; `done` in all."""

    per_s: float
    done: int


async def add_keys(url: str) -> None:
    """Give every merchant a key that a script can compute."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(KEYS)
    finally:
        await connection.close()


def run(program: Path, url: str, kind: Kind, clients: int, seconds: float, first: int, now: int, folder: Path) -> Ran:
    """One stretch. `first`: the first order number, or the first payment to settle; whole seconds are pgbench's least."""
    script = folder / f"{kind}.pgbench"
    script.write_text(SCRIPTS[kind])
    variables = {"n": -1, "first": first, "clients": clients, "now": now, "later": now + 3_600_000}
    parts = urlsplit(url)
    command = [
        str(program), "-h", parts.hostname or "", "-p", str(parts.port), "-U", parts.username or "", "-n", "-M", "prepared",
        "-c", str(clients), "-j", str(THREADS), "-T", str(max(1, round(seconds))), "-f", str(script),
        *(word for name, value in variables.items() for word in ("-D", f"{name}={value}")), parts.path[1:],
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True, timeout=seconds + 60)
    return read(done.returncode, done.stdout, done.stderr)


def read(code: int, output: str, errors: str) -> Ran:
    """What pgbench printed."""
    tps, count = _TPS.search(output), _DONE.search(output)
    if code != 0 or tps is None or count is None:
        raise PgbenchFailed(f"pgbench ended with {code}: {errors[-1000:]}")
    return Ran(float(tps[1]), int(count[1]))
