"""Buyers on the payment web application, in a real browser: link -> choice -> details -> instructions -> paid -> back at the shop."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from paymux.cli.fixtures import _echelon
from tests.browser import barriers
from tests.receiver import Receiver
from tests.stage.stage import Stage

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what a page shows does not depend on the engine
VERSION = {"X-API-Version": "2", "Content-Type": "application/json"}


def asked(url: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {**VERSION, **headers}), timeout=20) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def link(stage: Stage, id_payin: str, amount: str, currency: str, back: str, **more: str) -> tuple[str, str]:
    """The address that a shop builds, and its token."""
    if not stage.run(_known(stage)):
        stage.run(_echelon(stage.core))
    body = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", "action": "PAYIN_CREATE", "idPayment": id_payin}
    token = asked(f"{stage.url}/auth-tokens-by-action", body)["token"]
    pairs = {"idPayin": id_payin, "token": token, "amount": amount, "currencyCode": currency, "merchantCode": "TEST_MERCHANT"}
    return f"{stage.url}/?{urlencode({**pairs, 'returnUrl': back, **more})}", token


async def _known(stage: Stage) -> bool:
    from paymux.merchants.profiles import Profiles

    return (await stage.core.reader.submit(Profiles().by_code, ("echelon", "TEST_MERCHANT"))).merchant is not None


def status(stage: Stage, id_payin: str, token: str) -> str:
    word: str = asked(f"{stage.url}/payins/{id_payin}", Authorization=f"Bearer {token}")["process"]["status"]
    return word


def move_clock(stage: Stage, seconds: int) -> None:
    from paymux.storage import installation

    stage.run(installation.move_clock(stage.core.storage, lambda old: old + seconds * 1000))


def pause(stage: Stage, method: str = "VAPAY") -> None:
    """Outcomes come when the test moves the clock, not before."""
    import msgspec

    from paymux.merchants.profiles import EditProfile, Profiles, edit_profiles

    found = stage.run(stage.core.reader.submit(Profiles().by_code, ("echelon", "TEST_MERCHANT")))
    assert found.merchant is not None
    edit = EditProfile(
        merchant_id=found.merchant.merchant_id, dialect="echelon", edit=lambda profile: msgspec.structs.replace(profile, outcome_ms=60_000)
    )
    stage.run(stage.core.writer.submit(edit_profiles, edit))


def test_a_virtual_account_is_chosen_named_paid_and_left(stage: Stage, page: Page, receiver: Receiver) -> None:
    back = receiver.page("/done?id=1")
    url, token = link(stage, "WEB-1", "10000", "IDR", back)
    pause(stage)
    page.goto(url)
    expect(page.get_by_role("heading", name="Choose how to pay")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Test bank 0").click()
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Please check this entry.")).to_be_visible()
    assert barriers(page) == []
    page.get_by_label("Name of the account holder").fill("Budi Santoso")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Make a bank transfer")).to_be_visible()
    account = asked(f"{stage.url}/payins/WEB-1", Authorization=f"Bearer {token}")["paymentMethodResponse"]["account"]
    expect(page.get_by_text(account["accountNumber"], exact=True).first).to_be_visible()
    assert barriers(page) == []
    assert status(stage, "WEB-1", token) == "PROCESSING"
    move_clock(stage, 61)
    expect(page.get_by_role("heading", name="Payment complete")).to_be_visible()
    page.wait_for_url(back)
    assert status(stage, "WEB-1", token) == "SUCCESS"
    page.goto(url)  # the link once more leads to the payment, not to a second one
    expect(page.get_by_role("heading", name="Payment complete")).to_be_visible()


def test_a_upi_code_is_shown_and_the_banks_reference_is_kept(stage: Stage, page: Page, receiver: Receiver) -> None:
    url, token = link(stage, "WEB-2", "500", "INR", receiver.page("/done?id=2"))
    pause(stage)
    page.goto(url)
    page.get_by_role("button", name="UPI").click()
    expect(page.get_by_role("heading", name="Scan to pay")).to_be_visible()
    expect(page.get_by_role("img", name="QR code for this payment; the same details are written below")).to_be_visible()
    page.get_by_label("Reference from your bank").fill("UTR 4711")
    page.context.clear_cookies()  # as after a day, or where a browser keeps none
    page.get_by_role("button", name="Save the reference").click()
    expect(page.get_by_text("Not saved yet: this page was open for a while.")).to_be_visible()
    expect(page.get_by_label("Reference from your bank")).to_have_value("UTR 4711")
    assert barriers(page) == []
    page.get_by_role("button", name="Save the reference").click()
    expect(page.get_by_text("Saved. We look for your payment.")).to_be_visible()
    assert barriers(page) == []
    answer = asked(f"{stage.url}/payins/WEB-2", Authorization=f"Bearer {token}")
    assert answer["paymentMethodResponse"]["externalReference"] == {"reference": "UTR 4711"}
    move_clock(stage, 7300)
    expect(
        page.get_by_role("heading", name="This payment has expired").or_(page.get_by_role("heading", name="Payment complete"))
    ).to_be_visible()


def test_a_transfer_works_without_javascript_in_german(stage: Stage, new_page: Callable[..., Page], receiver: Receiver) -> None:
    back = receiver.page("/done?id=3")
    url, token = link(stage, "WEB-3", "112.50", "USD", back)
    pause(stage)
    page = new_page(java_script_enabled=False, locale="de-DE")
    page.goto(url)
    page.get_by_role("button", name="Überweisung").click()
    expect(page.get_by_text("112,50").first).to_be_visible()
    move_clock(stage, 61)
    stage.wait_for(lambda: status(stage, "WEB-3", token) == "SUCCESS", "the outcome")
    page.reload()
    expect(page.get_by_role("heading", name="Zahlung")).to_be_visible()
    page.wait_for_url(back)


@pytest.mark.parametrize(
    "change",
    [{"token": "x"}, {"amount": ""}, {"amount": "-5"}, {"currencyCode": "XXX"}, {"merchantCode": "OTHER_MERCHANT"}, {"idPayin": "OTHER"},
     {"returnUrl": "javascript:alert(1)"}, {"returnUrl": ""}],
)  # fmt: skip
def test_a_link_that_is_wrong_shows_an_error_and_leads_nowhere(stage: Stage, page: Page, change: dict[str, str]) -> None:
    url, _ = link(stage, "WEB-4", "10000", "IDR", "https://shop.example.com/")
    name, value = next(iter(change.items()))
    head, _, query = url.partition("?")
    from urllib.parse import parse_qsl

    pairs = {**dict(parse_qsl(query)), name: value}
    answer = page.goto(f"{head}?{urlencode(pairs)}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="We cannot find this payment")).to_be_visible()
    assert page.url.startswith(stage.url)


def test_a_payment_is_not_found_by_counting(stage: Stage, page: Page) -> None:
    link(stage, "WEB-5", "10000", "IDR", "https://shop.example.com/")
    answer = page.goto(f"{stage.url}/?payment=1.pi_guessed")
    assert answer is not None
    assert answer.status == 404
