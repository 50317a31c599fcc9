"""Amounts and times as a reader of each language expects them; digits stay Western everywhere. Pure.

Source of the forms: Unicode CLDR 46 (decimal, group and currency patterns; Arabic with Western digits). English would put an unknown
code before its number; here it follows, as it does beside a coin's rate.

>>> from paymux.money import Money, known
>>> amount_text(Money(4999, known("EUR")), "de").replace("\\u00a0", " ")
'49,99 €'
>>> time_text(1777464600000, "de")
'29.04.2026, 12:10 UTC'
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from paymux.money import Money, decimal_text

NBSP = "\u00a0"


@dataclass(frozen=True, slots=True)
class Form:
    """How one language writes amounts and moments."""

    decimal: str
    group: str
    group_from: int  # digits before the decimal mark from which groups of three are set apart
    sign_first: bool  # of a sign only: a code always follows its number
    date: str  # strftime, with {month} for the short name
    months: str = ""


FORMS = {
    "en": Form(".", ",", 4, True, "%-d {month} %Y, %H:%M UTC", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    "de": Form(",", ".", 4, False, "%d.%m.%Y, %H:%M UTC"),
    "es": Form(",", ".", 5, False, "%-d {month} %Y, %H:%M UTC", "ene feb mar abr may jun jul ago sept oct nov dic"),
    "ru": Form(",", NBSP, 4, False, "%d.%m.%Y, %H:%M UTC"),
    "ar": Form(".", ",", 4, False, "%d/%m/%Y, %H:%M UTC"),
}

COUNTED_BELOW_MS = 48 * 3_600_000

# Only signs that most readers know and that no two currencies of this table share; every other currency shows its code.
SYMBOLS = {
    "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "TRY": "₺", "UAH": "₴", "RUB": "₽",
    "KZT": "₸", "VND": "₫", "NGN": "₦", "PHP": "₱", "PLN": "zł", "CZK": "Kč", "BRL": "R$", "CAD": "CA$", "AUD": "A$",
    "NZD": "NZ$", "HKD": "HK$", "MXN": "MX$", "CNY": "CN¥",
}  # fmt: skip


# ISO gives them decimals that nobody pays with: a whole amount is written without, and copied so into a bank's form.
WHOLE = frozenset({"IDR"})


def shows_code(money: Money) -> bool:
    """Whether the amount's text already carries the currency's code instead of a sign."""
    return money.currency.code not in SYMBOLS


def plain_text(money: Money) -> str:
    """The amount for a copy button: digits and a dot, no currency, no groups."""
    step = 10**money.currency.exponent
    if money.currency.code in WHOLE and money.units % step == 0:
        return str(money.units // step)
    return decimal_text(money.units, money.currency.exponent)


def number_text(plain: str, language: str) -> str:
    """A plain decimal with the language's marks, every digit of it shown.

    >>> number_text("12345.670", "de")
    '12.345,670'
    """
    form = FORMS[language]
    sign, digits = ("\u2212", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, dot, fraction = digits.partition(".")
    if len(whole) >= form.group_from:
        whole = f"{int(whole):,}".replace(",", form.group)
    return f"{sign}{whole}{form.decimal if dot else ''}{fraction}"


def coded_text(plain: str, code: str, language: str) -> str:
    """A plain decimal and its currency's code, in every language in this order: "2 ETH" on each line of each page."""
    return f"{number_text(plain, language)}{NBSP}{code}"


def amount_text(money: Money, language: str) -> str:
    """The amount with its currency's sign, or its code where there is no well-known sign."""
    if shows_code(money):
        return coded_text(plain_text(money), money.currency.code, language)
    number, sign = number_text(plain_text(money), language), SYMBOLS[money.currency.code]
    return f"{sign}{number}" if FORMS[language].sign_first else f"{number}{NBSP}{sign}"


def time_text(at: int, language: str) -> str:
    """A moment with its zone named (UTC: a server cannot know the reader's; the page's script can)."""
    form, moment = FORMS[language], datetime.fromtimestamp(at // 1000, UTC)
    months = form.months.split()
    pattern = form.date.format(month=months[moment.month - 1]) if months else form.date
    return moment.strftime(pattern)


def time_left(left_ms: int) -> str | None:
    """Hours, minutes and seconds as the script counts them down; None if it is too long to be counted.

    >>> time_left(3_592_000), time_left(3_600_001), time_left(172_800_000)
    ('59:52', '1:00:01', None)
    """
    if left_ms >= COUNTED_BELOW_MS:
        return None
    minutes, seconds = divmod(-(-left_ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def amount_markup(money: Money, language: str) -> Markup:
    """The amount for a page: tabular figures, its own direction."""
    return Markup('<bdi class="num" dir="ltr">{}</bdi>').format(amount_text(money, language))


def coded_markup(plain: str, code: str, language: str) -> Markup:
    """A plain decimal with its code for a page."""
    return Markup('<bdi class="num" dir="ltr">{}</bdi>').format(coded_text(plain, code, language))


def time_markup(at: int, language: str) -> Markup:
    """The moment for a page; the script turns it into the reader's zone by `data-at`."""
    return Markup('<time class="num" data-at="{}"><bdi>{}</bdi></time>').format(at, time_text(at, language))
