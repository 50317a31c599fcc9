"""A `View` becomes one HTML page, its headers and its static files. Pure: no HTTP, no database, no clock.

Pages work without JavaScript: forms are plain, waiting pages refresh themselves, a paid page goes back by itself. Nothing is
asked of another host, nothing is styled or scripted inline but one <style> with the response's nonce for a shop's colour.

>>> from paymux.checkout.view import Screen, View
>>> b"We cannot find this payment" in render(View(screen=Screen.UNKNOWN, nonce="n"))
True
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from paymux.checkout import words
from paymux.checkout.accent import accent_css, accent_pair
from paymux.checkout.amounts import amount_markup, amount_text, plain_text, shows_code, time_left, time_markup
from paymux.checkout.links import origin, own_url, safe_logo, safe_url, static_files, wallet_url
from paymux.checkout.outcome import OUTCOMES, PAID_FOR, facts, names_reference, paragraphs
from paymux.checkout.view import EMAIL_NOTICES, NOT_REFUSED, Detail, Instructions, Line, Method, Notice, Screen, View, Way

METHOD_ICONS = {
    "card": "card", "bank": "bank", "transfer": "transfer", "ideal": "bank", "klarna": "later", "paypal": "wallet", "revolut": "phone",
    "upi": "phone", "pix": "phone", "interac": "transfer", "crypto": "coin", "wallet": "wallet", "other": "grid", "promptpay": "qr",
    "duitnow": "qr", "qris": "qr", "qrph": "qr", "vietqr": "qr", "mobile": "phone", "upi_id": "phone", "upi_qr": "qr", "imps": "transfer",
    "netbanking": "bank",
}  # fmt: skip
# A hue of the stylesheet for each family of methods, so that a row is found by its colour as well; none of them is a brand's.
TINTS = {
    "card": "blue", "bank": "teal", "transfer": "teal", "ideal": "green", "klarna": "rose", "paypal": "indigo", "revolut": "plum",
    "upi": "green", "pix": "teal", "interac": "amber", "crypto": "amber", "wallet": "indigo", "promptpay": "blue", "duitnow": "rose",
    "qris": "green", "qrph": "amber", "vietqr": "teal", "mobile": "green",
}  # fmt: skip
WAY_ICONS = {Way.BANK: "transfer", Way.CODE: "qr", Way.CHAIN: "coin"}

# Reloading without JavaScript, seconds; screens that are not here stay as they are.
REFRESH_S = {Screen.WAITING: 5, Screen.INSTRUCTIONS: 20, Screen.UNCLEAR: 20, Screen.REVIEW: 60, Screen.SHORT: 60, Screen.BUSY: 5}
# Where something may still change under the reader's eyes. The others never ask again: "already paid" is "paid" to whoever asks.
LIVE = frozenset(Screen) - {Screen.PAID, Screen.SURPLUS, Screen.ALREADY_PAID, Screen.EXPIRED, Screen.FAILED, Screen.UNKNOWN}
NOTICE_READ_S = 20  # a page that reloads itself leaves so much time to read what was not possible
TYPED_IN_S = 90  # and so much to type in what is asked for
COUNTED = frozenset({Screen.CHOOSE, Screen.INSTRUCTIONS, Screen.DECLINED, Screen.CANCELLED})  # where time still matters

_TEMPLATES = Path(__file__).parent / "templates"
_FILE = {Screen.CHOOSE: "choose.html", Screen.WAITING: "waiting.html", Screen.INSTRUCTIONS: "instructions.html"}


def render(view: View) -> bytes:
    """The whole page, UTF-8."""
    return page(_FILE.get(view.screen, "outcome.html"), _context(view))


def page(file: str, context: Mapping[str, object]) -> bytes:
    """A template filled in, UTF-8."""
    return _templates().get_template(file).render(context).encode()


def csp(nonce: str, form_action: Sequence[str] = ()) -> str:
    """The Content-Security-Policy. `form_action`: URLs a form post may be redirected to; Chromium checks redirects as well."""
    assert nonce.replace("-", "").replace("_", "").isalnum(), "a nonce is letters, digits, - and _"
    origins = " ".join(dict.fromkeys(["'self'", *(text for url in form_action if (text := origin(url)))]))
    return (
        f"default-src 'none'; style-src 'self' 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {origins}; frame-ancestors 'none'; base-uri 'none'"
    )


def headers(view: View, form_action: Sequence[str] = ()) -> dict[str, str]:
    """Every header of a page but its length."""
    return headers_for(view.nonce, view.language, form_action)


def headers_for(nonce: str, language: str, form_action: Sequence[str] = ()) -> dict[str, str]:
    """The headers of a page by its nonce and language."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": language,
        "Content-Security-Policy": csp(nonce, form_action),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Robots-Tag": "noindex, nofollow",
    }


