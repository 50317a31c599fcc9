"""Read the bodies of requests: bounded in length and in time; one that broke off in the middle is no request."""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

DRAIN_S = 5.0
DRAIN_BYTES_MAX = 32 * 1024 * 1024


class BrokeOff(Exception):
    """The caller went away before its request was whole."""


async def read(receive: Receive, declared: str, limit: int, timeout_s: float) -> bytes | None:
    """The body, or None if it is longer than allowed; `TimeoutError` if it does not come in time. `declared`: its content-length."""
    return await _in_time(_read(receive, declared, limit), timeout_s)


async def _read(receive: Receive, declared: str, limit: int) -> bytes | None:
    """The body, or None if it is longer than allowed."""
    if declared.isdigit() and int(declared) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BrokeOff
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        if part:
            parts.append(part)
        if not message.get("more_body"):
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _in_time(reading: Coroutine[Any, Any, bytes | None], timeout_s: float) -> bytes | None:
    """A body within its time. Nearly always it came with the head and is read without a wait: then there is nothing to time."""
    try:
        waits_for = reading.send(None)
    except StopIteration as done:
        read: bytes | None = done.value
        return read
    async with asyncio.timeout(timeout_s):
        return await _resumed(reading, waits_for)


@types.coroutine
def _resumed(work: Coroutine[Any, Any, bytes | None], waits_for: Any) -> Generator[Any, Any, bytes | None]:
    """Go on with a coroutine that was begun by hand and waits for something."""
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:
                waits_for = work.throw(error)
            else:
                waits_for = work.send(sent)
    except StopIteration as done:
        read: bytes | None = done.value
        return read


async def drain(receive: Receive) -> None:
    """Take in what a caller goes on sending after it was refused: closing at once would reset the connection under the answer."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while size <= DRAIN_BYTES_MAX:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
