"""The checkout's words: one catalogue per language, and which language a reader gets. Pure after the first load.

Catalogues are flat JSON objects, key to text, with `{names}` in braces. Texts and values are both escaped; a value that is
already markup (an amount, a time) stays as it is.

>>> str(text("en", "action.back", shop="a<b"))
'Back to <bdi>a&lt;b</bdi>'
>>> choose_language(None, "fr;q=0.9, de-AT;q=0.8, en;q=0.1")
'de'
"""

from functools import cache
from pathlib import Path

import msgspec
from markupsafe import Markup, escape

NAMES = {"en": "English", "de": "Deutsch", "es": "Español", "ru": "Русский", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})
DEFAULT = "en"

_LOCALE = Path(__file__).parent / "locale"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every text of one language."""
    return msgspec.json.decode((_LOCALE / f"{language}.json").read_bytes(), type=dict[str, str])


def has(key: str) -> bool:
    """Whether the catalogues know a key (they all have the same ones)."""
    return key in catalogue(DEFAULT)


def text(language: str, key: str, **values: object) -> Markup:
    """One text, filled in. A plain value is set apart from the direction of the words around it."""
    isolated = {name: value if isinstance(value, Markup) else isolate(str(value)) for name, value in values.items()}
    return escape(catalogue(language)[key]).format(**isolated)


def plain(language: str, key: str, **values: str) -> str:
    """One text without any markup, for a title or an attribute."""
    return catalogue(language)[key].format(**values)


def isolate(value: str) -> Markup:
    """A value in an element that keeps its own direction."""
    return Markup("<bdi>{}</bdi>").format(value)


def isolate_domain(value: str) -> Markup:
    """The same, able to break before its dots."""
    return Markup("<bdi>{}</bdi>").format(escape(value).replace(".", Markup("<wbr>.")))


def direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def choose_language(wanted: str | None, accept: str | None = None) -> str:
    """The page's language: the link's `lang` if we have it, else the best of Accept-Language, else English."""
    if wanted and wanted.lower() in NAMES:
        return wanted.lower()
    ranked: list[tuple[int, int, str]] = []
    for place, part in enumerate((accept or "")[:512].split(",")):
        tag, _, weight = part.partition(";")
        code = tag.strip().lower().partition("-")[0]
        if code in NAMES:
            ranked.append((-_thousandths(weight), place, code))
    return min(ranked)[2] if ranked else DEFAULT


def _thousandths(weight: str) -> int:
    """A quality value as 0 to 1000; whatever is malformed counts as 1000, as if it were not there."""
    name, _, value = weight.strip().partition("=")
    whole, _, fraction = value.strip().partition(".")
    if name.strip() != "q" or whole not in {"0", "1"} or (fraction and not fraction.isdecimal()):
        return 1000
    return 1000 if whole == "1" else int(fraction[:3].ljust(3, "0"))
