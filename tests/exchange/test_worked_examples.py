"""The exchanger's worked examples, over HTTP, once for each of the two installations whose documents we serve.

The signature vectors and the notices' checksums are compared byte for byte; `af3acf94…` is the documents' own.
"""

import asyncio
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from paymux.cli.exchange_fixtures import KEY, SECRET
from paymux.dialects.exchanger.auth import signed_by
from paymux.dialects.exchanger.notices import checksum, form
from paymux.dialects.exchanger.params import read_body, read_query
from paymux.dialects.exchanger.profiles import PROFILES, Profile, language
from paymux.exchange.lifecycle import Status
from paymux.exchange.model import Value
from tests.exchange.shop import BASE, PURSE, R1, WISH, WISH_R2, Exchange, Forms, error

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
E3 = (
    '{"routeId":"5d8e5f7c1c9d440000a1e7aa","amount":2,"toValues":[{"key":"5d8e5f3b1c9d440000a1e711","value":"Z123456789012"}],'
    '"routeValues":[{"key":"email","value":"buyer@example.com"}],"lang":"en","agreement":true,"hideOutData":true,'
    '"clientCallbackUrl":"https://shop.example/return","ipnUrl":"https://shop.example/ipn","ipnSecret":"SECRET123"}'
)
E4 = (
    "routeId=5d8e5f7c1c9d440000a1e7aa&amount=2&toValues[0][key]=5d8e5f3b1c9d440000a1e711&toValues[0][value]=Z123456789012"
    "&routeValues[0][key]=email&routeValues[0][value]=buyer%40example.com&agreement=true"
)
S4 = "statuses[]=new&statuses[]=waitPayment&page=1&limit=10&time=1571328500000"
VECTORS = [
    ("S1", "time=123456789", '{"param1":"val1"}', JSON, "ac876c6314ffcca01b0e65571cc136cedfb2c3d8e2194aaaf364ca7123568fc7"),
    ("S2", "time=123456789", '{"param1":"val1"}', JSON, "46bee7ce46d9585247c84a1014fad659525920b316b5c258a0652b96654a9e0f"),
    ("S3", "time=1571328000000", E3, JSON, "0140061adeda0833b34751d0f5f88987a5bb4951ab4c91d34064a88572ff0295"),
    ("S4", S4, "", "", "cf463f2ddbe69483e76e42a0f71e5c92e3d0c9ddbbdd3c9266493318b9ae9dfd"),
    ("S5", "", '{"time":1571328600000}', JSON, "abc6ae42c65f3d74d86578ce8bcfa02d6b992e55b10307e97cbb85166a717cab"),
    ("S6", "time=1571328700000", '{"name":"Іван"}', JSON, "2ae67859a594c820b66c539f6bb867d45a07a06fbd0518fc522c2a991a04efb6"),
    ("S7", "time=1571328800000&page=1&limit=10", '{"page":2}', JSON, "5bea85f9d1ea1d08759a5f15c587be164060067d008e7e681a6bd4c177aa2747"),
    ("S8", "time=1571328900000", E4, FORM, "5a9b827f34411cf4b32de15a30509909cced6a39858b6c9106bf560b9db67439"),
    ("S9", "time=1571329000000", "", "", "0a532a4178264d802ce9b74e978cd651bf74905d95eecdc285c0804fa7564d84"),
]
IPN = (
    "orderUID=1409&orderId=5d8e6002b80b7b4cd75a6424&newStatus=waitPayment&inAmount=2&outAmount=317.42&xml_from=ETH&xml_to=WMZ"
    "&timestamp=1571328300000&toValues%5B0%5D%5Bkey%5D=5d8e5f3b1c9d440000a1e711&toValues%5B0%5D%5Bname%5D=WMZ%20purse"
    "&toValues%5B0%5D%5Bvalue%5D=Z123456789012&hash=dc8795be0417a3f5578997f1ae61624df1a9709dee663554c4ef84fd36d530b9"
)
AMOUNTS: list[tuple[dict[str, Any], Any, Any, Any]] = [
    (WISH, "0.05", 0.05, 7.93), (WISH, "2", 2, 317.42), (WISH, 2, 2, 317.42), (WISH, -317.42, 2, 317.42), (WISH, -317.41, 1.999937, 317.41),
    (WISH, 50, 50, 7935.5), (WISH_R2, 500, 500, 46200), (WISH_R2, 999.99, 999.99, 92449.07), (WISH_R2, 1000, 1000, 93384.34),
    (WISH_R2, 2000, 2000, 186818.68), (WISH_R2, -186818.68, 2000, 186818.68), (WISH_R2, -92000, 995.14, 92000),
    (WISH_R2, -92460, 1000, 92460),
]  # fmt: skip
REFUSED: list[tuple[dict[str, Any], Any, int, dict[str, Any]]] = [
    (WISH, 0.049, 7701545348962387, {"min": 0.05}), (WISH, "50.00000001", 3631545348962766, {"max": 50}), (WISH, 0, 7701545348962388, {}),
    (WISH, "abc", 5071545873252155, {}), (WISH, None, 5071545873252155, {}), (WISH_R2, -250001, 9951545348963164, {"max": 250000}),
]  # fmt: skip


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def profile(request: pytest.FixtureRequest) -> Profile:
    found: Profile = request.param
    return found


