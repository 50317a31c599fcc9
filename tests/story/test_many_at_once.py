"""Many at once, for every API: what is asked twice is not done twice, one payment is booked and told once. On both engines."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from paymux.cli.run import Declined
from paymux.cli.sandbox import _report
from tests.node import LiveNode, serving, together
from tests.receiver import Receiver
from tests.wires import WIRES, each
from tests.wires.wire import Opened, Wire, WireShop

T = TypeVar("T")
CROWD = 40


@pytest.fixture(scope="module")
async def loose(story_database: str) -> AsyncIterator[LiveNode]:
    """Without limits: what is tested is what happens behind them."""
    async with serving(story_database, rate_limits=False) as node:
        yield node


@pytest.fixture(params=WIRES, ids=each)
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def hook(wire: Wire) -> Iterator[Receiver]:
    with Receiver(signed=wire.signed) as receiver:
        yield receiver


@pytest.fixture
async def shop(wire: Wire, loose: LiveNode, hook: Receiver) -> AsyncIterator[WireShop]:
    shop = wire.shop(loose.url, await wire.join(loose.core, hook.hook))
    yield shop
    shop.close()


async def crowd(calls: list[Callable[[], T]]) -> list[T]:
    """All at once, each on a thread of its own; the node goes on here."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(len(calls)) as pool:
        return await asyncio.gather(*(loop.run_in_executor(pool, call) for call in calls))


async def opened(shop: WireShop, number: int) -> Opened:
    found = await asyncio.to_thread(shop.open, number)
    assert found is not None
    return found


async def test_the_same_request_many_times_at_once_makes_what_the_api_says(loose: LiveNode, wire: Wire, shop: WireShop) -> None:
    answers = await crowd([lambda: shop.open(7) for _ in range(CROWD)])
    refs = [answer.ref for answer in answers if answer is not None]
    made = {"same": (CROWD, 1), "new": (CROWD, CROWD), "refused": (1, 1)}[wire.repeats]
    assert (len(refs), len(set(refs))) == made
    await loose.assert_books_hold()


async def test_different_requests_at_once_are_kept_apart(loose: LiveNode, shop: WireShop) -> None:
    answers = await crowd([lambda number=number: shop.open(number) for number in range(CROWD)])  # type: ignore[misc]
    assert len({answer.ref for answer in answers if answer}) == CROWD
    standings = await crowd([lambda one=one: shop.ask(one.ref) for one in answers])  # type: ignore[misc]
    for answer, standing in zip(answers, standings, strict=True):
        assert answer is not None
        assert standing.amount in (answer.amount, None)


async def test_buyers_in_many_windows_pay_once_and_the_shop_is_told_once(
    loose: LiveNode, wire: Wire, shop: WireShop, hook: Receiver
) -> None:
    one = await opened(shop, 3)

    def pay() -> str:
        try:
            shop.pay(one.ref, 3)
        except AssertionError as refused:  # the payment was over when this window came
            return str(refused)
        return ""

    refused = await crowd([pay for _ in range(12)])
    assert "" in refused
    await asyncio.to_thread(hook.wait_for, lambda: bool(hook.deliveries))
    assert (await asyncio.to_thread(shop.ask, one.ref)).word == wire.paid
    await loose.assert_books_hold()
    assert [shop.told(delivery) for delivery in hook.deliveries] == [(one.ref, wire.paid)]


async def test_reports_that_contradict_each_other_at_once_leave_one_story(
    loose: LiveNode, wire: Wire, shop: WireShop, hook: Receiver
) -> None:
    refs = [answer.ref for answer in await crowd([lambda number=number: shop.open(number) for number in range(8)]) if answer]  # type: ignore[misc]

    async def report(ref: str, outcome: str) -> str:
        try:
            return (await _report(f"{wire.name}:{ref}", outcome, None, loose.core))["outcome"]
        except Declined:
            return "refused"

    outcomes = ("paid", "declined", "pending", "paid", "paid", "declined")
    await together([report(ref, outcome) for outcome in outcomes for ref in refs])
    await loose.assert_books_hold()
    words = {ref: (await asyncio.to_thread(shop.ask, ref)).word for ref in refs}
    paid = {ref for ref, word in words.items() if word == wire.paid}

    def told() -> set[str]:
        return {ref for ref, word in map(shop.told, hook.deliveries) if word == wire.paid}

    await asyncio.to_thread(hook.wait_for, lambda: paid <= told())
    assert paid == told()
    assert set(Counter(map(shop.told, hook.deliveries)).values()) == {1}, "a word was told twice"
