"""A shop asks how things stand: sessions by their three names, every status, and what the merchant itself may use."""

from typing import Any

import pytest

from paymux.dialects.ecomtrade24.errors import Code
from paymux.money import Money, known
from paymux.payments.lifecycle import Event
from paymux.payments.model import Advanced, Receipt, Report, Source
from paymux.routing.model import METHODS, Health
from tests.node import LiveNode, assert_refused

MANUALS = [
    "id", "order_id", "status", "amount", "currency", "shop_domain", "payment_url", "txid", "txid_in", "txid_out", "last_error"
]  # fmt: skip
OURS = ["created_at", "expires_at", "paid_at", "meta"]
PROVIDERS = ("alder", "birch", "cedar", "sandbox", "guardarian")


async def test_a_new_session_is_answered_in_the_manuals_order(live: LiveNode) -> None:
    shop = await live.merchant()
    created = await shop.create(order_id="ORD-1")
    answer = await shop.ask(session_id=created["session_id"])
    assert list(answer.json()) == ["ok", "status", "session"]
    session = answer.json()["session"]
    assert list(session) == MANUALS + OURS
    assert (session["id"], session["order_id"], session["status"]) == (created["session_id"], "ORD-1", "created")
    assert (session["txid"], session["txid_in"], session["txid_out"], session["last_error"], session["paid_at"]) == (None,) * 5
    assert session["expires_at"] == created["expires_at"]
    assert session["payment_url"] == f"{live.url}/checkout.php?session={created['session_id']}"


async def test_a_session_has_three_names(live: LiveNode) -> None:
    shop = await live.merchant()
    one, two = [(await shop.create(order_id=f"ORD {name}/ä&=")) for name in "AB"]
    number = one["session_id"]
    for query in (
        {"session_id": number}, {"session_id": f" {number} "}, {"session_id": f"00{number}"},
        {"order_id": "ORD A/ä&="}, {"merchant_ref": "ORD A/ä&="},
        {"number": f"session_{number}"}, {"number": number}, {"session_id": number, "order_id": "ORD B/ä&=", "number": two["session_id"]},
        {"session_id": "", "order_id": " ORD A/ä&= ", "number": two["session_id"]},
    ):  # fmt: skip
        answer = await shop.ask(**query)
        assert answer.json()["session"]["id"] == number, query
    alias = await live.http.get("/gateway/status.php", params={"session_id": number}, headers=shop.headers)
    assert alias.content == (await shop.ask(session_id=number)).content


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, Code.MISSING_SESSION_ID), ({"session_id": ""}, 400, Code.MISSING_SESSION_ID), ({"id": "1"}, 400, Code.MISSING_SESSION_ID),
        ({"session_id": "abc"}, 404, Code.SESSION_NOT_FOUND), ({"session_id": "-1"}, 404, Code.SESSION_NOT_FOUND),
        ({"session_id": "0"}, 404, Code.SESSION_NOT_FOUND), ({"session_id": "1.0"}, 404, Code.SESSION_NOT_FOUND),
        ({"session_id": "1e3"}, 404, Code.SESSION_NOT_FOUND), ({"session_id": str(2**63)}, 404, Code.SESSION_NOT_FOUND),
        ({"session_id": str(2**63 - 1)}, 404, Code.SESSION_NOT_FOUND), ({"session_id": "9" * 5000}, 404, Code.SESSION_NOT_FOUND),
        ({"session_id": "١"}, 404, Code.SESSION_NOT_FOUND), ({"session_id": "1 OR 1=1"}, 404, Code.SESSION_NOT_FOUND),
        ({"number": "session_"}, 404, Code.SESSION_NOT_FOUND), ({"number": "session_session_1"}, 404, Code.SESSION_NOT_FOUND),
        ({"number": "SESSION_1x"}, 404, Code.SESSION_NOT_FOUND), ({"order_id": "nobody's"}, 404, Code.SESSION_NOT_FOUND),
        ({"order_id": "a\0b"}, 404, Code.SESSION_NOT_FOUND), ({"order_id": "x" * 192}, 404, Code.SESSION_NOT_FOUND),
        ({"order_id": "' OR '1'='1"}, 404, Code.SESSION_NOT_FOUND), ({"order_id": "%"}, 404, Code.SESSION_NOT_FOUND),
    ],
)  # fmt: skip
async def test_what_names_no_session_of_ones_own_is_not_found(live: LiveNode, query: dict[str, Any], status: int, code: Code) -> None:
    shop = await live.merchant()
    await shop.create(order_id="A")
    assert_refused(await shop.ask(**query), status, code)