@pytest.mark.parametrize(("name", "query", "body", "kind", "given"), VECTORS, ids=lambda value: value if len(str(value)) == 2 else "")
def test_e1_every_signature_vector_and_not_a_changed_digit(name: str, query: str, body: str, kind: str, given: str) -> None:
    asked, sent = read_query(query.encode()), read_body(body.encode(), kind)
    assert signed_by(asked, sent, SECRET, given)
    assert signed_by(asked, sent, SECRET, given.upper())
    assert not signed_by(asked, sent, SECRET, given[:-1] + ("0" if given[-1] != "0" else "1"))


def test_the_checksum_of_the_documents_own_example() -> None:
    found = checksum("5d8e6002b80b7b4cd75a6424", "inProgress", "2", "317.42", "ETH", "WMZ", "1571328406072", "SECRET123")
    assert found == "af3acf947e6f0e0f2c267e300b8582e504dba12d1f2d058652b7414163c09f48"


def test_e8_and_e10_the_notice_byte_for_byte() -> None:
    values = [Value("5d8e5f3b1c9d440000a1e711", "WMZ purse", "Z123456789012")]
    same = (1409, "5d8e6002b80b7b4cd75a6424")
    assert form(*same, "waitPayment", "2", "317.42", ("ETH", "WMZ"), 1571328300000, values, "SECRET123") == IPN
    expired = form(*same, "deleted", "2", "317.42", ("ETH", "WMZ"), 1571331600000, values, "SECRET123")
    assert expired.endswith("hash=2cd3f09fc68e8299d2a12c67505eb8fcc326a1dec60491a0029a7e24a562ca6f")
    assert "hash" not in form(*same, "deleted", "2", "317.42", ("ETH", "WMZ"), 1571331600000, values, None)


async def test_e2_a_direction_by_get_by_post_and_without_the_slash(exchange: Exchange, profile: Profile) -> None:
    lang = profile.languages["en"]
    answers = [
        await exchange.get("public/exchanger/route/get/one/", id=R1, lang=lang),
        await exchange.post("public/exchanger/route/get/one/", {"id": R1, "lang": lang}),
        await exchange.get("public/exchanger/route/get/one", id=R1, lang=lang),
        await exchange.post("public/exchanger/route/get/one", {"id": R1}, base="/"),
        await exchange.post("public/exchanger/route/get/one", {"id": R1}, base="/api/v1/"),
        await exchange.get("public/exchanger/route/get/one/by-xml", xmlIn="ETH", xmlOut="WMZ"),
        await exchange.get("public/exchanger/route/get/one/by-friendlyURL", friendlyURL="eth-to-wmz"),
    ]
    route = answers[0]["data"]["route"]
    assert all(answer["data"]["route"] == route for answer in answers)
    assert (route["routeId"], route["from"]["xml"], route["to"]["xml"]) == (R1, "ETH", "WMZ")
    assert (route["from"]["min"], route["from"]["max"], route["orderTTL"]) == ("0.05", "50", 60)
    rate = route["rate"]
    assert (rate["in"], rate["out"], rate["amount"], rate["outFeeAmount"], rate["typeCalculate"]) == (1, 158.71, "25000", 0, "fix")
    assert rate["rateFullNumber"].startswith("0.0063008002016256")
    assert (route["to"]["fields"][0]["_id"], route["fields"][0]["_id"], route["instructions"]) == (PURSE["key"], "email", [])
    assert route["from"]["image"]["files"] == []


