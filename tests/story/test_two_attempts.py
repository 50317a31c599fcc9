"""Money that a payment gets by more than one attempt: nobody loses it, nobody gets it twice, a person sees it."""

import threading

from paymux.payments.lifecycle import Event
from paymux.payments.model import Attempt, Attention
from tests.receiver import Receiver
from tests.stage.proof import balance
from tests.stage.shop import Buyer, Shop
from tests.stage.stage import Callback, Stage


def two_attempts(stage: Stage, shop: Shop) -> tuple[int, Attempt, Attempt]:
    """A session whose buyer gave up a card attempt (its company agreed) and waits at another company now."""
    session_id: int = shop.open()["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "card")
        assert buyer.post(session_id, action="change").status_code == 303
        assert buyer.screen(session_id) == "choose"
        assert buyer.choose(session_id, "klarna")
    first, second = stage.attempts(session_id)
    assert (first.state, second.state, first.provider != second.provider) == ("cancelled", "handed_over", True)
    return session_id, first, second


def deliver(stage: Stage, *callbacks: Callback) -> None:
    """Post reports at the same moment; each must be acknowledged."""
    statuses: list[int] = []
    together = threading.Barrier(len(callbacks))

    def post(callback: Callback) -> None:
        together.wait()
        statuses.append(stage.post(callback))

    threads = [threading.Thread(target=post, args=[callback]) for callback in callbacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(callbacks)


def books(stage: Stage, shop: Shop) -> tuple[int, int]:
    """(the merchant's, held for a person), in cents."""
    return stage.run(balance(stage.core, shop.merchant_id, "payable")), stage.run(balance(stage.core, shop.merchant_id, "held"))


def test_money_on_a_given_up_attempt_after_the_payment_was_paid_is_held(stage: Stage, receiver: Receiver) -> None:
    shop = stage.merchant(webhook_url=receiver.hook)
    session_id, first, second = two_attempts(stage, shop)
    deliver(stage, stage.claim_paid(second))
    deliver(stage, stage.claim_paid(first))
    assert shop.status(session_id) == "paid"
    assert books(stage, shop) == (4999, 4999)
    assert stage.attention() == {session_id: Attention.SURPLUS}
    deliver(stage, stage.claim_paid(first), stage.claim_paid(second))  # repeats change nothing
    assert books(stage, shop) == (4999, 4999)
    stage.decide(session_id, Event.RETURNED)
    assert (books(stage, shop), stage.attention()) == ((4999, 0), {})
    receiver.wait_for(lambda: receiver.words(session_id) == ["paid"])
    stage.prove()


def test_money_on_a_given_up_attempt_stops_the_payment_until_a_person_decides(stage: Stage, receiver: Receiver) -> None:
    shop = stage.merchant(webhook_url=receiver.hook)
    session_id, first, second = two_attempts(stage, shop)
    deliver(stage, stage.claim_paid(first))
    assert (shop.status(session_id), stage.attention()) == ("manual_review", {session_id: Attention.DEAD_ATTEMPT})
    with Buyer(stage.url) as buyer:
        assert buyer.screen(session_id) == "review"
    deliver(stage, stage.claim_paid(second))
    assert (shop.status(session_id), books(stage, shop)) == ("manual_review", (0, 9998))
    stage.decide(session_id, Event.ACCEPTED)
    assert (shop.status(session_id), books(stage, shop)) == ("paid", (4999, 4999))
    assert stage.attention() == {session_id: Attention.SURPLUS}
    receiver.wait_for(lambda: receiver.words(session_id) == ["manual_review", "paid"])
    stage.prove()


def test_both_attempts_reported_paid_at_the_same_moment_are_counted_once_each(stage: Stage, receiver: Receiver) -> None:
    shop = stage.merchant(webhook_url=receiver.hook)
    for number in range(1, 6):
        session_id, first, second = two_attempts(stage, shop)
        deliver(stage, *(stage.claim_paid(attempt) for attempt in (first, second, first, second)))
        payment = stage.payment(session_id)
        assert payment.received_units == 2 * 4999
        if payment.state == "review":
            stage.decide(session_id, Event.ACCEPTED)
        assert (shop.status(session_id), books(stage, shop)) == ("paid", (number * 4999, number * 4999))
        receiver.wait_for(lambda session_id=session_id: receiver.words(session_id)[-1:] == ["paid"])
    stage.prove()


def test_a_charge_that_was_given_up_and_paid_all_the_same_is_seen_by_a_person(stage: Stage, receiver: Receiver) -> None:
    """Both companies leave their start unanswered and are given up; a minute later both report money."""
    shop = stage.merchant(webhook_url=receiver.hook)
    session_id = shop.open("9000.19")["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "paypal") is None  # only one company serves it
        assert [attempt.state for attempt in stage.attempts(session_id)] == ["cancelled"]
        assert shop.ask(session_id)["last_error"] == "provider_unavailable"
        assert buyer.choose(session_id, "klarna") is None
        assert [attempt.state for attempt in stage.attempts(session_id)] == ["cancelled", "cancelled"]
    assert shop.status(session_id) == "awaiting_payment"
    stage.advance_clock(61)
    stage.wait_for(lambda: stage.payment(session_id).received_units == 2 * 900_019, "the money of both")
    assert (shop.status(session_id), stage.attention()) == ("manual_review", {session_id: Attention.DEAD_ATTEMPT})
    assert books(stage, shop) == (0, 2 * 900_019)
    stage.decide(session_id, Event.ACCEPTED)
    assert books(stage, shop) == (900_019, 900_019)
    stage.decide(session_id, Event.RETURNED)
    assert books(stage, shop) == (900_019, 0)
    receiver.wait_for(lambda: receiver.words(session_id) == ["manual_review", "paid"])
    stage.prove()


def test_money_on_a_given_up_attempt_after_its_payment_was_rejected_waits_too(stage: Stage, receiver: Receiver) -> None:
    shop = stage.merchant(webhook_url=receiver.hook)
    session_id, first, second = two_attempts(stage, shop)
    deliver(stage, stage.claim_paid(first))
    stage.decide(session_id, Event.REJECTED)
    assert (shop.status(session_id), stage.attention()) == ("failed", {session_id: Attention.TO_RETURN})
    deliver(stage, stage.claim_paid(second))
    assert (shop.status(session_id), stage.attention()) == ("manual_review", {session_id: Attention.LATE})
    assert books(stage, shop) == (0, 9998)
    stage.decide(session_id, Event.REJECTED)
    stage.decide(session_id, Event.RETURNED)
    assert (shop.status(session_id), books(stage, shop), stage.attention()) == ("failed", (0, 0), {})
    receiver.wait_for(lambda: receiver.words(session_id) == ["manual_review", "failed"])
    stage.prove()
