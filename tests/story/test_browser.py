"""A buyer's stories in a real browser: session -> page -> return_url -> verified notice -> status -> ledger, on both engines.

What every page must keep besides: no provider's name on it or in its address (the company's own page excepted), nothing in the console,
no request elsewhere.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from paymux.merchants.model import Plan
from paymux.payments.lifecycle import Event
from paymux.payments.model import Attention
from tests.receiver import Receiver
from tests.stage.proof import balance
from tests.stage.shop import Shop
from tests.stage.stage import Stage

RETURN = "/order/success?orderId=7&payment=ecomtrade24&name=%C3%A4+b%20c&x="
CANCEL = "/checkout?step=3"
BACK_WITHIN_S = 5.0
PROVIDER = re.compile(r"alder|birch|cedar|sandbox-", re.IGNORECASE)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what a page shows does not depend on the engine
APPROVE = re.compile("^Approve")


class Watch:
    """Notes what a buyer must never meet."""

    def __init__(self, base: str) -> None:
        self.base, self.faults = base, list[str]()

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error} at {error.page.url if error.page else ''}"))
        context.on("request", lambda request: self._address(request.url, request.is_navigation_request()))
        context.on("requestfailed", lambda request: self._failed(request.url, str(request.failure)))
        context.on("response", lambda response: self._body(response.url, response.headers, response))

    def _console(self, message: ConsoleMessage) -> None:
        expected = "Failed to load resource" in message.text and "410 (Gone)" in message.text  # the expired page's own status
        if message.type in ("error", "warning") and not expected:
            self.faults.append(f"console: {message.text}")

    def _address(self, url: str, navigation: bool) -> None:
        company = url.startswith((f"{self.base}/sandbox/pay/", f"{self.base}/sandbox/static/"))
        if not company and PROVIDER.search(url):
            self.faults.append(f"a provider's name in an address: {url}")
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.faults.append(f"a request elsewhere: {url}")

    def _failed(self, url: str, why: str) -> None:
        if "ERR_ABORTED" not in why:  # the buyer moved on
            self.faults.append(f"{url} failed: {why}")

    def _body(self, url: str, headers: dict[str, str], response: Any) -> None:
        """The page's own headers; its text is looked at where it is shown."""
        if (
            url.startswith(self.base)
            and "text/html" in headers.get("content-type", "")
            and "frame-ancestors 'none'" not in headers.get("content-security-policy", "")
        ):
            self.faults.append(f"{url} may be embedded")


@pytest.fixture
def watch(stage: Stage) -> Iterator[Watch]:
    watch = Watch(stage.url)
    yield watch
    assert watch.faults == []


@pytest.fixture
def shop(stage: Stage, receiver: Receiver) -> Shop:
    return stage.merchant(webhook_url=receiver.hook)


@pytest.fixture
def buyer(new_page: Callable[..., Page], watch: Watch) -> Callable[..., Page]:
    """Opens a watched page in a browser of its own."""

    def opened(**options: object) -> Page:
        page = new_page(**options)
        watch.follow(page.context)
        return page

    return opened


def open_session(shop: Shop, receiver: Receiver, amount: str = "49.99", **fields: Any) -> dict[str, Any]:
    urls = {"return_url": receiver.page(RETURN), "cancel_url": receiver.page(CANCEL)}
    return shop.open(amount, **({"order_id": "ORD-7"} | urls | fields))


def on_screen(page: Page, name: str) -> None:
    """Wait for one of our screens, and see that it tells no provider's name."""
    expect(page.locator("body")).to_have_attribute("data-screen", name)
    found = PROVIDER.search(page.locator("html").inner_html().replace("Sandbox", ""))
    assert not found, f"the screen {name} tells {found.group()}"


def at_company(page: Page) -> None:
    page.wait_for_url("**/sandbox/pay/*")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name).click()


