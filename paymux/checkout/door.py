"""The checkout's door: addresses of every dialect in, pages and redirects out. Stories are told by screens.py and view.py.

A page needs no key: the payment's number is public, so it shows nothing that a stranger must not see. A choice is a POST whose
token is bound to a SameSite=Lax cookie. After a POST the browser is sent to a page of ours, and from there to whoever is paid.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from urllib.parse import quote, urlencode

import msgspec

from paymux import ids
from paymux.checkout import render, words
from paymux.checkout.failed import failed
from paymux.checkout.logo import Logos, logo_path
from paymux.checkout.screens import alive, declined_for, left_unpaid, screen, to_retry
from paymux.checkout.view import LanguageLink, Method, Notice, Screen, View, http_status
from paymux.errors import Refusal, Refused
from paymux.http.serve import Request, Response, Route, Table
from paymux.keyring import Keyring
from paymux.merchants.directory import Directory, Found
from paymux.money import Money, known
from paymux.payments.advance import Door
from paymux.payments.attempt import Handed, StartAttempt, Starter, bank_currency
from paymux.payments.dialect import Dialect, Landing
from paymux.payments.lifecycle import OPEN, SUCCESS, AttemptState, Event, State
from paymux.payments.model import Attempt, LastError, Payment, Report, Source
from paymux.payments.read import Reads
from paymux.routing.choose import choose
from paymux.routing.model import METHODS, Wish
from paymux.storage.writer import Batcher

COOKIE = "paymux_buyer"
COOKIE_LASTS_S = 86_400
FRESH_MS = 30 * 60_000  # so long after paying a buyer's own browser still sees the tick; later, and for others, it goes to the shop
HAND_OVER_MS = 20_000
GO_AGAIN_S = 1  # without a script: how soon a page that will lead on looks again
NEWS_S, NEWS_EVERY_S = 1.0, 0.1  # a buyer who comes back from paying is often a moment faster than the company's report
RETURN_S = 3  # from the tick to the shop
STAYS = "stays"  # the query's `note`: another method was asked for, and the attempt could not be given up
EVENTS_EVERY_S, EVENTS_LAST_S, BEAT = 0.7, 240, 20
NOTICES = {
    Refusal.EMAIL_REQUIRED: Notice.EMAIL_MISSING,
    Refusal.NO_ROUTE: Notice.METHOD_UNAVAILABLE,
}


class Seen(msgspec.Struct, frozen=True):
    """One visit: the payment as it stands, and who looks."""

    payment: Payment
    attempts: list[Attempt]
    now: int
    dialect: Dialect
    buyer: str  # the cookie's value
    known_buyer: bool  # the browser had the cookie already
    language: str
    picked: str | None  # a language chosen by link
    https: bool


class Checkout:
    """Pages of all dialects."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        keyring: Keyring,
        reads: Reads,
        reader: Batcher,
        writer: Batcher,
        directory: Directory,
        door: Door,
        starter: Starter,
        rates: Mapping[str, Decimal],
        sandbox: bool,
    ) -> None:
        self._dialects, self._keyring, self._reads, self._reader, self._writer = dialects, keyring, reads, reader, writer
        self._directory, self._door, self._starter = directory, door, starter
        self._rates, self._sandbox = rates, sandbox

    def table(self) -> Table:
        routes = []
        for path in (path for dialect in self._dialects.values() for path in dialect.pages.paths):
            routes += [Route("GET", path, self.show), Route("HEAD", path, self.glance), Route("POST", path, self.act)]
        routes += [Route("GET", path, self.asset) for path in render.assets()]
        routes.append(Logos(self._reader).route())
        return Table("checkout", routes, self.failure, ("/checkout/",))

    def failure(self, request: Request, status: int, headers: Mapping[str, str]) -> Response:
        """What cannot be shown, as a page."""
        return failed(request, status, headers, _language(request), self._sandbox)

    async def asset(self, request: Request) -> Response:
        content_type, body = render.assets()[request.path]
        return Response(200, body, {"Content-Type": content_type, **render.ASSET_HEADERS})

    async def glance(self, request: Request) -> Response:
        """HEAD: the status alone; it changes nothing."""
        seen = await self._see(request)
        return Response(200 if seen else 404, b"", {"Cache-Control": "no-store"})

    async def show(self, request: Request) -> Response:
        seen = await self._see(request)
        if seen is None:
            return self.failure(request, 404, {})
        if request.query.get("live") == "poll":
            return Response(200, _standing(seen), {"Content-Type": "application/json", "Cache-Control": "no-store"})
        if request.query.get("live") == "events":
            return Response(200, b"", {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}, self._events(request, seen))
        landing = seen.dialect.pages.landing(request.path, seen.payment)
        if not isinstance(landing, Landing):
            return self._go(302, request.base_url + landing, seen)
        if "prefetch" in request.header("sec-purpose") + request.header("purpose"):  # the second is older browsers'
            return Response(204, b"", {"Cache-Control": "no-store"})
        if seen.payment.state is State.CREATED:
            report = Report(payment_id=seen.payment.id, event=Event.OPENED, source=Source.BUYER, happened_at=0)
            advanced = await self._writer.submit(self._door.advance, report)
            assert not isinstance(advanced, Refused)
            seen = msgspec.structs.replace(seen, payment=advanced.payment)
        at = screen(seen.payment, seen.attempts, seen.now)
        if landing is Landing.START:
            return await self._start_by_itself(request, seen, at)
        if at is Screen.WAITING and (request.query.get("back") or _leads_on(request, seen)):
            seen = await self._news(request, seen)
            at = screen(seen.payment, seen.attempts, seen.now)
        paid = seen.payment.state in SUCCESS
        fresh = seen.known_buyer and seen.now - (seen.payment.paid_at or 0) < FRESH_MS
        if paid and not fresh and seen.payment.return_url:
            return self._go(302, seen.payment.return_url, seen)
        stays = at is Screen.WAITING and request.query.get("note") == STAYS
        return await self._page(request, seen, Screen.ALREADY_PAID if paid and not fresh else at, (Notice.CANNOT_CHANGE,) if stays else ())

    async def _news(self, request: Request, seen: Seen) -> Seen:
        """The payment once something was learned about it, or as it stands a moment later."""
        for _ in range(round(NEWS_S / NEWS_EVERY_S)):
            before = seen.payment.version
            await asyncio.sleep(NEWS_EVERY_S)
            seen = await self._see(request) or seen
            if seen.payment.version != before:
                break
        return seen

    async def _events(self, request: Request, seen: Seen) -> AsyncIterator[bytes]:
        """Server-sent events: how the payment stands, now and whenever that changes. Ends by itself; the browser comes back."""
        told = b""
        for turn in range(round(EVENTS_LAST_S / EVENTS_EVERY_S)):
            now = _standing(seen)
            if now != told or turn % BEAT == 0:  # a beat keeps proxies from closing the line
                told = now
                yield b"retry: 2000\ndata: " + now + b"\n\n"
            await asyncio.sleep(EVENTS_EVERY_S)
            seen = await self._see(request) or seen

    async def _start_by_itself(self, request: Request, seen: Seen, at: Screen) -> Response:
        """Smart Routing: pick a route and go there; whatever else is the case is shown on the payment's page."""
        payment, waiting = seen.payment, alive(seen.attempts)
        page = request.base_url + seen.dialect.page_path(payment)
        if waiting is not None and waiting.state is AttemptState.HANDED_OVER and waiting.handed_url:
            return self._go(302, waiting.handed_url, seen)
        if at is not Screen.CHOOSE or seen.attempts:
            return self._go(302, _leading_on(page, seen.attempts), seen)
        started = await self._start(request, seen, StartAttempt(payment_id=payment.id, method=payment.method, hand_over_only=True))
        if isinstance(started, Handed) and started.url is not None:
            return self._go(302, started.url, seen)
        return self._go(302, _leading_on(page, (await self._see(request) or seen).attempts), seen)

    async def act(self, request: Request) -> Response:
        """A buyer's choice: a method, or another one instead of the one before."""
        seen = await self._see(request)
        if seen is None:
            return self.failure(request, 404, {})
        page = _with(seen.dialect.page_path(seen.payment), lang=seen.picked)
        form = request.form
        if not seen.known_buyer or not self._keyring.mac_ok("csrf", _csrf_about(seen), form.get("csrf", "")):
            return await self._page(request, seen, screen(seen.payment, seen.attempts, seen.now), (Notice.FORM_OUTDATED,), status=403)
        if form.get("action") == "change":
            return await self._change(request, seen, page)
        method, typed = form.get("method", ""), form.get("email", "").strip()[:300]
        if method not in METHODS:
            return await self._again(request, seen, page, Notice.NO_METHOD)
        email = _email(typed) if typed else None
        if typed and email is None:
            return await self._again(request, seen, page, Notice.BAD_EMAIL, typed)
        started = await self._start(request, seen, StartAttempt(payment_id=seen.payment.id, method=method, email=email))
        if isinstance(started, Refused):
            notice = next((NOTICES[reason] for reason in started.reasons if reason in NOTICES), None)
            if notice is not None:
                return await self._again(request, await self._see(request) or seen, page, notice, typed, method)
        if isinstance(started, Handed) and started.url is not None:
            return self._go(303, _with(page, go="1"), seen)
        return self._go(303, _leading_on(page, (await self._see(request) or seen).attempts, method), seen)

    async def _again(
        self, request: Request, seen: Seen, page: str, notice: Notice, typed: str = "", refused: str | None = None
    ) -> Response:
        """The choice once more, with what was wrong; where nothing can be chosen any more, how the payment stands."""
        if seen.payment.state not in OPEN or alive(seen.attempts) is not None:
            return self._go(303, page, seen)
        return await self._page(request, seen, Screen.CHOOSE, (notice,), typed, 422, refused)

    async def _change(self, request: Request, seen: Seen, page: str) -> Response:
        """Give the waiting attempt up, if its provider confirms that it is dead; else the page says that it stays."""
        waiting = alive(seen.attempts)
        if waiting is not None and waiting.state is AttemptState.HANDED_OVER:
            await self._starter.give_up(waiting, seen.now)
            seen = await self._see(request) or seen
        return self._go(303, _with(page, note=STAYS) if alive(seen.attempts) is not None else page, seen)

    async def _start(self, request: Request, seen: Seen, command: StartAttempt) -> Handed | Refused:
        def return_url(payment: Payment) -> str:
            return request.base_url + _with(seen.dialect.page_path(payment), lang=seen.picked, back="1")

        return await self._starter.start(command, return_url, request.base_url)

    async def _see(self, request: Request) -> Seen | None:
        dialect = next(dialect for dialect in self._dialects.values() if request.path in dialect.pages.paths)
        payment_id = dialect.pages.payment_id(request.path, request.query)
        found = await self._reads.with_attempts(payment_id) if payment_id is not None else None
        if found is None or found[0].dialect != dialect.name:
            return None
        cookie = request.cookie(COOKIE)
        known_buyer = cookie.isalnum() and len(cookie) == 32
        picked = request.query.get("lang")
        language = _language(request)
        https = request.base_url.startswith("https://")
        buyer = cookie if known_buyer else ids.token(32)
        return Seen(*found, dialect, buyer, known_buyer, language, picked if picked == language else None, https)

    def _token(self, seen: Seen) -> str:
        return self._keyring.mac("csrf", _csrf_about(seen))

    async def _page(
        self,
        request: Request,
        seen: Seen,
        at: Screen,
        notices: tuple[Notice, ...] = (),
        typed: str = "",
        status: int | None = None,
        refused: str | None = None,
    ) -> Response:
        payment, waiting, page = seen.payment, alive(seen.attempts), seen.dialect.page_path(seen.payment)
        handed = waiting is not None and waiting.state is AttemptState.HANDED_OVER
        leads_on = _leads_on(request, seen)
        choosing = at in (Screen.CHOOSE, Screen.DECLINED)
        if at is Screen.CHOOSE and not notices and payment.last_error == LastError.NO_ROUTE and payment.method:
            notices, refused = (Notice.METHOD_UNAVAILABLE,), payment.method
        elif at is Screen.CHOOSE and not notices and left_unpaid(payment, seen.attempts):
            notices = (Notice.CANCELLED,)
        found = await self._reader.submit(self._directory.by_id, payment.merchant_id)
        merchant = found.merchant
        assert merchant is not None, "a payment has a merchant"
        view = View(
            screen=at,
            language=seen.language,
            languages=tuple(LanguageLink(code, _with(page, lang=code)) for code in words.NAMES),
            nonce=ids.token(24),
            sandbox=self._sandbox,
            shop=payment.shop,
            logo=logo_path(merchant.logo),
            order_ref=payment.order_ref,
            reference=str(payment.id),
            amount=payment.amount,
            received=Money(payment.received_units, known(payment.currency)) if payment.received_units else None,
            now=seen.now,
            expires_at=payment.expires_at,
            paid_at=payment.paid_at,
            methods=self._methods(seen, found) if choosing else (),
            email_typed=typed,
            notices=notices,
            refused=refused,
            decline=declined_for(seen.attempts),
            form_action=_with(page, lang=seen.picked),
            self_url=_with(page, lang=seen.picked, go="1") if leads_on else None,
            refresh_s=GO_AGAIN_S if leads_on else None,
            csrf=self._token(seen),
            continue_url=waiting.handed_url if waiting and handed else None,
            hand_over=bool(waiting and handed and request.query.get("go") and seen.now - waiting.started_at < HAND_OVER_MS),
            change_safe=handed,
            return_url=payment.return_url,
            cancel_url=payment.cancel_url,
            auto_return_s=RETURN_S,
            version=payment.version,
            live_url=_with(page, live="events"),
            poll_url=_with(page, live="poll"),
        )
        code = status or http_status(view)
        return Response(code, render.render(view), {**render.headers(view), "Set-Cookie": _cookie(seen)})

    def _methods(self, seen: Seen, found: Found) -> tuple[Method, ...]:
        """What the buyer may choose; one that the shop asked for is shown even when it cannot be served."""
        assert found.merchant is not None, "a payment has a merchant"
        payment, policy = seen.payment, found.merchant.policy
        declined = {attempt.method for attempt in seen.attempts if attempt.state is AttemptState.DECLINED}
        retry = to_retry(seen.attempts)
        asked = payment.method or msgspec.json.decode(payment.details).get("asked_method")
        methods = []
        for code in METHODS:
            wish = Wish(
                package=found.merchant.plan,
                amount_units=payment.amount_units,
                currency=payment.currency,
                method=code,
                bank_currency=bank_currency(payment),
                country=payment.country,
                has_email=payment.email is not None,
                methods_off=found.merchant.methods_off,
                routes_off=frozenset(policy.routes_off),
                route_priority=policy.route_priority,
            )
            choice = choose(wish, found.platform.routes, self._rates)
            available = bool(choice.routes) or choice.only_email_missing
            if available or code == asked:
                methods.append(
                    Method(
                        code=code,
                        available=available,
                        needs_email=choice.only_email_missing,
                        highlighted=available and code == asked,
                        declined=code in declined,
                        retry=available and code == retry,
                    )
                )
        return tuple(methods)

    def _go(self, status: int, url: str, seen: Seen) -> Response:
        """Send the browser on; a stored address is sent as given, what a header cannot hold is percent-encoded."""
        location = quote(url, safe="%/:=&?~#+!$,;'@()*[]")
        return Response(status, b"", {"Location": location, "Cache-Control": "no-store", "Set-Cookie": _cookie(seen)})


