"""The checkout's pages as bytes: safe, small, complete in every language."""

import gzip
import re

import msgspec
import pytest

from paymux.checkout import words
from paymux.checkout.outcome import OUTCOMES
from paymux.checkout.render import assets, csp, headers, render
from paymux.checkout.view import Detail, Instructions, LanguageLink, Line, Method, Notice, Screen, View, Way, http_status
from paymux.money import Money, known
from tests.checkout.tags import Tags
from tests.screenshots import BASE, EUR, METHODS, but, samples

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{shop}%s"
SAMPLES = samples()
every_language = pytest.mark.parametrize("language", words.NAMES)
every_sample = pytest.mark.parametrize("name", SAMPLES)


@pytest.mark.parametrize("code", ["EUR", "KWD", "BTC"])
def test_the_currency_code_stands_once_on_the_page_that_asks_for_an_amount(code: str) -> None:
    assert Tags(render(but(methods=METHODS, amount=Money(4999, known(code))))).text.count(code) == 1


@every_language
@every_sample
def test_every_page_renders_small_and_strict_in_every_language(name: str, language: str) -> None:
    page = render(msgspec.structs.replace(SAMPLES[name], language=language))
    tags = Tags(page)
    assert tags.all("html")[0] == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    assert len(tags.all("h1")) == 1
    assert len(gzip.compress(page)) < 15 * 1024
    for tag, attributes in tags.tags:
        assert "style" not in attributes, tag
        assert not [attribute for attribute in attributes if attribute.startswith("on")], tag
    assert all(script["nonce"] == SAMPLES[name].nonce and script["src"] in assets() for script in tags.all("script"))
    assert all(link["href"] in assets() or link["href"] == "data:," for link in tags.all("link"))
    assert all("src" not in image or image["src"].startswith(("/", "data:")) for image in tags.all("img"))
    assert b"{{" not in page
    assert b"{%" not in page


@every_sample
def test_no_page_names_another_host_but_the_ones_it_was_given(name: str) -> None:
    view = SAMPLES[name]
    given = {view.return_url, view.cancel_url, view.continue_url}
    assert set(re.findall(r"(?:https?:|(?<=[\"'=]))//[^\"'\s<>]+", render(view).decode().replace("&amp;", "&"))) <= given


@every_sample
def test_at_most_one_filled_button_leads_on(name: str) -> None:
    tags = Tags(render(SAMPLES[name]))
    assert len([attributes for _, attributes in tags.tags if attributes.get("class") == "button"]) <= 1


@every_sample
def test_the_sandbox_says_so_on_every_page(name: str) -> None:
    assert "Sandbox: no real money" in Tags(render(msgspec.structs.replace(SAMPLES[name], sandbox=True))).text
    assert "Sandbox" not in Tags(render(msgspec.structs.replace(SAMPLES[name], sandbox=False))).text


@pytest.mark.parametrize("screen", Screen)
def test_every_screen_renders_from_its_name_alone(screen: Screen) -> None:
    assert Tags(render(View(screen=screen))).all("h1")


@pytest.mark.parametrize("screen", Screen)
def test_hostile_values_are_text_in_every_field(screen: Screen) -> None:
    lines = tuple(Line(detail, HOSTILE) for detail in Detail)
    view = but(
        screen=screen, shop=HOSTILE, order_ref=HOSTILE, reference=HOSTILE, methods=(Method(code=HOSTILE, name=HOSTILE, needs_email=True),),
        email_typed=HOSTILE, notices=(Notice.BAD_EMAIL,), form_action="/x?" + HOSTILE, nonce=HOSTILE, csrf=HOSTILE, continue_url=HOSTILE,
        return_url=HOSTILE, cancel_url=HOSTILE, live_url=HOSTILE, poll_url=HOSTILE, accent=HOSTILE, logo=HOSTILE, change_safe=True,
        languages=(LanguageLink("de", HOSTILE), LanguageLink(HOSTILE, "/x")), received=Money(1, known("EUR")),
        instructions=Instructions(way=Way.CHAIN, lines=lines, payload="bitcoin:" + HOSTILE),
    )  # fmt: skip
    page = render(view)
    tags = Tags(page)
    assert b"<script>alert" not in page
    assert b"<img" not in page
    assert len(tags.all("script")) == 1
    for tag, attributes in tags.tags:
        assert not [attribute for attribute in attributes if attribute.startswith("on") or "<" in attribute], tag


