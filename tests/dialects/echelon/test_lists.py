"""Code lists, balances, payment options and rates."""

import pytest

from tests.dialects.echelon.merchant import Caller, newcomer
from tests.node import LiveNode


async def codes(merchant: Caller, path: str) -> set[str]:
    answer = await merchant.get(path)
    assert answer.status_code == 200
    return {item["code"] for item in answer.json()["data"]}


async def test_the_fixture_is_what_the_contract_says(merchant: Caller) -> None:
    assert await codes(merchant, "/currencies") == {"IDR", "INR", "USD"}
    assert await codes(merchant, "/segments") == {"VIP"}
    assert await codes(merchant, "/payment-operators") == {"BNK_000", "BNK_001", "BNK_999"}
    assert await codes(merchant, "/payment-methods") == {"OFFLINE", "VAPAY", "UPIQR", "BANK_TRANSFER"}
    assert (await merchant.get("/merchant-info")).json() == {"channelInfo": {"name": "Test channel"}}
    options = (await merchant.get("/payment-options")).json()["data"]
    found = {(one["paymentTypeCode"], one["paymentMethodCode"], one["currencyCode"]) for one in options}
    payins = {("PAYIN", "OFFLINE", code) for code in ("IDR", "INR", "USD")} | {("PAYIN", "VAPAY", "IDR"), ("PAYIN", "UPIQR", "INR")}
    assert found == payins | {("PAYOUT", "BANK_TRANSFER", "IDR"), ("PAYOUT", "BANK_TRANSFER", "INR")}
    assert all(one["transactionAmountLimit"] == {"from": 1, "to": 1_000_000} and one["isAvailable"] for one in options)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 7),
        ("?paymentTypeCode=PAYOUT", 2),
        ("?paymentMethodCodes=VAPAY,%20UPIQR%20,,NONSENSE,VAPAY", 2),
        ("?currencyCodes=USD", 1),
        ("?currencyCodes=XXX", 0),
        ("?paymentOperatorCodes=BNK_001,NOPE", 3),
        ("?segmentCodes=VIP", 7),
        ("?paymentTypeCode=PAYIN&currencyCodes=IDR,INR&paymentMethodCodes=OFFLINE", 2),
    ],
)
async def test_options_are_filtered_and_unknown_values_are_ignored(merchant: Caller, query: str, count: int) -> None:
    answer = await merchant.get(f"/payment-options{query}")
    assert (answer.status_code, len(answer.json()["data"])) == (200, count)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("paymentMethodCodes=A,B", "PAYMENT_METHOD_CODE_INVALID"),
        ("paymentOperatorCodes=A", "PAYMENT_OPERATOR_CODE_INVALID"),
        ("segmentCodes=GOLD", "SEGMENT_CODE_INVALID"),
    ],
)
async def test_a_filter_of_which_nothing_is_known_is_refused(merchant: Caller, query: str, code: str) -> None:
    answer = await merchant.get(f"/payment-options?{query}")
    assert (answer.status_code, [error["code"] for error in answer.json()]) == (406, [code])


async def test_a_payment_type_that_is_none_is_a_400(merchant: Caller) -> None:
    assert (await merchant.get("/payment-options?paymentTypeCode=BOTH")).status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"IDR", "INR", "USD"}),
        ("?currencyCodes=INR", {"INR"}),
        ("?currencies=INR&currencyCodes=IDR", {"INR", "IDR"}),
        ("?currencies=XXX", set()),
        ("?currencies=%20INR%20,,INR", {"INR"}),
    ],
)
async def test_balances_by_either_name_of_the_list(merchant: Caller, query: str, found: set[str]) -> None:
    answer = await merchant.get(f"/balances{query}")
    assert answer.status_code == 200
    assert {item["currencyCode"] for item in answer.json()["data"]} == found


async def test_rates_are_for_every_pair(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR", "INR")
    pairs = (await someone.get("/fx-rate-pairs")).json()["data"]
    assert pairs == [{"baseCurrencyCode": "EUR", "quoteCurrencyCode": "INR"}, {"baseCurrencyCode": "INR", "quoteCurrencyCode": "EUR"}]
    rates = (await someone.get("/fx-rates")).json()["data"]
    assert [(one["rate"], bool(one["validUntil"])) for one in rates] == [(90, True), (pytest.approx(1 / 90), True)]
