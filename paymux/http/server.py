"""uvicorn, as this project serves with it: heads of requests are bounded in time and in length, as bodies are (`body.py`).

uvicorn's keep-alive ends a connection that rests between two requests. A connection that never asks, or whose head never ends, it
would keep for ever, and a head of any length in memory.
"""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_TIMEOUT_S = 10.0  # for a whole head; a new connection gets as long to begin with one
HEAD_BYTES_MAX = 64 * 1024  # of a head that comes in parts; one that came at once is no longer than what a socket is asked for


class BoundedHeads(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = self._in_body = False
        self._came = 0  # bytes while the server waited for the end of a head
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head or not (self._in_body or self._busy):
            self._came += len(data)
            if self._came > HEAD_BYTES_MAX:
                self._refuse(431)
            elif self._patience is None and not self.transport.is_closing():
                self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, 408)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._head_ended()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _head_ended(self) -> None:
        self._came = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: int) -> None:
        """End the connection, and say why to who has begun to ask and waits for nothing else."""
        self._head_ended()
        if self.transport.is_closing():
            return
        if self._in_head and not self._busy:
            dates = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
            self.transport.write(STATUS_LINE[status] + dates + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def configured(application: Any, *, grace_s: int, backlog: int = 2048) -> uvicorn.Config:
    """The server's settings. `grace_s`: seconds for requests under way when it stops."""
    return uvicorn.Config(
        application,
        http=BoundedHeads,
        loop="none",
        lifespan="off",
        interface="asgi3",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace_s,
        backlog=backlog,
    )
