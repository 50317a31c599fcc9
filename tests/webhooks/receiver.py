"""A shop's server on loopback: keeps what it was sent, answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

WAIT_S = 10  # for what happens in milliseconds unless something is broken


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def delivery(self) -> str:
        return self.headers["webhook-id"]


def reply(status: int, body: bytes = b"ok", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} Word\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


Answer = Callable[[Request], Awaitable[bytes]]


@dataclass(slots=True)
class Receiver:
    """`status` is what it answers; `answer`, if set, decides instead and gives raw bytes (empty: close at once)."""

    url: str
    status: int = 200
    answer: Answer | None = None
    requests: list[Request] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def hang(self, _: Request) -> bytes:
        """An answer that comes when `free` is set."""
        await self.free.wait()
        return reply(200)

    async def got(self, count: int) -> list[Request]:
        """Wait until so many requests came."""
        async with asyncio.timeout(WAIT_S):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()
        return self.requests

    def deliveries(self) -> list[str]:
        return [request.delivery for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(head[0].split(" ")[1], headers, body)
                self.requests.append(request)
                self._came.set()
                raw = await self.answer(request) if self.answer else reply(self.status)
                writer.write(raw)
                await writer.drain()
                if not raw.endswith(b"ok"):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver("")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        receiver.free.set()
        server.close()
