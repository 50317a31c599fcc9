"""The bank-transfer pages as bytes: safe, small, complete in both languages, and each thing said once."""

import gzip
from pathlib import Path

import msgspec
import pytest

from paymux.checkout.render import assets
from paymux.checkout.transfer import words
from paymux.checkout.transfer.render import files, render
from paymux.checkout.transfer.view import FIELD_HINTS, Hint, Page
from paymux.checkout.view import Decline
from tests.checkout.tags import Tags
from tests.checkout.test_words import names_in
from tests.screenshots_transfer import BASE, but, views

SAMPLES = views()


@pytest.mark.parametrize("language", words.NAMES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_page_renders_small_and_strict_in_every_language(name: str, language: str) -> None:
    page = render(msgspec.structs.replace(SAMPLES[name], language=language))
    tags = Tags(page)
    assert len(tags.all("h1")) == 1
    assert len(gzip.compress(page)) < 15 * 1024
    assert len([attributes for _, attributes in tags.tags if attributes.get("class") == "button"]) <= 1
    for tag, attributes in tags.tags:
        assert "style" not in attributes, tag
        assert not [attribute for attribute in attributes if attribute.startswith("on")], tag
    ours = set(assets()) | {file.path for file in files().values()}
    assert {link["href"] for link in tags.all("link")} - {"data:,"} <= ours
    assert {script["src"] for script in tags.all("script")} <= ours


def test_every_page_and_every_hint_at_a_field_has_its_picture() -> None:
    assert {view.page for view in SAMPLES.values()} == set(Page)
    assert {(view.page, view.hint) for view in SAMPLES.values()} >= FIELD_HINTS - {(Page.KEY, Hint.WRONG)}


def test_both_catalogues_have_every_text_and_none_stands_unused() -> None:
    spanish, english = words.catalogue("es"), words.catalogue("en")
    assert list(spanish) == list(english)
    assert [key for key in english if names_in(english[key]) != names_in(spanish[key])] == []
    folder = Path(words.__file__).parent
    shared = (folder.parent / "templates" / name for name in ("parts.html", "icons.html"))
    source = "".join(path.read_text() for path in (*folder.glob("*.py"), *folder.glob("templates/*.html"), *shared))
    built = ("decline.", "hint.", "payer.", "tester.", "tries_left.", "key.", "code.")
    pages = {f"{page}.{part}" for page in Page for part in ("title", "text")}
    assert [key for key in english if key not in source and not key.startswith(built) and key not in pages] == []


@pytest.mark.parametrize(("page", "hint"), sorted(FIELD_HINTS))
@pytest.mark.parametrize("country", ["cl", "mx"])
def test_what_is_wrong_with_a_field_is_said_once_at_the_field_which_takes_the_focus(page: Page, hint: Hint, country: str) -> None:
    tags = Tags(render(but(page, hint=hint, country=country, bank=SAMPLES["login"].bank, digits=2)))
    [focused] = [attributes for tag, attributes in tags.tags if "autofocus" in attributes]
    assert focused["aria-invalid"] == "true"
    assert f"{focused['id']}-error" in focused["aria-describedby"].split()
    assert [one for one in tags.all("p") if one.get("id") == f"{focused['id']}-error"]
    assert not [one for one in tags.all("div") if one.get("id") == "notice"]


@pytest.mark.parametrize("hint", [Hint.REFUSED, Hint.DOWN, Hint.LATER, Hint.NO_BANK, Hint.WRONG])
def test_every_other_hint_stands_first_and_takes_the_focus(hint: Hint) -> None:
    tags = Tags(render(but(Page.LOGIN, hint=hint, bank=SAMPLES["login"].bank)))
    [focused] = [attributes for _, attributes in tags.tags if "autofocus" in attributes]
    assert (focused["id"], focused["role"]) == ("notice", "alert")


@pytest.mark.parametrize("page", [Page.FAILED, Page.EXPIRED, Page.REVIEW, Page.BROKEN])
def test_what_is_quoted_to_the_shop_stands_once_and_can_be_copied(page: Page) -> None:
    tags = Tags(render(but(page)))
    assert tags.text.count("ORD-10001") == 1
    assert [button["data-copy"] for button in tags.all("button") if "data-copy" in button] == ["ORD-10001"]


@pytest.mark.parametrize(("language", "words_of_it"), [("es", "No pague otra vez"), ("en", "Do not pay again")])
@pytest.mark.parametrize("page", [Page.WAITING, Page.BROKEN, Page.REVIEW])
def test_who_may_have_paid_is_told_not_to_pay_again_and_sees_it_change(page: Page, language: str, words_of_it: str) -> None:
    body = render(but(page, language=language, links=BASE.links | {"live": "?live=poll"}))
    tags = Tags(body)
    assert words_of_it in tags.text
    assert b'data-poll="?live=poll"' in body
    ways = [(link["href"], link["class"]) for link in tags.all("a") if "button" in link.get("class", "")]
    assert ways == ([] if page is Page.WAITING else [("?go=1", "button quiet")])


def test_a_broken_line_is_asked_about_as_what_the_payment_is_which_waits() -> None:
    """Else the first answer would reload the page for ever."""
    assert b'data-screen="waiting"' in render(but(Page.BROKEN))


@pytest.mark.parametrize("page", [Page.REVIEW, Page.BROKEN])
def test_a_shops_frame_can_be_closed_while_the_outcome_is_unknown(page: Page) -> None:
    tags = Tags(render(but(page, embedded=True)))
    assert [button["class"] for button in tags.all("button") if "data-close" in button] == ["button quiet"]


@pytest.mark.parametrize("language", words.NAMES)
def test_only_accounts_pay_here_so_no_text_speaks_of_a_card(language: str) -> None:
    assert [text for text in words.catalogue(language).values() if "card" in text.lower() or "tarjeta" in text.lower()] == []
    for decline in set(Decline) - {Decline.UNKNOWN}:
        assert words.plain(language, f"decline.{decline}") in Tags(render(but(Page.FAILED, language=language, decline=decline))).text


@pytest.mark.parametrize("page", [Page.LOGIN, Page.ACCOUNT, Page.KEY, Page.CODE])
def test_until_the_money_moves_another_bank_can_be_chosen_and_the_payment_be_given_up(page: Page) -> None:
    tags = Tags(render(but(page, bank=SAMPLES["login"].bank, digits=2)))
    assert "?banks=1" in [link.get("href") for link in tags.all("a")]
    assert "cancel" in [button.get("value") for button in tags.all("button")]
    for over in set(Page) - {Page.BANKS, Page.LOGIN, Page.ACCOUNT, Page.KEY, Page.CODE}:
        assert not Tags(render(but(over))).all("form")


def test_a_link_that_leads_nowhere_says_what_to_do() -> None:
    assert "Do not pay a second time" in Tags(render(msgspec.structs.replace(SAMPLES["unknown"], language="en"))).text
