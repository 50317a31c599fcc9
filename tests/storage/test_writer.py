"""The rules of the writer: one commit for many, an answer only after it, and nobody pays for another's mistake."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest

from paymux.errors import Busy, OutcomeUnknown
from paymux.storage import installation
from paymux.storage.query import Tx, load
from paymux.storage.writer import RETRIES, Batcher, LostUpdate, Storage, lone
from tests.storage.ad_hoc import opened, rows

q = load("tests.storage")

Unit = Callable[[Tx], Awaitable[Any]]


class Passing(Exception):
    """A reason that passes."""


class Written(list[str]):
    """A transaction in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Any] = []
        self.alone = False


class Machine:
    """A database in memory whose commits a test holds up, lets go, or makes fail."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[Exception] = []  # of the next commits
        self.commits: list[Written] = []
        self.running = self.most = self.begun = 0

    async def transact(self, unit: Unit) -> Any:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        written = Written()
        try:
            result = await unit(written)  # type: ignore[arg-type]
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop(0)
            self.commits.append(written)
            return result
        finally:
            self.running -= 1


async def note(tx: Any, commands: Sequence[str], now: int) -> list[str]:
    if "bad" in commands:
        raise ZeroDivisionError("bad")
    tx.extend(commands)
    tx.facts += [f"noted {command}" for command in commands]
    return [f"{command} at {now}" for command in commands]


async def shout(tx: Any, commands: Sequence[str], now: int) -> list[str]:
    tx.extend(command.upper() for command in commands)
    return [command.upper() for command in commands]


@lone
async def sing(tx: Any, commands: Sequence[str], now: int) -> list[str]:
    tx.extend(f"{command} la" for command in commands)
    return [f"{command} la" for command in commands]


async def seven(tx: Tx) -> int:
    return 7


def batcher(machine: Machine, **options: int) -> Batcher:
    return Batcher(machine.transact, seven, lambda error: isinstance(error, Passing), **options)


async def ticks(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_arrives_together_is_committed_together_and_answered_in_order() -> None:
    machine = Machine()
    writer = batcher(machine)
    answers = await asyncio.gather(*(writer.submit(note, str(number)) for number in range(100)))
    assert answers == [f"{number} at 7" for number in range(100)]
    assert [len(commit) for commit in machine.commits] == [100]


async def test_what_arrives_while_a_commit_runs_goes_into_the_next() -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.gate.clear()
    first = asyncio.create_task(writer.submit(note, "first"))
    await ticks()
    others = [asyncio.create_task(writer.submit(note, str(number))) for number in range(9)]
    await ticks()
    assert not first.done()
    machine.gate.set()
    await asyncio.gather(first, *others)
    assert [len(commit) for commit in machine.commits] == [1, 9]


async def test_nobody_is_answered_before_the_commit() -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.gate.clear()
    request = asyncio.create_task(writer.submit(note, "a"))
    await ticks()
    assert (machine.begun, request.done(), machine.commits) == (1, False, [])
    machine.gate.set()
    assert await request == "a at 7"


async def test_a_request_that_is_given_up_commits_all_the_same() -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.gate.clear()
    running = asyncio.create_task(writer.submit(note, "running"))
    await ticks()
    waiting = asyncio.create_task(writer.submit(note, "waiting"))
    await ticks()
    running.cancel()
    waiting.cancel()
    machine.gate.set()
    await writer.drain()
    assert machine.commits == [["running"], ["waiting"]]


async def test_one_bad_command_harms_nobody() -> None:
    machine = Machine()
    writer = batcher(machine)
    answers = await asyncio.gather(*(writer.submit(note, word) for word in ["a", "bad", "b"]), return_exceptions=True)
    assert answers[0] == "a at 7"
    assert isinstance(answers[1], ZeroDivisionError)
    assert answers[2] == "b at 7"
    assert sorted(machine.commits) == [["a"], ["b"]]


async def test_commands_of_different_verbs_share_a_commit() -> None:
    machine = Machine()
    writer = batcher(machine)
    answers = await asyncio.gather(writer.submit(note, "a"), writer.submit(shout, "b"), writer.submit(note, "c"))
    assert answers == ["a at 7", "B", "c at 7"]
    assert len(machine.commits) == 1


async def test_a_batch_of_one_lone_verb_runs_alone_and_beside_others_it_does_not() -> None:
    machine = Machine()
    writer, solo = batcher(machine), partial(sing)
    assert await asyncio.gather(writer.submit(solo, "a"), writer.submit(solo, "b")) == ["a la", "b la"]
    assert await asyncio.gather(writer.submit(solo, "c"), writer.submit(note, "d")) == ["c la", "d at 7"]
    assert [(commit, commit.alone) for commit in machine.commits] == [(["a la", "b la"], True), (["c la", "d"], False)]


async def test_a_lone_verb_that_failed_for_what_passes_is_tried_again_in_an_ordinary_transaction() -> None:
    machine = Machine()
    machine.failures = [LostUpdate()]
    assert await batcher(machine).submit(sing, "a") == "a la"
    assert [(commit, commit.alone) for commit in machine.commits] == [(["a la"], False)]


async def test_a_batch_has_a_largest_size() -> None:
    machine = Machine()
    writer = batcher(machine, batch_max=4)
    await asyncio.gather(*(writer.submit(note, str(number)) for number in range(10)))
    assert [len(commit) for commit in machine.commits] == [4, 4, 2]


async def test_as_many_commits_run_at_once_as_there_are_lanes() -> None:
    machine = Machine()
    writer = batcher(machine, lanes=2, batch_max=1)
    machine.gate.clear()
    requests = [asyncio.create_task(writer.submit(note, str(number))) for number in range(6)]
    await ticks()
    assert (machine.running, writer.waiting) == (2, 4)
    machine.gate.set()
    await asyncio.gather(*requests)
    assert machine.most == 2


async def test_where_units_run_in_line_the_first_begins_before_the_loop_turns() -> None:
    machine, begun = Machine(), 0

    def transact(unit: Unit) -> Awaitable[Any]:
        nonlocal begun
        begun += 1
        return machine.transact(unit)

    writer = Batcher(transact, seven, lambda error: False, in_line=True)
    for word in "ab":
        writer.submit(note, word).send(None)  # as far as it comes by itself
    assert begun == 1
    await writer.drain()
    assert machine.commits == [["a", "b"]]


async def test_who_stands_in_line_takes_what_waits_when_its_turn_comes() -> None:
    machine, line = Machine(), asyncio.Lock()

    async def one_by_one(unit: Unit) -> Any:
        async with line:
            return await machine.transact(unit)

    writer = Batcher(one_by_one, seven, lambda error: isinstance(error, Passing), in_line=True)
    machine.gate.clear()
    answers = [asyncio.ensure_future(writer.submit(note, "a"))]
    await ticks()
    for word in "bcd":  # the first of them sets a lane in line, the others are taken with it
        answers.append(asyncio.ensure_future(writer.submit(note, word)))
        await ticks()
    assert (machine.begun, writer.waiting) == (1, 3)
    machine.gate.set()
    assert await asyncio.gather(*answers) == [f"{word} at 7" for word in "abcd"]
    assert machine.commits == [["a"], ["b", "c", "d"]]


async def test_in_line_a_failure_before_its_turn_fails_those_who_wait_and_a_passing_one_takes_them_again() -> None:
    machine = Machine()
    machine_down = [True]

    async def down(unit: Unit) -> Any:
        if machine_down[0]:
            raise ZeroDivisionError("the disk is gone")
        return await machine.transact(unit)

    writer = Batcher(down, seven, lambda error: isinstance(error, Passing), in_line=True)
    failed = await asyncio.gather(*(writer.submit(note, word) for word in "ab"), return_exceptions=True)
    assert [type(one) for one in failed] == [ZeroDivisionError] * 2
    machine_down[0] = False
    machine.failures = [Passing()]
    assert await asyncio.gather(*(writer.submit(note, word) for word in "cd")) == ["c at 7", "d at 7"]
    assert machine.commits == [["c", "d"]]
    assert writer.waiting == 0


async def test_a_full_queue_refuses_at_once_and_takes_again_later() -> None:
    machine = Machine()
    writer = batcher(machine, batch_max=1, queue_max=2)
    machine.gate.clear()
    taken = [asyncio.create_task(writer.submit(note, "running"))]
    await ticks()
    taken += [asyncio.create_task(writer.submit(note, word)) for word in ("a", "b")]
    await ticks()
    with pytest.raises(Busy):
        await writer.submit(note, "c")
    machine.gate.set()
    await asyncio.gather(*taken)
    assert await writer.submit(note, "c") == "c at 7"
    assert "c" not in [word for commit in machine.commits[:-1] for word in commit]


async def test_a_commit_whose_outcome_is_unknown_is_never_repeated() -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.failures = [OutcomeUnknown("lost")]
    answers = await asyncio.gather(*(writer.submit(note, word) for word in "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OutcomeUnknown] * 3
    assert machine.begun == 1
    assert await writer.submit(note, "d") == "d at 7"


@pytest.mark.parametrize("reason", [Passing(), LostUpdate()])
@pytest.mark.parametrize("words", [["a"], ["a", "b"]])
async def test_a_reason_that_passes_is_tried_again(reason: Exception, words: list[str]) -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.failures = [reason] * (RETRIES - 1)
    answers = await asyncio.gather(*(writer.submit(note, word) for word in words))
    assert answers == [f"{word} at 7" for word in words]
    assert machine.begun == RETRIES
    assert machine.commits == [words]


async def test_a_reason_that_does_not_pass_is_told_in_the_end() -> None:
    machine = Machine()
    writer = batcher(machine)
    machine.failures = [Passing()] * RETRIES
    with pytest.raises(Passing):
        await writer.submit(note, "a")
    assert await writer.submit(note, "b") == "b at 7"


async def test_facts_are_heard_after_the_commit_and_never_without_it() -> None:
    machine, heard = Machine(), []
    writer = batcher(machine)
    writer.heard = heard.extend
    machine.failures = [Passing(), ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        await writer.submit(note, "lost")
    assert heard == []
    await asyncio.gather(writer.submit(note, "a"), writer.submit(note, "b"))
    assert heard == ["noted a", "noted b"]


async def test_a_listener_that_fails_keeps_no_answer_back() -> None:
    machine = Machine()
    writer = batcher(machine)
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    for name in ("committed", "observe", "heard"):
        setattr(writer, name, fail)
        assert await asyncio.wait_for(writer.submit(note, "a"), 5) == "a at 7"
        setattr(writer, name, None)
    await writer.drain()
    assert await writer.submit(note, "b") == "b at 7", "the lane is free again"


async def put(tx: Tx, commands: Sequence[str], now: int) -> list[str]:
    await tx.fetch(q.put_facts, [(command, str(now)) for command in commands])
    return list(commands)


async def test_on_a_real_database_only_the_bad_ones_fail_and_the_rest_is_there(storage: Storage) -> None:
    writer = Batcher(storage.start, seven, storage.retryable, storage.lanes, in_line=storage.in_line)
    names = ["a", "b", "version", "c", "mode\0", "a"]  # one that is there already, one that PostgreSQL cannot store, one twice
    answers = await asyncio.gather(*(writer.submit(put, name) for name in names), return_exceptions=True)
    assert answers[:2] == ["a", "b"]
    assert isinstance(answers[2], Exception)
    assert answers[3] == "c"
    assert isinstance(answers[5], Exception)
    assert await rows(storage, "SELECT name, value FROM installation WHERE name IN ('a', 'b', 'c') ORDER BY name") == [
        ("a", "7"),
        ("b", "7"),
        ("c", "7"),
    ]


async def count(tx: Tx, commands: Sequence[int], now: int) -> list[int]:
    """Read, then write what was read: only right where nobody comes between."""
    await tx.fetch(q.lock_count)
    value = int((await installation.facts(tx))["count"])
    await tx.fetch(q.set_count, value=str(value + sum(commands)))
    return [value] * len(commands)


async def test_lanes_and_nodes_that_change_one_row_lose_nothing(storage: Storage, ready_url: str) -> None:
    other = await opened(ready_url)
    await storage.write(lambda tx: tx.fetch(q.put_fact, name="count", value="0"))
    writers = [Batcher(node.start, seven, node.retryable, node.lanes, batch_max=3, in_line=node.in_line) for node in (storage, other)]
    await asyncio.gather(*(writer.submit(count, 1) for writer in writers for _ in range(40)))
    assert (await storage.read(installation.facts))["count"] == "80"
    await other.close()
