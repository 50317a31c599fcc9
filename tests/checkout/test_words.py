"""The checkout's words: every language has all of them."""

from pathlib import Path
from string import Formatter

import pytest

from paymux.checkout import words
from paymux.checkout.outcome import OUTCOMES
from paymux.checkout.view import Decline, Detail, Notice, Screen, Way
from paymux.exchange.form import Why


@pytest.mark.parametrize("language", words.NAMES)
def test_catalogues_have_equal_keys_and_placeholders_and_no_text_is_missing(language: str) -> None:
    ours, english = words.catalogue(language), words.catalogue("en")
    assert list(ours) == list(english)
    for key, text in ours.items():
        assert text.strip(), key
        assert names_in(text) == names_in(english[key]), key


def names_in(text: str) -> set[str]:
    """The placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_word_of_the_model_has_its_text() -> None:
    for notice in Notice:
        assert words.has(f"notice.{notice}")
    for decline in Decline:
        assert words.has(f"decline.{decline}")
    for detail in Detail:
        assert words.has(f"detail.{detail}")
    for why in Why:
        assert words.has(f"exchange.wrong.{why}")
    for way in Way:
        assert words.has(f"instructions.{way}.title")
    for screen in OUTCOMES:
        assert words.has(f"{screen}.title")
    assert set(OUTCOMES) == set(Screen) - {Screen.CHOOSE, Screen.WAITING, Screen.INSTRUCTIONS}


def test_no_text_stands_unused_in_the_catalogues() -> None:
    folder = Path(words.__file__).parent
    source = "".join(path.read_text() for pattern in ("*.py", "templates/*.html") for path in folder.glob(pattern))
    built = ("method.", "notice.", "decline.", "detail.", "instructions.", "input.", "order.title.", "order.text.")
    screens = {f"{screen}.{part}" for screen in Screen for part in ("title", "text")}
    screens |= {f"exchange.wrong.{why}" for why in Why}
    unused = [key for key in words.catalogue("en") if key not in source and not key.startswith(built) and key not in screens]
    assert unused == []


@pytest.mark.parametrize(
    ("wanted", "accept", "language"),
    [
        ("de", None, "de"), ("DE", "en", "de"), ("xx", "es-MX,es;q=0.9", "es"), (None, "fr, ru;q=0.5, en;q=0.4", "ru"),
        (None, "", "en"), (None, "fr", "en"), ("../../etc", "ar;q=zzz", "ar"), (None, "de;q=0, es;q=0.1", "es"), (None, "," * 999, "en"),
    ],
)  # fmt: skip
def test_the_link_names_the_language_else_the_browser_does(wanted: str | None, accept: str | None, language: str) -> None:
    assert words.choose_language(wanted, accept) == language
