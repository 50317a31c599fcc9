"""Heads, trailers and refused bodies that do not end, connections that never ask or never listen: none keeps a place, or memory."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Sequence

import pytest

from paymux.http import server
from tests.node import ORDER, LiveNode, status_of

ASKS = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


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


@pytest.mark.parametrize("head", [b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", b"POST /none" + CHUNKED + b"0\r\n"])
async def test_who_was_answered_early_does_not_go_on_for_ever(hasty: LiveNode, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(head)
    async with asyncio.timeout(10):
        assert status_of(await reader.readuntil(b"\r\n\r\n")) == 404
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X: y\r\n")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(4096), 0.05)
    writer.close()


async def test_a_body_that_was_answered_early_and_ends_keeps_its_connection(live: LiveNode) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    async with asyncio.timeout(10):
        writer.write(b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        refused = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"b" + ASKS + b"Connection: close\r\n\r\n")
        rest = await reader.read()
    writer.close()
    assert status_of(refused) == 404
    assert status_of(rest[rest.index(b"HTTP/1.1") :]) == 200


@pytest.mark.parametrize("line", [b"X: " + b"y" * 20 + b"\r\n", b"y" * 25])
@pytest.mark.parametrize("path", [b"/none", b"/gateway/session.php"])
async def test_trailers_are_no_longer_than_a_head(live: LiveNode, path: bytes, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    sent, block = 0, line * 4000
    async with asyncio.timeout(10):
        writer.write(b"POST " + path + CHUNKED + b"0\r\n" + (b"" if line.endswith(b"\n") else b"X: "))
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and sent < 64 * 1024 * 1024:
                writer.write(block)
                await writer.drain()
                sent += len(block)
    writer.close()
    assert sent < 64 * 1024 * 1024


async def test_a_trailer_is_no_header(live: LiveNode) -> None:
    shop = await live.merchant()
    body = b"2\r\n{}\r\n0\r\nX-API-Key: " + shop.key.encode() + b"\r\n\r\n"
    head = b"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status_of(await live.raw(head + body)) == 401


async def test_what_is_sent_ahead_is_bounded(live: LiveNode) -> None:
    """Behind an answer that lasts, each request that was sent ahead takes a hundred times its length."""
    shop = await live.merchant()
    lasts = f"GET /hosted-checkout.php?session={(await shop.create())['session_id']}&live=events HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with asyncio.timeout(10):
        answer = await live.raw(lasts + (ASKS + b"\r\n") * (server.AHEAD_MAX + 1))
    assert b" 400 " not in answer  # it would be the answer to somebody else's question
    alone = [ASKS + b"\r\n"] * (server.AHEAD_MAX - 1) + [ASKS + b"Connection: close\r\n\r\n"]
    assert (await live.raw(b"".join(alone))).count(b"HTTP/1.1 200") == server.AHEAD_MAX


async def test_who_never_reads_the_answers_is_let_go(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "UNREAD_S", 0.3)
    shop = await live.merchant()
    page = f"GET /hosted-checkout.php?session={(await shop.create())['session_id']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.setblocking(False)
    with deaf:
        await loop.sock_connect(deaf, ("127.0.0.1", live.port))
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                while True:
                    await loop.sock_sendall(deaf, page)
                    await asyncio.sleep(0.003)


async def test_an_answer_that_lasts_ends_with_its_connection_whatever_waits_behind_it(live: LiveNode) -> None:
    shop = await live.merchant()
    lasts = f"GET /hosted-checkout.php?session={(await shop.create())['session_id']}&live=events HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    async with asyncio.timeout(10):
        writer.write(lasts)
        await reader.readuntil(b"data: ")
        answering = [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]
        writer.write((ASKS + b"\r\n") * (server.AHEAD_MAX + 2))
        await asyncio.gather(*answering)
    writer.close()
    assert answering


OFFER = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.mark.parametrize("cut", [0, 1, 30])
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_offer_of_another_protocol_is_declined_and_its_request_served(live: LiveNode, cut: int, chunked: bool) -> None:
    """As Java's own client makes it with each request over plain http."""
    shop = await live.merchant()
    body = json.dumps(ORDER).encode()
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    head = b"POST /gateway/session.php HTTP/1.1\r\n" + OFFER + b"X-API-Key: " + shop.key.encode() + b"\r\n" + length + b"\r\n\r\n"
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    async with asyncio.timeout(10):
        writer.write(head + sent[:cut])
        await writer.drain()
        for _ in range(20 if cut else 0):
            await asyncio.sleep(0)  # turns of the loop, in which the server reads it as a piece of its own
        writer.write(sent[cut:] + ASKS + b"Connection: close\r\n\r\n")
        answer = await reader.read()
    writer.close()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"session_id"' in answer


async def test_what_follows_an_offer_is_a_body_and_no_request(live: LiveNode) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /none HTTP/1.1\r\n" + OFFER + b"Content-Length: %d\r\n\r\n" % len(smuggled)
    answer = await live.raw(head, smuggled + ASKS + b"Connection: close\r\n\r\n")
    assert (answer.count(b"HTTP/1.1 404"), answer.count(b"HTTP/1.1 200")) == (1, 1)


@pytest.mark.parametrize("target", [b"/healthz", b"x:80"])
async def test_nobody_is_connected_to_elsewhere(live: LiveNode, target: bytes) -> None:
    assert status_of(await live.raw(b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")) == 400
