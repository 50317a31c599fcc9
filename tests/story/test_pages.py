"""The buyer's pages as far as plain HTTP goes: which answer, which headers, what they never show, and what changes nothing."""

import html
import re
from typing import Any

import httpx2
import pytest

from paymux.payments.attempt import Begun, StartAttempt
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.payments.read import with_attempts
from paymux.routing.model import Health
from tests.node import LiveNode, Shop

PAGES = ["/hosted-checkout.php", "/checkout-continue.php", "/checkout.php", "/pay.php"]
PROVIDERS = ("alder", "birch", "cedar", "Alder", "Birch", "Cedar")


async def page(live: LiveNode, session_id: object, path: str = "/hosted-checkout.php", **options: Any) -> httpx2.Response:
    """A look with a fresh browser: no cookie of an earlier visit."""
    live.http.cookies.clear()
    return await live.http.get(f"{path}?session={session_id}", **options)


def token(answer: httpx2.Response) -> tuple[dict[str, str], str]:
    """The cookie and the token of a page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found, answer.text[:500]
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}, found[1]


async def choose(live: LiveNode, shown: httpx2.Response, session_id: int, **form: str) -> httpx2.Response:
    headers, csrf = token(shown)
    live.http.cookies.clear()
    return await live.http.post(f"/hosted-checkout.php?session={session_id}", data={"csrf": csrf, **form}, headers=headers)


async def story(live: LiveNode, plan: str = "free", **changes: Any) -> tuple[Shop, int]:
    shop = await live.merchant(plan)
    return shop, (await shop.create(order_id="ORD-77", **changes))["session_id"]


async def attempts_of(live: LiveNode, session_id: int) -> list[Any]:
    found = await live.core.reader.submit(with_attempts, session_id)
    assert found is not None
    attempts: list[Any] = found[1]
    return attempts


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("number", ["", "abc", "0", "-1", "999999999", "1.5", "9" * 30, "1%00", "<script>", "%ff"])
async def test_an_unknown_number_is_a_page_that_says_so(live: LiveNode, path: str, number: str) -> None:
    answer = await page(live, number, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<script>" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert (await live.http.head(f"{path}?session={number}")).status_code == 404


async def test_neutral_addresses_lead_to_the_page_of_the_mode(live: LiveNode) -> None:
    (_, hosted), (_, smart) = await story(live), await story(live, "pro")
    for path in ("/checkout.php", "/pay.php"):
        for number, target in ((hosted, "hosted-checkout"), (smart, "checkout-continue")):
            answer = await page(live, number, path)
            assert (answer.status_code, answer.headers["location"]) == (302, f"{live.url}/{target}.php?session={number}")
    oldest = await live.http.get(f"/pay.php?merchant=m&merchant_ref=r&session_id={hosted}")
    assert oldest.headers["location"] == f"{live.url}/hosted-checkout.php?session={hosted}"
    by_hand = await page(live, hosted, "/checkout-continue.php")
    assert (by_hand.status_code, by_hand.headers["location"]) == (302, f"{live.url}/hosted-checkout.php?session={hosted}")
    assert (await live.payment(hosted)).state == (await live.payment(smart)).state == "created"
    assert (await page(live, smart)).status_code == 200


async def test_looking_opens_the_session_and_looking_again_is_harmless(live: LiveNode) -> None:
    shop, number = await story(live)
    for _ in range(3):
        assert (await page(live, number)).status_code == 200
    assert (await shop.status(number))["status"] == "awaiting_payment"
    assert [row["event"] for row in await live.history(number)] == ["created", "opened"]


@pytest.mark.parametrize("plan", ["free", "pro"])
@pytest.mark.parametrize("path", PAGES)
async def test_a_glance_changes_nothing(live: LiveNode, plan: str, path: str) -> None:
    _, number = await story(live, plan)
    before = await live.payment(number)
    for headers in ({"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}):
        assert (await page(live, number, path, headers=headers)).status_code in (204, 302)
    answer = await live.http.head(f"{path}?session={number}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await live.http.options(f"{path}?session={number}")).status_code == 405
    assert await live.payment(number) == before
    assert await attempts_of(live, number) == []


async def test_a_page_shows_the_order_and_nothing_that_strangers_must_not_see(live: LiveNode) -> None:
    shop, number = await story(live, meta={"secret": "META-VALUE"}, email="hidden.buyer@example.com")
    answer = await page(live, number)
    text = answer.text
    for shown in ("shop", "ORD-77", "49.99", str(number)):
        assert shown in text
    for hidden in ("hidden.buyer", "META-VALUE", "0x1111", shop.key, shop.secret, *PROVIDERS):
        assert hidden not in text + str(answer.headers)


async def test_a_page_cannot_be_embedded_and_asks_nobody_else(live: LiveNode) -> None:
    _, number = await story(live)
    answer = await page(live, number)
    headers = answer.headers
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert not [name for name in headers if name.startswith("access-control-")]
    assert 'method="post"' in answer.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert not address.startswith(("http://", "https://", "//")) or address.startswith("https://shop.example.com/"), address


async def test_smart_routing_leads_on_at_once_and_to_the_same_place_again(live: LiveNode) -> None:
    shop, number = await story(live, "pro")
    first, second = await page(live, number, "/checkout-continue.php"), await page(live, number, "/checkout-continue.php")
    assert (first.status_code, second.status_code) == (302, 302)
    assert first.headers["location"] == second.headers["location"] == (await attempts_of(live, number))[0].handed_url
    assert len(await attempts_of(live, number)) == 1
    assert (await shop.status(number))["status"] == "awaiting_payment"


async def test_without_a_route_smart_routing_shows_the_page(live: LiveNode) -> None:
    shop, number = await story(live, "pro", method="klarna")
    await live.set_route("birch", Health.DOWN)
    try:
        answer = await page(live, number, "/checkout-continue.php")
        assert (answer.status_code, answer.headers["location"]) == (302, f"{live.url}/hosted-checkout.php?session={number}")
        session = await shop.status(number)
        assert (session["status"], session["last_error"]) == ("awaiting_payment", "no_route_available")
        shown = (await page(live, number)).text
        assert 'value="klarna"' not in shown
        assert "Klarna</bdi> is not available right now" in shown or "Klarna is not available right now" in shown
        assert shown.index('value="card"') < shown.index("Not available right now"), "what works comes first"
        assert 'value="card"' in shown
    finally:
        await live.set_route("birch", Health.UP)


async def test_a_choice_goes_to_the_provider_by_way_of_our_own_page(live: LiveNode) -> None:
    _, number = await story(live)
    answer = await choose(live, await page(live, number), number, method="card")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/hosted-checkout.php?session={number}")
    (attempt,) = await attempts_of(live, number)
    live.http.cookies.clear()
    waiting = await live.http.get(answer.headers["location"])
    assert attempt.handed_url in waiting.text.replace("&amp;", "&")


@pytest.mark.parametrize("plan", ["free", "pro"])
async def test_a_second_click_before_the_company_told_its_page_is_led_on_too(live: LiveNode, plan: str) -> None:
    _, number = await story(live, plan)
    shown = await page(live, number)
    # the first click, as far as it has come
    begun = await live.core.writer.submit(live.core.beginner.begin, StartAttempt(payment_id=number, method="card"))
    assert isinstance(begun, Begun)
    if plan == "pro":
        answer = await page(live, number, "/checkout-continue.php")
    else:
        answer = await choose(live, shown, number, method="card")
    live.http.cookies.clear()
    waiting = (await live.http.get(answer.headers["location"])).text
    again = re.search(r'http-equiv="refresh" content="1;url=([^"]+)"', waiting)
    assert again, "the page does not look again soon"
    assert f'data-self="{again[1]}"' in waiting
    company = "https://company.example/pay/7"
    handed = Report(
        payment_id=number, attempt_id=begun.attempt.id, event=Event.HANDED_OVER, source=Source.ANSWER, happened_at=0, handed_url=company
    )
    standing = (await page(live, f"{number}&live=poll")).json()
    await live.core.writer.submit(live.core.door.advance, handed)
    assert (await page(live, f"{number}&live=poll")).json() != standing, "a page with a script does not learn of it"
    assert f'http-equiv="refresh" content="0;url={company}"' in (await live.http.get(html.unescape(again[1]))).text


async def test_a_change_that_the_provider_does_not_confirm_is_told(live: LiveNode) -> None:
    for amount, stays in (("9000.11", True), ("49.99", False)):  # the first one cannot be cancelled
        _, number = await story(live, amount=amount)
        await choose(live, await page(live, number), number, method="card")
        waiting = await page(live, number)
        said = "This payment is already under way and can no longer be changed."
        assert said not in waiting.text
        assert "https://shop.example.com/checkout" in waiting.text
        answer = await choose(live, waiting, number, action="change")
        assert (answer.status_code, answer.headers["location"].endswith("&note=stays")) == (303, stays)
        live.http.cookies.clear()
        shown = await live.http.get(f"/hosted-checkout.php?session={number}&note=stays")
        assert (said in shown.text, 'name="method"' in shown.text) == (stays, not stays), "a note that fits no more is not shown"
        ended = "Your earlier payment was not completed. No money was taken."
        assert (ended in shown.text, (await attempts_of(live, number))[-1].handed_url in shown.text.replace("&amp;", "&")) == (
            not stays,
            False,
        )


async def test_a_change_whose_provider_fails_leaves_the_payment_as_it_is(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _, number = await story(live)
    await choose(live, await page(live, number), number, method="card")
    (before,) = await attempts_of(live, number)

    async def fails(*_: object) -> None:
        raise ValueError("a bug of an adapter")

    monkeypatch.setattr(live.core.registry.providers[before.provider], "cancel", fails)
    answer = await choose(live, await page(live, number), number, action="change")
    assert (answer.status_code, answer.headers["location"].endswith("&note=stays")) == (303, True)
    assert await attempts_of(live, number) == [before]


async def test_a_choice_without_the_pages_own_token_is_refused(live: LiveNode) -> None:
    (_, number), (_, other) = await story(live), await story(live)
    shown, others = await page(live, number), await page(live, other)
    (cookie, csrf), (_, foreign) = token(shown), token(others)
    target = f"/hosted-checkout.php?session={number}"
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {"csrf": csrf}), (cookie, {}), (cookie, {"csrf": ""}), (cookie, {"csrf": "0" * 64}), (cookie, {"csrf": foreign}),
        ({"Cookie": "paymux_buyer=" + "a" * 32}, {"csrf": csrf}), ({"Cookie": "paymux_buyer="}, {"csrf": csrf}), (cookie, {"csrf": "ä€"}),
    ]  # fmt: skip
    for headers, form in cases:
        live.http.cookies.clear()
        answer = await live.http.post(target, data={"method": "card", **form}, headers=headers)
        assert (answer.status_code, answer.headers["x-frame-options"]) == (403, "DENY"), (headers, form)
    assert await attempts_of(live, number) == []


@pytest.mark.parametrize(
    "form", [{}, {"method": ""}, {"method": "moonpay"}, {"method": "card", "email": "no address"}, {"method": "<script>alert(1)</script>"}]
)
async def test_a_choice_that_is_none_shows_the_page_again(live: LiveNode, form: dict[str, str]) -> None:
    _, number = await story(live)
    answer = await choose(live, await page(live, number), number, **form)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "<script>alert" not in answer.text
    assert await attempts_of(live, number) == []


async def test_a_paid_session_leads_back_to_the_shop_exactly_as_given(live: LiveNode) -> None:
    back = "https://shop.example.com/done?orderId=123&payment=ecomtrade24"
    for plan, path in (("free", "/hosted-checkout.php"), ("pro", "/checkout-continue.php"), ("pro", "/hosted-checkout.php")):
        _, number = await story(live, plan, return_url=back)
        await live.report(number, "paid")
        answer = await page(live, number, path)
        if path == "/checkout-continue.php":
            assert answer.headers["location"] == f"{live.url}/hosted-checkout.php?session={number}"
            answer = await page(live, number)
        assert (answer.status_code, answer.headers["location"]) == (302, back)


async def test_a_paid_session_without_a_way_back_says_that_it_is_paid(live: LiveNode) -> None:
    _, number = await story(live, return_url="")
    await live.report(number, "settled")
    answer = await page(live, number)
    assert answer.status_code == 200
    assert 'name="method"' not in answer.text


async def test_an_expired_session_is_gone_and_can_no_longer_be_paid(live: LiveNode) -> None:
    _, number = await story(live)
    shown = await page(live, number)
    await live.advance_clock(3601)
    answer = await page(live, number)
    assert answer.status_code == 410
    assert "https://shop.example.com/checkout" in answer.text
    assert 'name="method"' not in answer.text
    tried = await choose(live, shown, number, method="card")
    assert tried.status_code in (303, 410)
    assert await attempts_of(live, number) == []


async def test_a_failed_session_is_told_and_can_no_longer_be_paid(live: LiveNode) -> None:
    _, number = await story(live)
    shown = await page(live, number)
    await live.report(number, "declined")
    answer = await page(live, number)
    assert answer.status_code == 200
    assert "https://shop.example.com/checkout" in answer.text
    assert 'name="method"' not in answer.text
    await choose(live, shown, number, method="card")
    assert len(await attempts_of(live, number)) == 1


async def test_a_hosted_page_of_a_free_merchant_highlights_what_the_shop_asked_for(live: LiveNode) -> None:
    _, number = await story(live, method="paypal")
    text = (await page(live, number)).text
    assert text.count("row chosen") == 1
    assert re.search(r'row chosen"[^>]*value="paypal"', text)
    assert re.findall(r'name="method" value="([a-z]+)"', text)[:2] == ["paypal", "card"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_another_verb_is_refused_as_a_page(live: LiveNode, method: str) -> None:
    _, number = await story(live)
    answer = await live.http.request(method, f"/hosted-checkout.php?session={number}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_the_page_of_a_disabled_merchant_still_serves_what_was_begun(live: LiveNode) -> None:
    shop, number = await story(live)
    await live.change(shop, active=False)
    assert (await page(live, number)).status_code == 200


async def test_a_form_that_is_too_large_is_refused_as_a_page(live: LiveNode) -> None:
    _, number = await story(live)
    answer = await choose(live, await page(live, number), number, method="card", email="x" * 70_000)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert await attempts_of(live, number) == []