async def test_e3_created_by_a_signed_request_and_the_same_request_is_refused(exchange: Exchange) -> None:
    url = BASE + "public/exchanger/order/create?time=1571328000000"
    headers = {"apiKey": KEY, "hash": VECTORS[2][4], "Content-Type": JSON}
    first = await exchange.live.http.post(url, content=E3, headers=headers)
    data = first.json()["data"]
    assert first.headers["content-type"] == "application/json; charset=utf-8"
    assert (len(data["_id"]), len(data["secret"]), len(data["rid"]), data["status"]) == (24, 24, 11, "new")
    assert (data["inAmount"], data["outAmount"]) == (2, 317.42)
    assert (data["route"]["inAmount"], data["route"]["from"]["symbol"]) == (2, "ETH")
    again = await exchange.live.http.post(url, content=E3, headers=headers)
    assert (again.status_code, error(again.json())[0]) == (200, 40301)
    assert (await exchange.story(data["uid"]))["notices"] == []
    seen = await exchange.read(data)
    assert (seen["TYPE"], seen["status"], seen["inAmount"], seen["outAmount"], seen["rate"]) == ("order", "new", 2, 317.42, 158.71)
    assert (seen["toValues"], seen["clientCallbackUrl"]) == ([], "https://shop.example/return")
    assert {"field", "name", "value"} <= set(seen["routeValues"][0])
    owner = await exchange.signed("public/exchanger/order/get", {"orderUID": data["uid"], "orderSecret": data["secret"]})
    assert owner["data"]["order"]["toValues"][0]["value"] == "Z123456789012"
    assert "SECRET123" not in json.dumps(owner)


async def test_e4_created_by_a_form_belongs_to_nobody(exchange: Exchange) -> None:
    answer = await exchange.live.http.post(BASE + "public/exchanger/order/create/", content=E4, headers={"Content-Type": FORM})
    data = answer.json()["data"]
    assert data["outAmount"] == 317.42
    listed = await exchange.signed("user/exchanger/order/history", {"limit": 100})
    assert data["uid"] not in [one["uid"] for one in listed["data"]["orders"]]


@pytest.mark.parametrize(("wish", "amount", "given", "received"), AMOUNTS)
async def test_e5_amounts(exchange: Exchange, wish: dict[str, Any], amount: Any, given: Any, received: Any) -> None:
    data = await exchange.create(wish, amount=amount)
    assert (data["inAmount"], data["outAmount"]) == (given, received)


@pytest.mark.parametrize(("wish", "amount", "code", "values"), REFUSED)
async def test_e5_refused_amounts(exchange: Exchange, wish: dict[str, Any], amount: Any, code: int, values: dict[str, Any]) -> None:
    assert error(await exchange.post("public/exchanger/order/create", {**wish, "amount": amount})) == (code, values)


async def test_e6_a_wrong_field_is_named(exchange: Exchange) -> None:
    named = {"fieldId": PURSE["key"], "nameField": "WMZ purse", "type": "toValues"}
    wrong = await exchange.post("public/exchanger/order/create", {**WISH, "toValues": [{**PURSE, "value": "X1"}]})
    assert error(wrong) == (6231546409213868, {**named, "err": "regexp"})
    missing = await exchange.post("public/exchanger/order/create", {**WISH, "toValues": []})
    assert error(missing) == (6231546409213868, {**named, "err": "required"})


async def test_e7_a_wrong_secret_and_a_wrong_number_are_one_answer(exchange: Exchange) -> None:
    order = await exchange.create()
    wrong = order["secret"][:-1] + ("a" if order["secret"][-1] != "a" else "b")
    for uid, secret in ((order["uid"], wrong), (999999999, order["secret"]), ("x", order["secret"]), (order["uid"], "")):
        answer = await exchange.get("public/exchanger/order/get", orderUID=uid, orderSecret=secret)
        assert error(answer) == (1404, {})
    answer = await exchange.get("public/exchanger/order/get", orderUID=order["uid"], orderSecret=order["secret"])
    assert set(answer["data"]["verifications"]) == {"verificationCurrency", "verificationCurrencyPayout", "verificationUser"}
    assert answer["cache"] == 2


async def test_e8_and_e11_confirmed_paid_and_finished_with_a_notice_for_each_step(exchange: Exchange, shop: Forms) -> None:
    order = await exchange.create(ipnUrl=shop.hook, ipnSecret="SECRET123", hideOutData=True)
    body = {"orderUID": order["uid"], "orderSecret": order["secret"], "status": "waitPayment"}
    answer = await exchange.live.http.put(BASE + "public/exchanger/order/update-status", json=body)
    assert (answer.json()["success"], answer.json()["data"]) == (True, {})
    await exchange.lead(order, "inProgress")
    for status in ("inProgress", "deleted", "done", "hold"):
        assert error(await exchange.lead(order, status)) == (1409, {})
    for status in ("inProgressPayout", "done"):
        body = {"orderId": order["_id"], "status": status}
        assert (await exchange.operator("admin/exchanger/order/update-status", body))["data"] == {}
    words = ["waitPayment", "inProgress", "inProgressPayout", "done"]
    await asyncio.to_thread(shop.wait_for, lambda: shop.statuses(order["uid"]) == words)
    for told in shop.told:
        names = ("orderId", "newStatus", "inAmount", "outAmount", "xml_from", "xml_to", "timestamp")
        assert told["hash"] == checksum(*(told[name] for name in names), "SECRET123")
        assert (told["toValues[0][value]"], len(told["timestamp"])) == ("Z123456789012", 13)
    assert shop.deliveries[0].headers["content-type"] == FORM


