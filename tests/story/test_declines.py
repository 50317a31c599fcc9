"""Why a payment was declined: from the company to the buyer's page and to the people who run the gateway, over real HTTP."""

import html
import re
from typing import Any

import pytest

from paymux.cli.payment import _as_json
from paymux.merchants.model import Plan
from paymux.payments.model import Attempt
from paymux.payments.story import stories
from tests.stage.shop import Buyer, Shop
from tests.stage.stage import Stage

GENERIC = "Your bank or payment service did not approve it."
TEXTS = {
    "insufficient_funds": "There was not enough money available, or a limit of your card or account was reached.",
    "authentication_failed": "The confirmation with your bank was not completed.",
    "expired_card": "The details did not match, or the card is no longer valid.",
    "card_not_supported": "This card or account cannot be used for this payment.",
    "amount_not_allowed": "The amount is outside of what this method allows.",
    "session_expired": "The payment page was open for too long.",
    "stolen_card": GENERIC,
    "unknown": GENERIC,
}
FIXABLE = {"authentication_failed", "expired_card", "session_expired"}
HOSTILE: list[Any] = ["0wned", "<script>alert(1)</script>", "Insufficient_Funds", "x" * 5000, "", 5, None, ["lost_card"], {"a": 1}, True]


@pytest.fixture
def shop(stage: Stage) -> Shop:
    return stage.merchant()


def declined(stage: Stage, session_id: int) -> Attempt:
    """The last attempt, once it is declined."""
    stage.wait_for(lambda: stage.attempts(session_id)[-1].state == "declined", "the decline")
    return stage.attempts(session_id)[-1]


def lead(page: str) -> str:
    """The first sentence below the title."""
    found = re.search(r'<p class="lead">([^<]+)</p>', page)
    assert found, page
    return html.unescape(found.group(1))


def shown(stage: Stage, session_id: int) -> dict[str, Any]:
    """What `paymux payment show --json` prints."""
    story = stage.run(stage.core.reader.submit(stories, session_id))
    assert story is not None
    return _as_json(story, [])


def test_a_reason_that_a_tester_chooses_reaches_the_page_and_the_operator(stage: Stage, shop: Shop) -> None:
    session_id = shop.open()["session_id"]
    with Buyer(stage.url) as buyer:
        for reason, text in TEXTS.items():
            company = buyer.choose(session_id, "card")
            assert company
            assert f'<option value="{reason}">' in buyer.client.get(company).text
            buyer.do(company, "decline", decline_reason=reason)
            assert declined(stage, session_id).decline_reason == reason
            page = buyer.look(session_id)
            assert (buyer.screen(session_id), lead(page)) == ("declined", text)
            assert reason == "unknown" or reason not in page
            first = re.findall(r'name="method" value="([a-z_]+)"', page)[0]
            assert (first == "card") == (reason in FIXABLE), "what its buyer can mend is tried again first"
        assert shop.ask(session_id)["last_error"] == "provider_declined"
        company = buyer.choose(session_id, "card")
        assert company
        assert buyer.client.post(company, data={"do": "decline", "decline_reason": "bored"}).status_code == 400
        assert stage.attempts(session_id)[-1].decline_reason is None
        buyer.do(company, "decline")
        assert declined(stage, session_id).decline_reason == "unknown"
        company = buyer.choose(session_id, "klarna")
        assert company
        buyer.do(company, "approve", decline_reason="lost_card")
        stage.wait_for_state(session_id, "paid")
    told = [attempt["decline_reason"] for attempt in shown(stage, session_id)["attempts"]]
    assert told == [*TEXTS, "unknown", None]
    stage.prove()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # how a callback is read does not depend on the engine
def test_an_unknown_word_of_a_company_declines_all_the_same(stage: Stage, shop: Shop) -> None:
    session_id = shop.open()["session_id"]
    with Buyer(stage.url) as buyer:
        for word in HOSTILE:
            assert buyer.choose(session_id, "card")
            claim = stage.claim(stage.attempts(session_id)[-1], status="declined", decline_reason=word)
            assert stage.post(claim) == 200
            assert stage.attempts(session_id)[-1].decline_reason == "unknown"
            assert lead(buyer.look(session_id)) == GENERIC
            assert stage.post(stage.claim(stage.attempts(session_id)[-1], status="declined", decline_reason="lost_card")) == 200
            assert stage.attempts(session_id)[-1].decline_reason == "unknown"  # what was learned first stands
        assert buyer.choose(session_id, "card")
        open_one = stage.attempts(session_id)[-1]
        assert stage.post(stage.claim(open_one, status="open", url="https://x.example/", decline_reason="lost_card")) == 200
        assert (stage.attempts(session_id)[-1].state, stage.attempts(session_id)[-1].decline_reason) == ("handed_over", None)
    stage.prove()


def test_no_other_route_is_tried_where_card_networks_forbid_it(stage: Stage, shop: Shop) -> None:
    session_id = shop.open("9000.39")["session_id"]
    with Buyer(stage.url) as buyer:
        for tries in (1, 2):  # the buyer may choose once more
            assert buyer.choose(session_id, "card") is None
            assert [attempt.decline_reason for attempt in stage.attempts(session_id)] == ["fraudulent"] * tries
            page = buyer.look(session_id)
            assert ('data-screen="declined"' in page, lead(page)) == (True, GENERIC)
    assert (shop.status(session_id), shop.ask(session_id)["last_error"]) == ("awaiting_payment", "provider_declined")
    smart = stage.merchant(plan=Plan.PRO).open("9000.39")["session_id"]
    with Buyer(stage.url) as buyer:
        assert buyer.routed(smart) == buyer.page(smart)
        assert (buyer.screen(smart), len(stage.attempts(smart))) == ("declined", 1)
    stage.prove()


def test_magic_amounts_decline_for_a_reason_and_a_command_tells_it_to_the_end(stage: Stage, shop: Shop) -> None:
    for amount, reason in (("9000.20", "insufficient_funds"), ("9000.35", "stolen_card")):
        session_id = shop.open(amount)["session_id"]
        with Buyer(stage.url) as buyer:
            assert buyer.choose(session_id, "card")
            assert declined(stage, session_id).decline_reason == reason
            assert lead(buyer.look(session_id)) == TEXTS[reason]
    session_id = shop.open("9000.02")["session_id"]  # turned down in the answer to the start call, by every route
    with Buyer(stage.url) as buyer:
        assert buyer.choose(session_id, "card") is None
    assert {attempt.decline_reason for attempt in stage.attempts(session_id)} == {"do_not_honor"}
    assert len({attempt.route for attempt in stage.attempts(session_id)}) > 1
    for reason, first in (("authentication_failed", TEXTS["authentication_failed"]), ("fraudulent", "No money was taken.")):
        session_id = shop.open()["session_id"]
        stage.report(session_id, "declined", reason)
        with Buyer(stage.url) as buyer:
            page = buyer.look(session_id)
            assert ('data-screen="failed"' in page, lead(page)) == (True, first)
            assert "No money was taken." in page
        assert [attempt["decline_reason"] for attempt in shown(stage, session_id)["attempts"]] == [reason]
    stage.prove()
