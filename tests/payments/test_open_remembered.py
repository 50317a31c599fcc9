"""Opening payments for callers who were judged by what was remembered: one statement for a whole batch, or nothing that was not true."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from paymux.merchants.directory import Found, Platform, Remembered
from paymux.payments.model import OpenPayment
from paymux.payments.open import Opened, open_remembered
from paymux.storage import installation
from paymux.storage.query import Tx
from tests.payments.samples import wish
from tests.payments.stage import Stage

KEYED = wish(order_ref="A-1", repeat_key="key-1", note="dropped: y")


def remembered(node: Stage, version: str) -> Remembered:
    return Remembered(Found(None, Platform(version, True, ()), node.now), version)


async def opened(node: Stage, wishes: Sequence[OpenPayment], version: str | None = None) -> list[Opened | None]:
    """In one batch, if nothing else runs."""
    now = (await node.storage.read(installation.facts))["version"]
    known = remembered(node, version or now)
    verb = partial(open_remembered, node.door)
    return list(await asyncio.gather(*(node.writer.submit(verb, (known, one)) for one in wishes)))


def ids(found: Sequence[Opened | None]) -> list[int | None]:
    return [one.payment.id if one is not None else None for one in found]


async def test_they_are_stored_as_they_were_wished_with_dense_ids(stage: Stage) -> None:
    for number in range(3):
        found = await opened(stage, [replace(KEYED, order_ref=f"A-{number}-{one}") for one in range(3)])
        assert ids(found) == [3 * number + 1, 3 * number + 2, 3 * number + 3]
        assert [one.payment for one in found if one] == [await stage.payment(one.payment.id) for one in found if one]
    assert await stage.rows("SELECT payment_id, version, event, why FROM history ORDER BY 1") == [
        (number, 1, "created", "dropped: y") for number in range(1, 10)
    ]
    assert await stage.faults() == []


async def test_what_was_judged_by_something_older_is_left_to_others(stage: Stage) -> None:
    await opened(stage, [wish()])
    assert ids(await opened(stage, [wish(), wish()], version="0")) == [None, None]
    assert ids(await opened(stage, [wish()])) == [2]
    assert await stage.rows("SELECT count(*) FROM history") == [(2,)]


async def test_a_repeat_is_left_to_others_and_harms_nobody_in_its_batch(stage: Stage) -> None:
    assert ids(await opened(stage, [KEYED])) == [1]
    assert ids(await opened(stage, [wish(), KEYED, wish()])) == [2, None, 3]
    other = replace(KEYED, order_ref="A-2")
    found = ids(await opened(stage, [other, wish(), other]))
    assert [found[0], found[2]].count(None) == 1
    assert len([one for one in found if one]) == 2
    assert await stage.faults() == []


async def test_two_nodes_that_take_turns_and_race_give_out_each_id_once(stage: Stage, second: Stage) -> None:
    for turn in range(3):
        assert ids(await opened((stage, second)[turn % 2], [wish()])) == [turn + 1]
    both = await asyncio.gather(*(opened(node, [wish() for _ in range(100)]) for node in (stage, second)))
    assert sorted(one or 0 for found in both for one in ids(found)) == list(range(4, 204))
    assert await stage.faults() == []


async def test_ids_stay_dense_after_a_transaction_that_was_undone(stage: Stage) -> None:
    async def undone(tx: Tx) -> None:
        known = remembered(stage, (await installation.facts(tx))["version"])
        assert ids(await open_remembered(stage.door, tx, [(known, wish()), (known, wish())], stage.now)) == [1, 2]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stage.storage.write(undone)
    [found] = ids(await opened(stage, [wish()]))
    assert found == (1 if stage.storage.engine == "sqlite" else 3)  # PostgreSQL's sequence never goes back
