"""The door of the exchange's pages: `/{lang}/order/{uid}/{secret}` and `/{lang}/payment/{uid}/{secret}`.

Who has the link has the order's secret, so a form needs no other token: what it can do the API can do with the same secret. A wrong
language, number or secret is one and the same page. Everything works without a script.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import msgspec

from paymux import ids
from paymux.checkout import render, words
from paymux.checkout.failed import failed
from paymux.checkout.order_view import OrderView, money_of
from paymux.checkout.order_view import render as render_order
from paymux.checkout.view import Screen, View
from paymux.exchange.change import Exchange, Step
from paymux.exchange.lifecycle import Actor, Status, standing
from paymux.exchange.offer import Opened
from paymux.exchange.read import Ask, Reads
from paymux.http.serve import Request, Response, Route, Table
from paymux.storage.writer import Batcher

ACTIONS = {"confirm": Status.WAIT_PAYMENT, "paid": Status.IN_PROGRESS, "cancel": Status.DELETED}
EVENTS_EVERY_S, EVENTS_LAST_S, BEAT = 0.7, 240, 20
LANGUAGES = {**{code: code for code in words.NAMES}, "eng": "en", "rus": "ru"}
NO_STORE = {"Cache-Control": "no-store"}


class OrderPages:
    """Both kinds of page, in every language."""

    def __init__(self, reads: Reads, reader: Batcher, writer: Batcher, exchange: Exchange, sandbox: bool) -> None:
        self._reads, self._reader, self._writer, self._exchange, self._sandbox = reads, reader, writer, exchange, sandbox

    def table(self) -> Table:
        paths = [
            f"{language}/{kind}/{{uid}}/{{secret}}{end}"
            for language in ("", "/{lang}")
            for kind in ("order", "payment")
            for end in ("", "/")
        ]
        routes = [Route(*row) for path in paths for row in (("GET", path, self.show), ("HEAD", path, self.show), ("POST", path, self.act))]
        return Table("orders", routes, self.failure, ("/order/", "/payment/", *(f"/{code}/" for code in words.NAMES)))

    def failure(self, request: Request, status: int, headers: Mapping[str, str]) -> Response:
        """What cannot be shown, as a page without anything of an order."""
        return failed(request, status, headers, _language(request), self._sandbox)

    async def show(self, request: Request) -> Response:
        opened = await self._open(request)
        if opened is None:
            return self.failure(request, 404, {})
        live = request.query.get("live")
        if live == "poll":
            return Response(200, _standing(opened), {"Content-Type": "application/json", **NO_STORE})
        if live == "events":
            return Response(200, b"", {"Content-Type": "text/event-stream", **NO_STORE}, self._events(request, opened))
        return self._page(request, opened)

    async def act(self, request: Request) -> Response:
        """Confirm, "I paid", cancel; whatever is not possible any more shows how the order stands."""
        opened = await self._open(request)
        if opened is None:
            return self.failure(request, 404, {})
        to = ACTIONS.get(request.form.get("action", ""))
        if to is not None:
            step = Step(uid=opened.order.uid, actor=Actor.CLIENT, to=to, why="on the page")
            await self._writer.submit(self._exchange.change, step)
        return Response(303, b"", {"Location": request.path, **NO_STORE})

    async def _open(self, request: Request) -> Opened | None:
        if request.params.get("lang", words.DEFAULT) not in LANGUAGES:
            return None
        uid, secret = request.params["uid"], request.params["secret"]
        number = int(uid) if uid.isascii() and uid.isdigit() and len(uid) <= 11 else 0
        return await self._reader.submit(self._reads.orders, Ask(number, secret[:51]))

    async def _events(self, request: Request, opened: Opened) -> AsyncIterator[bytes]:
        """Server-sent events: how the order stands, now and whenever that changes. Ends by itself; the browser comes back."""
        told = b""
        for turn in range(round(EVENTS_LAST_S / EVENTS_EVERY_S)):
            now = _standing(opened)
            if now != told or turn % BEAT == 0:
                told = now
                yield b"retry: 2000\ndata: " + now + b"\n\n"
            await asyncio.sleep(EVENTS_EVERY_S)
            opened = await self._open(request) or opened

    def _page(self, request: Request, opened: Opened) -> Response:
        order, catalogue = opened.order, opened.catalogue
        kind = "payment" if "/payment/" in request.path else "order"
        tail = f"{kind}/{order.uid}/{opened.secret}"
        view = OrderView(
            screen=standing(order.status, order.expires_at, catalogue.now),
            kind=kind,
            language=_language(request),
            languages=tuple((code, f"/{code}/{tail}") for code in words.NAMES),
            nonce=ids.token(24),
            sandbox=self._sandbox,
            order=order,
            give=catalogue.currencies[order.from_code],
            get=catalogue.currencies[order.to_code],
            now=catalogue.now,
            path=f"/{_language(request)}/{tail}",
            version=_version(opened),
            order_ref=str(order.uid),
            amount=money_of(order.in_units, catalogue.currencies[order.from_code]),
        )
        frame = View(screen=Screen.WAITING, language=view.language, nonce=view.nonce, sandbox=view.sandbox)
        return Response(200, render_order(view), render.headers(frame))


def _standing(opened: Opened) -> bytes:
    order = opened.order
    status = standing(order.status, order.expires_at, opened.catalogue.now)
    return msgspec.json.encode({"screen": status, "version": _version(opened)})


def _version(opened: Opened) -> int | str:
    """What a page compares to know that it is old; a rate that floats changes it, too."""
    order = opened.order
    floats = order.details.floating is not None and not order.details.floating.fixed
    return f"{order.version}-{order.out_units}" if floats else order.version


def _language(request: Request) -> str:
    return LANGUAGES.get(request.path.lstrip("/").split("/")[0], words.DEFAULT)
