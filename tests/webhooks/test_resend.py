"""Notices are sent again by hand, tested, and their endpoints change."""

import pytest

from paymux.clock import DAY, HOUR, MINUTE
from paymux.webhooks import resend
from paymux.webhooks.endpoints import Endpoints, Rotate, SetUrl, UrlSet
from paymux.webhooks.model import NoticeState
from paymux.webhooks.resend import Resend
from paymux.webhooks.trial import Trial, send_trials
from tests.webhooks.receiver import Receiver, Request, receiving, reply
from tests.webhooks.world import DIALECT, KEYRING, World, notice, q, signature

ENDPOINTS = Endpoints(KEYRING)


async def test_one_notice_is_sent_again_with_the_same_bytes_and_delivery(world: World, receiver: Receiver) -> None:
    shop, stranger = await world.merchant(receiver.url), await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1), notice(shop.merchant_id, 2))
    async with world.node() as node:
        await node.drained()
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id, notice_id=2)) == 1
        assert await resend.resend(world.writer, Resend(merchant_id=stranger.merchant_id, notice_id=1)) == 0
        await node.drained()
    assert receiver.deliveries() == ["d-1-paid", "d-2-paid", "d-2-paid"]
    assert receiver.requests[1].body == receiver.requests[2].body
    assert [row["number"] for row in await world.rows(q.answers)] == [1, 1, 2]
    assert {state for _, state in await world.states()} == {"delivered"}


async def test_a_range_is_sent_again_in_order_over_page_borders(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "PAGE", 3)
    shop = await world.merchant(receiver.url)
    began = world.clock.now()
    async with world.node() as node:
        for payment in range(1, 5):
            await world.put(notice(shop.merchant_id, payment, "paid"), notice(shop.merchant_id, payment, "settled"))
            await node.drained()
            world.clock.offset += HOUR
        receiver.requests.clear()
        wish = Resend(merchant_id=shop.merchant_id, from_at=began + HOUR // 2, until_at=began + HOUR * 5 // 2)
        assert await resend.resend(world.writer, wish) == 4
        await node.drained()
        assert sorted(receiver.deliveries()) == ["d-2-paid", "d-2-settled", "d-3-paid", "d-3-settled"]
        for payment in (2, 3):
            assert [one for one in receiver.deliveries() if f"-{payment}-" in one] == [f"d-{payment}-paid", f"d-{payment}-settled"]
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id, states=(NoticeState.GIVEN_UP,))) == 0
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id, first_id=2, last_id=5)) == 4


@pytest.mark.parametrize("page", [2, 500])
async def test_a_long_range_is_looked_at_a_window_at_a_time(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(resend, "WINDOW", 3)
    monkeypatch.setattr(resend, "PAGE", page)
    shop, other = await world.merchant(receiver.url), await world.merchant(receiver.url)
    for payment in range(1, 11):
        await world.put(notice((other if payment in (1, 10) else shop).merchant_id, payment))
    async with world.node() as node:
        await node.drained()
        receiver.requests.clear()
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id)) == 8
        await node.drained()
        assert sorted(receiver.deliveries()) == [f"d-{payment}-paid" for payment in range(2, 10)]


async def test_a_notice_given_up_starts_again_with_all_its_tries(world: World, receiver: Receiver) -> None:
    receiver.status = 500
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        for _ in range(9):
            await node.drained()
            world.clock.offset += DAY
        assert await world.states() == [("d-1-paid", "given_up")]
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id, states=(NoticeState.GIVEN_UP,))) == 1
        await node.drained()
        assert await world.states() == [("d-1-paid", "waiting")]
        receiver.status = 200
        world.clock.offset += MINUTE
        await node.drained()
    assert await world.states() == [("d-1-paid", "delivered")]
    assert [row["number"] for row in await world.rows(q.answers)] == list(range(1, 12))


async def test_unaddressed_notices_go_to_the_endpoint_that_counts_when_they_are_sent_again(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(None)
    await world.put(notice(shop.merchant_id, 1), notice(shop.merchant_id, 1, "settled"), notice(shop.merchant_id, 2))
    async with world.node() as node:
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id)) == 0
        await node.drained()
        assert {state for _, state in await world.states()} == {"unaddressed"}
        await world.writer.submit(ENDPOINTS.set_urls, SetUrl(merchant_id=shop.merchant_id, url=receiver.url))
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id)) == 3
        await node.drained()
    assert sorted(receiver.deliveries()) == ["d-1-paid", "d-1-settled", "d-2-paid"]
    assert receiver.deliveries().index("d-1-paid") < receiver.deliveries().index("d-1-settled")