def assets() -> dict[str, tuple[str, bytes]]:
    """Path -> (content type, bytes); each path carries a hash of its bytes, so it may be kept for ever."""
    return {file.path: (file.content_type, file.body) for file in static_files().values()}


ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.globals.update(
        files=static_files(), direction=words.direction, names=words.NAMES, plain_text=plain_text, time_left=time_left
    )
    environment.globals["icon"] = getattr(environment.get_template("icons.html").module, "icon")  # noqa: B009
    return environment


def _context(view: View) -> dict[str, object]:
    """All that the templates need; they decide nothing about safety."""

    def t(key: str, **values: object) -> Markup:
        return words.text(view.language, key, **values)

    return_url, cancel_url, continue_url = safe_url(view.return_url), safe_url(view.cancel_url), safe_url(view.continue_url)
    outcome = OUTCOMES.get(view.screen)
    again = bool(view.choosable) and view.screen in {Screen.DECLINED, Screen.CANCELLED}
    email_error = next((notice for notice in view.notices if notice in EMAIL_NOTICES), None) if view.wants_email else None
    told = facts(view) if outcome and not again else []
    return {
        "v": view, "t": t,
        "plain": lambda key, **values: words.plain(view.language, key, **values),
        "money": lambda amount: amount_markup(amount, view.language),
        "when": lambda at: time_markup(at, view.language),
        "shows_code": view.amount is not None and shows_code(view.amount),
        "money_came": view.received is not None and view.received.units > 0,
        "shop": words.isolate_domain(view.shop or ""),
        "long_amount": view.amount is not None and len(amount_text(view.amount, view.language)) > 13,
        "accent": Markup(accent_css(pair)) if view.accent and (pair := accent_pair(view.accent)) else None,
        "logo": safe_logo(view.logo), "action": own_url(view.form_action) or "",
        "self_url": own_url(view.self_url or view.form_action) or "",
        "live_url": own_url(view.live_url) if view.screen in LIVE else None,
        "poll_url": own_url(view.poll_url) if view.screen in LIVE else None,
        "languages": [(link.code, url) for link in view.languages if link.code in words.NAMES and (url := own_url(link.url))],
        "return_url": return_url, "cancel_url": cancel_url, "continue_url": continue_url,
        "back_url": _back_url(view, return_url, cancel_url),
        "refresh_s": _refresh_s(view),
        "auto_return_s": view.auto_return_s if view.screen is Screen.PAID and return_url else 0,
        "hand_over": view.hand_over and continue_url is not None and view.screen is Screen.WAITING,
        "left_ms": max(0, view.expires_at - view.now) if view.expires_at and _counted(view) else None,
        "methods": [_method(method, view) for method in sorted(view.methods, key=_place)],
        "email_error": email_error, "notices": [_notice(notice, view) for notice in view.notices if notice != email_error],
        "email_hint": _email_hint(view), "heading": _heading(view), "outcome": outcome,
        "paragraphs": [t(key) for key in paragraphs(view)] if outcome else [],
        "again": again, "again_key": _again_key(view), "facts": told, "amount_key": "amount.paid" if view.screen in PAID_FOR else "amount",
        "over": outcome is not None and not outcome.money_may_come and not again,
        "foot_reference": view.reference if view.reference and not told and not names_reference(view.instructions) else None,
        "steps": _steps(view.instructions, view) if view.instructions else None,
    }  # fmt: skip


def _heading(view: View) -> str:
    """The key of the page's title."""
    if view.screen is Screen.CHOOSE:
        if view.inputs:
            return "details.title"
        return "choose.title" if view.choosable else "choose.none.title"
    if view.screen is Screen.WAITING:
        return "hand_over.title" if view.hand_over and safe_url(view.continue_url) else "waiting.title"
    if view.screen is Screen.INSTRUCTIONS:
        return f"instructions.{view.instructions.way if view.instructions else Way.BANK}.title"
    if view.screen is Screen.DECLINED and view.decline in NOT_REFUSED:
        return "failed.title"
    return f"{view.screen}.title"


