"""Whatever shops, buyers, banks and the clock do, in whatever order, for every API: the books hold after each step, success stays, and each
word is told once."""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paymux.cli.refund import _refund
from paymux.cli.run import Declined
from paymux.cli.sandbox import _report
from paymux.errors import SettingsError
from tests.databases import apart, sqlite_url
from tests.node import LiveNode, serving
from tests.receiver import Receiver
from tests.wires import WIRES, each
from tests.wires.wire import Opened, Wire, WireShop

REFUNDS = ("1", "10", None, "20", "20.91", "30")
OUTCOMES = ("paid", "declined", "pending", "paid", "review", "expired", "settled")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(0, 8)),
        st.tuples(st.just("pay"), st.integers(0, 8)),
        st.tuples(st.just("report"), st.integers(0, 80)),
        st.tuples(st.just("refund"), st.integers(0, 80)),
        st.tuples(st.just("time"), st.sampled_from([1, 61, 1_801, 90_000])),
    ),
    max_size=14,
)


async def story(database_url: str, wire: Wire, steps: list[tuple[str, int]]) -> None:
    with Receiver(signed=wire.signed) as receiver:
        async with serving(database_url, rate_limits=False) as live:
            shop = wire.shop(live.url, await wire.join(live.core, receiver.hook))
            opened: dict[str, tuple[Opened, int]] = {}
            paid: set[str] = set()
            for step, value in [("open", 0), *steps]:
                await take(live, wire, shop, opened, step, value)
                await live.assert_books_hold()
                for ref, (one, _) in opened.items():
                    standing = await asyncio.to_thread(shop.ask, ref)
                    assert standing.amount in (one.amount, None)
                    assert standing.word == wire.paid or ref not in paid or wire.goes_on, f"{ref} was paid, and is {standing.word}"
                    paid |= {ref} if standing.word == wire.paid else set()
            told = await asyncio.to_thread(everything_told, receiver, shop, paid, wire.paid)
            shop.close()
    assert set(told.values()) <= {1}, "a word was told twice"


def everything_told(receiver: Receiver, shop: WireShop, paid: set[str], word: str) -> "Counter[tuple[str, str]]":
    receiver.wait_for(lambda: {(ref, word) for ref in paid} <= set(map(shop.told, receiver.deliveries)))
    return Counter(map(shop.told, receiver.deliveries))


async def take(live: LiveNode, wire: Wire, shop: WireShop, opened: dict[str, tuple[Opened, int]], step: str, value: int) -> None:
    ref, (_, number) = list(opened.items())[value % len(opened)] if opened else ("", (None, 0))
    if step == "open":
        made = await asyncio.to_thread(shop.open, value)
        if made is not None:
            opened[made.ref] = made, value
    elif step == "pay":
        try:
            await asyncio.to_thread(shop.pay, ref, number)
        except AssertionError:  # the payment is over: its page says so
            return
    elif step == "report":
        try:
            await _report(f"{wire.name}:{ref}", OUTCOMES[value // 9 % len(OUTCOMES)], None, live.core)
        except Declined:
            return
    elif step == "refund":
        try:
            await _refund(f"{wire.name}:{ref}", f"R-{value % 7}", REFUNDS[value // 9 % len(REFUNDS)], live.core)
        except (Declined, SettingsError):  # refused; or an API whose payments are none of the core's
            return
    else:
        await live.advance_clock(value)
        await live.sweep()
        await live.node.outbound.duty()


@pytest.mark.parametrize("wire", WIRES, ids=each)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@example([("pay", 0), ("time", 61), ("report", 54), ("time", 90_000), ("report", 0)])
@example([("pay", 0), ("refund", 0), ("refund", 1), ("time", 61), ("report", 54), ("refund", 20), ("time", 61), ("refund", 80)])
@example([("time", 1_801), ("time", 90_000), ("report", 0), ("open", 1), ("report", 37), ("report", 9), ("report", 1)])
@example([("time", 90_000), ("open", 0), ("report", 0), ("open", 0), ("time", 90_000), ("report", 1)])  # late money beside a newer payment
@example([("report", 0), ("refund", 36), ("time", 1), ("time", 61)])  # an amount that cannot be given back
@given(STEPS)
def test_whatever_happens_the_books_hold_and_success_stays(wire: Wire, steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        apart(lambda: story(sqlite_url(Path(folder) / "paymux.db"), wire, steps))
