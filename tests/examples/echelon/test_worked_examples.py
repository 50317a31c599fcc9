"""The manual's worked examples over real HTTP, on both engines, against the reference fixture."""

import base64
import json
import re
import uuid
from typing import Any

from tests.dialects.echelon.merchant import Caller, payin, payout
from tests.node import LiveNode
from tests.webhooks.receiver import receiving

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OPERATIONS = ["POST /payins/!availablePaymentOptions", "POST /payins/TST-112233", "GET /payins/TST-112233"]


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    return json.loads(header), json.loads(claims)


async def test_a_token_by_operations_says_what_was_asked_for(merchant: Caller) -> None:
    header, claims = decoded(await merchant.token(OPERATIONS, validitySecs=600))
    assert header == {"alg": "HS256", "typ": "JWT"}
    assert claims["operations"] == OPERATIONS
    assert claims["sub"] == "TEST_MERCHANT"
    assert claims["exp"] - claims["iat"] == 600
    assert str(uuid.UUID(claims["jti"])) == claims["jti"]


async def test_a_token_by_action_is_for_one_payment_of_one_amount(merchant: Caller) -> None:
    money = {"currencyCode": "INR", "amount": 5000}
    answer = await merchant.ask_token("/auth-tokens-by-action", validitySecs=600, action="PAYIN_CREATE", idPayment="TST-5000", money=money)
    assert answer.status_code == 200
    _, claims = decoded(answer.json()["token"])
    assert {"POST /payins/!availablePaymentOptions", "POST /payins/TST-5000", "GET /payins/TST-5000"} <= set(claims["operations"])
    assert claims["money"] == money


async def test_the_available_options_of_a_hundred_rupiah(merchant: Caller) -> None:
    body = {"money": {"amount": 100, "currencyCode": "IDR"}}
    answer = await merchant.call("POST", "/payins/!availablePaymentOptions", body, OPERATIONS)
    assert answer.status_code == 200
    found = {option["paymentMethodCode"]: option for option in answer.json()["data"]}
    assert found.keys() == {"VAPAY", "OFFLINE"}
    assert [operator["code"] for operator in found["VAPAY"]["paymentOperators"]] == ["BNK_000", "BNK_001"]
    assert all(operator["name"] for operator in found["VAPAY"]["paymentOperators"])
    escaped = await merchant.call("POST", "/payins/%21availablePaymentOptions", body, OPERATIONS)
    assert escaped.json() == answer.json()


async def test_a_payin_is_created_found_and_told_once(live: LiveNode, merchant: Caller) -> None:
    async with receiving() as shop:
        body = payin(callbackUrl=shop.url)
        answer = await merchant.call("POST", "/payins/TST-112233", body, OPERATIONS)
        assert answer.status_code == 201, answer.text
        created = answer.json()
        assert created["paymentRequested"] == {"money": {"amount": 10000, "currencyCode": "IDR"}}
        response = created["paymentMethodResponse"]
        expected = {
            "idPayin": "TST-112233",
            "paymentMethodCode": "VAPAY",
            "accountCustomer": {"accountName": "Test Customer"},
            "money": {"amount": 10000, "currencyCode": "IDR"},
            "returnUrl": "https://example.com?id=123",
        }
        assert {name: response[name] for name in expected} == expected
        assert response["paymentOperator"]["code"] == "BNK_000"
        assert all(response[name] for name in ("idPayment", "reference"))
        assert all(response["account"][name] for name in ("accountName", "accountNumber"))
        assert MOMENT.fullmatch(response["acceptedAt"])
        assert response["expireAt"] > response["acceptedAt"]
        assert b'"amount":10000,' in answer.content

        again = await merchant.call("POST", "/payins/TST-112233", body, OPERATIONS)
        assert again.status_code == 409
        assert again.json()["description"]

        assert await merchant.status("/payins/TST-112233") == "PROCESSING"
        await live.advance_clock(3)
        told = await shop.got(1)
        assert json.loads(told[0].body) == {"idEntity": "TST-112233"}
        assert told[0].body == b'{"idEntity":"TST-112233"}'
        found = (await merchant.call("GET", "/payins/TST-112233", None, OPERATIONS)).json()
        assert found["paymentRequested"] == created["paymentRequested"]
        process = found["process"]
        assert (process["status"], process["isTest"]) == ("SUCCESS", True)
        assert MOMENT.fullmatch(process["createdAt"])
        assert MOMENT.fullmatch(process["processedAt"])
        assert found["fee"] == {"amount": 0, "currencyCode": "IDR"}
        assert found["paymentMethodResponse"] == response
        await live.assert_books_hold()


