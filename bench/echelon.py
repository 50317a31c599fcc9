"""`python -m bench.echelon`: Echelon's token issue, payin create and payout create against the real service, 64 connections each.

Server, database and load stand on 127.0.0.1 and share this machine's processors. Every answer is checked; a wrong one ends the run with 1.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bench.course import CONNECTIONS, ENGINES
from tests.databases import database, postgres_server, sqlite_url
from tests.dialects.echelon.merchant import payin, payout
from tests.server import RunningServer, answer_of

WARM_S = 0.5
ENV = {"PAYMUX_ECHELON_PER_SECOND": "1000000", "PAYMUX_LOG_FORMAT": "json", "PAYMUX_LOG_LEVEL": "warning"}
KINDS = {"token": 200, "payin": 201, "payout": 201}


def request(path: str, body: object, token: str = "") -> bytes:
    """One request as it goes on the wire."""
    content = msgspec.json.encode(body)
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Version: 2\r\nContent-Type: application/json\r\n{bearer}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def source(kind: str, token: str, run: int) -> Iterator[bytes]:
    """Requests without end, each for another id."""
    credentials = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET"}
    for number in itertools.count():
        name = f"B{run}-{number}"
        if kind == "token":
            yield request("/auth-tokens-by-action", {**credentials, "action": "PAYIN_CREATE", "idPayment": name})
        elif kind == "payin":
            yield request(f"/payins/{name}", payin(10_000), token)
        else:
            yield request(f"/payouts/{name}", payout(1), token)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> tuple[int, bytes]:
    """Send one request and read its answer."""
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def stretch(port: int, kind: str, token: str, run: int, seconds: float) -> tuple[float, list[float], int]:
    """(answers a second, times in ms, wrong answers) after a warm-up."""
    requests, took, wrong, counting = source(kind, token, run), list[float](), 0, False
    stop = asyncio.Event()

    async def caller() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not stop.is_set():
            began = time.perf_counter()
            status, _ = await ask(reader, writer, next(requests))
            if counting:
                took.append((time.perf_counter() - began) * 1000)
                wrong += status != KINDS[kind]
        writer.close()

    callers = [asyncio.create_task(caller()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(WARM_S)
    counting = True
    await asyncio.sleep(seconds)
    counting = False
    stop.set()
    await asyncio.gather(*callers)
    return len(took) / seconds, sorted(took), wrong


def measured(url: str, seconds: float) -> dict[str, dict[str, float]]:
    """The three rows of one engine."""
    rows = {}
    with RunningServer(url, ENV) as server:
        answer_of("fixtures", "load", "echelon", database_url=url)
        wish = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", "operations": ["POST /.*"], "validitySecs": 3600}

        async def run() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            token = json.loads((await ask(reader, writer, request("/auth-tokens", wish)))[1])["token"]
            writer.close()
            for number, kind in enumerate(KINDS):
                rate, took, wrong = await stretch(server.port, kind, token, number, seconds)
                rows[kind] = {"per_s": round(rate), "p50_ms": round(took[len(took) // 2], 1), "p99_ms": round(took[-len(took) // 100], 1)}
                rows[kind]["wrong"] = wrong

        asyncio.run(run())
        server.stop()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.echelon", description="Measure token issue, payin create and payout create.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each row is measured")
    parser.add_argument("--engine", choices=ENGINES, help="only this one")
    asked = parser.parse_args()
    runs: dict[str, Callable[[], dict[str, dict[str, float]]]] = {
        "postgres": lambda: _on_postgres(asked.seconds),
        "sqlite": lambda: _on_sqlite(asked.seconds),
    }
    faults = 0.0
    for engine in ENGINES:
        if asked.engine in (None, engine):
            for kind, row in runs[engine]().items():
                faults += row["wrong"]
                print(
                    f"{engine:<9} {kind:<7} {row['per_s']:>7,.0f}/s   p50 {row['p50_ms']:.1f} ms   p99 {row['p99_ms']:.1f} ms", flush=True
                )
    sys.exit(1 if faults else 0)


def _on_postgres(seconds: float) -> dict[str, dict[str, float]]:
    with postgres_server() as server, database(server) as url:
        return measured(url, seconds)


def _on_sqlite(seconds: float) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="paymux-bench-", ignore_cleanup_errors=True) as folder:
        return measured(sqlite_url(Path(folder) / "paymux.db"), seconds)


if __name__ == "__main__":
    main()
