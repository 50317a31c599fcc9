"""The writer: what arrives while the last commit runs goes into the next transaction, so N requests share one fsync.

A verb is `async def verb(tx, commands, now) -> list[result]`; a single request is a batch of one. Rules: an answer only after
COMMIT; a cancelled request still commits; flush at the next loop tick when a lane is free, no timer; a batch that fails is
tried again command by command, so that one bad one harms nobody; a connection lost in COMMIT is an unknown outcome and is
never repeated. The same class coalesces reads.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from paymux.clock import ticks
from paymux.errors import Busy, DatabaseGone, OutcomeUnknown
from paymux.storage.query import Tx

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Verb = Callable[[Tx, Sequence[C], int], Awaitable[Sequence[R]]]
Transact = Callable[[Callable[[Tx], Awaitable[Any]]], Awaitable[Any]]
Now = Callable[[Tx], Awaitable[int]]

RETRIES = 3


def lone(verb: F) -> F:
    """Marks a verb that changes what it changes by one statement, its last, where the engine has one for it."""
    verb.lone = True  # type: ignore[attr-defined]
    return verb


class LostUpdate(Exception):
    """Somebody else changed what a unit of work relied on, between its reading and its writing: rolled back and tried again."""


class Storage(Protocol):
    """What both engines offer."""

    engine: str
    lanes: int

    async def open(self) -> None: ...
    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    async def write_alone(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    async def look(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    async def snapshot(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    async def close(self) -> None: ...
    def retryable(self, error: BaseException) -> bool: ...


class Batcher:
    """Coalesces commands into transactions over `lanes` concurrent ones."""

    def __init__(
        self,
        transact: Transact,
        now: Now,
        retryable: Callable[[BaseException], bool],
        lanes: int = 1,
        batch_max: int = 256,
        queue_max: int = 4096,
        alone: Transact | None = None,
    ) -> None:
        """`alone` runs a batch of nothing but one `lone` verb."""
        self._transact, self._alone, self._now, self._retryable = transact, alone or transact, now, retryable
        self._free = lanes
        self._batch_max, self._queue_max = batch_max, queue_max
        self._waiting: deque[tuple[Verb[Any, Any], Any, asyncio.Future[Any]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._woken = False
        self.committed: Callable[[], None] | None = None  # called on the loop after each commit
        self.observe: Callable[[int, float, int], None] | None = None  # (commands in a batch, seconds it took, commands still waiting)
        self.heard: Callable[[list[Any]], None] | None = None  # the facts that verbs noted in a transaction, after its commit
        self.batches = 0
        self.commands = 0

    @property
    def waiting(self) -> int:
        """Commands that wait for a free lane."""
        return len(self._waiting)

    async def submit(self, verb: Verb[C, R], command: C) -> R:
        """Run one command in the next transaction; returns after its commit. `Busy` when too many wait already."""
        if len(self._waiting) >= self._queue_max:
            raise Busy("too many requests are waiting to be written")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((verb, command, future))
        if not self._woken:
            self._woken = True
            loop.call_soon(self._flush)
        return await future

    def _flush(self) -> None:
        self._woken = False
        while self._free and self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))]
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._run(taken))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, taken: list[tuple[Verb[Any, Any], Any, asyncio.Future[Any]]]) -> None:
        try:
            await self._settle(taken)
        finally:
            self._free += 1
            if self._waiting:
                self._flush()

    async def _settle(self, taken: list[tuple[Verb[Any, Any], Any, asyncio.Future[Any]]]) -> None:
        began_s = ticks()
        try:
            results, facts = await self._commit([(verb, command) for verb, command, _ in taken])
        except (OutcomeUnknown, DatabaseGone) as error:  # not a command's fault: trying them one by one would only take longer
            for _, _, future in taken:
                _fail(future, error)
        except Exception as error:
            if len(taken) == 1:
                _fail(taken[0][2], error)
                return
            for one in taken:
                await self._settle([one])
        else:
            for (_, _, future), result in zip(taken, results, strict=True):
                if not future.done():
                    future.set_result(result)
            if self.committed is not None:
                self.committed()
            if self.observe is not None:
                self.observe(len(taken), ticks() - began_s, len(self._waiting))
            if facts and self.heard is not None:
                self.heard(facts)

    async def _commit(self, commands: list[tuple[Verb[Any, Any], Any]]) -> tuple[list[Any], list[Any]]:
        self.batches += 1
        self.commands += len(commands)
        groups: dict[Verb[Any, Any], list[int]] = {}
        for index, (verb, _) in enumerate(commands):
            groups.setdefault(verb, []).append(index)

        async def unit(tx: Tx) -> tuple[list[Any], list[Any]]:
            now = await self._now(tx)
            results: list[Any] = [None] * len(commands)
            for verb, indexes in groups.items():
                found = await verb(tx, [commands[index][1] for index in indexes], now)
                for index, result in zip(indexes, found, strict=True):
                    results[index] = result
            return results, tx.facts

        transact = self._alone if len(groups) == 1 and _is_lone(commands[0][0]) else self._transact
        for _ in range(RETRIES - 1):
            try:
                done: tuple[list[Any], list[Any]] = await transact(unit)
                return done
            except OutcomeUnknown:
                raise
            except Exception as error:
                if not isinstance(error, LostUpdate) and not self._retryable(error):
                    raise
        done = await transact(unit)
        return done

    async def drain(self) -> None:
        """Wait until everything submitted so far is committed."""
        while self._waiting or self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
            await asyncio.sleep(0)


def _is_lone(verb: Verb[Any, Any]) -> bool:
    return getattr(getattr(verb, "func", verb), "lone", False)  # `func`: of a partial


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
