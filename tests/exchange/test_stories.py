"""Orders over HTTP, on both engines: every status is reached and told, money is counted once, and the reserve is never given twice."""

import asyncio
from typing import Any

import pytest

from paymux.errors import Refused
from paymux.exchange.change import Changed
from paymux.exchange.keys import Member, NewPair, Pair, put_members
from paymux.exchange.lifecycle import Actor, Payout, Status
from paymux.exchange.model import Order
from paymux.exchange.setup import Stock, stock
from paymux.keyring import UnknownKey
from paymux.storage.query import Tx
from paymux.storage.sweep import ASIDE_MS
from paymux.webhooks.endpoints import Endpoints, Rotate
from tests.exchange.shop import WALLET, WISH, WISH_R2, WISH_R3, Exchange, Forms, error, exchanging, until

S = Status


async def arrived(shop: Forms, uid: int, words: list[str]) -> None:
    await asyncio.to_thread(shop.wait_for, lambda: shop.statuses(uid) == words, f"the notices of {uid}")


async def test_an_operator_reaches_every_status_and_each_is_told(exchange: Exchange, shop: Forms) -> None:
    order = await exchange.create(ipnUrl=shop.hook)
    uid = order["uid"]
    way = [
        S.WAIT_PAYMENT,
        S.ERROR_PAYMENT,
        S.WAIT_PAYMENT,
        S.HOLD,
        S.IN_PROGRESS,
        S.IN_PROGRESS_PAYOUT,
        S.ERROR_PAYOUT,
        S.IN_PROGRESS_PAYOUT,
    ]
    for status in [*way, S.DONE]:
        assert isinstance(await exchange.step(uid, status), Changed), status
    await arrived(shop, uid, [*way, S.DONE])
    assert all("hash" not in told for told in shop.told), "without a secret nothing is signed"
    other = await exchange.create(ipnUrl=shop.hook)
    for status in (S.IN_PROGRESS, S.RETURNED):
        await exchange.step(other["uid"], status)
    await arrived(shop, other["uid"], [S.IN_PROGRESS, S.RETURNED])
    await exchange.prove()


async def test_paid_automatically_and_paid_out_automatically_exactly_once(exchange: Exchange, shop: Forms) -> None:
    before = await exchange.inventory("USDTTRC20"), await exchange.inventory("BTC")
    order = await exchange.create(WISH_R3, ipnUrl=shop.hook, ipnSecret="s")
    assert await exchange.report(order["uid"], "paid")
    await until(exchange, order["uid"], S.DONE)
    stored = await exchange.stored(order["uid"])
    assert (stored.payout, stored.reserved_units, stored.txid is not None) == (Payout.SENT, 0, True)
    assert await exchange.inventory("USDTTRC20") == before[0] - 650_000
    assert await exchange.inventory("BTC") == before[1] + 10_000_000
    await arrived(shop, order["uid"], ["waitPayment", "inProgressPayout", "done"])
    assert (await exchange.report(order["uid"], "paid")).repeated is True  # type: ignore[union-attr]
    await exchange.prove()


async def test_settled_ends_as_done_and_expired_as_deleted(exchange: Exchange) -> None:
    order, late = await exchange.create(), await exchange.create()
    assert (await exchange.report(order["uid"], "settled")).order.status is S.DONE  # type: ignore[union-attr]
    assert (await exchange.report(late["uid"], "expired")).order.status is S.DELETED  # type: ignore[union-attr]
    assert isinstance(await exchange.report(late["uid"], "paid"), Refused)
    for outcome, status in (("pending", S.IN_PROGRESS), ("declined", S.ERROR_PAYMENT), ("review", S.HOLD)):
        one = await exchange.create()
        assert (await exchange.report(one["uid"], outcome)).order.status is status  # type: ignore[union-attr]
        assert (await exchange.report(one["uid"], outcome)).repeated  # type: ignore[union-attr]


async def test_another_amount_waits_for_a_person_who_returns_or_accepts_it(exchange: Exchange) -> None:
    short, over = await exchange.create(), await exchange.create()
    for order, units in ((short, 100_000_000), (over, 250_000_000)):
        changed = await exchange.report(order["uid"], "paid", units)
        assert isinstance(changed, Changed)
        assert (changed.order.status, changed.order.received_units) == (S.ERROR_PAYMENT, units)
    assert isinstance(await exchange.step(short["uid"], S.DELETED), Refused), "money that came is not deleted"
    assert isinstance(await exchange.step(short["uid"], S.RETURNED), Changed)
    moved = {row["reason"]: row["amount_units"] for row in (await exchange.story(short["uid"]))["transfers"]}
    assert moved == dict.fromkeys(("exchange.received", "exchange.returning", "exchange.returned"), 100_000_000)
    await exchange.step(over["uid"], S.IN_PROGRESS_PAYOUT)
    await exchange.step(over["uid"], S.DONE)
    assert (await exchange.stored(over["uid"])).received_units == 250_000_000
    missing = await exchange.create()
    await exchange.report(missing["uid"], "paid", 50_000_000)
    rest = await exchange.report(missing["uid"], "paid")
    assert isinstance(rest, Changed)
    assert rest.order.status is S.IN_PROGRESS_PAYOUT, "the missing part came later"
    await exchange.prove()