def choose(page: Page, method: str = "card") -> None:
    on_screen(page, page.locator("body").get_attribute("data-screen") or "")
    page.locator(f"button[name=method][value={method}]").click()
    at_company(page)


def payable(stage: Stage, shop: Shop) -> int:
    return stage.run(balance(stage.core, shop.merchant_id, "payable"))


def held(stage: Stage, shop: Shop) -> int:
    return stage.run(balance(stage.core, shop.merchant_id, "held"))


def back_at_shop(page: Page, receiver: Receiver, paid_at: float) -> None:
    """The buyer's browser is at the return URL, as it was given, in time."""
    page.wait_for_url(receiver.page(RETURN))
    took_s = receiver.visited(RETURN).at - paid_at
    assert took_s <= BACK_WITHIN_S, f"the way back took {took_s:.1f} s"


def paid_and_clicked_back(page: Page, receiver: Receiver) -> None:
    """Approve, and go on to the shop without waiting for the page to do so."""
    press(page, APPROVE)
    on_screen(page, "paid")
    page.get_by_role("link", name=re.compile("shop.example.com")).click()
    page.wait_for_url(receiver.page(RETURN))


def assert_paid(stage: Stage, shop: Shop, receiver: Receiver, session_id: int, told: list[str], history: str = "handed_over paid") -> None:
    """Notice, status, books and history tell the same. `history`: what happened after the buyer opened the page."""
    receiver.wait_for(lambda: receiver.words(session_id) == told, f"the notices {told}")
    assert all(delivery.genuine for delivery in receiver.of(session_id))
    paid = receiver.of(session_id)[-1].fields
    assert (paid["event"], paid["status"], paid["amount"], paid["provider"]) == ("payment.completed", "paid", "49.99", "ecomtrade24")
    session = shop.ask(session_id)
    assert (session["status"], session["last_error"], session["txid"]) == ("paid", None, paid["txid"])
    assert payable(stage, shop) == 4999
    assert stage.events(session_id) == ["created", "opened", *history.split()]
    stage.prove()


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_a_buyer_pays_and_is_back_at_the_shop_in_five_seconds(
    stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page], script: bool
) -> None:
    session = open_session(shop, receiver)
    page = buyer(java_script_enabled=script)
    page.goto(session["checkout_url"])
    at_company(page)
    paid_at = time.monotonic()
    press(page, APPROVE)
    back_at_shop(page, receiver, paid_at)
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"])
    page.goto(session["checkout_url"])  # once more: nothing to pay
    page.goto(f"{stage.url}/checkout.php?session={session['session_id']}")
    assert len(stage.attempts(session["session_id"])) == 1


@SQLITE
@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_a_buyer_of_a_free_merchant_chooses_pays_and_is_back_in_five_seconds(
    stage: Stage, receiver: Receiver, buyer: Callable[..., Page], script: bool
) -> None:
    shop = stage.merchant(plan=Plan.FREE, webhook_url=receiver.hook)
    session = open_session(shop, receiver)
    page = buyer(java_script_enabled=script)
    page.goto(session["checkout_url"])
    choose(page)
    paid_at = time.monotonic()
    press(page, APPROVE)
    back_at_shop(page, receiver, paid_at)
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"])


