"""What a stranger may try on the exchanger's API: bodies that are bombs, text that is none, other people's orders and keys."""

import json
from time import process_time
from typing import Any

import pytest

from paymux.cli.exchange_fixtures import KEY, OPERATOR_KEY
from paymux.dialects.exchanger.params import Unreadable, read_body
from paymux.exchange.change import Changed
from paymux.exchange.keys import NewPair
from paymux.exchange.lifecycle import Status
from tests.exchange.shop import BASE, PURSE, R1, WISH, Exchange, error

CREATE = f"{BASE}public/exchanger/order/create"
JSON, FORM = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
BODIES = [
    ("deep", '{"a":' * 900 + "1" + "}" * 900, 400), ("deeper", '{"a":' * 100_000, 400), ("lists", '{"a":' + "[" * 50 + "]" * 50 + "}", 400),
    ("many", '{"a":[' + "1.5," * 250_000 + "1]}", 400), ("long number", '{"a":' + "1" * 101 + "}", 400), ("nul", '{"a":"\\u0000"}', 400),
    ("half", '{"a":{"b":["\\ud800"]}}', 400), ("nul name", '{"\\u0000":1}', 400), ("text", '{"a":"' + "é" * 400_000 + '"}', 200),
]  # fmt: skip
FORMS = [
    ("&".join(f"a[{n}][{n}][{n}][{n}][{n}]=1" for n in range(500)), 200), ("&".join(f"a{n}=1" for n in range(501)), 400),
    ("a" + "[0]" * 100_000 + "=1", 200), ("toValues=1&toValues[0]=2&toValues[0][key]=3&toValues[__proto__][x]=1&[]=&[=", 200),
    ("a=%00", 400), ("a=%ff", 400),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
async def test_a_bomb_is_refused_at_once_also_where_its_signature_would_be_computed(exchange: Exchange, body: str, status: int) -> None:
    began = process_time()  # the node runs in this process; what others do on the machine does not count
    for headers in (JSON, {**JSON, "apikey": KEY, "hash": "0" * 64}):
        answer = await exchange.live.http.post(CREATE, content=body, headers=headers)
        assert answer.status_code == status
        error(answer.json())
    assert process_time() - began < 5


@pytest.mark.parametrize(("body", "status"), FORMS, ids=range(len(FORMS)))
async def test_forms_with_strange_brackets_are_read_or_refused(exchange: Exchange, body: str, status: int) -> None:
    answer = await exchange.live.http.post(CREATE, content=body, headers=FORM)
    assert answer.status_code == status
    error(answer.json())


def test_what_orders_need_is_read() -> None:
    shallow: dict[str, Any] = {"extraData": {"a": [{"b": {"c": [1, "Іван", None, True]}}]}, "toValues": [PURSE] * 200}
    assert set(read_body(json.dumps(shallow).encode(), "application/json")) == set(shallow)
    with pytest.raises(Unreadable):
        read_body(json.dumps({"toValues": [PURSE] * 2000}).encode(), "application/json")


@pytest.mark.parametrize(
    "amount", ["1e400", "-1e400", "1" * 3000, "0x10", "１２", "1_000", "NaN", "Infinity", "", " ", [2], {"a": 2}, True, None]
)
async def test_what_is_no_amount_makes_no_order(exchange: Exchange, amount: Any) -> None:
    assert error(await exchange.post("public/exchanger/order/create", {**WISH, "amount": amount}))[0] == 5071545873252155


@pytest.mark.parametrize(
    ("amount", "code"),
    [("-0", 7701545348962388), ("1e-50", 7701545348962388), ("9" * 59, 3631545348962766), ("-" + "9" * 58, 9951545348963164)],
)
async def test_tiny_and_huge_amounts_meet_their_limits(exchange: Exchange, amount: str, code: int) -> None:
    assert error(await exchange.post("public/exchanger/order/create", {**WISH, "amount": amount}))[0] == code


async def test_what_is_kept_of_a_stranger_is_small(exchange: Exchange) -> None:
    big = error(await exchange.post("public/exchanger/order/create", {**WISH, "extraData": {"a": "x" * 5000}}))
    assert (big[0], big[1]["fieldId"]) == (6231546409213868, "extraData")
    lines = [{"key": PURSE["key"], "value": "Z123456789012\r\nX: y"}]
    assert error(await exchange.post("public/exchanger/order/create", {**WISH, "toValues": lines}))[1]["err"] == "regexp"
    order = await exchange.create(email="e" * 5000, typeClient="t" * 5000, lang="l" * 5000, partner="p" * 5000)
    assert len(json.dumps(await exchange.story(order["uid"]))) < 4000


async def test_what_a_shop_keeps_in_an_order_comes_back_to_it_alone_and_harms_nobody(exchange: Exchange) -> None:
    extra = '{"cart":[1.10,{"note":"\\"><script>alert(1)</script>"}],"n":12345678901234567890.5}'
    answer = await exchange.live.http.post(CREATE, content=json.dumps(WISH)[:-1] + f', "extraData": {extra}}}', headers=JSON)
    order = answer.json()["data"]
    link = {"orderUID": order["uid"], "orderSecret": order["secret"]}
    assert "extraData" not in (await exchange.post("public/exchanger/order/get", link))["data"]["order"]
    page = await exchange.live.http.get(f"/order/{order['uid']}/{order['secret']}")
    assert (page.status_code, "<script>alert" in page.text) == (200, False)
    assert (await exchange.signed("user/exchanger/order/update/owner", link))["success"] is True
    assert isinstance(await exchange.step(order["uid"], Status.WAIT_PAYMENT), Changed)
    mine = (await exchange.signed("public/exchanger/order/get", link))["data"]["order"]
    assert mine["extraData"] == json.loads(extra)
    assert len((await exchange.signed("user/exchanger/order/history"))["data"]["orders"]) == 1
    assert "waitPayment" in json.dumps(await exchange.story(order["uid"]))


async def test_a_payer_cannot_claim_an_order_whose_recipient_is_hidden(exchange: Exchange) -> None:
    order = await exchange.create(hideOutData=True)
    link = {"orderUID": order["uid"], "orderSecret": order["secret"]}
    assert error(await exchange.signed("user/exchanger/order/update/owner", link)) == (1409, {})
    assert (await exchange.signed("public/exchanger/order/get", link))["data"]["order"]["toValues"] == []


async def test_another_merchants_key_sees_no_more_than_the_link_shows(exchange: Exchange) -> None:
    live = exchange.live
    other = await live.merchant()
    pair = await live.core.writer.submit(live.core.exchange_keys.add, NewPair(merchant_id=other.id))
    assert pair is not None
    theirs = {"key": pair.key, "secret": pair.secret}
    order = (await exchange.signed("public/exchanger/order/create", {**WISH, "hideOutData": True}))["data"]
    link = {"orderUID": order["uid"], "orderSecret": order["secret"]}
    assert (await exchange.signed("public/exchanger/order/get", link, **theirs))["data"]["order"]["toValues"] == []
    assert (await exchange.signed("user/exchanger/order/history", **theirs))["data"]["orders"] == []
    assert error(await exchange.signed("user/exchanger/order/update/owner", link, **theirs))[0] == 1409
    assert error(await exchange.signed("user/auth/api/delete", {"apiKey": KEY}, **theirs))[0] == 1404
    assert error(await exchange.signed("admin/exchanger/order/get", {"uid": order["uid"]}, **theirs))[0] == 40301


async def test_a_key_gives_no_more_than_it_has(exchange: Exchange) -> None:
    live = exchange.live
    assert error(await exchange.signed("user/auth/api/delete", {"apiKey": OPERATOR_KEY}))[0] == 1404, "an operator's"
    bound = await live.core.writer.submit(live.core.exchange_keys.add, NewPair(merchant_id=40, addresses=("127.0.0.1",)))
    assert bound is not None
    made = (await exchange.signed("user/auth/api/create", key=bound.key, secret=bound.secret))["data"]["access"]
    assert made["whitelistIPs"] == ["127.0.0.1"]
    for key in (bound.key, made["key"]):
        assert (await exchange.signed("user/auth/api/delete", {"apiKey": key}))["success"] is True


async def test_a_partners_link_with_a_strange_code_leads_on(exchange: Exchange) -> None:
    for code in ("%00", "%D9%A3", "a%0d%0aSet-Cookie:b", "x" * 3000):
        answer = await exchange.live.http.get(f"/ref/{code}/?cur_from=%00&cur_to={R1}")
        assert (answer.status_code, "set-cookie" in answer.headers) == (302, False)
