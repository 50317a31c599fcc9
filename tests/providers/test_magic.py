"""Each magic amount does what the table says, through the protocol alone."""

from typing import Any

import pytest

from paymux.clock import HOUR, MINUTE
from paymux.decline import DeclineReason
from paymux.money import Money, known
from paymux.providers.protocol import (
    Callback,
    Cancelled,
    Flagged,
    NotFound,
    NotSent,
    Pending,
    Received,
    Started,
    Turned,
    Unclear,
    Waiting,
)
from paymux.providers.sandbox.charge import Act, State
from paymux.providers.sandbox.magic import DECLINES, SCRIPTS, cents_of, documented, script_of
from tests.providers.town import ALDER, CEDAR, NOW, Town


def magic(cents: int) -> Money:
    return Money(900000 + cents, known("EUR"))


async def start(town: Town, cents: int, name: str = ALDER) -> Any:
    """Start by a magic amount, with little patience."""
    provider = town.provider(name)
    return await provider.start(town.order(name, amount=magic(cents)), provider.abilities.routes[0].slug, town.hurried)


async def ask(town: Town, name: str = ALDER) -> Any:
    return await town.provider(name).ask("op_1", town.send)


async def cancel(town: Town, name: str = ALDER) -> Any:
    return await town.provider(name).cancel("op_1", town.send)


def statuses(town: Town) -> list[Any]:
    assert all(isinstance(callback, Callback) and callback.operation_key == "op_1" for callback in town.heard)
    return [callback.status for callback in town.heard if callback]


def units(status: Any) -> list[int]:
    assert isinstance(status, Received)
    return [transfer.amount.units for transfer in status.transfers]


def test_only_these_amounts_are_magic() -> None:
    assert [cents_of(900000 + cents, 2) for cents in SCRIPTS] == list(SCRIPTS) == list(range(1, 40))
    for amount, exponent in ((900000, 2), (900040, 2), (9000, 0), (9000010, 3), (900101, 2), (1, 2), (800001, 2)):
        assert script_of(amount, exponent) is None
    assert documented()[0][0] == "9000.01"
    assert all(script.about.endswith(".") for script in SCRIPTS.values())


async def test_01_is_approved_by_a_callback_and_counted_once(town: Town) -> None:
    assert isinstance(await start(town, 1), Started)
    assert await town.duty()
    assert [units(status) for status in statuses(town)] == [[900001]]
    assert await town.duty() == 0
    assert (await ask(town)) == statuses(town)[0]


async def test_02_is_turned_down_at_the_start(town: Town) -> None:
    assert isinstance(await start(town, 2), Turned)
    assert isinstance(await ask(town), Turned)
    assert isinstance(await cancel(town), Turned)
    assert await town.duty() == 0


async def test_03_is_paid_for_who_asks_after_a_minute(town: Town) -> None:
    assert await start(town, 3) == Pending()
    town.now += MINUTE - 1
    assert await ask(town) == Pending()
    town.now += 1
    assert await town.duty() == 0
    assert units(await ask(town)) == [900003]
    assert await town.duty() == 0


async def test_04_stays_pending(town: Town) -> None:
    assert await start(town, 4) == Pending()
    town.now += 1000 * HOUR
    assert await town.duty() == 0
    assert await ask(town) == await cancel(town) == Pending()


async def test_05_never_answers_the_start_and_is_paid_for_who_asks_later(town: Town) -> None:
    answer = await start(town, 5, CEDAR)
    assert isinstance(answer, Unclear)
    assert not answer.odd
    assert await ask(town, CEDAR) == await cancel(town, CEDAR) == Pending()
    town.now += MINUTE
    assert await town.duty() == 0
    assert units(await ask(town, CEDAR)) == [900005]


async def test_05_can_be_given_up_where_a_start_moves_no_money(town: Town) -> None:
    assert isinstance(await start(town, 5), Unclear)
    assert await ask(town) == Waiting()
    assert await cancel(town) == Cancelled()
    town.now += HOUR
    assert await ask(town) == Cancelled()


async def test_06_never_answers_and_is_unknown_ever_after(town: Town) -> None:
    assert isinstance(await start(town, 6), Unclear)
    town.now += 24 * HOUR
    assert await ask(town) == await cancel(town) == NotFound()


async def test_07_answers_nonsense_and_is_open(town: Town) -> None:
    answer = await start(town, 7)
    assert isinstance(answer, Unclear)
    assert answer.odd
    assert await ask(town) == Waiting()
    assert isinstance(await start(town, 7), Started)  # the same start again


