"""The buyer's page of a sandbox company: what a tester sees and may click. Plain forms, no script, one own stylesheet.

A page's policy names the return URL's origin as well: Chromium applies `form-action` to the redirect after a post.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import msgspec
from starlette.responses import HTMLResponse, Response

from paymux.clock import text as time_text
from paymux.decline import DISCREET, DeclineReason
from paymux.money import Money
from paymux.providers.sandbox.charge import LEADS_TO, Act, Charge, State, act_on, over_units, short_units
from paymux.providers.sandbox.firms import FIRMS
from paymux.providers.sandbox.magic import SCRIPTS, documented

SAFETY = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}

_HERE = Path(__file__).parent
_ORIGIN = re.compile(r"(https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)(?:[/?#]|$)")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_METHODS = {
    "card": "Card", "klarna": "Klarna", "paypal": "PayPal", "revolut": "Revolut", "bank": "Bank transfer", "ideal": "iDEAL",
    "other": "Other",
}  # fmt: skip
_TITLES = {
    State.OPEN: "How should this payment end?",
    State.PENDING: "This payment is pending",
    State.PAID: "This payment is paid",
    State.DECLINED: "This payment is declined",
    State.CANCELLED: "This payment was cancelled",
    State.EXPIRED: "This payment has timed out",
    State.REVIEW: "This payment is under review",
}


_REASONS = [reason for reason in DeclineReason if reason is not DeclineReason.UNKNOWN]


class Button(msgspec.Struct, frozen=True):
    act: Act
    label: str
    line: str


class Group(msgspec.Struct, frozen=True):
    title: str
    buttons: list[Button]


def shown(charge: Charge, status: int = 200, notice: str = "") -> Response:
    """The page of a charge."""
    main = _allowed(charge, _main(charge))
    text = _templates().get_template("charge.html").render(
        title=_TITLES[charge.state],
        firm=FIRMS[charge.provider].title,
        amount=str(charge.amount),
        charge=charge,
        method=_METHODS[charge.method],
        received=str(Money(charge.received_units, charge.amount.currency)) if charge.transfers else None,
        arrives=time_text(charge.due_at) if charge.next_act is Act.ARRIVE and charge.due_at is not None else None,
        script=SCRIPTS[charge.magic] if charge.magic is not None else None,
        main=main,
        reasons=_REASONS if any(button.act is Act.DECLINE for button in main) else [],
        discreet=DISCREET,
        groups=[Group(group.title, buttons) for group in _groups(charge) if (buttons := _allowed(charge, group.buttons))],
        magic=documented(),
        notice=notice,
        css=stylesheet_path(),
    )  # fmt: skip
    return HTMLResponse(text, status, headers=_headers(charge.return_url))


def unknown() -> Response:
    """The page for a reference that nobody gave out."""
    text = _templates().get_template("unknown.html").render(title="There is no such payment", css=stylesheet_path())
    return HTMLResponse(text, 404, headers=_headers(None))


def stylesheet(name: str) -> Response:
    """The one static file."""
    digest, body = _css()
    if name != f"sandbox.{digest}.css":
        return Response(status_code=404, headers=SAFETY)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type="text/css", headers=headers)


def stylesheet_path() -> str:
    return f"/sandbox/static/sandbox.{_css()[0]}.css"


def origin(url: str) -> str | None:
    """Scheme, host and port of a URL; None if it is not a plain http(s) one."""
    found = _ORIGIN.match(url)
    return found.group(1) if found and is_url(url) else None


def is_url(url: str) -> bool:
    """Whether a browser may be sent there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not _UNSAFE.search(url)


def _main(charge: Charge) -> list[Button]:
    if charge.state is State.PAID:
        return [Button(Act.SETTLE, "Settle", "Forward the money to the merchant.")]
    return [Button(Act.APPROVE, f"Approve {charge.amount}", ""), Button(Act.DECLINE, "Decline", "")]


def _groups(charge: Charge) -> list[Group]:
    def money(units: int) -> Money:
        return Money(units, charge.amount.currency)

    short, over, rest = short_units(charge.amount_units), over_units(charge.amount_units), charge.amount_units - charge.received_units
    return [
        Group(
            "Money that does not fit",
            [
                Button(Act.SHORT, "Pay too little", f"{money(short)} comes."),
                Button(Act.OVER, "Pay too much", f"{money(over)} comes."),
                Button(Act.REST, "Pay the rest", f"The missing {money(rest)} comes."),
                Button(Act.LATE, "Pay too late", "The money comes in two hours; it cannot be cancelled."),
            ],
        ),
        Group(
            "No answer yet",
            [
                Button(Act.PENDING, "Leave it pending", "In progress until something else is clicked here."),
                Button(Act.REVIEW, "Flag it for review", "A person has to decide."),
                Button(Act.TIME_OUT, "Let it time out", "The buyer takes too long; no money moves."),
            ],
        ),
        Group(
            "Odd reports",
            [
                Button(Act.TWICE, "Pay and report twice", "The same report comes two times; the money came once."),
                Button(Act.DISORDER, "Pay and report out of order", "After “paid” an older report comes: “pending”."),
            ],
        ),
    ]


def _allowed(charge: Charge, buttons: list[Button]) -> list[Button]:
    assert all(button.act is Act.LATE or button.act in LEADS_TO for button in buttons)
    return [button for button in buttons if act_on(charge, button.act, charge.updated_at) is not None]


def _headers(return_url: str | None) -> dict[str, str]:
    back = origin(return_url) if return_url else None
    policy = (
        f"default-src 'none'; style-src 'self'; img-src data:; form-action 'self'{f' {back}' if back else ''}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return SAFETY | {"Content-Security-Policy": policy, "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow"}


@cache
def _css() -> tuple[str, bytes]:
    body = (_HERE / "static" / "sandbox.css").read_bytes()
    return hashlib.sha256(body).hexdigest()[:12], body


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