def _refresh_s(view: View) -> int:
    if view.refresh_s is not None:
        return view.refresh_s
    usual = REFRESH_S.get(view.screen, 0)
    if usual and view.wants_reference:
        return TYPED_IN_S
    return max(usual, NOTICE_READ_S) if usual and view.notices else usual


def _back_url(view: View, return_url: str | None, cancel_url: str | None) -> str | None:
    """Where the buyer leaves to. While money may still come it is never the cancel URL: a shop may act on that."""
    outcome = OUTCOMES.get(view.screen)
    if outcome is None:
        return None
    return return_url if outcome.money_may_come else cancel_url or return_url


def _counted(view: View) -> bool:
    return view.screen in COUNTED and (view.screen is Screen.INSTRUCTIONS or bool(view.choosable))


def _again_key(view: View) -> str:
    """The key of the title above the methods, once one has been tried."""
    if view.screen is not Screen.DECLINED:
        return "choose.title"
    if all(method.declined for method in view.choosable):
        return "action.reload"
    return "again.retry" if any(method.retry for method in view.choosable) else "again.title"


def _place(method: Method) -> tuple[bool, bool, bool, bool]:
    """Where a method stands among the others: what works first, and of it what is to be tried again, then what the shop asked for; then
    what was declined, last what is not available."""
    asked = method.highlighted and method.available and not method.declined
    return (not method.available, not method.retry, method.declined, not asked)


def _notice(notice: Notice, view: View) -> Markup:
    """The notice's sentence; the one about a method names it, if the catalogues or the page know its name."""
    if notice is Notice.METHOD_UNAVAILABLE and view.refused and view.refused != "other":
        method = next((method for method in view.methods if method.code == view.refused), Method(code=view.refused))
        if method.name or words.has(f"method.{method.kind or method.code}.name"):
            return words.text(view.language, f"notice.{notice}.named", method=_method(method, view)["name"])
    return words.text(view.language, f"notice.{notice}")


def _method(method: Method, view: View) -> dict[str, object]:
    """One row: what the form sends, icon, name and one line."""
    asked = method.kind or method.code
    code = asked if words.has(f"method.{asked}.name") else "other"
    name = Markup("{}").format(method.name or asked) if code != asked else words.text(view.language, f"method.{code}.name")
    line = "method.unavailable" if not method.available else f"method.{code}.line"
    if method.kind and method.name and method.available:  # people look for their bank's name; what kind of payment it is stands below
        line, name = f"method.{code}.name", words.isolate(method.name)
    return {
        "code": method.code, "icon": METHOD_ICONS.get(asked, "grid"), "name": name, "available": method.available,
        "tint": TINTS.get(asked, "grey"),
        "line": "" if code != asked and method.available else words.text(view.language, line),
        "highlighted": method.highlighted and not method.declined, "retry": method.retry and method.available,
        "framed": method.retry if any(other.retry for other in view.choosable) else method.highlighted and not method.declined,
        "declined": method.declined and method.available,
    }  # fmt: skip


def _email_hint(view: View) -> Markup | None:
    if not view.wants_email:
        return None
    needing = [method for method in view.choosable if method.needs_email]
    if view.email_needed or len(needing) == len(view.choosable):
        return words.text(view.language, "email.all")
    names = words.text(view.language, "list.comma").join(Markup(str(_method(method, view)["name"])) for method in needing)
    return words.text(view.language, "email.some", methods=names)


def _steps(instructions: Instructions, view: View) -> dict[str, object]:
    asked, came = instructions.amount or view.amount, view.received
    some = bool(asked and came and came.currency == asked.currency and 0 < came.units < asked.units)
    return {
        "amount": asked - came if some and asked and came else asked, "some": some, "received": came if some else None,
        "way": instructions.way, "icon": WAY_ICONS[instructions.way],
        "qr": qr_code(instructions.payload) if instructions.payload else None,
        "wallet_url": wallet_url(instructions.payload),
        "lines": [(line, _grouped(line)) for line in instructions.lines],
    }  # fmt: skip


def _grouped(line: Line) -> str:
    """An IBAN is read in groups of four; what is copied has none."""
    if line.label is not Detail.IBAN:
        return line.value
    value = line.value.replace(" ", "")
    return " ".join(value[place : place + 4] for place in range(0, len(value), 4))


def qr_code(payload: str) -> Markup | None:
    """The code as an SVG without a size; None if the text is too long for a code."""
    import segno  # here: most pages show no code, and the start of a server none at all

    try:
        code = segno.make(payload, error="m", micro=False)
    except segno.DataOverflowError:
        return None
    return Markup(code.svg_inline(border=3, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None))
