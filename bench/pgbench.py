"""The baseline on PostgreSQL: pgbench writes the same rows as the service, by hand, each payment in a transaction of its own.

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

from bench.fill import MERCHANTS, text

CLIENTS = (8, 16, 32)
THREADS = 2
Kind = Literal["create", "settle"]
_TPS = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: ([0-9]+)", re.MULTILINE)

KEYS = """
INSERT INTO merchant_key (hash, merchant_id, dialect, created_at, revoked_at)
SELECT 'k1.pgbench0.' || lpad(CAST(id AS text), 64, '0'), id, 'ecomtrade24', 0, NULL FROM merchant ON CONFLICT DO NOTHING
"""  # pgbench cannot compute a keyed hash; its keys are as long and found the same way


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
    script.write_text(text(f"{kind}.pgbench.sql", merchants=MERCHANTS))
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
