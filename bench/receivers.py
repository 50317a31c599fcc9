"""A hundred receivers of notices in one process, and one that takes every connection and never answers.

`python -m bench.receivers COUNT` writes one line of JSON with their ports, and serves until its stdin closes.
"""

import asyncio
import json
import sys

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok"


class Receiver(asyncio.Protocol):
    """Answers 200 to each whole request."""

    def __init__(self) -> None:
        self.seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while (end := self.seen.find(b"\r\n\r\n")) >= 0:
            head = self.seen[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.seen) < end + 4 + length:
                return
            self.seen = self.seen[end + 4 + length :]
            self.transport.write(ANSWER)  # type: ignore[attr-defined]


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Receiver, "127.0.0.1", 0) for _ in range(count)]
    silent = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (*servers, silent)]
    print(json.dumps({"ports": ports[:-1], "silent": ports[-1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
