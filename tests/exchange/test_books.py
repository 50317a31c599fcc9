"""The books over random lives of orders: in, out, fee, rounding and commission add up at every end, and no inventory is below zero.

One direction floats and its rate moves all the time; money comes short, in full, too much and too late.
"""

import asyncio
import random
from functools import partial
from typing import Any

import msgspec

from paymux.errors import Refused
from paymux.exchange import store
from paymux.exchange.change import Late, Receipt, Step
from paymux.exchange.lifecycle import Actor, Status
from paymux.exchange.model import Floating
from paymux.exchange.setup import Stock, put_directions, stock
from tests.exchange.shop import CARD, EMAIL, PURSE, R1, R2, R3, WALLET, exchanging

ORDERS, BATCH = 2000, 100
FILLED = {"WMZ": 2_000_000, "SBERRUB": 25_000_000, "USDTTRC20": 20_000_000}
WISHES = ((R1, [PURSE], [EMAIL], 0.05, 40), (R2, [CARD], [], 10, 3000), (R3, [WALLET], [], 0.0005, 0.9))


def wish(dice: random.Random) -> dict[str, Any]:
    route, to_values, route_values, low, high = dice.choice(WISHES)
    found = {"routeId": route, "amount": f"{dice.uniform(low, high):.8f}", "toValues": to_values, "routeValues": route_values}
    return {**found, "agreement": True, "partner": dice.choice(["", "example-partner"])}


async def test_thousands_of_random_orders_leave_books_that_add_up(database_url: str) -> None:
    dice = random.Random(1409)
    async with exchanging(database_url) as exchange:
        writer, core = exchange.live.core.writer, exchange.live.core
        uids: list[int] = []
        direction = (await core.reader.submit(core.shelf.read, None)).directions[R1]
        for turn in range(ORDERS // BATCH):
            rate = f"{dice.uniform(100, 200):.5f}"
            floating = msgspec.structs.replace(direction, rate_out=rate, fee=f"{dice.uniform(0, 2):.2f}", floating=Floating())
            assert await writer.submit(put_directions, floating) is None
            answers = await asyncio.gather(*(exchange.post("public/exchanger/order/create", wish(dice)) for _ in range(BATCH)))
            uids += [answer["data"]["uid"] for answer in answers if answer["success"]]
            paid = dice.sample(uids, min(len(uids), BATCH))
            orders = await core.storage.read(partial(store.find, uids=paid))
            receipts = [Receipt(f"{turn}:{uid}", max(1, orders[uid].in_units + dice.choice([0, 0, 0, -1, 7]))) for uid in paid]
            steps = [Step(uid=uid, actor=Actor.PROVIDER, receipt=one) for uid, one in zip(paid, receipts, strict=True)]
            await asyncio.gather(*(writer.submit(core.exchange.change, step) for step in steps))
            for ends, many in ((list(Status), BATCH), ([Status.DONE, Status.RETURNED, Status.IN_PROGRESS_PAYOUT], BATCH // 2)):
                some = dice.sample(uids, min(len(uids), many))
                await asyncio.gather(*(exchange.step(uid, dice.choice(ends)) for uid in some))
            for code, units in FILLED.items():
                await writer.submit(stock, Stock(key=f"turn {turn} {code}", code=code, units=units))
        for code in ("WMZ", "SBERRUB", "USDTTRC20", "ETH", "BTC"):
            assert await exchange.inventory(code) >= 0
        assert len(uids) > ORDERS // 4
        found = await core.storage.read(lambda tx: store.find(tx, uids))
        late = [uid for uid, order in found.items() if order.late_units and order.status is not Status.DELETED]
        assert len(late) > 10
        for uid in late:
            step = Step(uid=uid, actor=Actor.OPERATOR, late=dice.choice(list(Late)))
            assert not isinstance(await writer.submit(core.exchange.change, step), Refused)
