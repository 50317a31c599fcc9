"""ETpay's official SDK for Python, unmodified, drives a session from its creation to the check of its token."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import etpay_sdk
import jwt
import pytest

from tests.etpay_shop import EtpayShop, Session, etpay_shop, token_in
from tests.node import LiveNode, serving


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[LiveNode]:
    async with serving(database_url) as node:
        yield node


def transaction(shop: EtpayShop) -> etpay_sdk.Transactions:
    params = etpay_sdk.TransactionParams(
        merchant_order_id="oc1234566",
        order_amount=1,
        customer_email="example@example.com",
        payment_completed_url="https://www.google.com",
        payment_cancellation_url="https://www.google.com",
        user_bank_code=etpay_sdk.UserBankCodes.CL_TEST.value,
        user_rut="111111111",
        is_rut_block="true",
        concat="&",
        metadata=etpay_sdk.Metadata([{"name": "NAME", "value": "VALUE", "show": True}]),
    )
    return etpay_sdk.Transactions(etpay_sdk.Configs(shop.code, shop.token, shop.live.url + "/"), params)


async def test_it_creates_sees_paid_and_verifies(live: LiveNode) -> None:
    shop = await etpay_shop(live)
    sdk = transaction(shop)
    created = await asyncio.to_thread(sdk.create)
    assert created.status_code == 200
    found = created.json()
    assert (await asyncio.to_thread(sdk.status, session_token=found["token"])).json() == []
    session = Session(shop, found["token"], found["signature_token"])
    page = (await session.get()).text
    assert "VALUE" in page
    await session.pay()
    token = token_in(await session.leave())
    claims = sdk.verify(token, found["signature_token"])
    for names in ({"merchant_order_id": "oc1234566"}, {"payment_token": claims["payment_token"]}, {"session_token": found["token"]}):
        answer = (await asyncio.to_thread(lambda names=names: sdk.status(**names))).json()
        assert answer[0]["payment_token"] == claims["payment_token"]
        assert answer == [claims]
    assert (claims["payment_status"], claims["merchant_amount"], claims["user_rut"]) == ("success", 1, "111111111")


async def test_it_refuses_what_we_did_not_sign(live: LiveNode) -> None:
    shop = await etpay_shop(live)
    session = await shop.create()
    await session.pay()
    token = token_in(await session.leave())
    sdk = transaction(shop)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"merchant_amount": 1}).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    forged = (
        f"{head}.{changed}.{signature}",
        f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        f"{none}.{body}.",
        f"{none}.{body}.{signature}",
        jwt.encode(claims, "another key that is long enough for it", "HS256"),
    )
    for bad in forged:
        with pytest.raises(jwt.exceptions.InvalidTokenError):
            sdk.verify(bad, session.signature)
    with pytest.raises(jwt.exceptions.InvalidSignatureError):
        sdk.verify(token, session.token)
    assert sdk.verify(token, session.signature) == claims


async def test_the_system_errors_token_is_signed_with_the_sessions_token(live: LiveNode) -> None:
    shop = await etpay_shop(live)
    session = await shop.create()
    await session.pay("98")
    token = token_in((await session.get("?go=broken")).headers["location"])
    sdk = transaction(shop)
    assert sdk.verify(token, session.token)["system_error"] is True
    with pytest.raises(jwt.exceptions.InvalidSignatureError):
        sdk.verify(token, session.signature)