@pytest.mark.parametrize(
    "query", ["session_id=%ff%fe", "order_id=%00", "order_id=%ED%A0%80", "session_id=1&" * 101, "order_id=%ZZ", "&&&===", "\x80"]
)
async def test_a_broken_query_finds_nothing(live: LiveNode, query: str) -> None:
    shop = await live.merchant()
    answer = await live.http.get(f"/gateway/session_status.php?{query}", headers=shop.headers)
    assert answer.status_code in (400, 404)
    assert answer.json()["ok"] is False


async def test_anothers_session_cannot_be_told_from_none(live: LiveNode) -> None:
    shop, stranger = await live.merchant(), await live.merchant()
    number = (await shop.create(order_id="ORD-SECRET"))["session_id"]
    for query in ({"session_id": number}, {"order_id": "ORD-SECRET"}, {"number": f"session_{number}"}):
        theirs, nobodys = await stranger.ask(**query), await stranger.ask(session_id=987654321)
        assert_refused(theirs, 404, Code.SESSION_NOT_FOUND)
        assert theirs.content == nobodys.content


async def test_of_several_sessions_of_one_order_the_paid_one_counts_else_the_newest(live: LiveNode) -> None:
    shop = await live.merchant()
    numbers = [(await shop.create(order_id="A", amount=f"{amount}.00"))["session_id"] for amount in (10, 20, 30)]

    async def found() -> int:
        session_id: int = (await shop.ask(order_id="A")).json()["session"]["id"]
        return session_id

    assert await found() == numbers[2]
    await live.report(numbers[2], "declined")
    assert await found() == numbers[2]
    await live.report(numbers[0], "paid")
    assert await found() == numbers[0]
    await live.report(numbers[1], "settled")
    assert await found() == numbers[1]


WORDS = [
    ("pending", "pending"), ("review", "manual_review"), ("paid", "paid"), ("settled", "settled"), ("declined", "failed"),
    ("expired", "expired"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "word"), WORDS)
async def test_an_outcome_is_a_word_at_both_places(live: LiveNode, outcome: str, word: str) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    assert isinstance(await live.report(number, outcome), Advanced)
    session = await shop.status(number)
    assert session["status"] == word
    paid = word in ("paid", "settled")
    assert (session["txid_in"] is not None, session["paid_at"] is not None) == (paid, paid)
    assert (session["txid_out"] is not None) == (word == "settled")
    assert session["txid"] == (session["txid_out"] or session["txid_in"])
    assert session["last_error"] == ("provider_declined" if word == "failed" else None)
    await live.assert_books_hold()


