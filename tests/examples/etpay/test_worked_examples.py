"""The worked examples of ETpay's contract, over real HTTP, with its two example merchants."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from paymux.cli.fixtures import ETPAY, _etpay
from paymux.dialects.etpay import jwt
from tests.databases import sqlite_url
from tests.etpay_shop import ORDER, EtpayShop, Session, claims_of, token_in
from tests.node import LiveNode, serving

S = "LnA0oPq8Rt2Uv5Wx9Yz1Bc3De6Fg7Hj4Kk0Mm2Nn5Pp8Qq1Rr3Ss6Tt9UaDgTa0B"
K = "J1BddXk3mQ9vZt7RyLw2NfHc8SgUe5TaPb4KoVi6MqDxEn0CjWlArFzYhBsIjzsL"
E6 = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzZXNzaW9uX3Rva2VuIjoiTG5BMG9QcThSdDJVdjVXeDlZejFCYzNEZTZGZzdIajRLazBNbTJObjVQcDhRcTFScjNTczZU"
    "dDlVYURnVGEwQiIsIm1lcmNoYW50X2FjY291bnRfYmFuayI6ImNsX2VzdGFkbyIsIm1lcmNoYW50X2FjY291bnRfdHlwZSI6ImN1ZW50YV92aXN0YSIsIm1lcmNoYW50X2Fj"
    "Y291bnQiOiIxOTY4NzUyNiIsIm1lcmNoYW50X25hbWUiOiJTYW5kYm94IERldmVsb3BlciBNZXJjaGFudCIsIm1lcmNoYW50X2N1cnJlbmN5IjoiQ0xQIiwibWVyY2hhbnRf"
    "b3JkZXJfaWQiOiJPQy03MDAxMDQiLCJtZXJjaGFudF9hbW91bnQiOjUwMDAwLCJ1c2VyX2JhbmsiOiJCYW5jbyBkZSBwcnVlYmEiLCJ1c2VyX3J1dCI6IjExMTExMTExMSIs"
    "InVzZXJfYWNjb3VudCI6IkN1ZW50YSBDb3JyaWVudGUgMTIzNDU2NzgiLCJwYXltZW50X3Rva2VuIjoicHJOWkthMUJjMkRlM0ZnNEhqNUsiLCJwYXltZW50X3N0YXR1cyI6"
    "InN1Y2Nlc3MiLCJwYXltZW50X3Byb2Nlc3MiOiJhdXRvIiwiaWF0IjoxNjQzNjYzMzMyfQ.Pfk9VOjH1lGL6QKH-FlPHeuBogjkdtq3Suc8Ib8WoNE"
)
E8 = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzZXNzaW9uX3Rva2VuIjoiTG5BMG9QcThSdDJVdjVXeDlZejFCYzNEZTZGZzdIajRLazBNbTJObjVQcDhRcTFScjNTczZU"
    "dDlVYURnVGEwQiIsInN5c3RlbV9lcnJvciI6dHJ1ZSwiaWF0IjoxNTY0NjY3Nzk3fQ.8SUedkPa_qBVpigCB0Cj9Dwjhg1Iysrqsi4dYapdYYM"
)
E1 = {"merchant_order_id": "OC-700104", "order_amount": 50000}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with serving(sqlite_url(tmp_path / "paymux.db")) as node:
        assert len(await _etpay(node.core)) == 2
        assert await _etpay(node.core) == []
        yield node


@pytest.fixture
def chile(live: LiveNode) -> EtpayShop:
    return EtpayShop(live, 0, ETPAY[0][1], ETPAY[0][2])


async def raw(shop: EtpayShop, body: dict[str, Any]) -> httpx2.Response:
    sent = {"merchant_code": shop.code, "merchant_api_token": shop.token, **body}
    return await shop.live.http.post(f"{shop.live.url}//session/initialize", content=json.dumps(sent))


@pytest.mark.parametrize(("token", "key"), [(E6, K), (E8, S)])
def test_the_documented_tokens_are_made_byte_for_byte(token: str, key: str) -> None:
    assert jwt.sign(jwt.payload(token), key) == token


async def test_e1_a_minimal_session_without_a_content_type(chile: EtpayShop) -> None:
    answer = await raw(chile, E1)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert found["terms_url"] == "https://www.etpay.com/terms-conditions"
    assert all(len(found[name]) == 64 and found[name].isalnum() for name in ("token", "signature_token"))


async def test_e2_all_chilean_options(chile: EtpayShop) -> None:
    answer = await raw(
        chile,
        {
            "merchant_order_id": "OC-700105",
            "order_amount": "15000",
            "customer_email": "",
            "user_bank_code": "CL_TEST",
            "user_rut": "11.111.111-1",
            "is_rut_block": "true",
            "metadata": [{"name": "Cuenta Servicio Gas", "value": "30.215", "show": True}, {"cotizacion_id": 7, "show": True}],
            "payment_completed_url": "https://shop.example/ok?order=9",
            "payment_cancellation_url": "https://shop.example/no",
            "payment_webhook_url": "https://shop.example/hook",
            "concat": "&",
        },
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    session = Session(chile, found["token"], found["signature_token"])
    page = (await session.get()).text
    assert "Ingrese a" in page
    assert 'value="11.111.111-1" readonly' in page
    assert "30.215" in page
    await session.step(action="cancel")
    url = await session.leave()
    assert url.startswith("https://shop.example/no?jwt=")
    assert claims_of(token_in(url))["merchant_amount"] == 15000


async def test_e3_a_wrong_token_and_every_other_reason_are_one_refusal(chile: EtpayShop) -> None:
    for changes in ({"merchant_api_token": "x" * 64}, {"merchant_code": "cl_other"}, {"merchant_code": "mx_demo"}):
        answer = await raw(chile, {**E1, **changes})
        assert (answer.status_code, answer.text) == (401, '{"error":"invalid_credentials","message":"Invalid merchant credentials"}')


async def test_e4_an_order_id_of_65_characters(chile: EtpayShop) -> None:
    answer = await raw(chile, {**E1, "merchant_order_id": "x" * 65})
    message = '"message":"merchant_order_id must have 1 to 64 characters"'
    assert (answer.status_code, answer.text) == (400, '{"error":"invalid_field","field":"merchant_order_id",' + message + "}")
    assert (await raw(chile, {**E1, "merchant_order_id": "x" * 64})).status_code == 200


@pytest.mark.parametrize("amount", [0, -1, 10.5, "1.500", True, "abc", [1], {}])
async def test_e5_amounts_that_are_none(chile: EtpayShop, amount: object) -> None:
    answer = await raw(chile, {**E1, "order_amount": amount})
    message = '"message":"order_amount must be a positive integer"'
    assert (answer.status_code, answer.text) == (400, '{"error":"invalid_field","field":"order_amount",' + message + "}")


@pytest.mark.parametrize("amount", [15000, 15000.0, "15000"])
async def test_amounts_as_real_shops_send_them(chile: EtpayShop, amount: object) -> None:
    session = await chile.create(order_amount=amount)
    await session.pay()
    assert (await chile.status(session_token=session.token))[0]["merchant_amount"] == 15000


async def test_e6_and_e7_the_claims_of_a_payment_and_its_status(chile: EtpayShop) -> None:
    answer = await raw(chile, E1)
    session = Session(chile, answer.json()["token"], answer.json()["signature_token"])
    assert await chile.status(merchant_order_id="OC-700104") == []
    await session.pay()
    (claims,) = await chile.status(merchant_order_id="OC-700104")
    expected = claims_of(E6)
    assert list(claims) == list(expected)
    same = set(expected) - {"session_token", "payment_token", "iat"}
    assert {name: claims[name] for name in same} == {name: expected[name] for name in same}
    assert len(claims["payment_token"]) == len(expected["payment_token"])
    assert await chile.status(merchant_order_id="unknown") == []


async def test_e7_a_status_query_without_a_name(chile: EtpayShop) -> None:
    answer = await chile.ask(merchant_code="cl_demo_cl", session_token="", payment_token="", merchant_order_id="")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "missing_field",
        "field": "session_token",
        "message": "One of session_token, merchant_order_id or payment_token is required",
    }


async def test_e9_the_same_order_id_twice(chile: EtpayShop) -> None:
    one, two = (await raw(chile, E1)).json(), (await raw(chile, E1)).json()
    assert one["token"] != two["token"]
    assert one["signature_token"] != two["signature_token"]


async def test_e10_mexico(live: LiveNode) -> None:
    mexico = EtpayShop(live, 0, ETPAY[1][1], ETPAY[1][2])
    body = {"merchant_order_id": "A1", "order_amount": 39, "target_flow": "codi", "customer_phone": "9616689020"}
    answer = await raw(mexico, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["terms_url"] is None
    for amount, status, number in ((39.5, 200, 39.5), ("12.34", 200, 12.34), (1.234, 400, None)):
        answer = await raw(mexico, {**body, "order_amount": amount})
        assert answer.status_code == status
        if number is not None:
            session = Session(mexico, answer.json()["token"], answer.json()["signature_token"])
            await session.identify(bank="mx_bbva", rut="usuario")
            await session.step(action="choose", account="1")
            await session.step(action="answer", number="0", value="11111111")
            await session.step(action="answer", number="1", value="12")
            assert (await mexico.status(session_token=session.token))[0]["merchant_amount"] == number


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"merchant_order_id": ""}, "merchant_order_id"),
        ({"merchant_order_id": "<b>"}, "merchant_order_id"),
        ({"order_amount": None}, "order_amount"),
        ({"merchant_code": ""}, "merchant_code"),
        ({"merchant_api_token": None}, "merchant_api_token"),
        ({"metadata": {"name": "x"}}, "metadata"),
        ({"metadata": ["x"]}, "metadata"),
        ({"metadata": [{}] * 51}, "metadata"),
        ({"user_bank_code": "mx_bbva"}, "user_bank_code"),
        ({"user_bank_code": "cl_none"}, "user_bank_code"),
        ({"user_rut": "11111111-2"}, "user_rut"),
        ({"is_rut_block": "maybe"}, "is_rut_block"),
        ({"target_flow": "card"}, "target_flow"),
        ({"payment_completed_url": "javascript:alert(1)"}, "payment_completed_url"),
        ({"payment_cancellation_url": "shop.example"}, "payment_cancellation_url"),
        ({"payment_webhook_url": "https://x.example/" + "a" * 2048}, "payment_webhook_url"),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named(chile: EtpayShop, changes: dict[str, Any], field: str) -> None:
    answer = await raw(chile, {**ORDER, **changes})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.json()["error"] in ("missing_field", "invalid_field")


async def test_what_is_no_json_object_or_no_endpoint_is_said_in_this_wires_form(live: LiveNode) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b'"x"', b"a=b"):
        answer = await live.http.post("/session/initialize", content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_json")
    assert (await live.http.get("/session/initialize")).json()["error"] == "method_not_allowed"
    assert (await live.http.post("/merchant/nothing")).json()["error"] == "not_found"
    answer = await live.http.post("/session/initialize", content=b'{"a":"' + b"x" * 65536 + b'"}')
    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
