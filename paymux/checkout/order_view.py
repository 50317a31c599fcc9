"""An order of the exchange as a page: the order page, which shows everything its holder may see, and the payment page, which shows a
payer no more than how to pay. Pure: values in, HTML out."""

import re
from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup

from paymux.checkout import words
from paymux.checkout.amounts import coded_markup, plain_text, time_markup
from paymux.checkout.links import own_url, safe_url
from paymux.checkout.render import page, qr_code
from paymux.exchange.calculate import plain_units
from paymux.exchange.lifecycle import OVER, UNPAID, Status
from paymux.exchange.model import Currency, Order, Value
from paymux.money import Currency as Unit
from paymux.money import Money

S = Status
TONES = {
    S.NEW: ("", "eye"), S.WAIT_PAYMENT: ("", "transfer"), S.IN_PROGRESS: ("doubt", "eye"), S.IN_PROGRESS_PAYOUT: ("good", "check"),
    S.ERROR_PAYMENT: ("doubt", "part"), S.ERROR_PAYOUT: ("doubt", "clock"), S.HOLD: ("doubt", "eye"), S.DONE: ("good", "check"),
    S.RETURNED: ("", "back"), S.DELETED: ("bad", "cross"),
}  # fmt: skip
ARRIVED = frozenset({S.IN_PROGRESS_PAYOUT, S.ERROR_PAYOUT, S.DONE})  # the amount above is no longer asked for
UNSURE = frozenset({S.ERROR_PAYMENT, S.HOLD, S.RETURNED, S.DELETED})  # what was to be paid out may not, or will not be
RETURNS = {S.DONE: "success", S.DELETED: "error", S.RETURNED: "error"}
SCHEMES = {"BTC": "bitcoin"}
REFRESH_S = 20
_PLACEHOLDER = re.compile(r"\[\[([a-z]+)\]\]", re.IGNORECASE)


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a page shows. `screen` is the status; `hidden` keeps the recipient's values out of the document."""

    screen: Status
    kind: str  # order, payment
    language: str
    languages: tuple[tuple[str, str], ...]
    nonce: str
    sandbox: bool
    order: Order
    give: Currency
    get: Currency
    now: int
    path: str
    version: int | str
    shop: str | None = None
    order_ref: str | None = None
    reference: str | None = None
    amount: Money | None = None

    @property
    def expires_at(self) -> int:
        return self.order.expires_at


def back_url(url: str | None, status: Status) -> str | None:
    """Where the button leads: the shop's URL with how it ended. A query is added to, a fragment stays last."""
    told = RETURNS.get(status)
    if url is None or told is None or safe_url(url) is None:
        return None
    front, mark, fragment = url.partition("#")
    return f"{front}{'&' if '?' in front else '?'}status={told}{mark}{fragment}"


def render(view: OrderView) -> bytes:
    """The whole page, UTF-8."""
    order, status = view.order, view.screen
    tone, drawing = TONES[status]
    unpaid = status in UNPAID

    def t(key: str, **values: object) -> Markup:
        return words.text(view.language, key, **values)

    title, lead = _said(view, t)
    context: dict[str, object] = {
        "v": view, "t": t, "plain": lambda key, **values: words.plain(view.language, key, **values),
        "money": lambda amount: coded_markup(plain_text(amount), amount.currency.code, view.language),
        "when": lambda at: time_markup(at, view.language),
        "heading": title, "lead": lead,
        "tone": tone, "drawing": drawing, "shows_code": True, "amount_key": "amount.paid" if status in ARRIVED else "amount",
        "long_amount": False, "accent": None, "logo": None,
        "action": own_url(view.path) or "", "live_url": None if status in OVER else f"{view.path}?live=events",
        "poll_url": None if status in OVER else f"{view.path}?live=poll", "languages": list(view.languages),
        "refresh_s": 0 if status in OVER or (unpaid and status is S.NEW) else REFRESH_S, "auto_return_s": 0, "hand_over": False,
        "left_ms": max(0, order.expires_at - view.now) if unpaid else None, "account": view.give.account,
        "sends": _sends(view) if status is S.WAIT_PAYMENT else [], "qr": _qr(view) if status is S.WAIT_PAYMENT else None,
        "payment_text": _filled(view) if status is S.WAIT_PAYMENT else "", "facts": _facts(view, t) if view.kind == "order" else [],
        "actions": _actions(view), "back_url": back_url(order.details.callback_url, status),
    }  # fmt: skip
    return page("order.html", context)


def _said(view: OrderView, t: Callable[..., Markup]) -> tuple[str, Markup]:
    """The title's key, and what is said below it. A payer's page names no amount but the one to pay."""
    order, status = view.order, view.screen
    title, text = f"order.title.{status}", f"order.text.{status}"
    if status is S.WAIT_PAYMENT and _rest(order) != order.in_units:
        return title, t("order.text.rest")
    if status is S.WAIT_PAYMENT and view.give.payment == "automatic":
        return title, t("order.text.watched")
    if status is not S.ERROR_PAYMENT:
        return title, t(text)
    if not order.received_units:
        return "order.title.unpaid", t("order.text.unpaid")
    if order.received_units == order.in_units:  # set so by a person, for another reason than the amount
        return f"order.title.{S.IN_PROGRESS}", t(f"order.text.{S.HOLD}")
    if view.kind != "order":
        return title, t(text)
    came, asked = (
        coded_markup(plain_units(units, view.give), view.give.symbol, view.language) for units in (order.received_units, order.in_units)
    )
    return title, t("order.text.came", came=came, asked=asked)


