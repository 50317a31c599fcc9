"""Most answers are small, complete and JSON: hand such a one to uvicorn whole, so that head and body leave in one write.

Over ASGI an answer is two messages, and uvicorn makes a system call of each; that and looking through headers that are always the same
is a fifth of what a small request costs. Where anything is out of the ordinary (another server, a full buffer, HEAD, somebody who has
left) nothing is done here, and the answer takes the common way. Not one byte of it differs.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TYPE = b"content-type: application/json\r\ncontent-length: %d\r\n"


def answered_json(send: Send, status: int, body: bytes) -> bool:
    """Whether the answer was written."""
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or cycle.access_log
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    parts = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        parts += (name, b": ", value, b"\r\n")
    parts += (_TYPE % len(body), b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
    cycle.transport.write(b"".join(parts))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
