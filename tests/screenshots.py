"""Every checkout page as a picture: `python -m tests.screenshots [OUTDIR] [--only NAME] [--axe]`.

Pages come from a small server on loopback with their real headers and files, so the policy is in force. Each is taken in Chromium at
390x844 and 1280x800, light and dark; then Arabic, German at 360 px, and 200 % zoom. The bank-transfer funnel comes in English and Spanish,
and in Spanish where the others are German; the exchange's order pages come in every language. A sheet per kind shows them side by side.
`--axe` checks every page for accessibility as well (package axe-playwright-python).
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from paymux.checkout import order_view
from paymux.checkout.render import ASSET_HEADERS, assets, headers, headers_for, render
from paymux.checkout.transfer import render as transfer
from paymux.checkout.view import (
    Decline,
    Detail,
    Instructions,
    LanguageLink,
    Line,
    Method,
    Notice,
    Screen,
    View,
    Way,
)
from paymux.checkout.words import NAMES
from paymux.money import Money, known
from tests import screenshots_exchange, screenshots_transfer

NOW = 1777464600000  # 2026-04-29 12:10 UTC
HOUR_MS = 3_600_000

METHODS = tuple(Method(code=code) for code in ("card", "bank", "klarna", "paypal", "revolut", "ideal", "other"))
EUR = Money(4999, known("EUR"))
BASE = View(
    screen=Screen.CHOOSE, nonce="c2FtcGxl", shop="shop.example.com", order_ref="ORD-10001", reference="10001", amount=EUR,
    now=NOW, expires_at=NOW + HOUR_MS - 8000, csrf="csrf-token", form_action="/hosted-checkout.php?session=10001", refresh_s=0,
    languages=tuple(LanguageLink(code, f"/hosted-checkout.php?session=10001&lang={code}") for code in NAMES),
    return_url="https://shop.example.com/thanks?order=10001", cancel_url="https://shop.example.com/cart", auto_return_s=99,
)  # fmt: skip
BANK_LINES = (
    Line(Detail.HOLDER, "Example Trading GmbH"),
    Line(Detail.IBAN, "DE89370400440532013000"),
    Line(Detail.BIC, "COBADEFFXXX"),
    Line(Detail.REFERENCE, "PMX 10001"),
)
CHAIN = Instructions(
    way=Way.CHAIN,
    amount=Money(81234, known("BTC")),
    payload="bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.00081234",
    lines=(Line(Detail.ADDRESS, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"), Line(Detail.NETWORK, "Bitcoin", copy=False)),
)


def but(**changes: Any) -> View:
    """The base sample with some fields changed."""
    return msgspec.structs.replace(BASE, **changes)


def samples() -> dict[str, View]:
    """Name -> page: every screen at least once, and the variants that look different."""
    euro, kwd = known("EUR"), Money(9999999999, known("KWD"))
    mixed = (Method(code="card", needs_email=True), Method(code="bank", highlighted=True), Method(code="klarna", needs_email=True))
    return {
        "choose": but(methods=METHODS),
        "choose-email": but(methods=mixed, sandbox=True),
        "choose-bad-email": but(methods=mixed, email_typed="lena.example.com", notices=(Notice.BAD_EMAIL,)),
        "choose-unavailable": but(
            methods=(Method(code="ideal", available=False, highlighted=True), *METHODS[:3]), notices=(Notice.METHOD_UNAVAILABLE,),
            refused="ideal",
        ),
        "choose-unpaid": but(methods=METHODS, notices=(Notice.CANCELLED,)),
        "choose-none": but(methods=()),
        "choose-accent": but(methods=mixed[1:2] + METHODS[:1], accent="#ffd400", amount=Money(1234567, known("JPY")), order_ref=None),
        "choose-long": but(
            methods=METHODS[:3], shop="handgemachte-holzspielwaren-und-geschenke.muenchen.example.com", amount=kwd,
            order_ref="BESTELLUNG-2026-04-29-0000000000000000000000010001-ERSATZTEILE",
        ),
        "waiting": but(screen=Screen.WAITING, continue_url="https://pay.example.net/s/1", sandbox=True),
        "waiting-change": but(screen=Screen.WAITING, change_safe=True, continue_url="https://pay.example.net/s/1"),
        "waiting-stays": but(
            screen=Screen.WAITING, change_safe=True, continue_url="https://pay.example.net/s/1", notices=(Notice.CANNOT_CHANGE,)
        ),
        "waiting-pending": but(screen=Screen.WAITING),
        "bank": but(screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.BANK, lines=BANK_LINES)),
        "bank-partial": but(
            screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.BANK, lines=BANK_LINES), received=Money(3000, euro)
        ),
        "chain": but(change_safe=True, screen=Screen.INSTRUCTIONS, instructions=CHAIN, sandbox=True),
        "code": but(
            screen=Screen.INSTRUCTIONS, amount=Money(150000, known("INR")),
            instructions=Instructions(way=Way.CODE, payload="upi://pay?pa=shop@example&am=1500.00&cu=INR&tn=10001"),
        ),
        "bank-reference": but(
            screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.BANK, lines=BANK_LINES),
            wants_reference=True, known_reference="318220417755", notices=(Notice.REFERENCE_NOT_KEPT,),
        ),
        "bank-change": but(screen=Screen.INSTRUCTIONS, instructions=Instructions(way=Way.BANK, lines=BANK_LINES), change_safe=True),
        "paid": but(screen=Screen.PAID, paid_at=NOW),
        "declined": but(
            screen=Screen.DECLINED, decline=Decline.NOT_ENOUGH, methods=(Method(code="card", declined=True), *METHODS[1:3])
        ),
        "declined-retry": but(
            screen=Screen.DECLINED, decline=Decline.BAD_DETAILS,
            methods=(Method(code="bank", highlighted=True), *METHODS[2:4], Method(code="card", declined=True, retry=True)),
        ),
        "declined-unfinished": but(
            screen=Screen.DECLINED, decline=Decline.NOT_CONFIRMED,
            methods=(*METHODS[1:4], Method(code="card", declined=True, highlighted=True, retry=True)),
        ),
        "declined-last": but(screen=Screen.DECLINED, methods=(Method(code="card", declined=True, highlighted=True),)),
        "declined-final": but(screen=Screen.DECLINED),
        "expired": but(screen=Screen.EXPIRED),
        "review": but(screen=Screen.REVIEW),
        "unclear": but(screen=Screen.UNCLEAR),
        "short": but(screen=Screen.SHORT, received=Money(3000, euro)),
        "short-send": but(
            screen=Screen.SHORT, received=Money(3000, euro), instructions=Instructions(way=Way.BANK, lines=BANK_LINES)
        ),
        "surplus": but(screen=Screen.SURPLUS, received=Money(10000, euro), paid_at=NOW),
        "already-paid": but(screen=Screen.ALREADY_PAID, paid_at=NOW),
        "unknown": View(screen=Screen.UNKNOWN, nonce="c2FtcGxl", languages=BASE.languages),
        "cancelled": but(screen=Screen.CANCELLED, methods=METHODS[:2]),
        "failed": but(screen=Screen.FAILED),
        "failed-reason": but(screen=Screen.FAILED, decline=Decline.NOT_CONFIRMED),
        "busy": View(
            screen=Screen.BUSY, nonce="c2FtcGxl", form_action=BASE.form_action, refresh_s=0, languages=BASE.languages, sandbox=True,
        ),
    }  # fmt: skip


FUNNEL, EXCHANGE = "funnel-", "exchange-"
FUNNEL_IN = {"en": ("en", "es"), "de": ("es",)}  # the language of the pages -> those of the funnel beside them


def addresses(language: str) -> dict[str, str]:
    """Name of the picture -> path, of every page that there is in a language."""
    found = {name: f"/{name}?lang={language}" for name in samples()}
    found |= {EXCHANGE + name: f"/{EXCHANGE}{name}?lang={language}" for name in screenshots_exchange.views()}
    for code in FUNNEL_IN.get(language, ()):
        found |= {f"{FUNNEL}{name}.{code}": f"/{FUNNEL}{name}?lang={code}" for name in screenshots_transfer.views()}
    return found


class Page(BaseHTTPRequestHandler):
    """Answers `/<sample>?lang=xx` with the page, and the static files."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        files = assets() | {file.path: (file.content_type, file.body) for file in transfer.files().values()}
        asset, view = files.get(parts.path), samples().get(parts.path[1:])
        funnel = screenshots_transfer.views().get(parts.path[1:].removeprefix(FUNNEL))
        order = screenshots_exchange.views().get(parts.path[1:].removeprefix(EXCHANGE))
        language = parse_qs(parts.query).get("lang", ["en"])[0]
        if "live=" in parts.query:
            self._answer(204, {}, b"")  # nothing changes here
        elif asset:
            self._answer(200, ASSET_HEADERS | {"Content-Type": asset[0]}, asset[1])
        elif view:
            view = msgspec.structs.replace(view, language=language)
            self._answer(200, headers(view), render(view))
        elif funnel:
            funnel = msgspec.structs.replace(funnel, language=language)
            self._answer(200, transfer.headers(funnel), transfer.render(funnel))
        elif order:
            order = msgspec.structs.replace(order, language=language)
            self._answer(200, headers_for(order.nonce, language), order_view.render(order))
        else:
            self._answer(404, {"Content-Type": "text/plain"}, b"")

    def do_POST(self) -> None:
        """A form is read whole, and the page stays: when the line closed over unread bytes, the browser hung now and then."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(204, {}, b"")

    def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body:  # who asked whether something changed may have left
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the pictures are the output."""