def _actions(view: OrderView) -> Sequence[tuple[str, str]]:
    if view.screen is S.NEW:
        return (("confirm", "order.action.confirm"), ("cancel", "order.action.cancel"))
    if view.screen is S.WAIT_PAYMENT:
        paid = (("paid", "order.action.paid"),) if view.give.payment == "manual" else ()
        return paid if view.order.received_units else (*paid, ("cancel", "order.action.cancel"))  # what came is returned, not cancelled
    return ()


def _sends(view: OrderView) -> list[tuple[str, str | Markup, str, bool]]:
    """(label, shown, what is copied, whether it stands out)."""
    given = plain_units(_rest(view.order), view.give)
    shown = coded_markup(given, view.give.symbol, view.language)
    rows: list[tuple[str, str | Markup, str, bool]] = [("detail.amount", shown, given, True)]
    if view.give.account:
        rows.append(("order.account", view.give.account, view.give.account, False))
    if view.give.network:
        rows.append(("detail.network", view.give.network, "", False))
    if not view.give.network or view.give.memo:
        rows.append(("order.comment", str(view.order.uid), str(view.order.uid), False))
    return rows


def _qr(view: OrderView) -> Markup | None:
    account = view.give.account
    if not account:
        return None
    scheme = SCHEMES.get(view.give.code)
    return qr_code(f"{scheme}:{account}?amount={plain_units(_rest(view.order), view.give)}" if scheme else account)


def _filled(view: OrderView) -> str:
    """The operator's own words for this currency, in the reader's language, with the vendor's placeholders filled in."""
    order, give, get = view.order, view.give, view.get
    values = {
        "uid": str(order.uid), "account": give.account, "inamount": plain_units(_rest(order), give), "innamecurrency": give.name,
        "insymbol": give.symbol, "outamount": plain_units(order.out_units, get), "outnamecurrency": get.name, "outsymbol": get.symbol,
    }  # fmt: skip
    text = localised(give.payment_text, view.language)
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1).lower(), match.group()), text)


def localised(text: str, language: str) -> str:
    """A text that holds several languages: pieces between ##; a piece of two letters names the language of the next.

    >>> localised("##en##Pay##ru##Оплатите## 5", "ru")
    'Оплатите 5'
    """
    shown, governs = [], ""
    for piece in text.split("##"):
        if len(piece) == 2 and piece.isalpha():
            governs = piece.lower()
            continue
        if not governs or governs == language:
            shown.append(piece)
        governs = ""
    return "".join(shown)


def money_of(units: int, currency: Currency) -> Money:
    """An amount as people read it: without the zeros at its end."""
    text = plain_units(units, currency)
    places = len(text.partition(".")[2])
    return Money(units // 10 ** (currency.decimals - places), Unit(currency.symbol, places))


def _named(units: int, currency: Currency, language: str) -> Markup:
    amount = coded_markup(plain_units(units, currency), currency.symbol, language)
    return amount if currency.name == currency.symbol else Markup("{} ({})").format(amount, words.isolate(currency.name))


def rate_markup(rate_in: str, give: Currency, rate_out: str, get: Currency, language: str) -> Markup:
    """So much of one for so much of the other, left to right in every language as an equation is."""
    sides = (coded_markup(rate_in, give.symbol, language), coded_markup(rate_out, get.symbol, language))
    return Markup('<bdi dir="ltr">{} = {}</bdi>').format(*sides)


def _rest(order: Order) -> int:
    """The units still to be sent: all that is asked until a part of it came."""
    return max(0, order.in_units - order.received_units) or order.in_units


def _another_amount(order: Order) -> bool:
    return order.received_units not in (0, order.in_units)


def _difference(view: OrderView, t: Callable[..., Markup]) -> tuple[object, object]:
    """What is missing of the amount, or came too much."""
    missing = view.order.in_units - view.order.received_units
    return t("fact.missing" if missing > 0 else "fact.extra"), _named(abs(missing), view.give, view.language)


def _facts(view: OrderView, t: Callable[..., Markup]) -> list[tuple[object, object]]:
    order, language = view.order, view.language
    another = _another_amount(order)
    rows: list[tuple[object, object]] = [
        (t("fact.due" if another or view.screen is S.ERROR_PAYMENT else "order.give"), _named(order.in_units, view.give, language)),
        *([(t("fact.received"), _named(order.received_units, view.give, language))] if another else []),
        *([_difference(view, t)] if another and view.screen in (S.ERROR_PAYMENT, S.WAIT_PAYMENT) else []),
        (t("order.planned" if view.screen in UNSURE else "order.get"), _named(order.out_units, view.get, language)),
        (t("order.rate"), rate_markup(order.details.rate_in, view.give, order.details.rate_out, view.get, language)),
    ]
    hidden: tuple[Value, ...] = () if order.details.hide_out else order.details.to_values
    if order.details.floating and not order.details.floating.fixed and view.screen in UNPAID:
        rows.append((t("order.floats"), t("order.floats.text")))
    rows += [(value.name, value.value) for value in (*order.details.from_values, *hidden, *order.details.route_values)]
    if view.screen not in UNPAID:
        rows.append((t("order.created"), time_markup(order.created_at, language)))
    return rows
