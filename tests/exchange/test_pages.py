"""The order page and the payment page: without a script, in every language, and never the recipient where it is hidden."""

import json
import re
from typing import Any

import msgspec
import pytest

from paymux.checkout import words
from paymux.checkout.order_view import back_url, localised, render
from paymux.dialects.exchanger.profiles import PROFILES, Profile
from paymux.exchange.lifecycle import Status
from tests import screenshots_exchange
from tests.exchange.shop import WISH_R3, Exchange

CALLBACK = "https://shop.example/return"


async def page(exchange: Exchange, order: dict[str, Any], kind: str = "order", lang: str = "en") -> str:
    answer = await exchange.live.http.get(f"/{lang}/{kind}/{order['uid']}/{order['secret']}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    return answer.text


async def press(exchange: Exchange, order: dict[str, Any], action: str) -> None:
    path = f"/en/order/{order['uid']}/{order['secret']}"
    answer = await exchange.live.http.post(path, data={"action": action})
    assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
async def test_both_installations_addresses_lead_to_the_page(exchange: Exchange, profile: Profile) -> None:
    order = await exchange.create()
    for kind in ("order", "payment"):
        for lang in profile.languages.values():
            path = profile.page.format(lang=lang, kind=kind, uid=order["uid"], secret=order["secret"])
            for end in ("", "/"):
                assert (await exchange.live.http.get(exchange.live.url + path + end)).status_code == 200


async def test_a_wrong_secret_number_or_language_shows_nothing_of_an_order(exchange: Exchange) -> None:
    order = await exchange.create()
    for path in (
        f"/en/order/{order['uid']}/{'x' * 24}", f"/en/order/999999/{order['secret']}", f"/en/payment/x/{order['secret']}",
        f"/xx/order/{order['uid']}/{order['secret']}",
    ):  # fmt: skip
        answer = await exchange.live.http.get(path)
        assert answer.status_code == 404
        assert "317.42" not in answer.text


@pytest.mark.parametrize("language", list(words.NAMES))
async def test_every_language_says_every_status(exchange: Exchange, language: str) -> None:
    order = await exchange.create()
    assert words.plain(language, "order.title.new") in await page(exchange, order, lang=language)
    assert all(words.has(f"order.{part}.{status}") for status in Status for part in ("title", "text"))


async def test_confirmed_paid_and_finished_by_plain_forms(exchange: Exchange) -> None:
    order = await exchange.create(clientCallbackUrl=CALLBACK)
    text = await page(exchange, order)
    assert "Z123456789012" in text
    assert "buyer@example.com" in text
    assert CALLBACK not in text
    await press(exchange, order, "confirm")
    text = await page(exchange, order, "payment")
    assert "0x52908400098527886E0F7030069857D2E4169EE7" in text
    assert "<svg" in text
    assert "data-left" in text
    assert "Z123456789012" not in text
    assert "317.42" not in text
    await press(exchange, order, "paid")
    assert (await exchange.stored(order["uid"])).status is Status.IN_PROGRESS
    for status in (Status.IN_PROGRESS_PAYOUT, Status.DONE):
        await exchange.step(order["uid"], status)
    for kind in ("order", "payment"):
        assert f'href="{CALLBACK}?status=success"' in await page(exchange, order, kind)


async def test_hidden_recipients_are_nowhere_in_the_document(exchange: Exchange) -> None:
    order = await exchange.create(hideOutData=True)
    for status in (None, Status.WAIT_PAYMENT, Status.IN_PROGRESS, Status.IN_PROGRESS_PAYOUT, Status.DONE):
        if status is not None:
            await exchange.step(order["uid"], status)
        for kind in ("order", "payment"):
            assert "Z123456789012" not in await page(exchange, order, kind)


async def test_an_expired_and_a_cancelled_order_lead_back_with_an_error(exchange: Exchange) -> None:
    order = await exchange.create(clientCallbackUrl=f"{CALLBACK}?a=1#end")
    await press(exchange, order, "cancel")
    assert f'href="{CALLBACK}?a=1&amp;status=error#end"' in await page(exchange, order, "payment")
    await press(exchange, order, "confirm")
    assert (await exchange.stored(order["uid"])).status is Status.DELETED


def told(text: str) -> tuple[str, str, dict[str, str]]:
    """A page as it is read: title, what is said below it, and its rows in their order."""
    bare = re.sub(r"<[^>]+>", "", text.split("<body", 1)[1].replace("</dt>", "\t").replace("</div>", "\n").replace("\u00a0", " "))
    [title], [lead] = re.findall(r"<h1[^>]*>(.*?)</h1>", text), re.findall(r'<p class="lead">(.*?)</p>', text)
    rows = dict(line.split("\t", 1) for line in bare.splitlines() if line.count("\t") == 1)
    return title, re.sub(r"<[^>]+>", "", lead).replace("\u00a0", " "), rows


@pytest.mark.parametrize(
    ("units", "came", "difference"),
    [(150_000_000, "1.5 ETH", ("Still missing", "0.5 ETH")), (225_000_000, "2.25 ETH", ("Too much", "0.25 ETH"))],
)
async def test_another_amount_says_what_came_of_what_was_asked(
    exchange: Exchange, units: int, came: str, difference: tuple[str, str]
) -> None:
    order = await exchange.create()
    await exchange.report(order["uid"], "paid", units)
    title, lead, rows = told(await page(exchange, order))
    assert title == "The payment does not match"
    assert lead.startswith(f"{came} arrived instead of 2 ETH. Your money is safe")
    assert "give the order’s number" in lead
    begun = [(name, amount.partition(" (")[0]) for name, amount in rows.items()][:4]
    assert begun == [("To pay", "2 ETH"), ("Received", came), difference, ("Planned payout", "317.42 USD")]
    assert "You receive" not in rows
    title, lead, rows = told(await page(exchange, order, "payment"))
    assert (title, rows) == ("The payment does not match", {})
    assert lead.startswith("Another amount arrived."), "a payer's page shows no more than how to pay"
    assert "1.5" not in lead


async def test_a_payment_that_failed_says_that_nothing_came(exchange: Exchange) -> None:
    order = await exchange.create()
    await exchange.lead(order, "waitPayment")
    await exchange.report(order["uid"], "declined")
    assert (await exchange.stored(order["uid"])).status is Status.ERROR_PAYMENT
    for kind in ("order", "payment"):
        title, lead, rows = told(await page(exchange, order, kind))
        assert title == "No payment was received"
        assert "give the order’s number" in lead
        assert not {"Received", "Still missing", "Too much", "You receive"} & rows.keys()
    for language in words.NAMES:
        assert words.plain(language, "order.title.unpaid") in await page(exchange, order, lang=language)


def test_all_of_it_came_and_a_person_stopped_it_for_another_reason() -> None:
    page_of = screenshots_exchange.but(Status.ERROR_PAYMENT, received_units=screenshots_exchange.ORDER.in_units)
    title, lead, rows = told(render(page_of).decode())
    assert (title, lead) == ("Your payment is being checked", "A person is looking at it. Your money is safe.")
    assert not {"Received", "Still missing", "Too much", "You receive"} & rows.keys()


async def test_cancelling_is_quiet_and_warned_of_while_money_may_be_on_its_way(exchange: Exchange) -> None:
    order = await exchange.create()
    await press(exchange, order, "confirm")
    for kind in ("order", "payment"):
        text = await page(exchange, order, kind)
        [cancel] = re.findall(r'<p>[^<]*<button class="plain"[^>]* value="cancel">', text)
        assert "Only cancel if you have not sent anything yet." in cancel
        assert "Anything sent on another network can be lost." in text
        assert '<button class="button quiet"' not in text


@pytest.mark.parametrize("kind", ["order", "payment"])
def test_who_is_to_send_the_rest_is_asked_for_no_more_than_that(kind: str) -> None:
    text = render(screenshots_exchange.but(Status.WAIT_PAYMENT, kind, received_units=150_000_000)).decode()
    _, lead, rows = told(text)
    assert lead.startswith("A part has arrived.")
    assert 'data-copy="0.5"' in text
    assert 'data-copy="2"' not in text
    assert (rows.get("Received"), rows.get("Still missing")) == (
        ("1.5 ETH (Ethereum)", "0.5 ETH (Ethereum)") if kind == "order" else (None, None)
    )
    assert "Nothing received yet" not in text
    assert 'value="cancel"' not in text


def test_only_what_goes_over_a_network_is_warned_of_others() -> None:
    cash = msgspec.structs.replace(screenshots_exchange.ETH, network="")
    text = render(screenshots_exchange.but(Status.WAIT_PAYMENT, give=cash)).decode()
    assert "another network" not in text


async def test_what_is_watched_needs_no_word_of_the_client(exchange: Exchange) -> None:
    order = await exchange.create(WISH_R3, skipPreview=True)
    text = await page(exchange, order)
    assert 'value="paid"' not in text
    assert 'value="cancel"' in text


async def test_the_page_asks_how_it_stands(exchange: Exchange) -> None:
    order = await exchange.create()
    path = f"/en/order/{order['uid']}/{order['secret']}"
    assert (await exchange.live.http.get(path, params={"live": "poll"})).json() == {"screen": "new", "version": 1}
    async with exchange.live.http.stream("GET", path, params={"live": "events"}) as events:
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                assert json.loads(line[6:]) == {"screen": "new", "version": 1}
                break


def test_the_return_button_adds_how_it_ended() -> None:
    assert back_url("https://a.example/x", Status.DONE) == "https://a.example/x?status=success"
    assert back_url("https://a.example/x?b=1#c", Status.RETURNED) == "https://a.example/x?b=1&status=error#c"
    assert back_url("https://a.example/x", Status.HOLD) is None
    assert back_url(None, Status.DONE) is None


def test_a_text_of_several_languages_shows_one() -> None:
    text = "##en##Pay##ru##Оплатите## 5"
    assert (localised(text, "en"), localised(text, "ru"), localised("plain", "de")) == ("Pay 5", "Оплатите 5", "plain")


@pytest.mark.parametrize("language", words.NAMES)
async def test_an_amount_reads_the_same_on_every_line_of_every_page(exchange: Exchange, language: str) -> None:
    order = await exchange.create()
    form = (await exchange.live.http.get(f"/?from=ETH&to=WMZ&amount=2&lang={language}")).text
    pages = [await page(exchange, order, lang=language), form]
    await press(exchange, order, "confirm")
    pages += [await page(exchange, order, kind, language) for kind in ("order", "payment")]
    for text in pages:
        shown = re.findall(r'<bdi class="num" dir="ltr">([^<]+)</bdi>', text)
        assert shown
        assert [one for one in shown if not re.fullmatch(r"[0-9.,\u00a0]+\u00a0[A-Z]+", one)] == []
        assert not re.search(r"(ETH|WMZ)\s+[0-9]", text)
