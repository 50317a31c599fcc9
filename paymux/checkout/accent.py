"""A shop's colour made safe: whatever is asked for, text stays readable on the light and on the dark page. Pure.

Source: WCAG 2.2, contrast 4.5:1 for text (1.4.3) and 3:1 for the shape of a control (1.4.11).

>>> accent_pair("#ffe600").light.on_fill
'#15181e'
>>> accent_pair("url(javascript:)") is None
True
"""

import re
from dataclasses import dataclass

LIGHT_SURFACE = "#ffffff"  # --surface in checkout.css, light
DARK_SURFACE = "#181b21"  # --surface in checkout.css, dark
INK = "#15181e"
PAPER = "#ffffff"
TEXT_CONTRAST = 4.5
SHAPE_CONTRAST = 3.0

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS = 24  # the wanted colour is moved towards black or white in so many steps

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Accent:
    """Colours for one theme: `fill` for buttons, `on_fill` for the text on them, `ink` for text on the surface."""

    fill: str
    on_fill: str
    ink: str


@dataclass(frozen=True, slots=True)
class AccentPair:
    light: Accent
    dark: Accent


def accent_pair(colour: str) -> AccentPair | None:
    """Safe colours near the wanted one for both themes; None if it is not "#rgb" or "#rrggbb"."""
    if not _HEX.fullmatch(colour):
        return None
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    wanted = f"#{digits.lower()}"
    return AccentPair(_accent(wanted, LIGHT_SURFACE, "#000000"), _accent(wanted, DARK_SURFACE, "#ffffff"))


def accent_css(pair: AccentPair) -> str:
    """The custom properties that carry a pair; for a <style> element with the response's nonce."""
    light, dark = _properties(pair.light), _properties(pair.dark)
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two "#rrggbb" colours, 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _accent(wanted: str, surface: str, towards: str) -> Accent:
    fill = _moved(wanted, towards, surface, SHAPE_CONTRAST)
    if max(contrast(INK, fill), contrast(PAPER, fill)) < TEXT_CONTRAST:  # a middle grey suits neither black nor white text
        fill = _moved(fill, "#000000", PAPER, TEXT_CONTRAST)
    on_fill = max((PAPER, INK), key=lambda text: contrast(text, fill))
    return Accent(fill, on_fill, _moved(wanted, towards, surface, TEXT_CONTRAST))


def _moved(colour: str, towards: str, against: str, least: float) -> str:
    """The first colour on the way from `colour` to `towards` that stands out enough."""
    start, end = _rgb(colour), _rgb(towards)
    for step in range(_STEPS + 1):
        mixed = tuple(a + (b - a) * step // _STEPS for a, b in zip(start, end, strict=True))
        tried = "#{:02x}{:02x}{:02x}".format(*mixed)
        if contrast(tried, against) >= least:
            return tried
    return towards


def _properties(accent: Accent) -> str:
    return f"--accent:{accent.fill};--on-accent:{accent.on_fill};--accent-ink:{accent.ink}"


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
