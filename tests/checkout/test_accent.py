"""A shop's colour never costs readability."""

import re

import pytest

from paymux.checkout.accent import DARK_SURFACE, LIGHT_SURFACE, accent_css, accent_pair, contrast
from paymux.checkout.render import assets, render
from tests.screenshots import BASE, but


def test_a_shops_colour_never_makes_text_unreadable() -> None:
    steps = range(0, 256, 51)
    for colour in [f"#{red:02x}{green:02x}{blue:02x}" for red in steps for green in steps for blue in steps]:
        pair = accent_pair(colour)
        assert pair
        for accent, surface in ((pair.light, LIGHT_SURFACE), (pair.dark, DARK_SURFACE)):
            assert contrast(accent.on_fill, accent.fill) >= 4.5, colour
            assert contrast(accent.ink, surface) >= 4.5, colour
            assert contrast(accent.fill, surface) >= 3, colour


@pytest.mark.parametrize("colour", ["", "red", "#12", "#12345g", "#1234567", "#fff;}body{display:none}", "#fff\n"])
def test_what_is_not_a_colour_is_left_out(colour: str) -> None:
    assert accent_pair(colour) is None
    assert b"<style" not in render(but(accent=colour))


def test_a_shops_colour_comes_in_the_one_style_element_with_the_nonce() -> None:
    pair = accent_pair("#0a7")
    assert pair
    assert f'<style nonce="{BASE.nonce}">{accent_css(pair)}</style>'.encode() in render(but(accent="#0a7"))


def test_the_surfaces_that_colours_are_checked_against_are_the_stylesheets() -> None:
    [css] = [body.decode() for path, (_, body) in assets().items() if path.endswith(".css")]
    assert re.findall(r"--surface: (#[0-9a-f]{6});", css) == [LIGHT_SURFACE, DARK_SURFACE]