async def test_completed_and_doubt_have_their_words_too(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    await live.report(number, "settled")
    await live.advance(Report(payment_id=number, event=Event.COMPLETED, source=Source.PROVIDER, happened_at=0))
    assert (await shop.status(number))["status"] == "completed"
    doubtful = (await shop.create())["session_id"]
    await live.advance(Report(payment_id=doubtful, event=Event.DOUBTED, source=Source.POLL, happened_at=0))
    assert (await shop.status(doubtful))["status"] == "pending"


async def test_money_that_came_too_late_is_for_a_person(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    await live.report(number, "expired")
    receipt = Receipt(reference=f"late-{number}", amount=Money(4999, known("EUR")))
    late = Report(payment_id=number, event=Event.PAID, source=Source.PROVIDER, happened_at=0, receipt=receipt, provider="sandbox-alder")
    await live.advance(late)
    assert (await shop.status(number))["status"] == "manual_review"
    await live.advance(Report(payment_id=number, event=Event.ACCEPTED, source=Source.OPERATOR, happened_at=0))
    assert (await shop.status(number))["status"] == "paid"
    await live.assert_books_hold()


async def test_asking_changes_nothing(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create(order_id="A"))["session_id"]
    before = await live.payment(number)
    for query in ({"session_id": number}, {"order_id": "A"}):
        for _ in range(3):
            await shop.ask(**query)
    assert await live.payment(number) == before
    assert len(await live.history(number)) == 1


async def test_a_moment_that_has_passed_counts_before_the_sweep(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create(order_id="A"))["session_id"]
    await live.advance_clock(3599)
    assert (await shop.status(number))["status"] in ("created", "expired")  # a slow second may have passed
    await live.advance_clock(2)
    assert (await shop.status(number))["status"] == "expired"
    assert (await shop.ask(order_id="A")).json()["status"] == "expired"
    await live.sweep()
    assert (await live.payment(number)).state == "expired"
    assert (await shop.status(number))["status"] == "expired"


@pytest.mark.parametrize("outcome", ["pending", "review"])
async def test_money_on_its_way_does_not_expire(live: LiveNode, outcome: str) -> None:
    shop = await live.merchant()
    number = (await shop.create())["session_id"]
    await live.report(number, outcome)
    before = (await shop.status(number))["status"]
    await live.advance_clock(86400)
    await live.sweep()
    assert (await shop.status(number))["status"] == before


async def test_me_says_what_the_plan_allows(live: LiveNode) -> None:
    for plan, smart in (("free", False), ("pro", True), ("unlimited", True)):
        shop = await live.merchant(plan, country=None)
        me = await shop.me()
        assert list(me) == ["ok", "merchant_id", "email", "package", "checkout_mode", "country", "smart_router"]
        assert (me["merchant_id"], me["package"], me["country"]) == (shop.id, plan, None)
        assert me["checkout_mode"] == ("smart_router" if smart else "hosted")
        router = me["smart_router"]
        assert list(router) == ["enabled_global", "allowed_for_package", "effective", "methods"]
        assert (router["allowed_for_package"], router["effective"]) == (smart, smart)
        assert list(router["methods"]) == list(METHODS)
        assert {state["available"] for state in router["methods"].values()} == {smart}
        assert list(router["methods"]["card"]) == ["enabled", "configured", "available"]
        assert router["methods"]["bank"]["supported_bank_fiat"] == ["EUR", "USD"]
        assert "supported_bank_fiat" not in router["methods"]["ideal"]


async def test_each_switch_shows_at_its_place(live: LiveNode) -> None:
    shop = await live.merchant("pro")
    await live.change(shop, methods={"paypal": False})
    await live.set_route("birch", Health.DOWN)
    try:
        methods = (await shop.me())["smart_router"]["methods"]
        assert methods["paypal"] == {"enabled": False, "configured": True, "available": False}
        assert methods["klarna"] == {"enabled": True, "configured": True, "available": False}
        assert methods["card"] == {"enabled": True, "configured": True, "available": True}
    finally:
        await live.set_route("birch", Health.UP)
    await live.change(shop, smart_routing=False)
    me = await shop.me()
    assert (me["checkout_mode"], me["smart_router"]["effective"], me["smart_router"]["allowed_for_package"]) == ("hosted", False, True)
    assert not any(state["available"] for state in me["smart_router"]["methods"].values())


async def test_no_answer_names_a_provider(live: LiveNode) -> None:
    shop = await live.merchant()
    number = (await shop.create(method="card"))["session_id"]
    await live.http.get(f"/checkout-continue.php?session={number}")
    await live.report(number, "settled")
    me = await live.http.get("/gateway/me.php", headers=shop.headers)
    for answer in (me, await shop.ask(session_id=number), await shop.post(method="card")):
        assert not [name for name in PROVIDERS if name in answer.text]
