"""Doubt: when nobody can say whether money moved, the payment waits. No second route, no expiry; asked until known, then a person.

The company behind the method "other" may charge at the start call alone, so that one without an answer is a doubt. Time is the
sandbox's, moved by hand; only a hanging call waits for real (here one second).
"""

import pytest

from paymux.clock import SECOND
from paymux.payments.lifecycle import Event
from paymux.payments.model import Attention
from tests.receiver import Receiver
from tests.stage.proof import balance
from tests.stage.shop import Buyer, Shop
from tests.stage.stage import Stage

ORPHAN_S = 25  # beyond the start call's time-out and what we wait for its answer to be stored
WINDOW_S = 900  # so long a sandbox company may still come to know a key that it does not know now


@pytest.fixture
def shop(stage: Stage, receiver: Receiver) -> Shop:
    return stage.merchant(webhook_url=receiver.hook)


def doubtful(stage: Stage, shop: Shop, amount: str) -> int:
    """A session whose start call with the charging company had no answer of use."""
    session_id: int = shop.open(amount)["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "other") is None
        assert buyer.screen(session_id) == "unclear"
    return session_id


def assert_waits(stage: Stage, shop: Shop, session_id: int) -> None:
    """In doubt: pending for the shop, no other route for the buyer, and one attempt."""
    assert (shop.status(session_id), stage.payment(session_id).state) == ("pending", "unclear")
    with Buyer(stage.url) as buyer:
        page = buyer.look(session_id)
        assert 'data-screen="unclear"' in page
        assert "<form" not in page
        assert buyer.routed(session_id) == buyer.page(session_id)
    assert len(stage.attempts(session_id)) == 1


def asked(stage: Stage, session_id: int) -> int:
    return stage.attempts(session_id)[-1].asked


def ask_again(stage: Stage, session_id: int, seconds: int) -> None:
    """Let time pass, and wait until the company was asked once more."""
    before = asked(stage, session_id)
    stage.advance_clock(seconds)
    stage.wait_for(lambda: asked(stage, session_id) > before, "the next question")


def payable(stage: Stage, shop: Shop) -> int:
    return stage.run(balance(stage.core, shop.merchant_id, "payable"))


@pytest.mark.parametrize("amount", ["9000.05", "9000.08"])
def test_a_start_that_hangs_or_fails_stays_in_doubt_until_the_company_says_paid(
    stage: Stage, shop: Shop, receiver: Receiver, amount: str
) -> None:
    session_id = doubtful(stage, shop, amount)
    assert_waits(stage, shop, session_id)
    stage.advance_clock(2 * 3600)  # long past the session's hour
    paid = stage.wait_for_state(session_id, "paid")
    assert paid.received_units == paid.amount_units == payable(stage, shop)
    assert "timed_out" not in stage.events(session_id)
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "paid"])
    assert stage.attention() == {}
    stage.prove()


def test_not_found_is_no_answer_before_the_companys_own_window_has_passed(stage: Stage, shop: Shop, receiver: Receiver) -> None:
    session_id = doubtful(stage, shop, "9000.06")
    ask_again(stage, session_id, 60)
    ask_again(stage, session_id, 300)
    assert_waits(stage, shop, session_id)
    stage.advance_clock(WINDOW_S)
    stage.wait_for_state(session_id, "awaiting")
    assert [attempt.state for attempt in stage.attempts(session_id)] == ["cancelled"]
    with Buyer(stage.url) as buyer:
        assert buyer.screen(session_id) == "choose"
    stage.advance_clock(3600)
    assert shop.status(session_id) == "expired"
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "expired"])
    assert payable(stage, shop) == 0
    stage.prove()


def test_a_key_that_is_known_later_than_asked_is_paid_after_all(stage: Stage, shop: Shop, receiver: Receiver) -> None:
    """The company says "not found", then reports the money."""
    session_id = doubtful(stage, shop, "9000.06")
    ask_again(stage, session_id, 60)
    assert_waits(stage, shop, session_id)
    callback = stage.claim_paid(stage.attempts(session_id)[0])
    assert stage.post(callback) == 200
    assert shop.status(session_id) == "paid"
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "paid"])
    stage.advance_clock(WINDOW_S + 3600)  # "not found" from now on says nothing any more
    assert (shop.status(session_id), payable(stage, shop)) == ("paid", 900_006)
    stage.prove()


def test_a_start_answered_with_nonsense_is_a_doubt_on_every_route(stage: Stage, shop: Shop, receiver: Receiver) -> None:
    """Even where the start alone moves no money: who answers nonsense may have handed the buyer over."""
    session_id: int = shop.open("9000.07")["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "card") is None
    assert_waits(stage, shop, session_id)
    stage.advance_clock(60)
    stage.wait_for_state(session_id, "awaiting")  # asked: open, nobody was sent there, so it was cancelled
    assert [attempt.state for attempt in stage.attempts(session_id)] == ["cancelled"]
    stage.advance_clock(3600)
    assert shop.status(session_id) == "expired"
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "expired"])
    stage.prove()


