"""The books over random lives of orders: in, out, fee, rounding and commission add up at every end, and no inventory is below zero.

One direction floats and its rate moves all the time; money comes short, in full, too much and too late.
"""

import random

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
            for _ in range(BATCH):
                route, to_values, route_values, low, high = dice.choice(WISHES)
                amount = f"{dice.uniform(low, high):.8f}"
                wish = {"routeId": route, "amount": amount, "toValues": to_values, "routeValues": route_values, "agreement": True}
                answer = await exchange.post("public/exchanger/order/create", {**wish, "partner": dice.choice(["", "example-partner"])})
                if answer["success"]:
                    uids.append(answer["data"]["uid"])
            for uid in dice.sample(uids, min(len(uids), BATCH)):
                units = (await exchange.stored(uid)).in_units
                came = dice.choice([units, units, units, units - 1, units + 7])
                await writer.submit(
                    core.exchange.change, Step(uid=uid, actor=Actor.PROVIDER, receipt=Receipt(f"{turn}:{uid}", max(came, 1)))
                )
            for uid in dice.sample(uids, min(len(uids), BATCH)):
                await exchange.step(uid, dice.choice(list(Status)))
            for uid in dice.sample(uids, min(len(uids), BATCH // 2)):
                await exchange.step(uid, dice.choice([Status.DONE, Status.RETURNED, Status.IN_PROGRESS_PAYOUT]))
            for code, units in FILLED.items():
                await writer.submit(stock, Stock(key=f"turn {turn} {code}", code=code, units=units))
        for code in ("WMZ", "SBERRUB", "USDTTRC20", "ETH", "BTC"):
            assert await exchange.inventory(code) >= 0
        assert len(uids) > ORDERS // 4
        found = await core.storage.read(lambda tx: store.find(tx, uids))
        late = [uid for uid, order in found.items() if order.late_units]
        assert len(late) > 10
        for uid in late:
            step = Step(uid=uid, actor=Actor.OPERATOR, late=dice.choice(list(Late)))
            assert not isinstance(await writer.submit(core.exchange.change, step), Refused)
