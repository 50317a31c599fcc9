"""A bank that took an order, or not, and does not say so: the payer is never told to begin again."""

import asyncio

import pytest

from paymux.http.call import Call, Reply, Unreachable
from paymux.providers.sandbox.firms import BANK
from tests.etpay_shop import CODE, EtpayShop, etpay_shop
from tests.node import LiveNode


@pytest.fixture
async def shop(live: LiveNode) -> EtpayShop:
    return await etpay_shop(live)


def silent(live: LiveNode, monkeypatch: pytest.MonkeyPatch, method: str, ending: str) -> None:
    """From now on the bank does not answer this call."""
    known = live.node.sends[BANK]

    async def send(call: Call) -> Reply | Unreachable:
        if call.method == method and call.url.endswith(ending):
            return Unreachable("timeout", "the bank: no complete reply within 10 s", sent=True)
        return await known(call)

    monkeypatch.setitem(live.node.sends, BANK, send)
    monkeypatch.setattr(live.node.transfers, "_send", send)


async def test_who_answered_the_last_question_is_not_asked_for_a_bank_again_while_the_outcome_is_not_known(
    shop: EtpayShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await shop.create()
    await session.to_the_last_question()
    silent(shop.live, monkeypatch, "GET", "")
    await session.step(action="answer", number="1", value=CODE)
    assert await session.state() in ("unclear", "paid"), "the bank took the order; its callback may have come by now"
    page = (await session.get()).text
    assert "Elija su banco" not in page
    await session.identify()
    assert "Elija su banco" not in (await session.get()).text
    async with asyncio.timeout(10):
        while await session.state() != "paid":  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.01)
    assert [row["word"] for row in await shop.live.notices(await session.id())] == ["success"]
    await shop.live.assert_books_hold()


async def test_a_cancel_that_the_bank_does_not_confirm_says_so_where_the_payer_stands(
    shop: EtpayShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await shop.create()
    await session.to_the_last_question()
    silent(shop.live, monkeypatch, "POST", "/cancel")
    await session.step(action="cancel")
    assert await session.state() == "awaiting"
    page = (await session.get()).text
    assert "No pudimos hablar con el banco. No se cobró nada." in page
    assert 'name="number" value="1"' in page, "the question that was open"
    monkeypatch.undo()
    await session.step(action="cancel")
    assert await session.state() == "failed"


async def test_an_order_that_the_bank_took_and_the_company_does_not_know_of_yet_is_a_doubt(live: LiveNode) -> None:
    session = await (await etpay_shop(live, currency="MXN")).create(order_amount="9000.11")  # its money comes two hours later, by itself
    await session.identify(bank="mx_test", rut="usuario")
    assert await session.state() == "unclear"
    page = (await session.get()).text
    assert "Elija su banco" not in page
    assert "No pague otra vez" in page
