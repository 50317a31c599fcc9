"""Most answers are small, complete and JSON: hand such a one to uvicorn whole, so that head and body leave in one write.

Over ASGI an answer is two messages, and uvicorn makes a system call of each; that and looking through headers that are always the same
is a fifth of what a small request costs. What one turn of the event loop answers is written together at its end: answers come in
batches, and waking the readers once instead of each by itself is another fifth. Where anything is out of the ordinary (another server,
a full buffer, HEAD, a last answer, somebody who has left) nothing is done here, and the answer takes the common way. Not one byte differs.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TYPE = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Answers:
    """What one dispatcher, on one event loop, has answered in this turn of it."""

    def __init__(self) -> None:
        from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle  # commands answer nobody

        self._cycle, self._status_line = RequestResponseCycle, STATUS_LINE
        self._leaving: list[tuple[asyncio.Transport, bytes]] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._head = b""

    def take_json(self, send: Send, status: int, body: bytes) -> bool:
        """Whether the answer is on its way."""
        cycle = getattr(send, "__self__", None)
        if (
            type(cycle) is not self._cycle
            or cycle.response_started
            or cycle.disconnected
            or cycle.flow.write_paused
            or cycle.access_log
            or not cycle.keep_alive
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        if cycle.default_headers is not self._headers:  # the same list until its date is a second old
            self._headers, self._head = cycle.default_headers, b"".join(b"%s: %s\r\n" % header for header in cycle.default_headers)
        if not self._leaving:  # before anything that this answer sets going, such as the next request of the same connection
            asyncio.get_running_loop().call_soon(self.write)
        self._leaving.append((cycle.transport, b"".join((self._status_line[status], self._head, _TYPE % len(body), body))))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def write(self) -> None:
        """Send what was taken. The end of a turn calls it, and whoever is about to close connections."""
        leaving, self._leaving = self._leaving, []
        for transport, data in leaving:
            if not transport.is_closing():
                transport.write(data)