def test_a_return_url_is_kept_byte_for_byte() -> None:
    url = "https://shop.example.com/back?orderId=123&payment=ecomtrade24&x=%C3%A9#top"
    assert {"href": url, "class": "button", "rel": "noreferrer"} in Tags(render(but(screen=Screen.PAID, return_url=url))).all("a")


# Step by step


def test_choosing_is_a_plain_form_with_one_button_per_method() -> None:
    tags = Tags(render(but(methods=METHODS)))
    [form] = tags.all("form")
    assert form["method"] == "post"
    assert form["action"] == BASE.form_action
    assert [button["value"] for button in tags.all("button") if button.get("name") == "method"] == [method.code for method in METHODS]
    assert {"type": "hidden", "name": "csrf", "value": "csrf-token"} in tags.all("input")


def test_an_unavailable_method_is_shown_but_cannot_be_sent() -> None:
    tags = Tags(render(but(methods=(Method(code="ideal", available=False), Method(code="card")))))
    assert "iDEAL" in tags.text
    assert "Not available right now" in tags.text
    assert "Nothing is charged before you choose a method." in tags.text
    assert [button["value"] for button in tags.all("button") if button.get("name") == "method"] == ["card"]


def test_an_e_mail_is_asked_only_if_a_way_needs_it() -> None:
    def asked(**changes: object) -> bool:
        return any(field.get("name") == "email" for field in Tags(render(but(**changes))).all("input"))

    assert not asked(methods=METHODS)
    assert asked(methods=METHODS, email_needed=True)
    assert asked(methods=(Method(code="card", needs_email=True), Method(code="bank")))
    assert not asked(methods=(Method(code="card", needs_email=True, available=False), Method(code="bank")))


def test_a_bad_e_mail_is_said_once_at_its_field_which_takes_the_focus() -> None:
    tags = Tags(render(but(methods=METHODS, email_needed=True, email_typed="lena.example", notices=(Notice.BAD_EMAIL,))))
    [field] = [field for field in tags.all("input") if field.get("name") == "email"]
    assert field["aria-invalid"] == "true"
    assert "email-error" in field["aria-describedby"]
    assert field["value"] == "lena.example"
    assert tags.text.count("This e-mail address looks incomplete.") == 1
    assert [tag for tag, attributes in tags.tags if "autofocus" in attributes] == ["input"]
    assert "autofocus" in field
    assert not [tag for tag in tags.all("div") if tag.get("id") == "notice"]


def test_what_is_wrong_with_no_field_is_said_first_and_takes_the_focus() -> None:
    for notices in ((Notice.FORM_OUTDATED,), (Notice.FORM_OUTDATED, Notice.BAD_EMAIL)):
        tags = Tags(render(but(methods=METHODS, email_needed=True, notices=notices)))
        [taker] = [attributes for _, attributes in tags.tags if "autofocus" in attributes]
        assert (taker["id"], taker["role"], taker["tabindex"]) == ("notice", "alert", "-1")
    assert tags.text.count("This e-mail address looks incomplete.") == 1


def rows(view: View) -> list[str]:
    """The methods' names, from the top."""
    return re.findall(r'<span class="name">([^<]+)', render(view).decode())


@pytest.mark.parametrize("screen", [Screen.DECLINED, Screen.CHOOSE])
def test_a_declined_method_is_marked_behind_the_others_and_can_be_chosen_again(screen: Screen) -> None:
    methods = (Method(code="card", declined=True, highlighted=True), Method(code="ideal", available=False), *METHODS[1:3])
    view = but(screen=screen, methods=methods)
    tags = Tags(render(view))
    assert rows(view) == ["Bank", "Klarna", "Card", "iDEAL"]
    assert tags.text.count("Declined just now") == 1
    assert "Chosen in the shop" not in tags.text
    assert [button["value"] for button in tags.all("button") if button.get("name") == "method"] == ["bank", "klarna", "card"]


def test_what_the_shop_asked_for_stands_first_of_what_can_be_chosen() -> None:
    others = (Method(code="ideal", available=False), Method(code="card"), Method(code="paypal", declined=True), Method(code="klarna"))
    asked = Method(code="bank", highlighted=True)
    assert rows(but(methods=(*others, asked))) == ["Bank", "Card", "Klarna", "PayPal", "iDEAL"]
    for facts, last in ({"declined": True}, ["PayPal", "Bank", "iDEAL"]), ({"available": False}, ["PayPal", "iDEAL", "Bank"]):
        assert rows(but(methods=(*others, msgspec.structs.replace(asked, **facts)))) == ["Card", "Klarna", *last]


