"""The words of the bank-transfer pages: Spanish first, then English. Pure after the first load."""

from functools import cache
from pathlib import Path

import msgspec
from markupsafe import Markup, escape

from paymux.checkout.words import isolate

NAMES = {"es": "Español", "en": "English"}
_LOCALE = Path(__file__).parent / "locale"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every text of one language."""
    return msgspec.json.decode((_LOCALE / f"{language}.json").read_bytes(), type=dict[str, str])


def text(language: str, key: str, **values: object) -> Markup:
    """One text, filled in; text and values are escaped."""
    marked = {name: value if isinstance(value, Markup) else isolate(str(value)) for name, value in values.items()}
    return escape(catalogue(language)[key]).format(**marked)


def plain(language: str, key: str, **values: object) -> str:
    """One text without markup."""
    return catalogue(language)[key].format(**values)


def choose_language(wanted: str | None, accept: str) -> str:
    """The link's language if we have it, else the first of Accept-Language that we have, else Spanish."""
    if wanted in NAMES:
        return str(wanted)
    tags = [part.partition(";")[0].strip().lower().partition("-")[0] for part in accept[:512].split(",")]
    return next((tag for tag in tags if tag in NAMES), "es")
