"""What a buyer is led to while a payment is under way: never to pay it twice, and not to change what can no longer be changed."""

import re
from typing import Any

import msgspec
import pytest

from paymux.checkout import words
from paymux.checkout.render import render
from paymux.checkout.view import Instructions, Notice, Screen, Way
from tests.checkout.tags import Tags
from tests.screenshots import BANK_LINES, but

PAY = "https://pay.example.net/s/1"
HANDED = but(screen=Screen.WAITING, continue_url=PAY, change_safe=True)
STAYS = msgspec.structs.replace(HANDED, notices=(Notice.CANNOT_CHANGE,))
PENDING = but(screen=Screen.WAITING)


def shown(view: Any) -> tuple[Tags, list[str]]:
    """The page, and its buttons' classes."""
    tags = Tags(render(view))
    buttons = [found["class"] for tag, found in tags.tags if tag in {"a", "button"} and "button" in found.get("class", "").split()]
    return tags, buttons


@pytest.mark.parametrize("language", words.NAMES)
@pytest.mark.parametrize("view", [HANDED, STAYS, PENDING])
def test_do_not_pay_twice_stands_right_below_the_title_and_once(view: Any, language: str) -> None:
    page = render(msgspec.structs.replace(view, language=language)).decode()
    once = words.plain(language, "waiting.once")
    assert page.count(once) == 1
    assert page.index("<h1") < page.index('<p class="lead">') < page.index(once) < page.index('class="live"')


def test_the_way_back_to_the_payment_is_for_who_has_not_paid_and_draws_nobody() -> None:
    tags, buttons = shown(HANDED)
    assert buttons == ["button quiet", "button quiet"]
    assert [link.get("rel") for link in tags.all("a") if link.get("href") == PAY] == ["noreferrer"]
    assert tags.text.index("I have not paid yet: continue") < tags.text.index("Choose another method")
    assert "Continue to payment" not in tags.text
    tags, buttons = shown(msgspec.structs.replace(HANDED, hand_over=True))  # on the way there for the first time
    assert buttons == ["button"]
    assert "Continue to payment" in tags.text
    assert "second time" not in tags.text


@pytest.mark.parametrize("view", [STAYS, PENDING])
def test_what_can_no_longer_be_changed_leads_neither_on_nor_away(view: Any) -> None:
    tags, buttons = shown(view)
    assert buttons == []
    assert not tags.all("form")
    assert not {link.get("href") for link in tags.all("a")} & {PAY, view.cancel_url}
    for asks in ("Finish", "Already paid?", "continue"):
        assert asks not in tags.text


def test_a_page_without_a_script_leaves_time_to_type_the_banks_reference() -> None:
    def again(view: Any) -> str:
        return re.findall(rb'http-equiv="refresh" content="([0-9]+)', render(view))[0].decode()

    steps = but(screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.BANK, lines=BANK_LINES), refresh_s=None)
    assert again(steps) == "20"
    assert again(msgspec.structs.replace(steps, wants_reference=True)) == "90"
