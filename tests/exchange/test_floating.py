"""Rates that float until the money is there, what a direction offers of the reserve, and money that comes after the end."""

import asyncio
import random
from fractions import Fraction
from math import floor

import msgspec
import pytest

from paymux.errors import Refused
from paymux.exchange.change import Changed, Late, Receipt, Step
from paymux.exchange.floating import priced
from paymux.exchange.lifecycle import Actor, Status
from paymux.exchange.model import Direction, Floating
from paymux.exchange.setup import put_directions
from tests.exchange.shop import R1, WISH, Exchange, Forms, error, exchanging

S = Status


async def set_up(exchange: Exchange, **changes: object) -> Direction:
    """R1 with changes."""
    core = exchange.live.core
    catalogue = await core.reader.submit(core.shelf.read, None)
    direction: Direction = msgspec.structs.replace(catalogue.directions[R1], **changes)
    assert await core.writer.submit(put_directions, direction) is None
    return direction


async def test_a_rate_floats_until_the_money_is_there_and_is_fixed_then(exchange: Exchange, shop: Forms) -> None:
    fixed = await exchange.create()
    await set_up(exchange, floating=Floating())
    try:
        route = (await exchange.get("public/exchanger/route/get/one", id=R1))["data"]["route"]
        assert (route["rate"]["typeCalculate"], route["rate"]["changePercentReCalculate"]) == ("float", 0)
        order = await exchange.create(ipnUrl=shop.hook, ipnSecret="s")
        other = await exchange.create()
        await set_up(exchange, floating=Floating(), rate_out="150", fee="1")
        seen = await exchange.read(order)
        assert (seen["inAmount"], seen["outAmount"], seen["rate"], seen["rateTypeCalculate"]) == (2, 299, 150, "float")
        assert (await exchange.read(fixed))["outAmount"] == 317.42, "made before: it keeps its rate"
        assert "299" in (await exchange.live.http.get(f"/en/order/{order['uid']}/{order['secret']}")).text
        await exchange.lead(order, "waitPayment")
        await set_up(exchange, floating=Floating(), rate_out="160", fee="0")
        assert (await exchange.read(order))["outAmount"] == 320
        assert isinstance(await exchange.report(order["uid"], "paid"), Changed)
        await set_up(exchange, floating=Floating(), rate_out="100")
        assert (await exchange.read(order))["outAmount"] == 320, "fixed when the money came"
        assert isinstance(await exchange.step(order["uid"], S.DONE), Changed)
        moved = {row["reason"]: row["amount_units"] for row in (await exchange.story(order["uid"]))["transfers"]}
        assert moved["exchange.paid_out"] == 32_000
        await exchange.lead(other, "waitPayment")
        await exchange.lead(other, "inProgress")
        await set_up(exchange, floating=Floating(), rate_out="90")
        assert (await exchange.read(other))["outAmount"] == 200, "fixed when the client said that it is paid"
        story = (await exchange.story(other["uid"]))["history"]
        assert "the rate is fixed at 1 ETH = 100 WMZ: 200" in [row["why"] for row in story]
    finally:
        await set_up(exchange, floating=None, rate_out="158.71", fee="0")
    words = ["waitPayment", "inProgressPayout", "done"]
    await asyncio.to_thread(shop.wait_for, lambda: shop.statuses(order["uid"]) == words)
    assert [told["outAmount"] for told in shop.told] == ["299", "320", "320"], "each as the order was read then"
    await exchange.prove()


async def test_a_direction_that_is_closed_when_the_money_comes_leaves_the_last_rate_in_force(exchange: Exchange) -> None:
    await set_up(exchange, floating=Floating())
    order = await exchange.create()
    try:
        await set_up(exchange, floating=Floating(), rate_out="1", active=False)
        changed = await exchange.report(order["uid"], "paid")
        assert isinstance(changed, Changed)
        assert changed.order.out_units == 31742
    finally:
        await set_up(exchange, floating=None, rate_out="158.71", active=True)


async def test_an_order_that_waits_for_its_payment_again_floats_again_unless_money_came(exchange: Exchange) -> None:
    await set_up(exchange, floating=Floating())
    unpaid, short = await exchange.create(skipPreview=True), await exchange.create(skipPreview=True)
    try:
        await exchange.step(unpaid["uid"], S.ERROR_PAYMENT)
        await exchange.report(short["uid"], "paid", 100)
        for order in (unpaid, short):
            assert isinstance(await exchange.step(order["uid"], S.WAIT_PAYMENT), Changed)
        await set_up(exchange, floating=Floating(), rate_out="100")
        assert [(await exchange.read(order))["outAmount"] for order in (unpaid, short)] == [200, 317.42]
    finally:
        await set_up(exchange, floating=None, rate_out="158.71")