def test_what_is_not_available_is_named_and_stands_last() -> None:
    view = SAMPLES["choose-unavailable"]
    assert rows(view) == ["Card", "Bank", "Klarna", "iDEAL"]
    assert "iDEAL is not available right now." in Tags(render(view)).text
    named = but(
        methods=(Method(code="VAPAY:1", kind="transfer", name="Test bank"),), notices=(Notice.METHOD_UNAVAILABLE,), refused="VAPAY:1"
    )
    assert "Test bank is not available right now." in Tags(render(named)).text
    for code in (None, "other", "<b>", "nobody"):
        text = Tags(render(but(methods=METHODS[:1], notices=(Notice.METHOD_UNAVAILABLE,), refused=code))).text
        assert "This method is not available right now." in text


def copied(view: View) -> list[str]:
    return [button["data-copy"] for button in Tags(render(view)).all("button") if "data-copy" in button]


@pytest.mark.parametrize("screen", [screen for screen in OUTCOMES if screen is not Screen.UNKNOWN])
def test_what_is_quoted_to_the_shop_can_be_copied_at_every_end(screen: Screen) -> None:
    view = but(screen=screen)
    assert copied(view) == ["10001"]
    assert copied(msgspec.structs.replace(view, reference=None)) == ["ORD-10001"]


def test_a_reference_that_is_to_be_sent_stands_there_alone() -> None:
    assert "Reference 10001" not in Tags(render(SAMPLES["bank"])).text
    assert "Reference 10001" in Tags(render(SAMPLES["chain"])).text
    assert copied(SAMPLES["short-send"])[-1] == "PMX 10001"
    assert copied(SAMPLES["short-send"]).count("10001") == 0


def test_a_link_that_leads_nowhere_says_what_to_do() -> None:
    tags = Tags(render(SAMPLES["unknown"]))
    assert len(tags.all("li")) == 3 + len(words.NAMES)
    assert "Do not pay a second time" in tags.text


@every_language
def test_what_is_paid_does_not_look_as_if_it_were_due(language: str) -> None:
    for screen in (Screen.PAID, Screen.SURPLUS, Screen.ALREADY_PAID):
        assert words.plain(language, "amount.paid") in Tags(render(but(screen=screen, language=language))).text
    for screen in (Screen.CHOOSE, Screen.WAITING, Screen.EXPIRED, Screen.SHORT):
        assert f"{words.plain(language, 'amount')}: " in Tags(render(but(screen=screen, language=language))).text
    assert b'class="amount over"' in render(but(screen=Screen.EXPIRED))


def test_the_enter_key_in_the_e_mail_field_chooses_no_method() -> None:
    first = Tags(render(but(methods=METHODS, email_needed=True))).all("button")[0]
    assert "disabled" in first
    assert "name" not in first


def test_a_paid_page_goes_back_by_itself_without_a_script_after_four_seconds() -> None:
    page = render(msgspec.structs.replace(but(screen=Screen.PAID), auto_return_s=4))
    assert b'<noscript><meta http-equiv="refresh" content="4;url=https://shop.example.com/thanks?order=10001"></noscript>' in page
    assert b"data-return=" in page
    assert b"data-stay" in page


@pytest.mark.parametrize(
    "changes", [{"return_url": None}, {"auto_return_s": 0}, {"screen": Screen.ALREADY_PAID}, {"screen": Screen.SURPLUS}]
)
def test_nothing_goes_back_by_itself_when_there_is_nowhere_to_go_or_something_to_read(changes: dict[str, object]) -> None:
    page = render(but(**({"screen": Screen.PAID} | changes)))
    assert b"http-equiv" not in page
    assert b"data-return=" not in page


def test_a_waiting_page_refreshes_itself_without_a_script() -> None:
    page = render(but(screen=Screen.WAITING, refresh_s=None))
    assert b'<noscript><meta http-equiv="refresh" content="5;url=/hosted-checkout.php?session=10001"></noscript>' in page
    assert b"http-equiv" not in render(but(screen=Screen.WAITING, refresh_s=0))


