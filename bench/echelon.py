"""Echelon's token issue, payout create and payin create against a running service: closed loops, each answer checked.

They come after everything else of the course, once on each engine's first database: what they store is not part of the other rows.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tests.dialects.echelon.merchant import payin, payout
from tests.server import answer_of

CONNECTIONS = 64
KINDS = {"token": 200, "payout": 201, "payin": 201}  # payins last: the sandbox goes on with them by itself


@dataclass(frozen=True, slots=True)
class Row:
    """What one stretch came to; `wrong`: answers with another status than a success's."""

    per_s: float
    p50_ms: float
    p99_ms: float
    wrong: int


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


async def stretch(port: int, kind: str, token: str, run: int, warm_s: float, seconds: float) -> Row:
    """One closed loop, counted after a warm-up."""
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
    await asyncio.sleep(warm_s)
    counting = True
    await asyncio.sleep(seconds)
    counting = False
    stop.set()
    await asyncio.gather(*callers)
    took.sort()
    if not took:
        return Row(0, 0, 0, 1)
    return Row(len(took) / seconds, took[len(took) // 2], took[len(took) * 99 // 100], wrong)


def measured(url: str, port: int, secret_key: str, warm_s: float, seconds: float) -> dict[str, Row]:
    """The rows of the service that runs on a database."""
    answer_of("fixtures", "load", "echelon", database_url=url, env={"PAYMUX_SECRET_KEY": secret_key})
    wish = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", "operations": ["POST /.*"], "validitySecs": 3600}

    async def run() -> dict[str, Row]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        token = json.loads((await ask(reader, writer, request("/auth-tokens", wish)))[1])["token"]
        writer.close()
        return {kind: await stretch(port, kind, token, number, warm_s, seconds) for number, kind in enumerate(KINDS)}

    return asyncio.run(run())