async def test_a_payout_is_created_sent_and_told(live: LiveNode, merchant: Caller) -> None:
    before = (await merchant.balances())["IDR"]
    operations = ["POST /payouts/TST-223344", "GET /payouts/TST-223344"]
    async with receiving() as shop:
        answer = await merchant.call("POST", "/payouts/TST-223344", payout(callbackUrl=shop.url), operations)
        assert answer.status_code == 201, answer.text
        assert answer.json()["paymentRequested"] == {"money": {"amount": 10000, "currencyCode": "IDR"}}
        response = answer.json()["paymentMethodResponse"]
        assert (response["idPayout"], response["paymentMethodCode"]) == ("TST-223344", "BANK_TRANSFER")
        assert response["idPayment"]
        assert response["reference"]
        held = (await merchant.balances())["IDR"]
        assert (held["balance"], held["pendingPayoutAmount"]) == (before["balance"], before["pendingPayoutAmount"] + 10000)
        for _ in range(3):
            await live.advance_clock(10)
        assert json.loads((await shop.got(1))[0].body) == {"idEntity": "TST-223344"}
        assert await merchant.status("/payouts/TST-223344") == "SUCCESS"
        after = (await merchant.balances())["IDR"]
        assert (after["balance"], after["pendingPayoutAmount"]) == (before["balance"] - 10000, before["pendingPayoutAmount"])
        await live.assert_books_hold()


async def test_too_many_decimals_are_a_business_error(merchant: Caller) -> None:
    answer = await merchant.post("/payins/TST-DEC", payin(42.05, method={"paymentMethodCode": "OFFLINE"}))
    assert answer.status_code == 406
    assert [error["code"] for error in answer.json()] == ["CURRENCY_PRECISION_EXCEEDED"]


async def test_a_missing_version_is_not_found(live: LiveNode, merchant: Caller) -> None:
    token = await merchant.token(["GET /currencies"])
    answer = await live.http.get("/currencies", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404
    assert answer.json()["description"]


async def test_balances_leave_out_what_is_not_supported(merchant: Caller) -> None:
    answer = await merchant.get("/balances/?currencies=INR,XXX,IDR", operations=["GET /balances"])
    assert answer.status_code == 200
    found = {item["currencyCode"]: item for item in answer.json()["data"]}
    assert found.keys() == {"INR", "IDR"}
    moved = found["INR"].pop("lastBalanceMovement")
    assert MOMENT.fullmatch(moved)
    expected = {"currencyCode": "INR", "balance": 50000, "availableBalance": 50000, "pendingSettlementAmount": 0, "pendingPayoutAmount": 0}
    assert found["INR"] == expected


async def test_a_wrong_secret_and_an_unknown_merchant(live: LiveNode) -> None:
    wrong = await Caller(live, secret="nope").ask_token(operations=["GET /currencies"])
    assert wrong.status_code == 403
    assert wrong.json()["description"]
    nobody = await Caller(live, "NOBODY", "x").ask_token(operations=["GET /currencies"])
    assert (nobody.status_code, [error["code"] for error in nobody.json()]) == (406, ["MERCHANT_NOT_FOUND"])


async def test_a_payin_that_is_not_there_is_gone(merchant: Caller) -> None:
    answer = await merchant.get("/payins/DOES-NOT-EXIST", operations=["GET /payins/.*"])
    assert answer.status_code == 410
    assert answer.json()["description"]
