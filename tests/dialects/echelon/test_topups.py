"""Top-ups: two sides, of which one is fixed and the other computed; what came is the merchant's, or is sent on."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymux.config import FX_RATES
from paymux.dialects.echelon import fields
from paymux.dialects.echelon.topup_wire import converted
from paymux.payouts.onward import send_on
from tests.dialects.echelon.merchant import Caller, newcomer, payin
from tests.node import LiveNode, together
from tests.webhooks.receiver import receiving

OFFLINE = {"paymentMethodCode": "OFFLINE"}
TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"
SETTLED = {
    "settlementMethodPaymentMethodCode": "CRYPTO_TRANSFER",
    "settlementMethodPaymentOperatorCode": "TRC20",
    "settlementMethodAcccountNumber": TRON,
}


def provided(amount: Any, code: str = "EUR", required: str = "INR") -> dict[str, Any]:
    return {"moneyProvided": {"amount": amount, "currencyCode": code}, "currencyRequired": required}


def required(amount: Any, code: str = "INR", paid_in: str = "EUR") -> dict[str, Any]:
    return {"moneyRequired": {"amount": amount, "currencyCode": code}, "currencyProvided": paid_in}


def topup(asked: dict[str, Any], method: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"topUpRequested": asked, "paymentMethod": method or OFFLINE, "returnUrl": "https://shop.example.com/back", **more}


def euros(amount: Any) -> dict[str, Any]:
    return {"amount": amount, "currencyCode": "EUR"}


def rupees(amount: Any) -> dict[str, Any]:
    return {"amount": amount, "currencyCode": "INR"}


async def test_what_the_customer_pays_is_fixed_and_the_merchant_gets_the_rest_rounded_down(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    async with receiving() as shop:
        answer = await someone.post("/topups/UP-1", topup(provided(99.99), callbackUrl=shop.url))
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["topUpRequested"] == provided(99.99)
        assert (made["moneyProvided"], made["moneyRequired"]) == (euros(99.99), rupees(8999))  # 90 INR a euro: 8999.1
        response = made["paymentMethodResponse"]
        assert (response["idTopUp"], response["money"]) == ("UP-1", euros(99.99))
        assert "idPayin" not in response
        await live.advance_clock(3)
        assert await someone.ends("/topups/UP-1") == "SUCCESS"
        assert [request.body for request in await shop.got(1)] == [b'{"idEntity":"UP-1"}']
    found = (await someone.get("/topups/UP-1")).json()
    assert set(found) == {"topUpRequested", "moneyProvided", "moneyRequired", "process", "fee", "paymentMethodResponse"}
    assert found["fee"] == rupees(45)  # the channel's 0.5 %: 44.995
    assert (await someone.balances())["INR"]["balance"] == pytest.approx(8954)
    assert (await someone.balances())["EUR"]["balance"] == 0
    await live.assert_books_hold()


async def test_what_the_merchant_gets_is_fixed_and_the_customer_pays_the_rest_rounded_up(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    made = (await someone.post("/topups/UP", topup(required(8999)))).json()
    assert (made["moneyProvided"], made["moneyRequired"]) == (euros(99.99), rupees(8999))  # 99.98888…
    await live.advance_clock(3)
    assert await someone.ends("/topups/UP") == "SUCCESS"
    assert (await someone.balances())["INR"]["balance"] == 8954
    await live.assert_books_hold()


async def test_without_a_conversion_both_sides_are_the_same(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR")
    made = (await someone.post("/topups/SAME", topup(provided(75, "EUR", "EUR")))).json()
    assert made["moneyProvided"] == made["moneyRequired"] == euros(75)


async def test_options_are_those_of_the_customers_currency_with_both_sides(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    found = (await someone.post("/topups/!availablePaymentOptions", provided(100))).json()
    assert (found["moneyProvided"], found["moneyRequired"]) == (euros(100), rupees(9000))
    assert [one["paymentMethodCode"] for one in found["data"]] == ["ONLINE", "OFFLINE"]


async def test_ids_are_their_own_and_taken_once(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    assert (await someone.post("/payins/ONE", payin(60, "EUR", OFFLINE))).status_code == 201
    assert (await someone.get("/topups/ONE")).status_code == 410
    answers = await together([someone.post("/topups/ONE", topup(provided(60 + number))) for number in range(30)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 29
    assert (await someone.get("/topups/ONE")).json()["topUpRequested"] != (await someone.get("/payins/ONE")).json()["paymentRequested"]
    other = await newcomer(live, "EUR", "INR")
    assert (await other.get("/topups/ONE")).status_code == 410


@pytest.mark.parametrize(
    "asked",
    [{}, None, {"moneyProvided": euros(5)}, {"moneyProvided": euros(0), "currencyRequired": "INR"}, {**provided(5), **required(5)},
     {"moneyProvided": euros("5"), "currencyRequired": "INR"}, {**provided(5), "currencyRequired": 5}, {"currencyRequired": "INR"}],
)  # fmt: skip
async def test_a_requested_part_that_is_neither_is_a_400(live: LiveNode, asked: Any) -> None:
    someone = await newcomer(live, "EUR", "INR")
    assert (await someone.post("/topups/BAD", topup(asked))).status_code == 400
    assert (await someone.post("/topups/!availablePaymentOptions", asked or {})).status_code == 400


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (provided(5, "USD"), "CURRENCY_NOT_SUPPORTED"),
        (provided(5, "EUR", "USD"), "CURRENCY_NOT_SUPPORTED"),
        (required(5, "USD"), "CURRENCY_NOT_SUPPORTED"),
        (required(5, "INR", "USD"), "CURRENCY_NOT_SUPPORTED"),
        (provided(5.001), "CURRENCY_PRECISION_EXCEEDED"),
        (required(5.5), "CURRENCY_PRECISION_EXCEEDED"),
        (provided(0.01), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        (provided(200_000), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        (required(10**15), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
    ],
)
async def test_each_business_rule_has_its_code(live: LiveNode, asked: dict[str, Any], code: str) -> None:
    someone = await newcomer(live, "EUR", "INR")
    for path, body in (("/topups/RULE", topup(asked)), ("/topups/!availablePaymentOptions", asked)):
        answer = await someone.post(path, body)
        assert (answer.status_code, [one["code"] for one in answer.json()]) == (406, [code])
    assert (await someone.get("/topups/RULE")).status_code == 410


async def test_a_token_of_the_action_makes_that_top_up_of_that_amount(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    wish = {"action": "WALLET_OPERATION_CREATE", "idPayment": "MINE", "money": rupees(9000)}
    bearer = {"Authorization": f"Bearer {(await someone.ask_token('/auth-tokens-by-action', **wish)).json()['token']}"}
    assert (await someone.post("/topups/OTHER", topup(required(9000)), **bearer)).status_code == 403
    assert (await someone.post("/topups/MINE", topup(required(9001)), **bearer)).status_code == 403
    assert (await someone.post("/topups/MINE", topup(provided(100)), **bearer)).status_code == 403
    assert (await someone.post("/topups/MINE", topup(required(9000)), **bearer)).status_code == 201
    assert (await someone.get("/topups/MINE", **bearer)).status_code == 200
    assert (await someone.get("/payins/MINE", **bearer)).status_code == 403


async def settling(someone: Caller, id_top_up: str, **changes: Any) -> dict[str, str]:
    wish = {"action": "WALLET_OPERATION_CREATE", "idPayment": id_top_up, **SETTLED, **changes}
    answer = await someone.ask_token("/auth-tokens-by-action", **wish)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.mark.parametrize("spelling", ["settlementMethodAcccountNumber", "settlementMethodAccountNumber"])
async def test_what_came_is_sent_on_to_the_tokens_address_once(live: LiveNode, spelling: str) -> None:
    someone = await newcomer(live, "EUR", "USDT")
    bearer = await settling(someone, "ON", **{"settlementMethodAcccountNumber": None, spelling: TRON})
    answer = await someone.post("/topups/ON", topup(provided(100, "EUR", "USDT")), **bearer)
    assert (answer.status_code, answer.json()["moneyRequired"]["amount"]) == (201, 108)
    await live.advance_clock(3)
    assert await someone.ends("/topups/ON") == "SUCCESS"
    merchant_id = (await someone.profiled()).merchant_id
    async with asyncio.timeout(15):
        while (await someone.balances())["USDT"]["pendingPayoutAmount"] == 0:  # noqa: ASYNC110 - a duty opens the payout
            await asyncio.sleep(0.01)
    payout = await someone.payout("topup/ON")
    assert payout.reference == f"{merchant_id}/topup/ON"
    assert (payout.amount_units, payout.fee_units) == (106_460_000, 1_000_000)  # 108 - 0.54 - 1
    assert TRON in payout.details
    assert (await someone.get("/payouts/ON")).status_code == 410
    await live.core.writer.submit(send_on, 10)
    await live.advance_clock(10)
    async with asyncio.timeout(15):
        while (await someone.balances())["USDT"]["balance"]:  # noqa: ASYNC110 - the bank pays
            await asyncio.sleep(0.01)
    await live.assert_books_hold()


async def test_what_ends_unpaid_sends_nothing_on(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "USDT", USDT=500_000_000)
    bearer = await settling(someone, "FAIL")
    assert (await someone.post("/topups/FAIL", topup(provided(9, "EUR", "USDT")), **bearer)).status_code == 201
    await live.advance_clock(3)
    assert await someone.ends("/topups/FAIL") == "FAILED"
    await live.core.writer.submit(send_on, 10)
    assert (await someone.balances())["USDT"]["availableBalance"] == 500
    assert await live.core.writer.submit(send_on, 10) == 0


async def test_a_settlement_needs_a_channel_that_sends(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    answer = await someone.post("/topups/NO", topup(provided(100)), **await settling(someone, "NO"))
    assert (answer.status_code, answer.json()[0]["code"]) == (406, "PAYMENT_OPERATOR_NOT_FOUND")


@pytest.mark.parametrize(
    "change",
    [{"settlementMethodPaymentMethodCode": "BANK_TRANSFER"}, {"settlementMethodPaymentOperatorCode": "ERC20"},
     {"settlementMethodAcccountNumber": "0x0"}, {"settlementMethodAcccountNumber": None}, {"settlementMethodAcccountNumber": 5}],
)  # fmt: skip
async def test_a_settlement_that_cannot_be_made_is_a_400(live: LiveNode, change: dict[str, Any]) -> None:
    someone = await newcomer(live, "EUR", "USDT")
    answer = await someone.ask_token("/auth-tokens-by-action", action="WALLET_OPERATION_CREATE", **{**SETTLED, **change})
    assert answer.status_code == 400


RATED = sorted(FX_RATES)


@given(st.sampled_from(RATED), st.sampled_from(RATED), st.decimals(min_value="0.01", max_value=10**9, places=2))
def test_neither_rounding_costs_the_platform_anything(one: str, other: str, amount: Any) -> None:
    fixed = fields.asked({"amount": amount, "currencyCode": one})
    if fixed.money is None:
        return
    down, up = (converted(fixed, other, FX_RATES, up=up) for up in (False, True))
    assert down.money is not None
    assert up.money is not None
    step = 10 ** (up.money.currency.exponent - fields.decimals(up.money.currency))
    assert up.money.units - down.money.units in (0, step)
    if one == other:
        assert down.amount == up.amount == fixed.amount
    back = converted(up, one, FX_RATES, up=False)
    assert back.amount >= fixed.amount or one == other