@pytest.mark.parametrize(
    ("terms", "rate_out", "out"),
    [
        (Floating(down_percent="1"), "157.5", 31742), (Floating(down_percent="1"), "150", 30000),
        (Floating(up_percent="1"), "160", 31742), (Floating(up_percent="1"), "161", 32200),
        (Floating(up_limit_percent="10"), "200", 34916), (Floating(up_limit_percent="10"), "1", 200),
    ],
)  # fmt: skip
async def test_thresholds_and_the_limit_above_the_first_rate(exchange: Exchange, terms: Floating, rate_out: str, out: int) -> None:
    core = exchange.live.core
    await set_up(exchange, floating=terms)
    try:
        order = await exchange.stored((await exchange.create())["uid"])
        await set_up(exchange, floating=terms, rate_out=rate_out)
        catalogue = await core.reader.submit(core.shelf.read, None)
        found = priced(order, catalogue)
        assert found.out_units == out
        assert priced(found, catalogue) is found, "followed once"
    finally:
        await set_up(exchange, floating=None, rate_out="158.71")


async def test_the_books_stay_exact_over_many_rates(database_url: str) -> None:
    dice = random.Random(7)
    async with exchanging(database_url) as exchange:
        for _ in range(25):
            made = [await exchange.create(amount=f"{dice.uniform(0.05, 2):.8f}") for _ in range(4)]
            await set_up(exchange, floating=Floating(), rate_out=f"{dice.uniform(100, 200):.7f}", fee=f"{dice.uniform(0, 1):.2f}")
            for order in made:
                assert isinstance(await exchange.report(order["uid"], "settled"), Changed)
                stored = await exchange.stored(order["uid"])
                k = Fraction(stored.details.rate_in) / Fraction(stored.details.rate_out)
                exact = floor((Fraction(stored.in_units, 10**8) / k - Fraction(stored.details.fee)) * 100)
                assert stored.out_units == exact


async def test_a_direction_offers_a_part_of_the_reserve(exchange: Exchange) -> None:
    direction = await set_up(exchange, reserve="300")
    try:
        assert error(await exchange.post("public/exchanger/order/create", WISH)) == (9951545348963164, {"max": 300})
        assert (await exchange.create(amount="-300"))["outAmount"] == 300
        listed = (await exchange.get("public/exchanger/route-v2/get"))["data"]
        route = next(one for one in listed["routes"] if one["routeId"] == R1)
        assert listed["currencies"][route["to"]]["reserveAmount"] + route["reserveAmountAdditional"] == 300
        item = next(one for one in (await exchange.live.http.get("/service/export/json")).json() if one["from"] == "ETH")
        assert item["amount"] == "300"
    finally:
        await set_up(exchange, reserve="")
    core = exchange.live.core
    for wrong in ({"reserve": "1/3"}, {"floating": Floating(up_percent="-1")}, {"rate_out": "1e5"}, {"min": " 1"}):
        assert isinstance(await core.writer.submit(put_directions, msgspec.structs.replace(direction, **wrong)), Refused)


async def test_money_after_the_end_is_returned_or_accepted_once_by_a_person(exchange: Exchange) -> None:
    before = await exchange.inventory("ETH")
    for decision, more in ((Late.RETURN, 0), (Late.ACCEPT, 77)):
        order = await exchange.create()
        uid = order["uid"]
        await exchange.report(uid, "settled")
        undecided = await exchange.live.core.writer.submit(
            exchange.live.core.exchange.change, Step(uid=uid, actor=Actor.OPERATOR, late=decision)
        )
        assert isinstance(undecided, Refused), "there is none"
        receipt = Step(uid=uid, actor=Actor.PROVIDER, receipt=Receipt(f"late:{uid}", 77))
        await exchange.live.core.writer.submit(exchange.live.core.exchange.change, receipt)
        assert (await exchange.stored(uid)).late_units == 77
        step = Step(uid=uid, actor=Actor.OPERATOR, late=decision, why="the client wrote")
        decided = await exchange.live.core.writer.submit(exchange.live.core.exchange.change, step)
        assert isinstance(decided, Changed)
        assert (decided.order.late_units, decided.order.status) == (0, S.DONE)
        assert isinstance(await exchange.live.core.writer.submit(exchange.live.core.exchange.change, step), Refused), "once"
        last = (await exchange.story(uid))["history"][-1]
        assert (last["actor"], last["why"]) == ("operator", f"late money, {decision}: 0.00000077 ETH. the client wrote")
        assert await exchange.inventory("ETH") == before + 200_000_000 + more
        before += 200_000_000 + more
    await exchange.prove()
