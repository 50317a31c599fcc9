"""Partners: their links lead to the exchange's form, the form creates orders, orders earn, and the partner's own API says how much."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from paymux.checkout import words
from paymux.errors import Refused
from paymux.exchange.keys import Member, put_members
from paymux.exchange.partners import Earned, Reward
from tests.exchange.shop import PURSE, Exchange, exchanging

API = "/service/partner/api.php"
CODE = "example-partner"
BTC = {"toValues.wallet": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "amount": "0.1", "agreement": "true"}
ETH = {f"toValues.{PURSE['key']}": "Z123456789012", "routeValues.email": "buyer@example.com", "amount": "2", "agreement": "true"}


async def asked(exchange: Exchange, key: str, method: str, **more: Any) -> dict[str, Any]:
    answer = await exchange.live.http.get(API, params={"api_action": "pp", "api_key": key, "method": method, **more})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    found: dict[str, Any] = answer.json()
    return found


async def test_a_link_leads_to_an_order_that_earns_its_partner_who_sees_it_and_is_paid(exchange: Exchange) -> None:
    http, core = exchange.live.http, exchange.live.core
    agent = {"user-agent": "Browser 1", "referer": "https://blog.example/post?user=anna"}
    followed = await http.get(f"/ref/{CODE}/?cur_from=BTC&cur_to=USDTTRC20&utm=x", headers=agent)
    assert (followed.status_code, followed.headers["location"]) == (302, "/?from=BTC&to=USDTTRC20")
    cookie = followed.headers["set-cookie"]
    assert re.fullmatch(rf"paymux_partner={CODE}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", cookie)
    made = await http.post("/?from=BTC&to=USDTTRC20", data=BTC, headers={"cookie": f"paymux_partner={CODE}"})
    assert made.status_code == 303
    _, lang, kind, uid, secret = made.headers["location"].split("/")
    assert (lang, kind, len(secret)) == ("en", "order", 24)
    assert (await http.get(made.headers["location"])).status_code == 200
    await exchange.report(int(uid), "settled")
    key = await core.writer.submit(core.partners.make_key, 40)
    info = await asked(exchange, key, "get_info")
    assert (info["status"], info["error"], info["error_text"]) == ("success", 0, "")
    assert info["data"] == {
        "balance": 32.5, "totalReceived": 0, "link": f"{exchange.live.url}/ref/{CODE}/", "min_payout": 0,
        "items": {"BTC": {"balance": "0.0005", "totalReceived": "0"}},
    }  # fmt: skip
    item = (await asked(exchange, key, "get_exchanges"))["data"]["items"][uid]
    assert {name: item[name] for name in ("course_give", "course_get", "amount_give", "amount_get", "partner_reward")} == {
        "course_give": "1", "course_get": "65000", "amount_give": "0.1", "amount_get": "6500", "partner_reward": "0.0005",
    }  # fmt: skip
    assert (item["id"], item["exchange_success"], item["accrued"]) == (int(uid), 1, 1)
    assert (await asked(exchange, key, "get_exchanges", end_time=item["time"] - 1))["data"]["items"] == {}
    assert uid in (await asked(exchange, key, "get_exchanges", start_time=item["time"], end_time=item["time"]))["data"]["items"]
    (link,) = (await asked(exchange, key, "get_links"))["data"]["items"].values()
    assert (link["browser"], link["ip"], link["referrer"]) == ("Browser 1", "127.0.0.0", "https://blog.example/post")
    assert link["query_string"] == "cur_from=BTC&cur_to=USDTTRC20&utm=x"
    pay = Reward(code=CODE, currency="BTC", units=30_000, reference="june")
    assert await core.writer.submit(core.partners.reward, pay) == Earned("BTC", 50_000, 30_000)
    assert await core.writer.submit(core.partners.reward, pay) == Earned("BTC", 50_000, 30_000), "one reference is booked once"
    more = Reward(code=CODE, currency="BTC", units=30_000, reference="july")
    assert isinstance(await core.writer.submit(core.partners.reward, more), Refused)
    assert (await asked(exchange, key, "get_info"))["data"]["totalReceived"] == 19.5
    newer = await core.writer.submit(core.partners.make_key, 40)
    assert (await asked(exchange, key, "get_info"))["error"] == 403
    assert (await asked(exchange, newer, "get_info"))["error"] == 0
    await exchange.prove()


async def test_wrong_keys_methods_and_actions_are_told_apart_and_tell_nothing(exchange: Exchange) -> None:
    key = await exchange.live.core.writer.submit(exchange.live.core.partners.make_key, 40)
    for wrong in ("", "x", "PP_40_x", f"PP_41_{key[6:]}", key[:-1], "PP_" + "9" * 300, "PP_٤٠_x"):
        assert (await asked(exchange, wrong, "get_info"))["error"] == 403
    assert (await asked(exchange, key, "drop"))["error"] == 404
    assert (await exchange.live.http.get(API)).json()["status"] == "error"


async def test_a_setting_of_a_member_does_not_undo_another(exchange: Exchange) -> None:
    core = exchange.live.core
    key = await core.writer.submit(core.partners.make_key, 40)
    await core.writer.submit(put_members, Member(merchant_id=40, reliable_ipn=True))
    await core.writer.submit(put_members, Member(merchant_id=40))
    assert (await asked(exchange, key, "get_info"))["error"] == 0
    pair = (await core.reader.submit(core.exchange_keys.find, "EX_operator")) or pytest.fail("no key")
    assert pair.reliable
    await core.writer.submit(put_members, Member(merchant_id=40, reliable_ipn=False))


async def test_a_link_of_nobody_leads_on_and_leaves_no_code(exchange: Exchange) -> None:
    followed = await exchange.live.http.get("/ref/nobody?cur_from=CASHUSD&cur_to=BTC&city=TBIL")
    assert (followed.status_code, "set-cookie" in followed.headers) == (302, False)
    assert parse_qs(urlsplit(followed.headers["location"]).query) == {"from": ["CASHUSD"], "to": ["BTC"], "city": ["TBIL"]}
    bare = await exchange.live.http.get("/ref/nobody/")
    assert bare.headers["location"] == "/?from=&to="
    listed = await exchange.live.http.get("/?from=&to=")
    assert (listed.status_code, "from=ETH&amp;to=WMZ" in listed.text) == (200, True)


async def test_clicks_of_one_address_are_bounded_and_old_ones_forgotten(database_url: str) -> None:
    async with exchanging(database_url) as exchange:
        key = await exchange.live.core.writer.submit(exchange.live.core.partners.make_key, 40)
        for _ in range(15):
            assert (await exchange.live.http.get(f"/ref/{CODE}/")).status_code == 302
        assert len((await asked(exchange, key, "get_links"))["data"]["items"]) == 10
        await exchange.live.advance_clock(91 * 86_400)
        await exchange.sweep()
        assert (await asked(exchange, key, "get_links"))["data"]["items"] == {}
        await exchange.live.set_fact("clock_offset_ms", 0)


@pytest.mark.parametrize("language", list(words.NAMES))
async def test_the_form_speaks_every_language(exchange: Exchange, language: str) -> None:
    answer = await exchange.live.http.get(f"/?from=ETH&to=WMZ&amount=2&lang={language}")
    assert answer.status_code == 200
    for key in ("exchange.agreement", "exchange.reserve", "action.next"):
        assert words.plain(language, key) in answer.text
    assert 'value="2"' in answer.text
    assert f'lang="{language}"' in answer.text
    made = await exchange.live.http.post(f"/?from=ETH&to=WMZ&lang={language}", data=ETH)
    assert made.headers["location"].startswith(f"/{language}/order/")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": ""}, "Enter an amount"), ({"amount": "0.01"}, "The least is"), ({"amount": "51"}, "The most is"),
        ({"amount": "1e30"}, "The most is"), ({f"toValues.{PURSE['key']}": "X1"}, "Please check this entry"),
        ({"routeValues.email": ""}, "Please fill this in"), ({"agreement": ""}, "Please agree to the rules"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(exchange: Exchange, changes: dict[str, str], told: str) -> None:
    answer = await exchange.live.http.post("/?from=ETH&to=WMZ", data={**ETH, "routeValues.email": "a<b@example.com", **changes})
    assert answer.status_code == 422
    assert told in answer.text
    assert "a<b" not in answer.text
    assert ("a&lt;b@example.com" in answer.text) is ("routeValues.email" not in changes)
    assert 'aria-invalid="true"' in answer.text


async def test_a_pair_that_is_not_there_shows_those_that_are(exchange: Exchange) -> None:
    answer = await exchange.live.http.get('/?from="><script>&to=X')
    assert answer.status_code == 404
    assert "<script>&" not in answer.text
    assert "from=BTC&amp;to=USDTTRC20" in answer.text
    assert (await exchange.live.http.post("/?from=A&to=B", data=ETH)).status_code == 404
    assert (await exchange.live.http.get("/")).status_code == 404
    assert "idPayin" not in (await exchange.live.http.get("/?from=ETH&to=WMZ")).text