def test_handing_over_goes_on_at_once_and_has_a_button() -> None:
    tags = Tags(render(but(screen=Screen.WAITING, continue_url="https://pay.example.net/s?a=1&b=2", hand_over=True)))
    assert {"http-equiv": "refresh", "content": "0;url=https://pay.example.net/s?a=1&b=2"} in tags.all("meta")
    assert "https://pay.example.net/s?a=1&b=2" in [link["href"] for link in tags.all("a")]


def test_another_method_is_offered_only_while_the_attempt_waits_for_its_buyer() -> None:
    def offered(**changes: object) -> bool:
        return any(button.get("value") == "change" for button in Tags(render(but(**changes))).all("button"))

    assert offered(screen=Screen.WAITING, change_safe=True)
    assert offered(screen=Screen.INSTRUCTIONS, change_safe=True)
    assert not offered(screen=Screen.WAITING)
    assert not offered(screen=Screen.INSTRUCTIONS)
    assert not offered(screen=Screen.WAITING, change_safe=True, received=Money(1, known("EUR")))
    for screen in (Screen.UNCLEAR, Screen.REVIEW, Screen.SHORT):
        assert not Tags(render(but(screen=screen, change_safe=True, methods=METHODS))).all("form")


def test_a_buyer_who_is_waited_for_may_leave_to_the_shop_and_is_not_told_that_nothing_was_charged() -> None:
    assert BASE.cancel_url
    tags = Tags(render(but(screen=Screen.WAITING, change_safe=True)))
    assert BASE.cancel_url in [link.get("href") for link in tags.all("a")]
    assert "Cancel and go back to shop.example.com" in tags.text
    assert "Already paid? Just wait here." in tags.text
    assert "Please do not pay a second time." in tags.text
    for notices in ((), (Notice.FORM_OUTDATED,), (Notice.CANNOT_CHANGE,)):
        assert "charged" not in Tags(render(but(screen=Screen.WAITING, change_safe=True, notices=notices))).text
    for changes in ({"cancel_url": None}, {"received": EUR}, {"continue_url": "https://pay.example.net/s", "hand_over": True}):
        assert "Cancel and go back" not in Tags(render(but(screen=Screen.WAITING, change_safe=True, **changes))).text


def test_a_payment_that_cannot_be_changed_says_so_and_does_not_offer_it_again() -> None:
    page = render(but(screen=Screen.WAITING, change_safe=True, notices=(Notice.CANNOT_CHANGE,), refresh_s=None))
    assert "already under way and can no longer be changed. Please wait here: this page updates by itself." in Tags(page).text
    assert not Tags(page).all("form")
    assert b'content="20;url=' in page, "time to read it"


@pytest.mark.parametrize(
    "screen", [screen for screen, outcome in OUTCOMES.items() if outcome.money_may_come] + [Screen.WAITING, Screen.INSTRUCTIONS]
)
def test_while_money_is_on_its_way_no_page_leads_to_the_cancel_url(screen: Screen) -> None:
    assert BASE.cancel_url
    assert BASE.cancel_url.encode() not in render(but(screen=screen))


def test_who_sends_the_money_by_hand_finds_the_way_out_that_is_safe() -> None:
    def ways(**changes: object) -> set[str | None]:
        return {link.get("href") for link in Tags(render(but(screen=Screen.INSTRUCTIONS, **changes))).all("a")} - {None}

    assert BASE.return_url in ways()
    assert BASE.cancel_url not in ways()
    assert BASE.cancel_url in ways(change_safe=True)
    assert BASE.return_url not in ways(change_safe=True)
    assert BASE.cancel_url not in ways(change_safe=True, received=EUR)


def test_instructions_can_be_copied_without_the_signs_that_help_reading() -> None:
    tags = Tags(render(SAMPLES["bank"]))
    assert [button["data-copy"] for button in tags.all("button") if "data-copy" in button] == [
        "49.99", "Example Trading GmbH", "DE89370400440532013000", "COBADEFFXXX", "PMX 10001",
    ]  # fmt: skip
    assert "DE89 3704 0044 0532 0130 00" in tags.text


def test_after_a_part_has_come_the_missing_part_is_what_is_asked() -> None:
    tags = Tags(render(SAMPLES["bank-partial"]))
    assert "€19.99" in tags.text
    assert "€30.00" in tags.text
    assert "19.99" in [button.get("data-copy") for button in tags.all("button")]


