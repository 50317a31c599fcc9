"""A `View` becomes a page, its headers and its static files. Pure after the first load.

The pages share the checkout's stylesheet, script and drawings. Without JavaScript every step works; embedding needs the script.
"""

import hashlib
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from paymux.checkout import render as checkout
from paymux.checkout.amounts import amount_markup, shows_code, time_left, time_markup
from paymux.checkout.links import StaticFile, origin, safe_logo, safe_url, static_files
from paymux.checkout.transfer import words
from paymux.checkout.transfer.view import ASKING, FIELD_HINTS, STATUS, Hint, Page, View
from paymux.checkout.view import Decline
from paymux.money import Money, decimal_text

WIDGET_PATH = "/widget.js"
REFRESH_S = {Page.WAITING: 5, Page.BROKEN: 5, Page.REVIEW: 60, Page.BUSY: 5}
LIVE = ASKING | {Page.WAITING, Page.BROKEN, Page.REVIEW}
SCREENS = {**dict.fromkeys(ASKING, "choose"), Page.BROKEN: Page.WAITING}  # as the state is called; the payment itself only waits
QUOTED = frozenset({Page.FAILED, Page.EXPIRED, Page.REVIEW, Page.BROKEN})  # who asks the shop about it names the order
TONES = {
    Page.PAID: ("good", "check"), Page.FAILED: ("bad", "cross"), Page.EXPIRED: ("calm", "clock"), Page.REVIEW: ("doubt", "eye"),
    Page.BROKEN: ("doubt", "clock"), Page.UNKNOWN: ("calm", "question"), Page.BUSY: ("calm", "clock"), Page.TERMS: ("calm", "info"),
}  # fmt: skip

WHOLE_CHARS_MAX = 26  # fits beside nothing else on the narrowest phone
PESOS = {"CLP": ".", "MXN": ","}  # currency -> what stands between thousands

_HERE = Path(__file__).parent


def render(view: View) -> bytes:
    """The whole page, UTF-8."""
    name = f"{view.page}.html" if view.page in ASKING else "end.html"
    return _templates().get_template(name).render(_context(view)).encode()


def headers(view: View) -> dict[str, str]:
    """Every header of a page but its length. An embedded page may be framed by the merchant's own origins alone."""
    found = checkout.headers_for(view.nonce, view.language)
    if view.embedded and view.frame_origins:
        ancestors = " ".join(view.frame_origins)
        policy = found["Content-Security-Policy"]
        found["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
        del found["X-Frame-Options"]
    return found


def status(view: View) -> int:
    return STATUS.get(view.page, 200)


@cache
def files() -> dict[str, StaticFile]:
    """The pages' own stylesheet and script, by ending."""
    found = {}
    for ending, kind in {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}.items():
        body = (_HERE / "static" / f"transfer.{ending}").read_bytes()
        found[ending] = StaticFile(f"/checkout/static/transfer.{hashlib.sha256(body).hexdigest()[:12]}.{ending}", kind, body)
    return found


@cache
def widget() -> bytes:
    """The script that shops put into their pages."""
    return (_HERE / "static" / "widget.js").read_bytes()


def frame_source(url: str | None) -> str | None:
    """The origin of a merchant's address, as a policy names it."""
    return origin(url) if url else None


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE / "templates", _HERE.parent / "templates"]), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.globals.update(shared=static_files(), own=files(), names=words.NAMES, time_left=time_left)
    environment.globals["icon"] = getattr(environment.get_template("icons.html").module, "icon")  # noqa: B009
    return environment


def _context(view: View) -> dict[str, object]:
    tone, icon_name = TONES.get(view.page, ("calm", "clock"))
    told = view.page is Page.FAILED and view.decline is not Decline.UNKNOWN
    return {
        "v": view,
        "t": lambda key, **values: words.text(view.language, key, **values),
        "plain": lambda key, **values: words.plain(view.language, key, **values),
        "money": lambda amount: money_markup(amount, view.language),
        "when": lambda at: time_markup(at, view.language),
        "shows_code": view.amount is not None and view.amount.currency.code not in PESOS and shows_code(view.amount),
        "asking": view.page in ASKING,
        "field_hint": (view.page, view.hint) in FIELD_HINTS,
        "hint_key": "hint.bad_user" if view.hint is Hint.BAD_PAYER and view.country == "mx" else f"hint.{view.hint}",
        "quoted": view.order_ref is not None and view.page in QUOTED,
        "whole": whole,
        "terms_url": safe_url(view.terms_url),
        "logo": safe_logo(view.logo),
        "tone": tone,
        "tone_icon": icon_name,
        "title": words.text(view.language, f"{view.page}.title"),
        "why": words.text(view.language, f"decline.{view.decline}") if told else None,
        "refresh_s": REFRESH_S.get(view.page, 0),
        "live": view.links.get("live") if view.page in LIVE else None,
        "screen": SCREENS.get(view.page, view.page),
        "left_ms": max(0, view.expires_at - view.now) if view.expires_at and view.page in ASKING else None,
        "payer_text": rut_text(view.payer) if view.country == "cl" else view.payer,
        "payer_shown": rut_text(view.payer_shown) if view.country == "cl" else view.payer_shown,
        "paragraphs": [Markup("<p>{}</p>").format(escape(part)) for part in words.plain(view.language, "terms.text").split("\n")],
    }


def money_markup(amount: Money, language: str) -> Markup:
    """Pesos as they are written where they are paid ("$62.000" in Chile, "$1,234.50" in Mexico); others by the reader's language."""
    group = PESOS.get(amount.currency.code)
    if group is None:
        return amount_markup(amount, language)
    whole, dot, cents = decimal_text(amount.units, amount.currency.exponent).partition(".")
    return Markup('<bdi class="num" dir="ltr">${}</bdi>').format(f"{int(whole):,}".replace(",", group) + dot + cents)


def whole(account: str) -> str:
    """A bank with an account, which is broken between the two and not within the account."""
    bank, dot, number = account.rpartition(" · ")
    return bank + dot + (number.replace(" ", "\u00a0") if len(number) <= WHOLE_CHARS_MAX else number)


def rut_text(rut: str | None) -> str | None:
    """A RUT as people write it.

    >>> rut_text("111111111")
    '11.111.111-1'
    """
    if not rut or len(rut) < 2 or not rut[:-1].isdigit():
        return rut
    return f"{int(rut[:-1]):,}".replace(",", ".") + f"-{rut[-1]}"