async def test_an_order_expires_by_the_moment_and_is_told_once(exchange: Exchange, shop: Forms) -> None:
    order = await exchange.create(ipnUrl=shop.hook)
    await exchange.live.advance_clock(3600)
    try:
        assert (await exchange.read(order))["status"] == "deleted"
        assert error(await exchange.lead(order, "waitPayment")) == (1409, {})
        await exchange.sweep()
        await arrived(shop, order["uid"], ["deleted"])
        late = await exchange.step(order["uid"], S.IN_PROGRESS)
        assert isinstance(late, Changed), "a late payment is taken up by a person"
    finally:
        await exchange.live.reset_clock()


async def test_an_order_whose_notice_cannot_be_made_keeps_no_other_from_expiring(
    exchange: Exchange, shop: Forms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its IPN secret lies under a secret key that was taken out; when that is put back, it expires as well."""

    def locked(order: Order) -> str | None:
        if order.ipn_secret:
            raise UnknownKey("0a1b2c3d")
        return None

    held = await exchange.create(ipnUrl=shop.hook, ipnSecret="s")
    other = await exchange.create(ipnUrl=shop.hook)
    monkeypatch.setattr(exchange.live.core.exchange, "_ipn_secret", locked)
    await exchange.live.advance_clock(3600)
    try:
        await until(exchange, other["uid"], S.DELETED)
        await arrived(shop, other["uid"], ["deleted"])
        assert (await exchange.stored(held["uid"])).status is S.NEW
        monkeypatch.undo()
        await exchange.live.advance_clock(ASIDE_MS // 1000)
        await until(exchange, held["uid"], S.DELETED)
        await arrived(shop, held["uid"], ["deleted"])
    finally:
        await exchange.live.reset_clock()


async def test_an_order_that_waits_again_gets_its_whole_time_again_and_never_more(exchange: Exchange) -> None:
    order = await exchange.create()
    made = await exchange.stored(order["uid"])
    for _ in range(3):
        await exchange.step(order["uid"], S.IN_PROGRESS)
        await exchange.step(order["uid"], S.ERROR_PAYMENT)
        await exchange.step(order["uid"], S.WAIT_PAYMENT)
        await exchange.live.advance_clock(1800)
    again = await exchange.stored(order["uid"])
    await exchange.live.reset_clock()
    assert again.expires_at - again.updated_at == made.expires_at - made.created_at == 3_600_000


async def test_two_equal_steps_at_one_moment_are_one(exchange: Exchange) -> None:
    order = await exchange.create()
    answers = await asyncio.gather(*(exchange.lead(order, "waitPayment") for _ in range(8)))
    assert sorted(answer["success"] for answer in answers) == [False] * 7 + [True]


async def test_a_free_order_holds_nothing_and_the_last_reserve_is_given_once(exchange: Exchange) -> None:
    has = await exchange.inventory("SBERRUB")
    keep = Stock(key="fifty", code="SBERRUB", units=5 * 4_620_000 + 100 - has)
    await exchange.live.core.writer.submit(stock, keep)
    orders = [await exchange.create(WISH_R2) for _ in range(50)]
    assert await exchange.inventory("SBERRUB") == 5 * 4_620_000 + 100
    await asyncio.gather(*(exchange.step(order["uid"], S.WAIT_PAYMENT) for order in orders))
    await asyncio.gather(*(exchange.report(order["uid"], "paid") for order in orders))
    found = [(await exchange.stored(order["uid"])).status for order in orders]
    assert (found.count(S.IN_PROGRESS_PAYOUT), found.count(S.ERROR_PAYOUT)) == (5, 45)
    assert await exchange.inventory("SBERRUB") == 100
    await exchange.live.core.writer.submit(stock, Stock(key="more", code="SBERRUB", units=4_620_000))
    waiting = orders[found.index(S.ERROR_PAYOUT)]["uid"]
    assert isinstance(await exchange.step(waiting, S.IN_PROGRESS_PAYOUT), Changed), "filled up, it goes on"
    assert (await exchange.stored(waiting)).reserved_units == 4_620_000
    returned = orders[found.index(S.IN_PROGRESS_PAYOUT)]["uid"]
    await exchange.step(returned, S.RETURNED)
    assert await exchange.inventory("SBERRUB") == 100 + 4_620_000
    await exchange.prove()
    await exchange.live.core.writer.submit(stock, Stock(key="again", code="SBERRUB", units=25_000_000))


async def test_a_payout_that_fails_for_sure_waits_and_is_retried_under_a_new_key(exchange: Exchange) -> None:
    order = await exchange.create(WISH_R3, amount="-100.13")
    await exchange.report(order["uid"], "paid")
    await until(exchange, order["uid"], S.ERROR_PAYOUT)
    failed = await exchange.stored(order["uid"])
    assert (failed.payout, failed.operation_key, failed.reserved_units) == (Payout.DEAD, None, 10013)
    assert isinstance(await exchange.step(order["uid"], S.DONE), Changed), "paid by hand"
    await exchange.prove()


async def test_a_payout_that_nobody_answered_for_is_asked_about_and_never_sent_twice(exchange: Exchange) -> None:
    before = await exchange.inventory("USDTTRC20")
    order = await exchange.create(WISH_R3, amount="-100.17")
    await exchange.report(order["uid"], "paid")
    for _ in range(1000):
        waiting = await exchange.stored(order["uid"])
        if waiting.payout is Payout.STARTED:
            break
        await asyncio.sleep(0.02)
    assert (waiting.status, waiting.reserved_units) == (S.IN_PROGRESS_PAYOUT, 10017)
    assert isinstance(await exchange.step(order["uid"], S.RETURNED), Refused), "nobody knows yet whether it arrived"
    await exchange.live.advance_clock(30)
    try:
        await until(exchange, order["uid"], S.DONE)
    finally:
        await exchange.live.reset_clock()
    assert (await exchange.stored(order["uid"])).operation_key == waiting.operation_key
    assert await exchange.inventory("USDTTRC20") == before - 10017


async def test_a_partner_who_is_known_earns_and_one_who_is_not_is_ignored(exchange: Exchange) -> None:
    order = await exchange.create(WISH_R3, partner="example-partner")
    nobody = await exchange.create(WISH_R3, partner="nobody-knows")
    assert (await exchange.stored(nobody["uid"])).details.partner is None
    await exchange.report(order["uid"], "settled")
    moved = {row["reason"]: (row["amount_units"], row["credit"]) for row in (await exchange.story(order["uid"]))["transfers"]}
    assert moved["exchange.commission"] == (50_000, "commission:example-partner")


async def test_an_order_without_a_key_is_claimed_once(exchange: Exchange) -> None:
    order = await exchange.create()
    body = {"orders": [{"uid": order["uid"], "secret": order["secret"]}]}
    assert (await exchange.signed("user/exchanger/order/update/owner", body))["success"] is True
    listed = await exchange.signed("user/exchanger/order/history", {})
    assert listed["data"]["orders"][0]["uid"] == order["uid"]


async def test_a_notice_is_sent_once_and_by_setting_until_it_is_taken(exchange: Exchange, shop: Forms) -> None:
    shop.status = 500
    once = await exchange.create(ipnUrl=shop.hook)
    await exchange.lead(once, "deleted")
    await arrived(shop, once["uid"], ["deleted"])
    await exchange.live.core.writer.submit(put_members, Member(merchant_id=40, reliable_ipn=True))
    try:
        answer = await exchange.signed("public/exchanger/order/create", {**WISH, "ipnUrl": shop.hook})
        await exchange.lead(answer["data"], "deleted")
        await arrived(shop, answer["data"]["uid"], ["deleted"])
    finally:
        await exchange.live.core.writer.submit(put_members, Member(merchant_id=40, reliable_ipn=False))

    async def state(uid: int) -> tuple[str, int]:
        notice = (await exchange.story(uid))["notices"][0]
        return notice["state"], notice["tries"]

    ends = ("given_up", 1), ("waiting", 1)
    for _ in range(1000):
        if (found := (await state(once["uid"]), await state(answer["data"]["uid"]))) == ends:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(found)


async def test_a_notice_is_sent_once_also_while_two_secrets_of_the_endpoint_count(exchange: Exchange, shop: Forms) -> None:
    await exchange.live.core.writer.submit(Endpoints(exchange.live.core.keyring).rotate, Rotate(merchant_id=40))
    shop.status = 401
    answer = await exchange.signed("public/exchanger/order/create", {**WISH, "ipnUrl": shop.hook})
    await exchange.lead(answer["data"], "deleted")
    for _ in range(1000):
        if (await exchange.story(answer["data"]["uid"]))["notices"][0]["state"] == "given_up":
            break
        await asyncio.sleep(0.02)
    assert shop.statuses(answer["data"]["uid"]) == ["deleted"], "a second try would be the same bytes"


async def test_a_wrong_header_never_becomes_nobodys_order(exchange: Exchange) -> None:
    for headers in ({"apikey": "x"}, {"hash": "y"}, {"apikey": "x", "hash": "y"}):
        answer = await exchange.live.http.post("/service/api/v1/public/exchanger/order/create", json=WISH, headers=headers)
        assert error(answer.json())[0] == 40301


async def test_the_transports_own_errors_keep_the_envelope(exchange: Exchange) -> None:
    http = exchange.live.http
    path = "/service/api/v1/public/exchanger/order/create"
    cases: list[tuple[Any, int]] = [
        (await http.post(path, content=b"{", headers={"Content-Type": "application/json"}), 400),
        (await http.post(path, content=b"[1]", headers={"Content-Type": "application/json"}), 400),
        (await http.get("/service/api/v1/public/exchanger/nothing"), 404),
        (await http.get(path), 405),
        (await http.post(path, content=b"a" * (1024 * 1024 + 1)), 413),
    ]
    for answer, status in cases:
        assert answer.status_code == status
        error(answer.json())
    form = await http.post("/public/exchanger/order/create", content="routeId=x&agreement=1&amount=1&toValues[]=&a[b]=&[=&toValues=1")
    assert error(form.json()) == (6801545277215051, {})


async def test_bad_addresses_of_the_shop_are_refused(exchange: Exchange) -> None:
    for name, url in (
        ("clientCallbackUrl", "javascript:alert(1)"), ("clientCallbackUrl", "/back"), ("clientCallbackUrl", "https://x/" + "a" * 200),
        ("ipnUrl", "ftp://shop.example/"), ("ipnUrl", "https://user:pass@shop.example/"), ("clientCallbackUrl", 'https://x/"><script>'),
    ):  # fmt: skip
        found = error(await exchange.post("public/exchanger/order/create", {**WISH, name: url}))
        assert (found[0], found[1]["fieldId"]) == (6231546409213868, name)
    bad = {**WISH_R3, "toValues": [{**WALLET, "value": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"}]}
    assert error(await exchange.post("public/exchanger/order/create", bad))[1]["err"] == "regexp"
    assert error(await exchange.post("public/exchanger/order/create", {**WISH, "agreement": False}))[1]["fieldId"] == "agreement"


async def test_the_lists_are_what_the_web_client_reads(exchange: Exchange) -> None:
    first = (await exchange.post("public/exchanger/route/get"))["data"]["routes"]
    second = (await exchange.get("public/exchanger/route-v2/get"))["data"]
    assert {one["routeId"] for one in first} == {one["routeId"] for one in second["routes"]}
    assert all(one["isShowWeb"] is True and one["from"]["image"]["files"] == [] for one in first)
    currency = second["currencies"][second["routes"][0]["to"]]
    assert isinstance(currency["reserveAmount"], int | float)
    only = (await exchange.get("public/exchanger/route/get", fromCurrencyId=first[0]["from"]["_id"]))["data"]["routes"]
    assert [one["routeId"] for one in only] == [first[0]["routeId"]]
    assert error(await exchange.get("user/auth/session/get"))[0] == 40301


async def test_keys_are_made_listed_and_revoked(exchange: Exchange) -> None:
    made = (await exchange.signed("user/auth/api/create"))["data"]["access"]
    assert (await exchange.signed("user/exchanger/order/history", key=made["key"], secret=made["secret"]))["success"] is True
    listed = (await exchange.signed("user/auth/api/get/list"))["data"]["keys"]
    assert made["key"] in [one["key"] for one in listed]
    assert all("secret" not in one for one in listed)
    assert (await exchange.signed("user/auth/api/delete", {"apiKey": made["key"]}))["success"] is True
    answer = await exchange.signed("user/exchanger/order/history", key=made["key"], secret=made["secret"])
    assert error(answer)[0] == 40301


async def test_a_merchant_has_five_keys_however_many_are_asked_for_at_once(exchange: Exchange) -> None:
    core, merchant = exchange.live.core, await exchange.live.merchant()

    async def ask(tx: Tx) -> Pair | None:
        return (await core.exchange_keys.add(tx, [NewPair(merchant_id=merchant.id)], core.clock.now()))[0]

    made = await asyncio.gather(*(core.storage.write(ask) for _ in range(12)))
    assert len([pair for pair in made if pair is not None]) == 5


async def test_too_many_orders_of_one_address_are_put_off(database_url: str) -> None:
    async with exchanging(database_url, rate_limits=True) as exchange:
        answers = [await exchange.post("public/exchanger/order/create", WISH) for _ in range(31)]
        assert all(answer["success"] for answer in answers[:30])
        code, values = error(answers[30])
        assert (code, values["time"] > 0) == (5030000, True)


async def test_the_clock_is_nobodys_tool(exchange: Exchange) -> None:
    order = await exchange.create()
    changed = await exchange.step(order["uid"], S.DELETED, Actor.CLOCK)
    assert isinstance(changed, Changed)
    assert (changed.repeated, changed.order.status) == (True, S.NEW)
