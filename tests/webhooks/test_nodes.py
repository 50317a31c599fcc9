"""Several processes deliver from one database, and some of them die."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paymux.clock import MINUTE, Clock
from paymux.storage.connect import storage_for
from paymux.storage.query import Query, Rows, Tx
from paymux.webhooks import order, outbox, resend, store
from paymux.webhooks.model import Answered, Claimed
from tests.webhooks.receiver import Receiver
from tests.webhooks.world import Watched, World, notice, opened, q

ALL = store.Claim(limit=256, room_each=8, lease_ms=20_000)


async def test_two_nodes_never_send_the_same_notice_twice(postgres_url: str, receiver: Receiver) -> None:
    async with opened(postgres_url) as world:
        shops = [await world.merchant(f"{receiver.url}?shop={number}") for number in range(6)]
        for payment in range(1, 121):
            shop = shops[payment % 6].merchant_id
            await world.put(notice(shop, payment, "pending"), notice(shop, payment, "paid"))
        async with world.node() as one, world.node() as other:
            await receiver.got(240)
            await asyncio.gather(one.drained(), other.drained())
        assert set(Counter(receiver.deliveries()).values()) == {1}
        assert len(receiver.requests) == 240
        told: dict[str, list[str]] = {}
        for delivery in receiver.deliveries():
            told.setdefault(delivery.split("-")[1], []).append(delivery.split("-")[2])
        assert set(map(tuple, told.values())) == {("pending", "paid")}


async def test_a_claim_takes_each_endpoints_oldest_and_never_more_than_its_room(world: World) -> None:
    full, free = await world.merchant("http://127.0.0.1:9/"), await world.merchant("http://127.0.0.1:9/")
    for payment in range(1, 21):
        await world.put(notice(full.merchant_id, payment))
        world.clock.offset += 1
    for payment in range(21, 24):
        await world.put(notice(free.merchant_id, payment), notice(free.merchant_id, payment, "settled"))
        world.clock.offset += 1
    endpoints = {row["merchant_id"]: row["id"] for row in await world.rows(q.endpoints)}

    async def claim(**fields: object) -> list[int | None]:
        wish = store.Claim(**{"limit": 256, "room_each": 4, "lease_ms": 20_000, **fields})  # type: ignore[arg-type]
        return [claimed.payment_id for claimed in await world.writer.submit(store.claim, wish)]

    assert await claim(limit=3) == [1, 21, 2]  # every endpoint's first before any second
    assert await claim(rooms=((endpoints[full.merchant_id], 1),)) == [3, 22, 23]
    assert await claim(rooms=((endpoints[full.merchant_id], 0),)) == []
    assert await claim() == [4, 5, 6, 7]
    await world.rows(q.disable, merchant_id=full.merchant_id)
    assert await claim() == []


class Pausing:
    """A transaction that stops before one of its statements."""

    engine = "postgres"

    def __init__(self, tx: Tx, before: str, reached: asyncio.Event, go_on: asyncio.Event) -> None:
        self._tx, self._before, self._reached, self._go_on = tx, before, reached, go_on

    async def fetch(self, query: Query, rows: Rows | None = None, **params: Any) -> Sequence[Any]:
        if query.name == self._before:
            self._reached.set()
            await self._go_on.wait()
        return await self._tx.fetch(query, rows, **params)


@pytest.mark.parametrize("committed", [True, False])
async def test_two_nodes_that_found_the_same_notice_do_not_both_claim_it(postgres_url: str, committed: bool) -> None:
    async with opened(postgres_url) as world:
        shop = await world.merchant("http://127.0.0.1:9/")
        await world.put(notice(shop.merchant_id, 1))
        reached, go_on, end = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(tx: Tx) -> list[Claimed]:
            return (await store.claim(Pausing(tx, "lease", reached, go_on), [ALL], world.clock.now()))[0]

        async def quick(tx: Tx) -> list[Claimed]:
            found = (await store.claim(tx, [ALL], world.clock.now()))[0]
            if not committed:
                go_on.set()
                await end.wait()
            return found

        first = asyncio.create_task(world.storage.write(slow))
        await reached.wait()
        second = asyncio.create_task(world.storage.write(quick))
        if committed:
            await second
            go_on.set()
        assert await first == []  # at once: a node does not wait for another's lock
        end.set()
        assert [claimed.payment_id for claimed in await second] == [1]


async def test_a_lease_that_ran_out_is_anothers_and_its_late_answer_changes_nothing(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    [lost] = await world.writer.submit(store.claim, ALL)
    world.clock.offset += 60 * MINUTE  # a moved sandbox clock ends no lease
    assert await world.writer.submit(store.claim, ALL) == []
    real = Clock.wall
    monkeypatch.setattr(Clock, "wall", staticmethod(lambda: real() + 21_000))
    async with world.node() as node:
        await node.drained()
    assert receiver.deliveries() == ["d-1-paid"]
    assert await world.writer.submit(store.record, answered(lost, accepted=False)) is False
    assert (await world.states(), len(await world.rows(q.answers))) == ([("d-1-paid", "delivered")], 1)


def answered(claimed: Claimed, *, accepted: bool) -> Answered:
    return Answered(
        id=claimed.id,
        payment_id=claimed.payment_id,
        leased_until=claimed.leased_until,
        url=claimed.url,
        accepted=accepted,
        status=200 if accepted else 500,
        answer="",
        error=None if accepted else "HTTP 500",
        took_ms=1,
        delays_s=(60,),
        scale=Decimal(1),
    )


async def test_recording_twice_changes_nothing(world: World) -> None:
    shop = await world.merchant("http://127.0.0.1:9/")
    await world.put(notice(shop.merchant_id, 1))
    [claimed] = await world.writer.submit(store.claim, ALL)
    one = answered(claimed, accepted=False)
    assert await asyncio.gather(*(world.writer.submit(store.record, one) for _ in range(2))) == [True, False]
    assert await world.writer.submit(store.record, one) is False
    [row] = await world.rows(q.notices)
    assert (row["tries"], row["state"], len(await world.rows(q.answers))) == (1, "waiting", 1)


async def test_a_notice_written_while_its_predecessor_ends_is_released(postgres_url: str) -> None:
    """The race that would leave it waiting for ever: each side sees the other's change only after it committed its own."""
    async with opened(postgres_url) as world:
        shop = await world.merchant("http://127.0.0.1:9/")
        for payment in range(1, 31):
            await world.put(notice(shop.merchant_id, payment, "paid"))
        claimed = await world.writer.submit(store.claim, store.Claim(limit=256, room_each=256, lease_ms=20_000))
        storage = storage_for(postgres_url)
        await storage.open()
        other = Watched(storage, world.clock)
        try:
            await asyncio.gather(
                *(world.put(notice(shop.merchant_id, payment, "settled")) for payment in range(1, 31)),
                *(other.submit(store.record, answered(one, accepted=True)) for one in claimed),
            )
        finally:
            await storage.close()
        assert [(row["payment_id"], row["word"]) for row in await world.rows(q.due)] == [(payment, "settled") for payment in range(1, 31)]


