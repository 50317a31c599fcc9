"""Money that comes oddly: after an order's end, under another's name; and payouts that a person stops half-way. On both engines."""

import asyncio

import pytest

from paymux.errors import Refusal, Refused
from paymux.exchange.change import Changed, Late, Receipt, Step
from paymux.exchange.lifecycle import Actor, Payout, Status
from paymux.exchange.model import Order
from paymux.exchange.story import waiting
from paymux.providers.protocol import Remittance, Remitted
from paymux.providers.sandbox.house.cashier import Cashier
from tests.exchange.shop import WISH_R3, Exchange, until

S = Status


async def test_money_of_an_order_that_ended_unpaid_waits_for_a_person_who_takes_it_up_again(exchange: Exchange) -> None:
    core = exchange.live.core

    async def paid(uid: int, units: int) -> None:
        step = Step(uid=uid, actor=Actor.PROVIDER, receipt=Receipt(f"chain:{uid}:{units}", units))
        assert isinstance(await core.writer.submit(core.exchange.change, step), Changed)

    async def listed(uid: int) -> str | None:
        rows = await core.storage.read(lambda tx: waiting(tx, 100))
        return next((row["late"] for row in rows if row["uid"] == uid), None)

    cancelled, expired = (await exchange.create())["uid"], (await exchange.create())["uid"]
    await exchange.step(cancelled, S.DELETED)
    assert await listed(cancelled) is None
    await paid(cancelled, 150_000_000)
    await paid(expired, 50_000_000)  # short
    await exchange.step(expired, S.WAIT_PAYMENT)  # a person lets the client send the rest, which never comes
    await exchange.live.advance_clock(3601)
    await exchange.sweep()
    await exchange.live.reset_clock()
    for uid, late in ((cancelled, "1.50000000"), (expired, "0.50000000")):
        assert ((await exchange.stored(uid)).status, await listed(uid)) == (S.DELETED, late)
        alone = Step(uid=uid, actor=Actor.OPERATOR, late=Late.RETURN)
        assert isinstance(await core.writer.submit(core.exchange.change, alone), Refused), "it is the order's own"
    await exchange.prove()
    await exchange.step(expired, S.IN_PROGRESS)
    await exchange.step(expired, S.RETURNED)
    await exchange.step(cancelled, S.IN_PROGRESS)
    await paid(cancelled, 50_000_000)
    await until(exchange, cancelled, S.IN_PROGRESS_PAYOUT)
    await exchange.step(cancelled, S.DONE)
    for uid, status in ((cancelled, S.DONE), (expired, S.RETURNED)):
        assert ((await exchange.stored(uid)).status, await listed(uid)) == (status, None)
    await exchange.prove()


async def test_one_name_of_money_is_not_counted_for_two_orders_and_that_is_said(exchange: Exchange) -> None:
    change = exchange.live.core.exchange.change
    one, other = (await exchange.create())["uid"], (await exchange.create())["uid"]
    receipt = Receipt(f"chain:tx of {one}", 200_000_000)
    steps = [Step(uid=uid, actor=Actor.PROVIDER, receipt=receipt) for uid in (one, one, other)]
    first, again, refused = await asyncio.gather(*(exchange.live.core.writer.submit(change, step) for step in steps))
    assert isinstance(first, Changed)
    assert isinstance(again, Changed)
    assert (first.repeated, again.repeated) == (False, True)
    late = await exchange.live.core.writer.submit(change, steps[2])
    for answer in (refused, late):
        assert isinstance(answer, Refused)
        assert answer.has(Refusal.DUPLICATE_REFERENCE)
        assert f"order {one}:" in answer.detail
    assert (await exchange.stored(other)).received_units == 0


async def test_of_an_order_on_hold_nothing_is_sent_that_had_not_left_before(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, send, away = [], Cashier.send, True

    async def sending(cashier: Cashier, order: Remittance) -> Remitted:
        if away:
            raise OSError("the network is away")
        sent.append(order.operation_key)
        return await send(cashier, order)

    async def until_payout(payout: Payout) -> Order:
        for _ in range(1000):
            if (found := await exchange.stored(uid)).payout is payout:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"the payout of {uid} did not become {payout}")

    monkeypatch.setattr(Cashier, "send", sending)
    order = await exchange.create(WISH_R3, amount="-100.5")
    uid = order["uid"]
    await exchange.report(uid, "paid")
    await until_payout(Payout.STARTED)
    assert isinstance(await exchange.step(uid, S.HOLD), Changed)
    away = False
    await exchange.live.advance_clock(30)
    try:
        dead = await until_payout(Payout.DEAD)
    finally:
        await exchange.live.reset_clock()
    assert (dead.status, dead.reserved_units, sent) == (S.HOLD, 10050, [])
    assert isinstance(await exchange.step(uid, S.IN_PROGRESS_PAYOUT), Changed), "the person lets it go"
    await until(exchange, uid, S.DONE)
    assert len(sent) == 1
    await exchange.prove()
