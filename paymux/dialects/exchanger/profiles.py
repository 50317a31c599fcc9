"""Two installations whose documents we serve: the vendor's manual, and SmartExPay's page. Pure.

They describe one API and differ in small words: how languages are called, and how an address of a page is written. Both are accepted by
every installation of ours; the suite runs once for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_LANGUAGE = "en"
LANGUAGES = ("en", "ru", "de", "es", "ar")
LONG_NAMES: Mapping[str, str] = {
    "eng": "en", "rus": "ru", "ukr": "uk", "deu": "de", "ger": "de", "spa": "es", "ara": "ar",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """`languages`: how the installation's page writes them. `page`: how its page's address is written."""

    name: str
    languages: Mapping[str, str]
    page: str


MANUAL = Profile("manual", {"en": "eng", "ru": "rus"}, "/{lang}/{kind}/{uid}/{secret}")
SMARTEXPAY = Profile("smartexpay", {"en": "en", "ru": "ru"}, "//{lang}/{kind}/{uid}/{secret}")
PROFILES = (MANUAL, SMARTEXPAY)


def language(*given: str) -> str:
    """The first language that we speak, of two or three letters (`ru-RU` counts as `ru`); else the default."""
    for text in given:
        code = text.strip().lower().replace("_", "-").partition("-")[0]
        code = LONG_NAMES.get(code, code)
        if code in LANGUAGES:
            return code
    return DEFAULT_LANGUAGE
