"""Answers over uvicorn, whole and in parts, and bodies that take their time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn

from paymux.http.serve import JSON, Dispatcher, Origin, Request, Response, Route, Table

PLAIN = b"Host: localhost\r\n"


@contextlib.asynccontextmanager
async def served(body_timeout_s: float = 5.0) -> AsyncIterator[int]:
    async def echo(request: Request) -> Response:
        return Response(200, request.body or b"nothing", JSON)

    async def parts(request: Request) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            for part in (b"a", b"b"):
                yield part

        return Response(200, stream=stream())

    def failure(request: Request, status: int, headers: object) -> Response:
        return Response(status, b"no", {"Connection": "close"})

    routes = (Route("POST", "/echo", echo), Route("GET", "/echo", echo), Route("HEAD", "/echo", echo), Route("GET", "/parts", parts))
    app = Dispatcher([Table("t", routes, failure)], Origin(None), failure, 1000, body_timeout_s)
    config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def asked(port: int, *parts: bytes) -> bytes:
    """Everything that comes back after sending parts, with a breath between them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.02)
    found = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return found


async def test_every_kind_of_answer_arrives_whole() -> None:
    async with served() as port:
        for method, path, body in (
            ("GET", "/echo", b"nothing"),
            ("GET", "/parts", b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
            ("HEAD", "/echo", b""),
        ):
            answer = await asked(port, f"{method} {path} HTTP/1.1\r\n".encode() + PLAIN + b"Connection: close\r\n\r\n")
            head, _, rest = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert rest == body


async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async with served() as port:
        ahead = b"".join(b"POST /echo HTTP/1.1\r\n%bContent-Length: 1\r\n\r\n%d" % (PLAIN, number) for number in range(9))
        last = b"GET /parts HTTP/1.1\r\n%b\r\nGET /echo HTTP/1.1\r\n%bConnection: close\r\n\r\n" % (PLAIN, PLAIN)
        found = await asked(port, ahead + last)
        bodies = [answer.partition(b"\r\n\r\n")[2] for answer in found.split(b"HTTP/1.1 200 OK\r\n")[1:]]
        assert bodies == [*(b"%d" % number for number in range(9)), b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"nothing"]


async def test_a_body_that_comes_in_pieces_is_read_whole() -> None:
    async with served() as port:
        head = b"POST /echo HTTP/1.1\r\nConnection: close\r\n" + PLAIN
        assert (await asked(port, head + b"Content-Length: 6\r\n\r\n", b"abc", b"def")).endswith(b"\r\n\r\nabcdef")
        chunks = (b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n")
        assert (await asked(port, head + b"Transfer-Encoding: chunked\r\n\r\n", *chunks)).endswith(b"\r\n\r\nabcdef")


async def test_a_body_that_does_not_come_in_time_is_answered_408() -> None:
    async with served(body_timeout_s=0.05) as port:
        answer = await asked(port, b"POST /echo HTTP/1.1\r\n" + PLAIN + b"Content-Length: 6\r\n\r\nabc")
        assert answer.startswith(b"HTTP/1.1 408")
