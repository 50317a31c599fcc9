"""An order's story as a person sees it in a browser, and what shuts nobody out."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.databases import sqlite_url
from tests.exchange.shop import WISH, WISH_R3, Forms
from tests.server import RunningServer, answer_of, call, paymux

CREATE = "/service/api/v1/public/exchanger/order/create"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_url(tmp_path_factory.mktemp("browser") / "paymux.db")
    assert paymux("fixtures", "load", "exchanger", database_url=url).returncode == 0
    return url


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[RunningServer]:
    with RunningServer(database) as running:
        yield running


def create(server: RunningServer, wish: dict[str, Any], **changes: Any) -> dict[str, Any]:
    _, answer = call("POST", server.url + CREATE, {**wish, **changes})
    assert answer["success"] is True, answer
    data: dict[str, Any] = answer["data"]
    return data


def reported(database: str, uid: int, outcome: str, *more: str) -> str:
    return str(
        answer_of("sandbox", "report", "--payment", f"exchanger:{uid}", "--outcome", outcome, *more, database_url=database)["status"]
    )


def opened(page: Page, server: RunningServer, order: dict[str, Any], kind: str = "order") -> None:
    page.goto(f"{server.url}/en/{kind}/{order['uid']}/{order['secret']}")


def test_paid_and_paid_out_while_the_page_is_open(page: Page, server: RunningServer, database: str) -> None:
    with Forms() as shop:
        order = create(server, WISH, clientCallbackUrl=shop.page("/return"))
        opened(page, server, order)
        page.get_by_role("button", name="Go to payment").click()
        expect(page.get_by_role("heading", name="Send your payment")).to_be_visible()
        expect(page.get_by_text("Time left")).to_be_visible()
        page.get_by_role("button", name="I have paid").click()
        expect(page.get_by_role("heading", name="Your payment is being checked")).to_be_visible()
        assert paymux("exchange", "act", order["uid"], "confirm", "--why", "seen", database_url=database).returncode == 0
        expect(page.get_by_role("heading", name="Your payment has arrived")).to_be_visible()
        assert paymux("exchange", "act", order["uid"], "done", database_url=database).returncode == 0
        page.get_by_role("link", name="Back to the shop").click()
        shop.visited("/return?status=success")
    story = answer_of("exchange", "show", order["uid"], database_url=database)
    assert [(row["actor"], row["to_status"]) for row in story["history"]][-2:] == [("operator", "inProgressPayout"), ("operator", "done")]


def test_another_amount_and_then_returned(page: Page, server: RunningServer, database: str) -> None:
    order = create(server, WISH)
    opened(page, server, order, "payment")
    assert reported(database, order["uid"], "paid", "--amount", "1.5") == "errorPayment"
    expect(page.get_by_role("heading", name="The payment does not match")).to_be_visible()
    assert paymux("exchange", "act", order["uid"], "return", database_url=database).returncode == 0
    expect(page.get_by_role("heading", name="Your money was sent back")).to_be_visible()


def test_expired_on_a_page_without_a_script(new_page: Any, server: RunningServer, database: str) -> None:
    order = create(server, WISH_R3)
    page = new_page(java_script_enabled=False)
    opened(page, server, order)
    page.get_by_role("button", name="Go to payment").click()
    expect(page.get_by_text("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")).to_be_visible()
    assert reported(database, order["uid"], "expired") == "deleted"
    opened(page, server, order)
    expect(page.get_by_role("heading", name="This order is cancelled")).to_be_visible()


def test_from_a_partners_link_to_an_order_by_the_form(page: Page, server: RunningServer, database: str) -> None:
    page.goto(f"{server.url}/ref/example-partner/?cur_from=ETH&cur_to=WMZ")
    expect(page.get_by_role("heading", name="Exchange Ethereum for WebMoney")).to_be_visible()
    page.get_by_label("You send, ETH").fill("0,5")
    page.get_by_label("WMZ purse").fill("Z123456789012")
    page.get_by_label("E-mail").fill("buyer@example.com")
    page.get_by_label("I agree to the exchange’s rules.").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Check your order")).to_be_visible()
    expect(page.get_by_text("79.35")).to_be_visible()
    uid = page.url.split("/")[-2]
    assert answer_of("exchange", "show", uid, database_url=database)["order"]["partner"] == "example-partner"


def test_paid_out_by_itself(page: Page, server: RunningServer, database: str) -> None:
    order = create(server, WISH_R3, skipPreview=True)
    opened(page, server, order)
    assert reported(database, order["uid"], "paid") == "inProgressPayout"
    expect(page.get_by_role("heading", name="Done: everything is paid out")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_pages_shut_nobody_out(new_page: Any, server: RunningServer, language: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    order = create(server, WISH)
    page = new_page(viewport={"width": 360, "height": 740})
    for action in ("form", "", "confirm"):
        if action == "confirm":
            call("POST", f"{server.url}/service/api/v1/public/exchanger/order/update-status", {
                "orderUID": order["uid"], "orderSecret": order["secret"], "status": "waitPayment"})  # fmt: skip
        own = f"/{language}/order/{order['uid']}/{order['secret']}"
        page.goto(server.url + (f"/?from=ETH&to=WMZ&lang={language}" if action == "form" else own))
        if action == "form":
            page.locator("form.details button").click()
            expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("seam", ["exchange.before_send", "exchange.after_send"])
def test_killed_between_payment_in_and_payout_it_pays_exactly_once(tmp_path: Path, seam: str) -> None:
    file = tmp_path / "paymux.db"
    url = sqlite_url(file)
    assert paymux("fixtures", "load", "exchanger", database_url=url).returncode == 0
    with RunningServer(url, env={"PAYMUX_TEST_CRASH_AT": seam}) as server:
        order = create(server, WISH_R3)
        assert reported(url, order["uid"], "paid") == "inProgressPayout"
        assert server._process is not None
        assert server._process.wait(20) == -9
    with RunningServer(url) as server:
        answer_of("sandbox", "clock", "--advance", "30", database_url=url)
        body = {"orderUID": order["uid"], "orderSecret": order["secret"]}
        status, ends = "", time.monotonic() + 20
        while status != "done":
            assert time.monotonic() < ends, f"still {status}"
            status = call("POST", f"{server.url}/service/api/v1/public/exchanger/order/get", body)[1]["data"]["order"]["status"]
    with sqlite3.connect(file) as books:
        assert books.execute("SELECT count(*) FROM sandbox_disbursement").fetchone() == (1,)
    assert paymux("ledger", "check", database_url=url).returncode == 0
