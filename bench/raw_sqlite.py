"""The baseline on SQLite: a plain loop over the standard library, the same rows as a create, each payment in a transaction of its own.

One connection, WAL, synchronous=FULL, the statements prepared once by the library's own cache. As a process (`python -m bench.raw_sqlite`)
it takes one `Loop` a line on stdin and answers one `Looped` a line on stdout.
"""

import sqlite3
import sys
import time
from hashlib import md5

import msgspec

from bench.fill import MERCHANTS, WALLET
from bench.wire import CURRENCY, SHOP

KEY = """SELECT m.id, m.version, k.revoked_at, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform
FROM merchant_key k JOIN merchant m ON m.id = k.merchant_id WHERE k.hash = ? AND k.dialect = 'ecomtrade24'"""
PAYMENT = """INSERT INTO payment (merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units,
    state, version, order_ref, repeat_key, method, email, country, return_url, cancel_url, meta, details, created_at,
    expires_at, updated_at)
VALUES (?, 'ecomtrade24', ?, ?, ?, 0, 0, 0, 'created', 1, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"""
HISTORY = """INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why,
    happened_at, learned_at)
VALUES (?, 1, ?, 'created', NULL, 'created', 'shop', NULL, '', ?, ?)"""


class Loop(msgspec.Struct, kw_only=True):
    """`run` makes order numbers unique among stretches."""

    path: str
    run: int
    seconds: float


class Looped(msgspec.Struct):
    done: int
    elapsed_s: float

    @property
    def rate(self) -> float:
        return self.done / self.elapsed_s


def loop(wish: Loop) -> Looped:
    """Insert payments one by one for so long."""
    connection = sqlite3.connect(wish.path, isolation_level=None, timeout=20)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        hashes = [row[0] for row in connection.execute("SELECT hash FROM merchant_key ORDER BY merchant_id")]
        assert len(hashes) == MERCHANTS
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < wish.seconds:
            _create(connection, hashes[done % MERCHANTS], f"ORD-{wish.run:06d}-{done:09d}", 1000 + done % 90_000)
            done += 1
        return Looped(done, elapsed)
    finally:
        connection.close()


def _create(connection: sqlite3.Connection, key: str, order: str, units: int) -> None:
    now = time.time_ns() // 1_000_000
    connection.execute("BEGIN IMMEDIATE")
    merchant = connection.execute(KEY, (key,)).fetchone()
    facts = (
        *(merchant[0], SHOP, units, CURRENCY, order, md5(order.encode()).hexdigest(), "buyer@example.com", "DE"),
        *("https://shop.example.com/order/success", "https://shop.example.com/checkout", '{"source":"woocommerce"}'),
        *(f'{{"mode":"smart_router","wallet":"{WALLET}"}}', now, now + 3_600_000, now),
    )
    payment = connection.execute(PAYMENT, facts).fetchall()[0]
    connection.execute(HISTORY, (payment[0], merchant[0], now, now))
    connection.execute("COMMIT")


def main() -> None:
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(loop(msgspec.json.decode(line, type=Loop))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
