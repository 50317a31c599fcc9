"""The order page and the payment page: without a script, in every language, and never the recipient where it is hidden."""

import json
import re
from typing import Any

import pytest

from paymux.checkout import words
from paymux.checkout.order_view import back_url, localised
from paymux.dialects.exchanger.profiles import PROFILES, Profile
from paymux.exchange.lifecycle import Status
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


async def test_another_amount_is_shown_beside_what_was_asked(exchange: Exchange) -> None:
    order = await exchange.create()
    await exchange.report(order["uid"], "paid", 150_000_000)
    text = await page(exchange, order)
    assert words.plain("en", "fact.received") in text
    assert "1.5" in text
    assert "1.5" not in await page(exchange, order, "payment"), "a payer's page shows no more than how to pay"


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
