"""Payouts: funds are held with the request, never below zero, spent or given back by the outcome; what is unclear is never sent twice."""

import asyncio

import msgspec
import pytest

from paymux.payouts.lifecycle import FINAL, MOVES, PayoutEvent, PayoutState, after
from paymux.providers.protocol import Remittance, Remitted
from tests.dialects.echelon.merchant import Caller, changed, newcomer, payout
from tests.node import LiveNode, together
from tests.webhooks.receiver import receiving


def bank(amount: int, account: str = "11223344", **more: object) -> dict[str, object]:
    body = payout(amount, "EUR", account, **more)
    body["paymentMethod"]["paymentOperatorCode"] = "EUR_001"
    return body


def figures(item: dict[str, object]) -> tuple[object, object, object]:
    return item["balance"], item["availableBalance"], item["pendingPayoutAmount"]


async def test_the_fee_is_held_with_the_amount_and_both_leave_together(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    async with receiving() as shop:
        assert (await someone.post("/payouts/OUT", bank(40, callbackUrl=shop.url))).status_code == 201
        assert figures((await someone.balances())["EUR"]) == (100, 59.65, 40.35)
        await live.advance_clock(60)
        assert await someone.ends("/payouts/OUT") == "SUCCESS"
        assert figures((await someone.balances())["EUR"]) == (59.65, 59.65, 0)
        assert [request.body for request in await shop.got(1)] == [b'{"idEntity":"OUT"}']
    found = (await someone.get("/payouts/OUT")).json()
    assert found["fee"] == {"amount": 0.35, "currencyCode": "EUR"}
    assert "failureReasons" not in found["process"]
    await live.assert_books_hold()


@pytest.mark.parametrize(
    ("account", "reason"), [("00000000", "INVALID_ACCOUNT_NUMBER"), ("00000003", "INVALID_ACCOUNT_NAME"), ("00000004", "SYSTEM")]
)
async def test_a_dead_payout_gives_everything_back_and_says_why(live: LiveNode, account: str, reason: str) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    assert (await someone.post("/payouts/DEAD", bank(40, account))).status_code == 201
    if reason == "SYSTEM":  # it never reached the bank, which is certain only a while later
        async with asyncio.timeout(15):
            while (await someone.payout("DEAD")).state is not PayoutState.UNCLEAR:  # noqa: ASYNC110 - the duty sends it
                await asyncio.sleep(0.01)
    await live.advance_clock(400)
    assert await someone.ends("/payouts/DEAD") == "FAILED"
    assert figures((await someone.balances())["EUR"]) == (100, 100, 0)
    reasons = (await someone.get("/payouts/DEAD")).json()["process"]["failureReasons"]
    assert reasons["failureReasonCode"] == reason
    assert reasons["failedAt"]
    await live.assert_books_hold()


async def test_a_hundred_payouts_against_funds_for_ten_end_with_ten(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=10 * (5_00 + 35) + 5_34)
    await someone.get("/currencies")
    answers = await together([someone.post(f"/payouts/CROWD-{number}", bank(5)) for number in range(100)])
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [406] * 90
    assert {answer.json()[0]["code"] for answer in answers if answer.status_code == 406} == {"BALANCE_INSUFFICIENT"}
    assert figures((await someone.balances())["EUR"]) == (58.84, 5.34, 53.5)
    await live.assert_books_hold()


async def test_a_hundred_creates_of_one_id_make_one_payout(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=10_000_00)
    await someone.get("/currencies")
    answers = await together([someone.post("/payouts/ONE", bank(5 + number)) for number in range(100)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 99
    assert (await someone.balances())["EUR"]["pendingPayoutAmount"] < 106
    await live.assert_books_hold()


async def test_one_id_in_two_currencies_at_once_is_one_payout(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "IDR", EUR=10_000_00, IDR=100_000_000)
    await someone.get("/currencies")
    rupiah = payout(20_000)
    rupiah["paymentMethod"]["paymentOperatorCode"] = "IDR_002"
    bodies = [bank(5) if number % 2 else rupiah for number in range(20)]
    answers = await together([someone.post("/payouts/MIXED", body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    await live.assert_books_hold()


async def test_an_unclear_payout_is_asked_about_and_never_sent_twice(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    bank_house = live.node.remitters["sandbox-bank"]
    sent: list[str] = []
    original = bank_house.send

    async def counting(order: Remittance) -> Remitted:
        sent.append(order.operation_key)
        return await original(order)

    bank_house.send = counting  # type: ignore[method-assign]
    try:
        assert (await someone.post("/payouts/DOUBT", bank(40, "00000001"))).status_code == 201
        for _ in range(200):
            await live.advance_clock(1)
            if (await someone.payout("DOUBT")).state is PayoutState.UNCLEAR:
                break
            await live.node.outbound.duty()
        assert await someone.status("/payouts/DOUBT") == "PROCESSING"
        assert figures((await someone.balances())["EUR"]) == (100, 59.65, 40.35)
        await live.advance_clock(4000)
        assert await someone.ends("/payouts/DOUBT") == "SUCCESS"
        key = (await someone.payout("DOUBT")).operation_key
        assert sent.count(key) == 1
    finally:
        bank_house.send = original  # type: ignore[method-assign]
    await live.assert_books_hold()


async def test_what_the_bank_never_heard_of_is_dead_only_after_its_window(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    bank_house = live.node.remitters["sandbox-bank"]
    original = bank_house.send

    async def lost(order: Remittance) -> Remitted:
        raise ConnectionError("the line broke before the order was taken")

    bank_house.send = lost  # type: ignore[method-assign]
    try:
        assert (await someone.post("/payouts/LOST", bank(40))).status_code == 201
        for _ in range(200):
            if (await someone.payout("LOST")).state is PayoutState.UNCLEAR:
                break
            await live.node.outbound.duty()
        await live.advance_clock(30)
        await live.node.outbound.duty()
        assert (await someone.payout("LOST")).state is PayoutState.UNCLEAR
    finally:
        bank_house.send = original  # type: ignore[method-assign]
    await live.advance_clock(4000)
    assert await someone.ends("/payouts/LOST") == "FAILED"
    assert figures((await someone.balances())["EUR"]) == (100, 100, 0)
    await live.assert_books_hold()


async def test_the_options_name_operators_and_what_they_cost(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    answer = await someone.post("/payouts/!availablePaymentOptions", {"money": {"amount": 5, "currencyCode": "EUR"}, "segmentCode": "VIP"})
    option = answer.json()["data"][0]
    assert (option["paymentMethodCode"], option["segmentCode"]) == ("BANK_TRANSFER", "VIP")
    fee = {"amount": 0.35, "currencyCode": "EUR"}
    assert option["paymentOperators"][0]["customerTransactionFee"] == {"minFee": fee, "maxFee": fee}


@pytest.mark.parametrize(("status", "body"), [(400, {"account": None}), (406, {"paymentOperatorCode": "EUR_999"})])
async def test_a_refused_payout_holds_nothing(live: LiveNode, status: int, body: dict[str, object]) -> None:
    someone = await newcomer(live, "EUR", EUR=100_00)
    wish = bank(40)
    wish["paymentMethod"] = {**wish["paymentMethod"], **body}  # type: ignore[dict-item]
    assert (await someone.post("/payouts/NO", wish)).status_code == status
    assert figures((await someone.balances())["EUR"]) == (100, 100, 0)
    assert (await someone.post("/payouts/NO", bank(40))).status_code == 201


async def test_a_currency_may_demand_more_of_an_account(live: LiveNode, merchant: Caller) -> None:
    from paymux.merchants.channels import Channel, Direction, Operator

    someone = await newcomer(live, JPY=10_000, ZAR=1_000_000)
    profile = (await someone.profiled()).profile
    one = Operator(code="BNK_000")
    channels = tuple(
        Channel(direction=Direction.PAYOUT, method="BANK_TRANSFER", currency=code, from_units=1, to_units=10**9, operators=(one,))
        for code in ("JPY", "ZAR")
    )
    await someone.set_profile(msgspec.structs.replace(profile, currencies=("JPY", "ZAR"), operators={"BNK_000": "Bank"}, channels=channels))
    for code, account, status in (
        ("JPY", {}, 400),
        ("JPY", {"bankBranch": "1", "accountType": "odd"}, 400),
        ("JPY", {"bankBranch": "1", "accountType": "savings"}, 201),
        ("ZAR", {"accountType": "transmission"}, 201),
        ("ZAR", {"accountType": "private"}, 400),
    ):
        body = payout(100, code)
        body["paymentMethod"]["account"] |= account
        assert (await someone.post(f"/payouts/{code}-{len(str(account))}", body)).status_code == status
    await someone.set_profile(changed(profile, "none"))


def test_a_payout_that_was_sent_never_goes_back_to_be_sent_again() -> None:
    assert {PayoutState.PAID, PayoutState.FAILED} == FINAL
    assert PayoutState.ACCEPTED not in MOVES.values()
    assert [state for state in PayoutState if after(state, PayoutEvent.SENDING)] == [PayoutState.ACCEPTED]
    for state in set(PayoutState) - FINAL:
        assert after(state, PayoutEvent.PAID) is PayoutState.PAID
        assert after(state, PayoutEvent.FAILED) is PayoutState.FAILED
