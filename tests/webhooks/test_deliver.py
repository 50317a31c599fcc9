"""Notices reach real receivers on loopback: order, repeats, lanes, answers."""

import asyncio

import pytest
from standardwebhooks import Webhook

from paymux.clock import HOUR, MINUTE, SECOND
from paymux.webhooks import deliver
from paymux.webhooks.model import NoticeForm
from tests.webhooks.receiver import Receiver, Request, receiving, reply
from tests.webhooks.world import DIALECT, World, headers, notice, q, signature


async def test_a_notice_is_sent_as_its_stored_bytes_and_signed(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
    [request] = receiver.requests
    body = '{"payment":1,"status":"paid","note":"ä/€"}'
    assert request.body == body.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Paymux/")
    assert request.headers["x-signature"] == signature(shop.webhook_secret, body.encode())
    assert Webhook(shop.webhook_secret.encode()).verify(body, request.headers)["payment"] == 1
    [row] = await world.rows(q.notices)
    assert (row["state"], row["tries"], row["due_at"], row["leased_until"], row["ended_at"] is None) == ("delivered", 1, None, None, False)
    [answer] = await world.rows(q.answers)
    assert (answer["number"], answer["status"], answer["answer"], answer["error"], answer["url"]) == (1, 200, "ok", None, receiver.url)


async def test_a_notice_with_its_own_url_goes_there_signed_by_the_shop(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(None)
    await world.put(notice(shop.merchant_id, 1, url=receiver.url + "?own=1"), notice(shop.merchant_id, 2))
    async with world.node() as node:
        await node.drained()
    assert [request.path for request in receiver.requests] == ["/hook?own=1"]
    assert receiver.requests[0].headers["x-signature"] == signature(shop.webhook_secret, receiver.requests[0].body)
    assert await world.states() == [("d-1-paid", "delivered"), ("d-2-paid", "unaddressed")]


async def test_repeats_follow_the_schedule_with_the_same_bytes_and_then_the_next_notice_is_released(
    world: World, receiver: Receiver
) -> None:
    """Traps: events out of order; a retry that is another event."""
    receiver.status = 500
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1, "paid"), notice(shop.merchant_id, 1, "settled"))
    async with world.node() as node:
        for tries, later in enumerate((0, MINUTE, 4 * MINUTE, 10 * MINUTE, 45 * MINUTE, 5 * HOUR, 18 * HOUR, 24 * HOUR, 24 * HOUR), 1):
            world.clock.offset += later - SECOND  # a second early: nothing
            await node.drained()
            assert len(receiver.requests) == tries - 1
            world.clock.offset += SECOND
            if tries == 9:  # the last one; then the next notice goes out at once, accepted
                receiver.answer = accept_settled
            await node.drained()
            assert receiver.deliveries()[:9] == ["d-1-paid"] * tries
    assert receiver.deliveries() == ["d-1-paid"] * 9 + ["d-1-settled"]
    assert len({request.body for request in receiver.requests[:9]}) == 1
    assert await world.states() == [("d-1-paid", "given_up"), ("d-1-settled", "delivered")]
    answers = await world.rows(q.answers)
    assert [row["number"] for row in answers] == [*range(1, 10), 1]
    assert {row["error"] for row in answers[:9]} == {"HTTP 500"}


async def accept_settled(request: Request) -> bytes:
    return reply(200 if b"settled" in request.body else 500)


async def test_notices_of_one_payment_wait_for_each_other_those_of_others_do_not(world: World, receiver: Receiver) -> None:
    receiver.status = 503
    shop = await world.merchant(receiver.url)
    async with world.node() as node:
        await world.put(notice(shop.merchant_id, 1, "pending"))
        await node.drained()
        receiver.status = 200
        await world.put(notice(shop.merchant_id, 1, "paid"), notice(shop.merchant_id, 2, "paid"))
        await world.put(notice(shop.merchant_id, 1, "settled"), notice(shop.merchant_id, 1, "completed"))
        await node.drained()
        assert receiver.deliveries() == ["d-1-pending", "d-2-paid"]
        assert [(row["payment_id"], row["word"]) for row in await world.rows(q.due)] == [(1, "pending")]
        world.clock.offset += MINUTE
        await node.drained()
    assert receiver.deliveries() == ["d-1-pending", "d-2-paid", "d-1-pending", "d-1-paid", "d-1-settled", "d-1-completed"]