def test_a_company_that_answers_nonsense_for_ever_is_a_persons_case_after_the_deadline(
    stage: Stage, shop: Shop, receiver: Receiver
) -> None:
    session_id: int = shop.open("9000.15")["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "card") is not None
        stage.advance_clock(61)  # the first question about a handed-over attempt
        stage.wait_for_state(session_id, "unclear")
        assert_waits(stage, shop, session_id)
        ask_again(stage, session_id, 400)
        ask_again(stage, session_id, 3600)
        assert stage.attention() == {}
        assert_waits(stage, shop, session_id)
        stage.advance_clock(stage.settings.doubt_deadline_s)
        stage.wait_for(lambda: stage.attention() == {session_id: Attention.DOUBT}, "the person's list")
        assert_waits(stage, shop, session_id)
        ask_again(stage, session_id, 400)  # still asked
        assert receiver.words(session_id) == ["pending"]
    assert stage.post(stage.claim_paid(stage.attempts(session_id)[0])) == 200  # in the end it makes sense again
    assert (shop.status(session_id), stage.attention(), payable(stage, shop)) == ("paid", {}, 900_015)
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "paid"])
    stage.prove()


def test_a_doubt_at_a_company_that_is_no_longer_served_is_a_persons_case_after_the_deadline(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = doubtful(stage, shop, "9000.06")
    monkeypatch.delitem(stage.core.registry.providers, stage.attempts(session_id)[0].provider)
    ask_again(stage, session_id, 400)
    stage.advance_clock(stage.settings.doubt_deadline_s)
    stage.wait_for(lambda: stage.attention() == {session_id: Attention.DOUBT}, "the person's list")
    assert_waits(stage, shop, session_id)


def test_a_person_can_end_a_doubt_either_way(stage: Stage, shop: Shop, receiver: Receiver) -> None:
    session_id = doubtful(stage, shop, "9000.06")
    stage.advance_clock(WINDOW_S // 2)
    with pytest.raises(AssertionError, match="refused"):
        stage.decide(session_id, Event.RETURNED)
    assert_waits(stage, shop, session_id)
    stage.report(session_id, "declined")
    assert shop.status(session_id) == "failed"
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "failed"])
    stage.advance_clock(WINDOW_S)
    assert shop.status(session_id) == "failed"
    other = doubtful(stage, shop, "9000.06")
    stage.report(other, "paid")
    assert (shop.status(other), payable(stage, shop)) == ("paid", 900_006)
    receiver.wait_for(lambda: receiver.words(other) == ["pending", "paid"])
    stage.prove()


def test_an_attempt_whose_answer_was_never_stored_is_asked_about_and_never_repeated(
    stage: Stage, shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the company's answer and our commit: the row is there, and nobody waits for it."""
    session_id: int = shop.open("9000.03")["session_id"]

    async def lost(*_: object) -> bool:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as patched, Buyer(stage.url) as buyer:
        patched.setattr(stage.node.starter, "_let_in", lost)
        assert buyer.post(session_id, method="other").status_code == 500
    [attempt] = stage.attempts(session_id)
    assert (attempt.state, attempt.ask_at is not None) == ("started", True)
    with Buyer(stage.url) as buyer:
        assert buyer.screen(session_id) == "waiting"
        assert buyer.routed(session_id) == buyer.page(session_id) + "&go=1"  # it leads on as soon as the company's page is known
    assert len(stage.attempts(session_id)) == 1
    stage.advance_clock(ORPHAN_S)
    stage.wait_for_state(session_id, "pending")
    assert stage.events(session_id)[-2:] == ["doubted", "pending"]
    stage.advance_clock(400)
    stage.wait_for_state(session_id, "paid")
    assert [one.operation_key for one in stage.attempts(session_id)] == [attempt.operation_key]
    receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "paid"])
    stage.prove()


def test_a_doubt_is_asked_about_less_and_less_often_but_always_again(stage: Stage, shop: Shop) -> None:
    session_id = doubtful(stage, shop, "9000.06")
    waits = []
    for seconds in (6, 11, 21, 41):
        before = stage.attempts(session_id)[0].ask_at
        ask_again(stage, session_id, seconds)
        stage.wait_for(lambda before=before: stage.attempts(session_id)[0].ask_at != before, "the plan to ask again")
        waits.append(asked(stage, session_id))
    assert waits == sorted(set(waits))
    attempt = stage.attempts(session_id)[0]
    assert attempt.ask_at is not None
    assert attempt.ask_at - stage.now() <= stage.settings.poll_max_s * SECOND
    stage.prove()


def test_a_company_that_cannot_be_reached_at_all_is_no_doubt(stage: Stage, shop: Shop, receiver: Receiver) -> None:
    """Nothing was sent, so nothing began: the next route is tried at once, and where none is left the buyer may choose again."""
    session_id: int = shop.open("9000.18")["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "card") is None
        assert buyer.screen(session_id) == "choose"
    assert [(attempt.route, attempt.state) for attempt in stage.attempts(session_id)] == [
        ("alder", "cancelled"),
        ("birch", "cancelled"),
        ("cedar", "cancelled"),
    ]
    assert shop.ask(session_id)["last_error"] == "provider_unavailable"
    stage.advance_clock(3601)
    receiver.wait_for(lambda: receiver.words(session_id) == ["expired"])
    stage.prove()
