"""How often a shop may ask: refused calls say how long to wait, and waiting so long helps. The clock is moved, nobody waits."""

import pytest

from paymux.dialects.ecomtrade24.errors import Code
from tests.node import LiveNode, Shop, assert_refused, serving, together


async def statuses(shop: Shop, session_id: int, times: int) -> list[int]:
    return [(await shop.ask(session_id=session_id)).status_code for _ in range(times)]


async def blocked(shop: Shop, session_id: int) -> None:
    """Thirty calls that fit, thirty that do not; the next one is too much."""
    assert await statuses(shop, session_id, 60) == [200] * 30 + [429] * 30


async def test_one_session_is_answered_thirty_times_a_minute(live: LiveNode) -> None:
    shop = await live.merchant()
    one, other = [(await shop.create(order_id=name))["session_id"] for name in "AB"]
    assert await statuses(shop, one, 31) == [200] * 30 + [429]
    refused = await shop.ask(session_id=one)
    assert_refused(refused, 429, Code.RATE_LIMITED)
    wait = refused.json()["retry_after"]
    assert refused.headers["retry-after"] == str(wait)
    assert 50 <= wait <= 60
    assert (await shop.ask(session_id=other)).status_code == 200
    assert (await shop.ask(order_id="A")).status_code == 200  # another name is another key
    await live.advance_clock(wait)
    assert (await shop.ask(session_id=one)).status_code == 200


async def test_the_window_slides(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    assert await statuses(shop, number, 15) == [200] * 15
    await live.advance_clock(40)
    assert await statuses(shop, number, 16) == [200] * 15 + [429]
    await live.advance_clock(21)
    assert await statuses(shop, number, 16) == [200] * 15 + [429]


async def test_a_checkout_that_asks_every_four_seconds_is_never_limited(live: LiveNode) -> None:
    shop = await live.merchant()
    numbers = [(await shop.create())["session_id"] for _ in range(3)]
    for _ in range(40):
        assert {answer.status_code for answer in await together([shop.ask(session_id=number) for number in numbers])} == {200}
        await live.advance_clock(4)


async def test_of_many_calls_at_once_exactly_as_many_fit(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    answers = await together([shop.ask(session_id=number) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [200] * 30 + [429] * 20


async def test_who_does_not_stop_is_blocked_for_five_minutes_and_nothing_else_is(live: LiveNode) -> None:
    shop, neighbour = await live.merchant(), await live.merchant()
    number, theirs = (await shop.create())["session_id"], (await neighbour.create())["session_id"]
    await blocked(shop, number)
    refused = await shop.ask(session_id=number)
    assert_refused(refused, 429, Code.TEMPORARILY_BLOCKED)
    assert refused.json()["retry_after"] == 300
    assert_refused(await shop.ask(order_id="another name"), 429, Code.TEMPORARILY_BLOCKED)
    assert_refused(await live.http.get("/gateway/status.php", headers=shop.headers), 429, Code.TEMPORARILY_BLOCKED)
    assert (await shop.post()).status_code == 200
    assert (await shop.me())["ok"] is True
    assert (await neighbour.ask(session_id=theirs)).status_code == 200
    await live.advance_clock(200)
    for _ in range(3):  # calls during the block do not make it longer
        refused = await shop.ask(session_id=number)
        assert_refused(refused, 429, Code.TEMPORARILY_BLOCKED)
        assert 90 <= refused.json()["retry_after"] <= 100
    await live.advance_clock(refused.json()["retry_after"])
    assert (await shop.ask(session_id=number)).status_code == 200


async def test_refusals_of_long_ago_do_not_block(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    await blocked(shop, number)
    await live.advance_clock(601)
    assert await statuses(shop, number, 31) == [200] * 30 + [429]
    assert_refused(await shop.ask(session_id=number), 429, Code.RATE_LIMITED)


async def test_me_is_answered_sixty_times_a_minute(live: LiveNode) -> None:
    shop = await live.merchant()
    answers = [await live.http.get("/gateway/me.php", headers=shop.headers) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert_refused(answers[-1], 429, Code.RATE_LIMITED)
    await live.advance_clock(answers[-1].json()["retry_after"])
    assert (await shop.me())["ok"] is True


async def test_sessions_are_created_a_hundred_and_twenty_times_a_minute(live: LiveNode) -> None:
    shop = await live.merchant()
    answers = await together([shop.post(order_id=f"{number % 7}") for number in range(130)])
    assert sorted(answer.status_code for answer in answers) == [200] * 120 + [429] * 10
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert_refused(refused, 429, Code.RATE_LIMITED)
    await live.advance_clock(refused.json()["retry_after"])
    assert (await shop.post()).status_code == 200


async def test_refused_sessions_count_and_nothing_of_them_is_stored(live: LiveNode) -> None:
    shop = await live.merchant()
    answers = await together([shop.post(amount="0") for _ in range(120)])
    assert {answer.status_code for answer in answers} == {400}
    assert_refused(await shop.post(), 429, Code.RATE_LIMITED)
    assert await live.payments_of(shop) == []


async def test_too_fast_is_said_before_the_key_is_judged(live: LiveNode) -> None:
    nobody = {"X-API-Key": f"nobody-{live.port}"}
    answers = [await live.http.get("/gateway/me.php", headers=nobody) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]
    assert_refused(answers[-1], 429, Code.RATE_LIMITED)
    other = await live.http.get("/gateway/me.php", headers={"X-API-Key": "another nobody"})
    assert_refused(other, 401, Code.INVALID_API_KEY)
    without = [await live.http.get("/gateway/me.php") for _ in range(61)]
    assert [answer.status_code for answer in without] == [401] * 60 + [429]


async def test_each_limit_is_a_setting(database_url: str) -> None:
    numbers = {
        "session_per_minute": 3, "session_per_minute_unlimited": 5, "status_per_key_per_minute": 2, "status_per_merchant_per_minute": 4,
        "me_per_minute": 1, "status_abuse_refusals": 2, "status_abuse_window_s": 100, "status_block_s": 7,
    }  # fmt: skip
    async with serving(database_url, **numbers) as live:
        pro, unlimited = await live.merchant("pro"), await live.merchant("unlimited")
        assert [(await pro.post()).status_code for _ in range(4)] == [200] * 3 + [429]
        assert [(await unlimited.post()).status_code for _ in range(6)] == [200] * 5 + [429]
        await pro.me()
        assert_refused(await live.http.get("/gateway/me.php", headers=pro.headers), 429, Code.RATE_LIMITED)
        numbers_of = await live.payments_of(unlimited)
        assert [(await unlimited.ask(session_id=number)).status_code for number in numbers_of] == [200] * 4 + [429]
        assert_refused(await unlimited.ask(session_id=numbers_of[0]), 429, Code.RATE_LIMITED)
        refused = await unlimited.ask(session_id=numbers_of[0])
        assert_refused(refused, 429, Code.TEMPORARILY_BLOCKED)
        assert refused.json()["retry_after"] == 7


@pytest.mark.parametrize("switch", ["off"])
async def test_limits_can_be_switched_off(database_url: str, switch: str) -> None:
    async with serving(database_url, rate_limits=switch) as live:
        shop = await live.merchant()
        number = (await shop.create())["session_id"]
        answers = await together([shop.ask(session_id=number) for _ in range(200)])
        assert {answer.status_code for answer in answers} == {200}