def test_declined_then_paid_by_another_method(stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    at_company(page)
    press(page, "Decline")
    on_screen(page, "declined")
    assert shop.ask(session["session_id"])["last_error"] == "provider_declined"
    *others, last = page.locator("button[name=method]").all()
    assert last.get_attribute("value") == "card"
    assert "Declined just now" in last.inner_text()
    assert others
    assert not [row for row in others if "Declined" in row.inner_text()]
    choose(page, "klarna")
    paid_and_clicked_back(page, receiver)
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"], "handed_over declined handed_over paid")
    assert [attempt.state for attempt in stage.attempts(session["session_id"])] == ["declined", "paid"]


def test_an_expired_session_offers_nothing_to_pay(stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    session = open_session(shop, receiver)
    page = buyer(java_script_enabled=False)  # nothing tells a tab that was left open
    page.goto(f"{stage.url}/hosted-checkout.php?session={session['session_id']}")
    on_screen(page, "choose")
    stage.advance_clock(3601)
    page.locator("button[name=method][value=card]").click()
    on_screen(page, "expired")
    assert page.locator("form, button[name=method]").count() == 0
    answer = page.goto(f"{stage.url}/hosted-checkout.php?session={session['session_id']}")
    assert answer is not None
    assert answer.status == 410
    on_screen(page, "expired")
    page.get_by_role("link", name=re.compile("shop.example.com")).click()
    page.wait_for_url(receiver.page(CANCEL))
    receiver.wait_for(lambda: receiver.words(session["session_id"]) == ["expired"])
    assert (shop.status(session["session_id"]), stage.attempts(session["session_id"])) == ("expired", [])
    assert payable(stage, shop) == 0
    stage.prove()


def test_late_money_waits_for_a_person_and_is_paid_when_accepted(
    stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]
) -> None:
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    at_company(page)
    press(page, re.compile("^Pay too late"))
    on_screen(page, "waiting")
    stage.advance_clock(3601)
    on_screen(page, "expired")  # by itself
    receiver.wait_for(lambda: receiver.words(session["session_id"]) == ["expired"])
    stage.advance_clock(3601)
    stage.wait_for_state(session["session_id"], "review")
    assert stage.attention() == {session["session_id"]: Attention.LATE}
    assert (payable(stage, shop), held(stage, shop)) == (0, 4999)
    page.reload()
    on_screen(page, "review")
    assert page.locator("form").count() == 0
    stage.decide(session["session_id"], Event.ACCEPTED)
    assert_paid(stage, shop, receiver, session["session_id"], ["expired", "manual_review", "paid"], "handed_over timed_out late accepted")
    assert (stage.attention(), held(stage, shop)) == ({}, 0)


@SQLITE
def test_short_money_waits_and_the_rest_makes_it_paid(stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    session = open_session(shop, receiver)
    page, company = buyer(), ""
    page.goto(session["checkout_url"])
    at_company(page)
    company = page.url
    press(page, re.compile("^Pay too little"))
    on_screen(page, "short")
    assert (shop.status(session["session_id"]), held(stage, shop)) == ("manual_review", 2499)
    page.goto(company)
    press(page, re.compile("^Pay the rest"))
    assert_paid(stage, shop, receiver, session["session_id"], ["manual_review", "paid"], "handed_over short paid")
    assert held(stage, shop) == 0


@SQLITE
def test_surplus_is_paid_and_what_is_too_much_is_held(stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    at_company(page)
    press(page, re.compile("^Pay too much"))
    on_screen(page, "surplus")
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"])
    assert (held(stage, shop), stage.attention()) == (499, {session["session_id"]: Attention.SURPLUS})


def test_a_doubt_is_told_to_the_buyer_with_nothing_to_pay_and_the_page_changes_by_itself(
    stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]
) -> None:
    session = open_session(shop, receiver, "9000.19")
    page = buyer()
    page.goto(f"{stage.url}/hosted-checkout.php?session={session['session_id']}")
    page.locator("button[name=method][value=other]").click()
    on_screen(page, "unclear")
    assert page.locator("form").count() == 0
    stage.advance_clock(400)
    page.wait_for_url(receiver.page(RETURN))
    assert shop.status(session["session_id"]) == "paid"
    stage.prove()


@SQLITE
def test_clicking_everything_twice_pays_once(stage: Stage, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    shop = stage.merchant(plan=Plan.FREE, webhook_url=receiver.hook)
    for script in (True, False):
        session = open_session(shop, receiver, order_id=None)
        page = buyer(java_script_enabled=script)
        page.goto(session["checkout_url"])
        page.locator("button[name=method][value=card]").dblclick()
        at_company(page)
        page.get_by_role("button", name=APPROVE).dblclick()
        receiver.wait_for(lambda session=session: receiver.words(session["session_id"]) == ["paid"])
        assert len(stage.attempts(session["session_id"])) == 1
        assert shop.status(session["session_id"]) == "paid"
    assert payable(stage, shop) == 2 * 4999


@SQLITE
def test_the_back_button_and_a_second_tab_start_nothing_twice(stage: Stage, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    shop = stage.merchant(plan=Plan.FREE, webhook_url=receiver.hook)
    session = open_session(shop, receiver)
    page, stale = buyer(), buyer(java_script_enabled=False)  # without a script nothing tells a tab that the choice was made elsewhere
    second = page.context.new_page()
    for tab in (page, second, stale):
        tab.goto(session["checkout_url"])
        on_screen(tab, "choose")
    choose(page)
    company = page.url
    stale.locator("button[name=method][value=card]").click()  # the same method in another tab: the same attempt
    at_company(stale)
    assert stale.url == company
    on_screen(second, "waiting")  # its script was told
    second.get_by_role("link", name=re.compile("Continue", re.IGNORECASE)).click()
    at_company(second)
    assert second.url == company
    page.go_back()
    on_screen(page, "waiting")
    page.get_by_role("link", name=re.compile("Continue", re.IGNORECASE)).click()
    at_company(page)
    assert page.url == company
    paid_and_clicked_back(page, receiver)
    second.get_by_role("button", name=APPROVE).click()
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"])
    page.go_back()  # from the shop into the checkout again
    page.wait_for_load_state()
    assert len(stage.attempts(session["session_id"])) == 1


@SQLITE
def test_a_waiting_buyer_may_change_the_method(stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    at_company(page)
    company = page.url
    page.get_by_role("link", name=re.compile("Go back without")).click()
    on_screen(page, "waiting")
    page.locator("button[name=action][value=change]").click()
    on_screen(page, "choose")
    choose(page, "klarna")
    old = page.context.new_page()
    old.goto(company)
    expect(old.get_by_role("heading", name="This payment was cancelled")).to_be_visible()
    assert old.get_by_role("button", name=APPROVE).count() == 0
    paid_and_clicked_back(page, receiver)
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"], "handed_over cancelled handed_over paid")
    assert [attempt.state for attempt in stage.attempts(session["session_id"])] == ["cancelled", "paid"]


@SQLITE
def test_cancelling_leads_to_the_shop_and_leaves_the_session_open(stage: Stage, receiver: Receiver, buyer: Callable[..., Page]) -> None:
    shop = stage.merchant(plan=Plan.FREE, webhook_url=receiver.hook)
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    on_screen(page, "choose")
    page.locator(".leave a").click()
    page.wait_for_url(receiver.page(CANCEL))
    assert shop.status(session["session_id"]) == "awaiting_payment"
    page.goto(session["checkout_url"])
    choose(page)
    paid_and_clicked_back(page, receiver)
    assert_paid(stage, shop, receiver, session["session_id"], ["paid"])


@SQLITE
def test_a_pending_and_a_flagged_payment_tell_the_buyer_to_wait(
    stage: Stage, shop: Shop, receiver: Receiver, buyer: Callable[..., Page]
) -> None:
    session = open_session(shop, receiver)
    page = buyer()
    page.goto(session["checkout_url"])
    at_company(page)
    company = page.url
    press(page, re.compile("^Leave it pending"))
    stage.wait_for_state(session["session_id"], "pending")
    on_screen(page, "waiting")
    page.goto(company)
    press(page, re.compile("^Flag it for review"))
    on_screen(page, "review")
    page.goto(company)
    press(page, APPROVE)
    assert_paid(stage, shop, receiver, session["session_id"], ["pending", "manual_review", "paid"], "handed_over pending flagged paid")