async def test_a_test_delivery_waits_for_no_payment(world: World, receiver: Receiver) -> None:
    shop, silent = await world.merchant(receiver.url), await world.merchant(None)
    trial = Trial(merchant_id=shop.merchant_id, shop="shop.example", dialect=DIALECT, word="test", delivery="t-1", body='{"test":true}')
    lost = Trial(merchant_id=silent.merchant_id, shop="", dialect=DIALECT, word="test", delivery="t-2", body="{}")
    assert await world.writer.submit(send_trials, trial) == 1
    assert await world.writer.submit(send_trials, lost) is None
    receiver.status = 404
    async with world.node() as node:
        await node.drained()
        receiver.status = 200
        assert await world.writer.submit(send_trials, trial) == 2
        assert await resend.resend(world.writer, Resend(merchant_id=shop.merchant_id, notice_id=1)) == 1
        await node.drained()
    assert receiver.deliveries() == ["t-1"] * 3
    assert receiver.requests[0].body == b'{"test":true}'
    assert await world.states() == [("t-1", "delivered")] * 2


async def test_a_new_url_keeps_the_secret_and_counts_for_what_is_waiting(world: World, receiver: Receiver) -> None:
    receiver.status = 500
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node, receiving() as moved:
        await node.drained()
        done = await world.writer.submit(ENDPOINTS.set_urls, SetUrl(merchant_id=shop.merchant_id, url=moved.url))
        assert done == UrlSet(1, None)
        world.clock.offset += MINUTE
        await node.drained()
        [request] = moved.requests
    assert request.headers["x-signature"] == signature(shop.webhook_secret, request.body)


async def test_a_shops_own_endpoint_has_its_own_secret_and_wins_over_the_merchants(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(receiver.url)
    made = await world.writer.submit(ENDPOINTS.set_urls, SetUrl(merchant_id=shop.merchant_id, shop="a.example", url=receiver.url + "?a"))
    assert made.secret is not None
    assert len(made.secret) == 64
    assert made.secret != shop.webhook_secret
    await world.put(notice(shop.merchant_id, 1, shop="a.example"), notice(shop.merchant_id, 2, shop="b.example"))
    async with world.node() as node:
        await node.drained()
        again = await world.writer.submit(ENDPOINTS.set_urls, SetUrl(merchant_id=shop.merchant_id, shop="a.example", url=""))
        assert again == UrlSet(made.endpoint_id, None)
        await world.put(notice(shop.merchant_id, 3, shop="a.example"))  # its own leads nowhere: the merchant's counts
        await node.drained()
    sent = {request.delivery: (request.path, request.headers["x-signature"], request.body) for request in receiver.requests}
    for delivery, path, secret in (
        ("d-1-paid", "/hook?a", made.secret),
        ("d-2-paid", "/hook", shop.webhook_secret),
        ("d-3-paid", "/hook", shop.webhook_secret),
    ):
        assert sent[delivery][:2] == (path, signature(secret, sent[delivery][2]))


async def test_during_a_rotation_both_secrets_sign_and_a_refused_signature_is_followed_by_the_other(
    world: World, receiver: Receiver
) -> None:
    shop = await world.merchant(receiver.url)
    old = shop.webhook_secret

    async def knows_only_the_old_one(request: Request) -> bytes:
        return reply(200 if request.headers["x-signature"] == signature(old, request.body) else 401)

    receiver.answer = knows_only_the_old_one
    new = await world.writer.submit(ENDPOINTS.rotate, Rotate(merchant_id=shop.merchant_id))
    assert new is not None
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
        first, second = receiver.requests
        assert [request.headers["x-signature"] for request in (first, second)] == [signature(new, first.body), signature(old, first.body)]
        assert (first.delivery, first.body) == (second.delivery, second.body)
        assert len(first.headers["webhook-signature"].split(" ")) == 2
        [answer] = await world.rows(q.answers)
        assert (answer["status"], answer["error"]) == (200, None)
        world.clock.offset += DAY + MINUTE  # the old one has ended
        await world.put(notice(shop.merchant_id, 2))
        await node.drained()
    assert len(receiver.requests) == 3
    assert receiver.requests[2].headers["x-signature"] == signature(new, receiver.requests[2].body)
    assert len(receiver.requests[2].headers["webhook-signature"].split(" ")) == 1
    assert (await world.rows(q.answers))[-1]["error"] == "HTTP 401"


async def test_other_refusals_are_not_repeated_with_the_secret_before(world: World, receiver: Receiver) -> None:
    receiver.status = 500
    shop = await world.merchant(receiver.url)
    await world.writer.submit(ENDPOINTS.rotate, Rotate(merchant_id=shop.merchant_id, secret="chosen"))
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
        receiver.status = 403
        world.clock.offset += MINUTE
        await node.drained()
    assert len(receiver.requests) == 3
    assert [row["error"] for row in await world.rows(q.answers)] == ["HTTP 500", "HTTP 403; signed with both secrets in turn"]


async def test_where_there_is_no_endpoint_nothing_is_rotated(world: World) -> None:
    shop = await world.merchant(None)
    assert await world.writer.submit(ENDPOINTS.rotate, Rotate(merchant_id=shop.merchant_id, shop="none.example")) is None