def test_a_code_has_its_text_beside_it_and_a_too_long_one_is_text_only() -> None:
    page = render(SAMPLES["chain"])
    assert b'class="qr"' in page
    assert page.count(b"bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.00081234") == 2
    long = but(screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.CODE, payload="x" * 4000))
    assert b'class="qr"' not in render(long)
    assert b"x" * 4000 in render(long)


@pytest.mark.parametrize(("screen", "units", "seen"), [(Screen.SHORT, 3000, "€19.99"), (Screen.SURPLUS, 10000, "€50.01")])
def test_too_little_and_too_much_are_named_as_amounts(screen: Screen, units: int, seen: str) -> None:
    assert seen in Tags(render(but(screen=screen, received=Money(units, known("EUR"))))).text


def test_a_failed_payment_with_money_in_it_never_says_that_none_was_taken() -> None:
    assert "No money was taken" in Tags(render(but(screen=Screen.FAILED))).text
    assert "No money was taken" not in Tags(render(but(screen=Screen.FAILED, received=EUR))).text


def test_a_page_has_no_place_for_the_buyers_stored_e_mail_or_a_provider() -> None:
    fields = {field for field in View.__struct_fields__ if "email" in field or "provider" in field or "route" in field or "meta" in field}
    assert fields == {"email_needed", "email_typed"}
    for view in SAMPLES.values():
        assert view.email_typed or "@" not in Tags(render(msgspec.structs.replace(view, instructions=None))).text


def test_the_time_left_is_told_only_where_it_still_matters() -> None:
    assert b'data-left="3592000"' in render(but(methods=METHODS))
    for screen in (Screen.WAITING, Screen.PAID, Screen.UNCLEAR, Screen.REVIEW, Screen.EXPIRED):
        assert b"data-left" not in render(but(screen=screen))


def test_a_page_that_cannot_change_any_more_asks_nothing() -> None:
    for screen in (Screen.PAID, Screen.SURPLUS, Screen.ALREADY_PAID, Screen.EXPIRED, Screen.FAILED, Screen.UNKNOWN):
        page = render(but(screen=screen, live_url="/x?live=1", poll_url="/x?poll=1"))
        assert b"data-live=" not in page
        assert b"data-poll=" not in page
    page = render(but(screen=Screen.WAITING, live_url="/x?live=1", poll_url="/x?poll=1"))
    assert b'data-live="/x?live=1" data-poll="/x?poll=1"' in page


# Headers and files


def test_the_policy_lets_nothing_in_but_our_own_files() -> None:
    assert csp("abc") == (
        "default-src 'none'; style-src 'self' 'nonce-abc'; script-src 'nonce-abc'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    given = [
        "https://pay.example.net/s/1?x=1",
        "https://pay.example.net/",
        "http://127.0.0.1:8080/x",
        "javascript:x",
        "https://a.example;x",
    ]
    assert "form-action 'self' https://pay.example.net http://127.0.0.1:8080; " in csp("abc", given)
    with pytest.raises(AssertionError):
        csp("a'; script-src *")
    with pytest.raises(AssertionError):
        csp("")


def test_pages_are_never_framed_stored_or_sniffed() -> None:
    found = headers(but())
    assert found["X-Frame-Options"] == "DENY"
    assert found["Cache-Control"] == "no-store"
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Referrer-Policy"] == "no-referrer"


def test_files_carry_a_hash_and_the_stylesheet_stays_small() -> None:
    files = assets()
    names = sorted(re.sub(r"[0-9a-f]{12}", "#", path) for path in files)
    assert names == ["/checkout/static/checkout.#.css", "/checkout/static/checkout.#.js"]
    for content_type, body in files.values():
        assert len(gzip.compress(body)) < 12 * 1024
        assert not [sign for sign in (b"//cdn", b"url(", b"@import") if sign in body], content_type


@pytest.mark.parametrize(("screen", "status"), [(Screen.UNKNOWN, 404), (Screen.EXPIRED, 410), (Screen.BUSY, 503), (Screen.PAID, 200)])
def test_each_page_has_its_http_status(screen: Screen, status: int) -> None:
    assert http_status(View(screen=screen)) == status
    assert http_status(View(screen=Screen.CHOOSE, notices=(Notice.BAD_EMAIL,))) == 422
