"""The door of payment pages where the link brings everything along: choose a method, type in what it needs, pay, see how it stands.

What can be chosen and what a choice needs is the dialect's (`payments.page`); how it looks is the checkout's own. A payment that was begun
has an address with a random name. A choice is a POST whose token is bound to a SameSite=Lax cookie, as on the other pages.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, urlencode

import msgspec

from paymux import ids
from paymux.checkout import render, words
from paymux.checkout.screens import screen
from paymux.checkout.view import Detail, Input, Instructions, LanguageLink, Line, Method, Notice, Screen, View, Way, http_status
from paymux.http.serve import Request, Response
from paymux.keyring import Keyring
from paymux.money import Money, known
from paymux.payments.model import Payment
from paymux.payments.page import Offer, PaymentPages

COOKIE = "paymux_buyer"
COOKIE_LASTS_S = 86_400
EVENTS_EVERY_S, EVENTS_LAST_S, BEAT = 0.7, 240, 20
RETURN_S = 3  # from the tick to the shop
LINK, BEGUN = "idPayin", "payment"  # the parameters by which a link is known


class PaymentPage:
    """One dialect's payment page."""

    def __init__(self, pages: PaymentPages, keyring: Keyring, sandbox: bool) -> None:
        self._pages, self._keyring, self._sandbox = pages, keyring, sandbox

    @staticmethod
    def owns(request: Request) -> bool:
        """Whether a request for `/` is for this page."""
        return LINK in request.query or BEGUN in request.query

    async def show(self, request: Request) -> Response:
        """The choice, or how the payment stands."""
        if BEGUN in request.query:
            return await self._standing(request)
        offer = await self._pages.offer(request, {})
        return self._answer(request, offer, 200)

    async def act(self, request: Request) -> Response:
        """A choice, the buyer's details, or the bank's reference."""
        form, buyer = request.form, _buyer(request)
        if buyer is None or not self._keyring.mac_ok("csrf", self._about(request, buyer), form.get("csrf", "")):
            if BEGUN in request.query:
                return await self._standing(request, outdated=True)
            offer = await self._pages.offer(request, {})
            return self._answer(request, offer, 403, Notice.FORM_OUTDATED)
        if BEGUN in request.query:
            found = await self._pages.find(request.query[BEGUN])
            if found is None:
                return self._unknown(request)
            if form.get("action") == "reference":
                await self._pages.note(found[0], form.get("reference", ""))
            return _go(self._pages.path(found[0]) + "&kept=1", buyer, request)
        typed = {name: value[:600] for name, value in form.items()}
        done = await self._pages.pay(request, typed)
        if isinstance(done, Offer) and done.failed:
            return self._answer(request, done, 422, Notice.METHOD_UNAVAILABLE)
        wrong = isinstance(done, Offer) and any(one.wrong for one in done.inputs)
        missing = isinstance(done, Offer) and done.chosen is None
        return self._answer(request, done, 422 if wrong or missing else 200, *([Notice.NO_METHOD] if missing else []))

    def _answer(self, request: Request, found: Offer | Payment | None, status: int, *notices: Notice) -> Response:
        if found is None:
            return self._unknown(request)
        if isinstance(found, Payment):
            return _go(self._pages.path(found), _buyer(request) or ids.token(32), request)
        return self._choice(request, found, status, notices)

    def _unknown(self, request: Request) -> Response:
        view = View(screen=Screen.UNKNOWN, language=_language(request), nonce=ids.token(24), sandbox=self._sandbox)
        return Response(404, render.render(view), render.headers(view))

    def _choice(self, request: Request, offer: Offer, status: int, notices: tuple[Notice, ...]) -> Response:
        buyer, page = _buyer(request) or ids.token(32), _same(request)
        view = View(
            screen=Screen.CHOOSE,
            language=_language(request),
            languages=_languages(request),
            nonce=ids.token(24),
            sandbox=self._sandbox,
            shop=offer.shop,
            order_ref=offer.reference,
            amount=offer.amount,
            methods=tuple(
                Method(code=one.code, kind=one.kind, name=one.name, highlighted=one.code == offer.chosen) for one in offer.choices
            ),
            chosen=offer.chosen,
            inputs=tuple(Input(name=one.name, value=one.value, wrong=one.wrong) for one in offer.inputs),
            notices=notices,
            refused=request.form.get("method") if Notice.METHOD_UNAVAILABLE in notices else None,
            form_action=page,
            csrf=self._keyring.mac("csrf", self._about(request, buyer)),
            return_url=offer.return_url,
        )
        return Response(status, render.render(view), {**render.headers(view), "Set-Cookie": _cookie(buyer, request)})

    async def _standing(self, request: Request, outdated: bool = False) -> Response:
        name = request.query[BEGUN]
        found = await self._pages.find(name)
        if found is None:
            return self._unknown(request)
        payment, now = found
        at = self._screen(payment, now)
        if request.query.get("live") == "poll":
            return Response(200, _told(at, payment), {"Content-Type": "application/json", "Cache-Control": "no-store"})
        if request.query.get("live") == "events":
            return Response(200, b"", {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}, self._events(name, payment, now))
        return self._page(request, payment, now, at, outdated)

    def _screen(self, payment: Payment, now: int) -> Screen:
        at = screen(payment, (), now)
        if at not in (Screen.CHOOSE, Screen.DECLINED):
            return at
        shown = self._pages.shown(payment)
        return Screen.INSTRUCTIONS if shown.payload or any(label == "account" for label, _ in shown.lines) else Screen.WAITING

    def _page(self, request: Request, payment: Payment, now: int, at: Screen, outdated: bool) -> Response:
        shown, buyer, page = self._pages.shown(payment), _buyer(request) or ids.token(32), self._pages.path(payment)
        language = request.query.get("lang")
        action = f"{page}&lang={language}" if language in words.NAMES else page
        way = Way.CODE if shown.payload else Way.BANK
        lines = tuple(Line(label=Detail(label), value=value) for label, value in shown.lines)
        wanted = shown.wants_reference and at is Screen.INSTRUCTIONS
        lost = outdated and wanted  # what was typed in was not kept: it stands there to be sent once more
        kept = request.query.get("kept") and shown.known_reference
        view = View(
            screen=at,
            language=_language(request),
            languages=_languages(request),
            nonce=ids.token(24),
            sandbox=self._sandbox,
            shop=shown.shop,
            order_ref=shown.reference,
            amount=payment.amount,
            received=Money(payment.received_units, known(payment.currency)) if payment.received_units else None,
            now=now,
            expires_at=payment.expires_at,
            paid_at=payment.paid_at,
            notices=(Notice.REFERENCE_NOT_KEPT,) if lost else (Notice.REFERENCE_KEPT,) if kept else (),
            form_action=action,
            csrf=self._keyring.mac("csrf", self._about(request, buyer)),
            instructions=Instructions(way=way, lines=lines, amount=shown.amount, payload=shown.payload),
            wants_reference=wanted,
            known_reference=request.form.get("reference", "")[:512] if lost else shown.known_reference,
            return_url=payment.return_url,
            auto_return_s=RETURN_S,
            version=payment.version,
            live_url=f"{page}&live=events",
            poll_url=f"{page}&live=poll",
        )
        code = 403 if lost else http_status(view)
        return Response(code, render.render(view), {**render.headers(view), "Set-Cookie": _cookie(buyer, request)})

    async def _events(self, name: str, payment: Payment, now: int) -> AsyncIterator[bytes]:
        """Server-sent events: how the payment stands, now and whenever that changes. Ends by itself; the browser comes back."""
        said = b""
        for turn in range(round(EVENTS_LAST_S / EVENTS_EVERY_S)):
            state = _told(self._screen(payment, now), payment)
            if state != said or turn % BEAT == 0:  # a beat keeps proxies from closing the line
                said = state
                yield b"retry: 2000\ndata: " + state + b"\n\n"
            await asyncio.sleep(EVENTS_EVERY_S)
            payment, now = await self._pages.find(name) or (payment, now)

    def _about(self, request: Request, buyer: str) -> str:
        query = request.query
        return f"{buyer}:page:{query.get(BEGUN) or query.get(LINK)}"


