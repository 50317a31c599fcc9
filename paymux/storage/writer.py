"""The writer: what arrives while the last commit runs goes into the next transaction, so N requests share one fsync.

A verb is `async def verb(tx, commands, now) -> list[result]`; a single request is a batch of one. Rules: an answer only after
COMMIT; a cancelled request still commits; flush at the next loop tick when a lane is free, no timer; a batch that fails is
tried again command by command, so that one bad one harms nobody; a connection lost in COMMIT is an unknown outcome and is
never repeated. The same class coalesces reads.
"""

import asyncio
import contextlib
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
Found = tuple[list[Any], list[Any]]
Transact = Callable[[Callable[[Tx], Awaitable[Found]]], Awaitable[Found]]
Now = Callable[[Tx], Awaitable[int]]
Waiting = tuple[Verb[Any, Any], Any, asyncio.Future[Any]]

RETRIES = 3


def lone(verb: F) -> F:
    """Marks a verb that changes what it changes by one statement where its transaction is `alone`: a batch of nothing else."""
    verb.lone = True  # type: ignore[attr-defined]
    return verb


class LostUpdate(Exception):
    """Somebody else changed what a unit of work relied on, between its reading and its writing: rolled back and tried again."""


class Storage(Protocol):
    """What both engines offer."""

    engine: str
    lanes: int
    in_line: bool  # whether units are written one after the other, by whoever takes them from a queue

    async def open(self) -> None: ...
    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T: ...
    def start(self, work: Callable[[Tx], Awaitable[T]]) -> Awaitable[T]: ...
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
        in_line: bool = False,
    ) -> None:
        """`transact`: a storage's `write`, or with `in_line` its `start`. `in_line`: it runs one unit after the other on a thread. A lane
        beside the one that runs stands in line, and takes what waits when its turn comes: the thread need not ask for the next. For a
        `lone` verb, which hardly needs the interpreter, it begins with the first command: it commits some requests while the loop reads
        others, instead of all by turns."""
        self._transact, self._now, self._retryable = transact, now, retryable
        self._free, self._in_line = lanes + in_line, in_line
        self._next_is_set = False  # somebody stands in line
        self._batch_max, self._queue_max = batch_max, queue_max
        self._waiting: deque[Waiting] = deque()
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
        if self._in_line and _is_lone(verb):
            self._flush()
        elif not self._woken:
            self._woken = True
            loop.call_soon(self._flush)
        return await future

    def _flush(self) -> None:
        self._woken = False
        while self._free and self._waiting and not self._next_is_set:
            self._free -= 1
            self._next_is_set = self._in_line
            batch = _Batch(self, [] if self._in_line else self._take())
            task = asyncio.get_running_loop().create_task(self._run(batch, self._transact(batch)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self) -> list[Waiting]:
        """What waits, as much as fits; on whatever thread."""
        self._next_is_set = False  # before anything is taken: what comes after that finds a lane again
        taken: list[Waiting] = []
        with contextlib.suppress(IndexError):  # two may take at once, each what it gets
            while len(taken) < self._batch_max:
                taken.append(self._waiting.popleft())
        return taken

    async def _run(self, batch: "_Batch", trial: Awaitable[Found]) -> None:
        try:
            await self._settle(batch, trial)
        finally:
            self._free += 1
            if self._waiting:
                self._flush()

    async def _settle(self, batch: "_Batch", trial: Awaitable[Found]) -> None:
        try:
            results, facts = await self._tried(batch, trial)
        except Exception as error:
            taken = batch.taken or self._take()  # nothing: its turn never came
            # Where it is not a command's fault, trying them one by one would only take longer.
            if isinstance(error, OutcomeUnknown | DatabaseGone) or len(taken) == 1:
                for _, _, future in taken:
                    _fail(future, error)
                return
            for command in taken:
                one = _Batch(self, [command])
                await self._settle(one, self._transact(one))
        else:
            if not batch.taken:  # the one before it took them
                return
            self.batches += 1
            self.commands += len(batch.taken)
            for (_, _, future), result in zip(batch.taken, results, strict=True):
                if not future.done():
                    future.set_result(result)
            if self.committed is not None:
                self.committed()
            if self.observe is not None:
                self.observe(len(batch.taken), ticks() - batch.began_s, len(self._waiting))
            if facts and self.heard is not None:
                self.heard(facts)

    async def _tried(self, batch: "_Batch", trial: Awaitable[Found]) -> Found:
        """Wait for a batch's first trial; again where the reason for a failure passes."""
        for _ in range(RETRIES - 1):
            try:
                return await trial
            except OutcomeUnknown:
                raise
            except Exception as error:
                if not isinstance(error, LostUpdate) and not self._retryable(error):
                    raise
            trial = self._transact(batch)
        return await trial

    async def drain(self) -> None:
        """Wait until everything submitted so far is committed."""
        while self._waiting or self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
            await asyncio.sleep(0)


class _Batch:
    """A unit of work: commands that share a transaction. An empty one takes what waits when its turn comes."""

    def __init__(self, batcher: Batcher, taken: list[Waiting]) -> None:
        self._batcher, self.taken, self.began_s, self._tries = batcher, taken, ticks(), 0

    async def __call__(self, tx: Tx) -> Found:
        """The commands' results, and the facts that verbs noted."""
        if not self.taken:
            self.taken, self.began_s = self._batcher._take(), ticks()
        verbs = _by_verb(self.taken)
        tx.alone = not self._tries and len(verbs) == 1 and _is_lone(self.taken[0][0])
        self._tries += 1
        now = await self._batcher._now(tx)
        results: list[Any] = [None] * len(self.taken)
        for verb, indexes in verbs.items():
            found = await verb(tx, [self.taken[index][1] for index in indexes], now)
            for index, result in zip(indexes, found, strict=True):
                results[index] = result
        return results, tx.facts


def _by_verb(taken: Sequence[Waiting]) -> dict[Verb[Any, Any], list[int]]:
    """The places of each verb's commands."""
    groups: dict[Verb[Any, Any], list[int]] = {}
    for index, (verb, _, _) in enumerate(taken):
        groups.setdefault(verb, []).append(index)
    return groups


def _is_lone(verb: Verb[Any, Any]) -> bool:
    return getattr(getattr(verb, "func", verb), "lone", False)  # `func`: of a partial


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