def _standing(seen: Seen) -> bytes:
    return msgspec.json.encode({"screen": screen(seen.payment, seen.attempts, seen.now), "version": seen.payment.version})


def _leading_on(page: str, attempts: list[Attempt], method: str | None = None) -> str:
    """The payment's page. A second click may come before the first one's company is known: then the page leads on once it is."""
    first = alive(attempts)
    if first is None or (method is not None and first.method != method):
        return page
    return _with(page, go="1") if first.state in (AttemptState.STARTED, AttemptState.HANDED_OVER) else page


def _leads_on(request: Request, seen: Seen) -> bool:
    """The buyer chose and is to be led on, but the company has not told its page yet."""
    waiting = alive(seen.attempts)
    if not request.query.get("go") or waiting is None:
        return False
    return waiting.state is AttemptState.STARTED and seen.now - waiting.started_at < HAND_OVER_MS


def _csrf_about(seen: Seen) -> str:
    return f"{seen.buyer}:{seen.payment.id}"


def _cookie(seen: Seen) -> str:
    secure = "; Secure" if seen.https else ""
    return f"{COOKIE}={seen.buyer}; Max-Age={COOKIE_LASTS_S}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _with(path: str, **pairs: str | None) -> str:
    """A path of ours with further query pairs."""
    more = urlencode({name: value for name, value in pairs.items() if value})
    return f"{path}{'&' if '?' in path else '?'}{more}" if more else path


def _language(request: Request) -> str:
    return words.choose_language(request.query.get("lang"), request.header("accept-language"))


def _email(typed: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(typed, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None