def _told(at: Screen, payment: Payment) -> bytes:
    return msgspec.json.encode({"screen": at, "version": payment.version})


def _same(request: Request, **changes: str) -> str:
    """This page's own address with its parameters."""
    pairs: Mapping[str, str] = {**request.query, **changes}
    return f"/?{urlencode(pairs)}"


def _languages(request: Request) -> tuple[LanguageLink, ...]:
    return tuple(LanguageLink(code, _same(request, lang=code)) for code in words.NAMES)


def _language(request: Request) -> str:
    return words.choose_language(request.query.get("lang") or request.query.get("language"), request.header("accept-language"))


def _buyer(request: Request) -> str | None:
    cookie = request.cookie(COOKIE)
    return cookie if cookie.isalnum() and len(cookie) == 32 else None


def _cookie(buyer: str, request: Request) -> str:
    secure = "; Secure" if request.base_url.startswith("https://") else ""
    return f"{COOKIE}={buyer}; Max-Age={COOKIE_LASTS_S}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _go(path: str, buyer: str, request: Request) -> Response:
    location = request.base_url + quote(path, safe="%/:=&?~#+!$,;'@()*[]")
    return Response(303, b"", {"Location": location, "Cache-Control": "no-store", "Set-Cookie": _cookie(buyer, request)})