@contextmanager
def served() -> Iterator[str]:
    """The base URL of a server that lives as long as the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


KINDS: dict[str, dict[str, Any]] = {  # what Chromium is told, and the language
    "390-light": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "390-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "1280-light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "1280-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "390-ar": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "lang": "ar"},
    "360-de": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "lang": "de"},
    "zoom200-de": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2, "color_scheme": "light", "lang": "de"},
    "zoom200-phone": {"viewport": {"width": 195, "height": 422}, "device_scale_factor": 2, "color_scheme": "light", "lang": "de"},
}


def take(out: Path, only: str | None, kinds: list[str], axe: bool) -> int:
    """Write the pictures; answer how many complaints there were (sideways scrolling, script errors, axe)."""
    from tests.browser import open_browser

    complaints: list[str] = []
    with served() as base, open_browser() as browser:
        for kind in kinds:
            options = dict(KINDS[kind])
            language = options.pop("lang", "en")
            reader = "en-GB" if language == "en" else language
            context = browser.browser().new_context(**options, reduced_motion="reduce", timezone_id="Europe/Berlin", locale=reader)
            pages = {name: path for name, path in addresses(language).items() if only is None or only in name}
            for name, path in pages.items():
                found = _picture(context, base + path, out / f"{name}.{kind}.png", axe)
                complaints += [f"{kind} {name}: {complaint}" for complaint in found]
            _sheet(context, out, kind, list(pages))
            context.close()
    print(*complaints, f"{out}: {len(complaints)} complaints", sep="\n")
    return len(complaints)


def _picture(context: Any, url: str, path: Path, axe: bool) -> list[str]:
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        complaints.append("wider than the window")
    page.screenshot(path=path, full_page=True)
    if axe:
        from tests.browser import barriers

        complaints += barriers(page)
    page.close()
    return complaints


def _sheet(context: Any, out: Path, kind: str, names: list[str]) -> None:
    """All pictures of a kind on one page."""
    width = KINDS[kind]["viewport"]["width"]
    shown = 320 if width < 600 else 560
    pictures = "".join(f'<figure><figcaption>{name}</figcaption><img src="{name}.{kind}.png" width="{shown}"></figure>' for name in names)
    source = out / f"sheet.{kind}.html"
    source.write_text(
        "<style>body{margin:8px;background:#888;font:14px sans-serif;display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}"
        f"figure{{margin:0}}</style>{pictures}"
    )
    page = context.new_page()
    page.set_viewport_size({"width": 1700, "height": 1000})
    page.goto(source.as_uri())
    page.screenshot(path=out / f"sheet.{kind}.png", full_page=True)
    page.close()
    source.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--only", help="samples whose name contains this")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--axe", action="store_true")
    asked = parser.parse_args()
    folder = asked.out or Path(tempfile.mkdtemp(prefix="paymux-pages-"))
    folder.mkdir(parents=True, exist_ok=True)
    raise SystemExit(min(1, take(folder, asked.only, asked.kind or list(KINDS), asked.axe)))