@pytest.mark.parametrize("status", ["done", "hold", "inProgressPayout", "inProgress", "errorPayout", "returned", "new", "foo", ""])
async def test_e9_refused_jumps(exchange: Exchange, status: str) -> None:
    order = await exchange.create()
    assert error(await exchange.lead(order, status)) == (1409, {})
    assert (await exchange.stored(order["uid"])).status is Status.NEW


async def test_e12_the_history_of_the_keys_owner(exchange: Exchange) -> None:
    made = (await exchange.signed("public/exchanger/order/create", WISH))["data"]
    listed = await exchange.signed("user/exchanger/order/history", {"statuses": ["new", "waitPayment"], "page": 1, "limit": 10})
    orders, count = listed["data"]["orders"], listed["data"]["count"]
    assert (orders[0]["uid"], orders[0]["secret"]) == (made["uid"], made["secret"])
    assert [one["uid"] for one in orders] == sorted((one["uid"] for one in orders), reverse=True)
    assert {one["status"] for one in orders} <= {"new", "waitPayment"}
    assert (count["select_page"], count["limit"]) == (1, 10)
    beyond = await exchange.signed("user/exchanger/order/history", {"page": 999, "limit": 999})
    assert (beyond["data"]["orders"], beyond["data"]["count"]["limit"]) == ([], 100)
    assert error(await exchange.get("user/exchanger/order/history"))[0] == 40301


async def test_e13_the_export(exchange: Exchange) -> None:
    answer = await exchange.live.http.get("/service/export/xml")
    assert answer.headers["content-type"] == "application/xml"
    items = [{child.tag: child.text for child in item} for item in ElementTree.fromstring(answer.text)]
    item = next(item for item in items if item["from"] == "ETH")
    limits = {"minamount": "0.05", "maxamount": "50"}
    assert {name: item[name] for name in ("to", "in", "out", *limits)} == {"to": "WMZ", "in": "1", "out": "158.71", **limits}
    assert item["amount"] == (await exchange.get("public/exchanger/route/get/one", id=R1))["data"]["route"]["rate"]["amount"]
    assert "maxamount" not in next(item for item in items if item["to"] == "SBERRUB")
    assert (await exchange.live.http.get("/service/export/json/some-partner")).json() == items
    assert b"ETH;WMZ;1;158.71;" in (await exchange.live.http.get("/service/export/txt")).content


def test_languages_of_both_installations_are_understood(profile: Profile) -> None:
    for ours, theirs in profile.languages.items():
        assert language(theirs) == ours
    assert (language("xx"), language("", "ru-RU"), language("DEU")) == ("en", "ru", "de")


async def test_an_order_in_each_installations_own_words(exchange: Exchange, profile: Profile) -> None:
    for ours, theirs in profile.languages.items():
        sent = f"{E4}&lang={theirs}"
        answer = await exchange.live.http.post("/public/exchanger/order/create", content=sent, headers={"Content-Type": FORM})
        order = answer.json()["data"]
        assert (await exchange.stored(order["uid"])).details.language == ours
        for status in ("waitPayment", "inProgress"):
            assert (await exchange.lead(order, status))["data"] == {}
        path = profile.page.format(lang=ours, kind="payment", uid=order["uid"], secret=order["secret"])
        page = await exchange.live.http.get(exchange.live.url + path)
        assert (page.status_code, f'lang="{ours}"' in page.text) == (200, True)


async def test_an_operators_method_needs_an_operators_key(exchange: Exchange) -> None:
    order = await exchange.create()
    body = {"orderId": order["uid"], "status": "inProgress"}
    assert error(await exchange.signed("admin/exchanger/order/update-status", body))[0] == 40301
    assert error(await exchange.post("admin/exchanger/order/update-status", body))[0] == 40301
    assert (await exchange.operator("admin/exchanger/order/update-status", body))["success"] is True