async def test_08_fails_and_is_paid_later(town: Town) -> None:
    answer = await start(town, 8)
    assert isinstance(answer, Unclear)
    assert answer.odd
    assert await cancel(town) == Pending()
    town.now += MINUTE
    await town.duty()
    assert [units(status) for status in statuses(town)] == [[900008]]


@pytest.mark.parametrize(("cents", "paid"), [(9, 450004), (10, 990011)])
async def test_09_and_10_pay_another_amount(town: Town, cents: int, paid: int) -> None:
    await start(town, cents)
    await town.duty()
    assert [units(status) for status in statuses(town)] == [[paid]]


async def test_11_pays_after_two_hours_and_cannot_be_cancelled(town: Town) -> None:
    assert isinstance(await start(town, 11), Started)
    town.now += 2 * HOUR - 1
    assert await town.duty() == 0
    assert await cancel(town) == await ask(town) == Waiting()
    town.now += 1
    await town.duty()
    paid = statuses(town)[0]
    assert units(paid) == [900011]
    assert paid.transfers[0].happened_at == NOW + 2 * HOUR


async def test_12_is_reported_twice_with_one_transfer(town: Town) -> None:
    await start(town, 12)
    await town.duty()
    first, second = statuses(town)
    assert first == second
    assert units(first) == [900012]


async def test_13_is_reported_out_of_order(town: Town) -> None:
    await start(town, 13)
    await town.duty()
    paid, late = statuses(town)
    assert units(paid) == [900013]
    assert late == Pending()
    assert await ask(town) == paid


async def test_14_is_flagged(town: Town) -> None:
    await start(town, 14)
    await town.duty()
    assert statuses(town) == [Flagged()]
    assert await ask(town) == await cancel(town) == Flagged()


async def test_15_answers_questions_with_nonsense_but_can_be_paid(town: Town) -> None:
    started = await start(town, 15)
    answer = await ask(town)
    assert isinstance(answer, Unclear)
    assert answer.odd
    assert (await town.charge(started.reference)).state is State.OPEN
    assert await cancel(town) == Cancelled()


async def test_16_is_declined_after_the_start(town: Town) -> None:
    assert isinstance(await start(town, 16), Started)
    await town.duty()
    assert [type(status) for status in statuses(town)] == [Turned]


async def test_20_to_38_are_declined_each_for_its_reason(town: Town) -> None:
    for cents in DECLINES:
        order = town.order(operation_key=f"op_{cents}", amount=magic(cents))
        assert isinstance(await town.provider().start(order, "alder", town.send), Started)
    await town.duty()
    said = {callback.operation_key: callback.status for callback in town.heard if callback}
    for cents, reason in DECLINES.items():
        turned = Turned(why="declined by the provider", decline_reason=reason)
        assert said[f"op_{cents}"] == await town.provider().ask(f"op_{cents}", town.send) == turned


def test_every_reason_but_none_has_its_amount() -> None:
    assert sorted(DECLINES.values()) == sorted(set(DeclineReason) - {DeclineReason.UNKNOWN})


async def test_17_is_paid_and_settled(town: Town) -> None:
    await start(town, 17)
    await town.duty()
    [status] = statuses(town)
    assert units(status) == [900017]
    assert status.settled_txid.startswith("0x")
    assert len(status.settled_txid) == 66


async def test_18_never_arrives(town: Town) -> None:
    assert isinstance(await start(town, 18), NotSent)
    assert await ask(town) == NotFound()


async def test_19_is_paid_even_if_it_was_given_up(town: Town) -> None:
    assert isinstance(await start(town, 19), Unclear)
    assert await cancel(town) == Waiting()
    town.now += MINUTE
    await town.duty()
    assert [units(status) for status in statuses(town)] == [[900019]]


@pytest.mark.parametrize(("cents", "paid"), [(1, [900001]), (9, [450004]), (12, [900012]), (17, [900017])])
async def test_a_direct_company_charges_in_its_answer_and_tells_it_by_callback_as_well(town: Town, cents: int, paid: list[int]) -> None:
    answer = await start(town, cents, CEDAR)
    assert units(answer) == paid
    assert await start(town, cents, CEDAR) == answer
    await town.duty()
    assert set(statuses(town)) == {answer}


async def test_every_script_ends_in_a_move_that_exists(town: Town) -> None:
    for cents in SCRIPTS:
        if cents in (5, 6, 18, 19):
            continue
        await town.provider().start(town.order(operation_key=f"op_{cents}", amount=magic(cents)), "alder", town.send)
    town.now += 3 * HOUR
    await town.duty()
    for cents, script in SCRIPTS.items():
        if script.kept and cents not in (5, 19):
            status = await town.provider().ask(f"op_{cents}", town.send)
            assert isinstance(status, Received) is (script.then not in (None, Act.REVIEW, Act.DECLINE)), cents
