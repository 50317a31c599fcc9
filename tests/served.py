"""A node in a thread of its own, for tests that ask it and wait for each answer."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def aside(opened: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What an async context manager opens, on a loop of its own until the end."""
    up, down, found = threading.Event(), asyncio.Event(), []
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with opened() as one:
            found.append(one)
            up.set()
            await down.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        assert up.wait(30), "the node did not start"
        yield found[0]
    finally:
        loop.call_soon_threadsafe(down.set)
        thread.join(30)
        loop.close()