async def test_who_changes_a_payments_notices_waits_for_who_is_changing_them(postgres_url: str) -> None:
    async with opened(postgres_url) as world:
        shop = await world.merchant("http://127.0.0.1:9/")
        await world.put(notice(shop.merchant_id, 1, "paid"))
        [claimed] = await world.writer.submit(store.claim, ALL)
        locked, go_on = asyncio.Event(), asyncio.Event()

        async def slow_put(tx: Tx) -> None:
            await order.lock(tx, [1])
            locked.set()
            await go_on.wait()
            await outbox.put(tx, [notice(shop.merchant_id, 1, "settled")], world.clock.now())

        putting = asyncio.create_task(world.storage.write(slow_put))
        await locked.wait()
        recording = asyncio.create_task(world.writer.submit(store.record, answered(claimed, accepted=True)))
        await asyncio.wait([recording], timeout=0.1)
        assert not recording.done()
        go_on.set()
        await asyncio.gather(putting, recording)
        assert [row["word"] for row in await world.rows(q.due)] == ["settled"]


PROCESS = """
import asyncio, sys
from tests.webhooks.world import World
from paymux.storage.connect import storage_for

async def main():
    storage = storage_for(sys.argv[1])
    await storage.open()
    async with World(sys.argv[1], storage).node() as node:
        await node.drained()
        print("lives", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(("seam", "sent_before"), [("notice.before_send", 0), ("notice.after_send", 1)])
async def test_a_process_that_is_killed_around_the_sending_loses_nothing(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, seam: str, sent_before: int
) -> None:
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    environment = {**os.environ, "PAYMUX_TEST_CRASH_AT": seam, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, world.url, env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert (process.returncode, printed) == (-signal.SIGKILL, b"")
    assert len(receiver.requests) == sent_before
    async with world.node() as node:
        await node.drained()
        assert len(receiver.requests) == sent_before  # the dead one's lease still holds
        real = Clock.wall
        monkeypatch.setattr(Clock, "wall", staticmethod(lambda: real() + 21_000))
        await node.drained()
    assert receiver.deliveries() == ["d-1-paid"] * (sent_before + 1)
    assert len({request.body for request in receiver.requests}) == 1
    assert await world.states() == [("d-1-paid", "delivered")]


async def test_a_resend_during_a_delivery_keeps_the_order(world: World) -> None:
    shop = await world.merchant("http://127.0.0.1:9/")
    await world.put(notice(shop.merchant_id, 1, "paid"))
    [first] = await world.writer.submit(store.claim, ALL)
    await world.writer.submit(store.record, answered(first, accepted=True))
    await world.put(notice(shop.merchant_id, 1, "settled"))
    [second] = await world.writer.submit(store.claim, ALL)  # on its way
    await world.writer.submit(resend.resend_page, resend.Resend(merchant_id=shop.merchant_id, notice_id=first.id))
    assert await world.writer.submit(store.record, answered(second, accepted=False)) is True
    assert [row["word"] for row in await world.rows(q.due)] == ["paid"]
    [again] = await world.writer.submit(store.claim, ALL)
    assert (again.word, again.delivery, again.body) == ("paid", first.delivery, first.body)
