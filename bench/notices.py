"""Notices to a hundred receivers on this machine: how many a second, and how much the others feel of one that hangs and one that refuses.

A provider's signed reports settle prepared payments; each settle writes a notice. The time of a notice is from the commit of its change
to the recorded answer of its receiver. At half of what was delivered at full speed, short calm and troubled stretches alternate, each
sort as often first, so that neither a machine that grows slower nor a table that grows longer counts for one of them.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from bench import fill, service
from bench.load import Measured, Stretch, quantile
from bench.wire import Sending
from paymux.clock import Clock
from paymux.storage.connect import storage_for
from paymux.storage.writer import Storage
from tests.ports import free_port
from tests.storage.ad_hoc import rows, run

SETTLES_PER_S_MAX = 6000
HANGS, REFUSES = 1, 2  # the merchants whose receivers do, in troubled stretches
DRAIN_S = 60.0
CONNECTIONS = 64

Ask = Callable[[Stretch], Measured]


@dataclass(slots=True)
class Delivered:
    """`per_s`: at full speed. `calm_ms`, `troubled_ms`: the well receivers' times in each stretch."""

    per_s: float = 0.0
    calm_ms: list[list[float]] = field(default_factory=list)
    troubled_ms: list[list[float]] = field(default_factory=list)

    @property
    def moved(self) -> list[float]:
        """How p99 moved: over all stretches, and to show how much hangs on one pair of them, without each in turn."""
        pairs = range(len(self.calm_ms))
        return [p99(self.troubled_ms, left_out) / p99(self.calm_ms, left_out) for left_out in (None, *(pairs if len(pairs) > 1 else ()))]


def p99(stretches: list[list[float]], left_out: int | None = None) -> float:
    """Of several stretches together."""
    return quantile(sorted(chain.from_iterable(one for number, one in enumerate(stretches) if number != left_out)), 0.99)


@contextlib.contextmanager
def receivers(count: int) -> Iterator[tuple[list[int], int]]:
    """(ports of those that answer, port of the one that does not)."""
    process = service.child([sys.executable, "-m", "bench.receivers", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        yield found["ports"], found["silent"]
    finally:
        service.stop(process)


def measured(name: str, url: str, secret_key: str, folder: Path, ask: Ask, pairs: int, seconds: float) -> Delivered:
    """The whole measurement on an empty database of one engine."""
    keys = asyncio.run(fill.create_merchants(url, secret_key))
    count = int((1 + 2 * pairs) * (seconds + 1) * SETTLES_PER_S_MAX)
    asyncio.run(fill.prepare_payments(url, 1, count))
    private = {"PAYMUX_ALLOW_PRIVATE_URLS": "1"}
    found = Delivered()
    with receivers(len(keys)) as (ports, silent), service.gateway(f"{name}.notices", url, secret_key, folder, private) as running:
        asyncio.run(_addresses(url, ports))
        sending = Sending(kind="settle", keys=keys, first_id=1, count=0, secret_key=secret_key)

        def stretch(rate: float | None) -> list[tuple[int, int, int]]:
            sending.first_id += sending.count
            sending.count = int((seconds + 1) * (SETTLES_PER_S_MAX if rate is None else rate))
            after = asyncio.run(_last(url))
            ask(Stretch(port=running.port, sending=sending, connections=CONNECTIONS, warm_s=0.2, seconds=seconds, rate=rate))
            return asyncio.run(_answered(url, after))

        full = stretch(None)
        found.per_s = len(full) / max((max(at for _, _, at in full) - min(made for _, made, _ in full)) / 1000, 0.001)
        for number in range(pairs):
            for trouble in (False, True) if number % 2 == 0 else (True, False):
                asyncio.run(_addresses(url, [silent, free_port(), *ports[2:]] if trouble else ports))
                kept = found.troubled_ms if trouble else found.calm_ms
                kept.append([float(at - made) for _, made, at in stretch(found.per_s / 2)])
    return found


async def _with(url: str, work: Callable[[Storage], object]) -> object:
    storage = storage_for(url)
    await storage.open()
    try:
        result: object = await work(storage)  # type: ignore[misc]
        return result
    finally:
        await storage.close()


async def _addresses(url: str, ports: list[int]) -> None:
    """Merchant n's receiver listens on the n-th port; what waits for the two bad ones is given up, so that stretches are alike."""
    cases = " ".join(f"WHEN {merchant} THEN 'http://127.0.0.1:{port}/hook'" for merchant, port in enumerate(ports, 1))
    script = f"UPDATE endpoint SET url = CASE merchant_id {cases} END, enabled = 1;\n"
    script += f"UPDATE notice SET state = 'given_up', due_at = NULL, ended_at = {Clock.wall()} WHERE state = 'waiting';\n"
    await _with(url, lambda storage: run(storage, script))


async def _last(url: str) -> int:
    found = await _with(url, lambda storage: rows(storage, "SELECT coalesce(max(id), 0) FROM notice"))
    return int(found[0][0])  # type: ignore[index]


async def _answered(url: str, after: int) -> list[tuple[int, int, int]]:
    """(merchant, when the change was made, when its receiver's answer was recorded) of the well ones, once they have all answered."""
    well = f"FROM notice n WHERE n.id > {after} AND n.merchant_id NOT IN ({HANGS}, {REFUSES})"
    answers = (
        "SELECT n.merchant_id, n.created_at, a.answered_at FROM notice n JOIN notice_answer a ON a.notice_id = n.id"
        f" WHERE n.id > {after} AND n.merchant_id NOT IN ({HANGS}, {REFUSES})"
    )

    async def work(storage: Storage) -> list[tuple[int, int, int]]:
        ends = time.monotonic() + DRAIN_S
        while (await rows(storage, f"SELECT count(*) {well} AND n.state = 'waiting'"))[0][0]:
            if time.monotonic() > ends:
                raise service.DidNotStart("notices were not delivered in time")
            await asyncio.sleep(0.1)
        return [(int(a), int(b), int(c)) for a, b, c in await rows(storage, answers)]

    return await _with(url, work)  # type: ignore[return-value]
