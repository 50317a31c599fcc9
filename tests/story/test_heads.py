"""Heads of requests that do not end, and connections that never ask: neither keeps a place."""

import asyncio
from collections.abc import Sequence

import pytest

from paymux.http import server
from tests.node import LiveNode, status_of

ASKS = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def hasty(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> LiveNode:
    """A server that waits a moment only."""
    monkeypatch.setattr(server, "HEAD_TIMEOUT_S", 0.3)
    return live


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([], None),
        ([b"\r\n"], None),
        ([b"GET /heal"], 408),
        ([ASKS], 408),
        ([ASKS, b"X-More: "], 408),
        ([b"POST /gateway/session.php HTTP/1.1\r\nContent-Length: 2\r\n"], 408),
    ],
)
async def test_a_head_that_never_ends_is_given_up(hasty: LiveNode, parts: Sequence[bytes], status: int | None) -> None:
    async with asyncio.timeout(10):
        answer = await hasty.raw(*parts)
    assert (status_of(answer) if answer else None) == status


@pytest.mark.parametrize(("second", "status"), [(b"\r\n\r\n", None), (ASKS, 408)])
async def test_the_next_head_of_a_kept_connection_ends_too(hasty: LiveNode, second: bytes, status: int | None) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    async with asyncio.timeout(10):
        writer.write(ASKS + b"\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        length = int(first.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(second)
        answer = await reader.read()
    writer.close()
    assert status_of(first) == 200
    assert (status_of(answer) if answer else None) == status


async def test_a_head_in_small_parts_is_read_as_long_as_they_come_in_time(live: LiveNode) -> None:
    whole = ASKS + b"Connection: close\r\n\r\n"
    assert status_of(await live.raw(*(whole[place : place + 1] for place in range(len(whole))))) == 200


async def test_a_head_is_no_longer_than_64_kib(live: LiveNode) -> None:
    filling = server.HEAD_BYTES_MAX - len(ASKS) - len(b"X-Long: ") + 1
    async with asyncio.timeout(5):
        assert status_of(await live.raw(ASKS, b"X-Long: ", b"a" * filling)) == 431
    assert (await live.http.get("/healthz")).status_code == 200


async def test_what_is_being_answered_is_not_hurried(hasty: LiveNode) -> None:
    """The live status of a page goes on for minutes, and a slow body has a time of its own."""
    shop = await hasty.merchant()
    session_id = (await shop.create())["session_id"]
    told: list[str] = []
    async with asyncio.timeout(10), hasty.http.stream("GET", f"/hosted-checkout.php?session={session_id}&live=events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                told.append(line)
                if len(told) == 2:
                    break
                await hasty.report(session_id, "paid")
    assert told[0] != told[1]