async def test_a_word_that_was_told_before_is_not_told_again(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(receiver.url)
    async with world.node() as node:
        await world.put(notice(shop.merchant_id, 1, "paid"))
        await node.drained()
        await world.put(notice(shop.merchant_id, 1, "paid", delivery="other"), notice(shop.merchant_id, 1, "settled"))
        await node.drained()
    assert receiver.deliveries() == ["d-1-paid", "d-1-settled"]


async def test_an_endpoint_that_hangs_delays_nobody_else(world: World, receiver: Receiver) -> None:
    """Trap: one dead receiver blocked all."""
    async with receiving() as dead:
        dead.answer = dead.hang
        slow, good = await world.merchant(dead.url), await world.merchant(receiver.url)
        await world.put(*(notice(slow.merchant_id, payment) for payment in range(100, 400)))
        async with world.node(concurrency=16) as node:
            await dead.got(8)
            await world.put(*(notice(good.merchant_id, payment) for payment in range(1, 60)))
            node.deliverer.wake()
            await receiver.got(59)
            assert len(dead.requests) == 8


async def test_a_silent_endpoint_is_probed_one_at_a_time_and_served_fully_when_it_answers(world: World, receiver: Receiver) -> None:
    receiver.answer = receiver.hang
    shop = await world.merchant(receiver.url)
    await world.put(*(notice(shop.merchant_id, payment) for payment in range(1, 31)))
    async with world.node(timeout_s=0.1, lease_s=5) as node:
        await receiver.got(8)
        await receiver.got(10)  # the eight timed out; the ninth and tenth came one after the other
        assert node.deliverer.in_flight == 1
        receiver.free.set()
        await node.drained()
    assert [state for _, state in await world.states()].count("delivered") >= 20


async def test_the_backlog_of_a_silent_endpoint_hides_no_notice_that_may_be_sent(world: World, receiver: Receiver) -> None:
    """Each payment's later notices are older than the first one's repeat and still may not go: they must not fill the room."""
    receiver.status = 500
    shop = await world.merchant(receiver.url)
    for payment in range(1, 41):
        await world.put(notice(shop.merchant_id, payment, "paid"), notice(shop.merchant_id, payment, "settled"))
    async with world.node() as node:
        await node.drained()
        assert len(receiver.requests) == 40
        receiver.status = 200
        await world.put(notice(shop.merchant_id, 41))
        await node.drained()
        assert receiver.deliveries()[-1] == "d-41-paid"
        world.clock.offset += MINUTE
        await node.drained()
    assert {state for _, state in await world.states()} == {"delivered"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failed_try_and_not_followed(world: World, receiver: Receiver, status: int) -> None:
    async with receiving() as other:

        async def redirect(_: Request) -> bytes:
            return reply(status, headers=f"Location: {other.url}\r\n")

        receiver.answer = redirect
        shop = await world.merchant(receiver.url)
        await world.put(notice(shop.merchant_id, 1))
        everything = NoticeForm(headers=headers, delays_s=(60,), accepted=lambda _: True)
        async with world.node(forms={DIALECT: everything}) as node:
            await node.drained()
        assert other.requests == []
    [answer] = await world.rows(q.answers)
    assert (answer["status"], answer["error"]) == (status, f"HTTP {status}; redirects are not followed")


async def test_a_private_address_is_refused_where_it_is_not_allowed(world: World, receiver: Receiver) -> None:
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node(allow_private=False) as node:
        await node.drained()
    assert receiver.requests == []
    [row], [answer] = await world.rows(q.notices), await world.rows(q.answers)
    assert (row["state"], row["tries"], answer["status"]) == ("waiting", 1, None)
    assert "not public" in answer["error"]


async def test_a_yes_whose_body_breaks_off_is_a_yes(world: World, receiver: Receiver) -> None:
    async def broken(_: Request) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

    receiver.answer = broken
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
    [answer] = await world.rows(q.answers)
    assert (answer["status"], answer["answer"], await world.states()) == (200, "half", [("d-1-paid", "delivered")])


async def test_an_answer_that_breaks_off_in_its_head_is_a_failed_try(world: World, receiver: Receiver) -> None:
    async def broken(_: Request) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-"

    receiver.answer = broken
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
        receiver.answer = None
        world.clock.offset += MINUTE
        await node.drained()
    first, second = await world.rows(q.answers)
    assert (first["status"], second["status"], receiver.deliveries()) == (None, 200, ["d-1-paid"] * 2)


async def test_a_huge_answer_is_cut_and_accepted(world: World, receiver: Receiver) -> None:
    async def huge(_: Request) -> bytes:
        return reply(200, b"a\0\xff" * 1_000_000)

    receiver.answer = huge
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
    [answer] = await world.rows(q.answers)
    assert (answer["status"], answer["answer"]) == (200, ("a�" * 683)[:-1])
    assert await world.states() == [("d-1-paid", "delivered")]


async def test_a_receiver_that_is_not_there_is_a_failed_try_with_its_reason(world: World) -> None:
    async with receiving() as gone:
        url = gone.url
    shop = await world.merchant(url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await node.drained()
    [row], [answer] = await world.rows(q.notices), await world.rows(q.answers)
    assert (row["state"], answer["status"], answer["answer"]) == ("waiting", None, "")
    assert "cannot connect" in answer["error"]


async def test_what_cannot_be_signed_or_is_of_an_unknown_dialect_is_a_failed_try(world: World, receiver: Receiver) -> None:
    unreadable, known = await world.merchant(receiver.url), await world.merchant(receiver.url)
    await world.rows(q.break_secret, merchant_id=unreadable.merchant_id)
    await world.put(
        notice(unreadable.merchant_id, 1), notice(known.merchant_id, 2, dialect="etpay"), notice(known.merchant_id, 3, dialect="odd")
    )

    def faulty(*_: object) -> dict[str, str]:
        raise KeyError("amount")

    forms = {DIALECT: NoticeForm(headers, (60,), lambda _: True), "odd": NoticeForm(faulty, (60,), lambda _: True)}
    async with world.node(forms=forms) as node:
        await node.drained()
    assert receiver.requests == []
    assert [row["tries"] for row in await world.rows(q.notices)] == [1, 1, 1]
    errors = [row["error"] for row in await world.rows(q.answers)]
    assert "secret key with the id 00000000" in errors[0]
    assert errors[1:] == ["this server has no dialect etpay", "the request could not be built (KeyError)"]


async def test_stopping_lets_a_hanging_delivery_go_and_the_next_start_sends_it_at_once(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "STOP_SENDING_S", 0.05)
    receiver.answer = receiver.hang
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1), notice(shop.merchant_id, 2))
    async with world.node() as node:
        await receiver.got(2)
        await node.stopped()
        assert node.deliverer.in_flight == 0
    assert [(row["tries"], row["leased_until"]) for row in await world.rows(q.notices)] == [(0, None)] * 2
    receiver.answer = None
    async with world.node() as node:
        await node.drained()
        await node.stopped()
    assert await world.states() == [("d-1-paid", "delivered"), ("d-2-paid", "delivered")]


async def test_stopping_waits_for_what_is_about_to_end(world: World, receiver: Receiver) -> None:
    receiver.answer = receiver.hang
    shop = await world.merchant(receiver.url)
    await world.put(notice(shop.merchant_id, 1))
    async with world.node() as node:
        await receiver.got(1)
        node.stop.set()
        await asyncio.sleep(0)
        receiver.free.set()
        await node.stopped()
    assert (await world.states(), len(receiver.requests)) == ([("d-1-paid", "delivered")], 1)
