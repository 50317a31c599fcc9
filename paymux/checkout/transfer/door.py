"""The bank-transfer pages of every dialect that has them: HTTP in, the verbs of payments/transfer.py, HTML out.

The address is the only authority: who knows a session's token may pay it. Once a payer has logged in, the steps need the pass that the
login gave (`k` in the query), so that a second reader of the address sees no account. No cookie is needed, so a page works in a shop's
frame and in a phone's web view.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from paymux import ids
from paymux.checkout.links import query_string, safe_url
from paymux.checkout.logo import logo_path
from paymux.checkout.screens import declined_for
from paymux.checkout.transfer import render, words
from paymux.checkout.transfer.view import ENDS, Choice, Hint, Page, View
from paymux.clock import ticks
from paymux.http.serve import Request, Response, Route, Table
from paymux.keyring import Keyring
from paymux.merchants.directory import Directory
from paymux.merchants.model import ShopStatus
from paymux.payments.advance import Door
from paymux.payments.decide import overdue
from paymux.payments.dialect import Dialect, TransferFacts, TransferPages
from paymux.payments.lifecycle import ALIVE, SUCCESS, AttemptState, Event, State
from paymux.payments.model import Attempt, Named, Payment, Report, Source
from paymux.payments.read import Reads
from paymux.payments.transfer import Dialogue, Said, Step, Transfers, Wish
from paymux.storage.writer import Batcher
from paymux.webhooks.store import tried

WEBHOOK_FIRST_S = 5.0  # so long the browser waits for the shop to have heard by itself
LOOK_EVERY_S = 0.1
PAID_STAYS_S, READ_S = 6, 20  # a payment that did not go well leaves time to read why, and what not to do
PASSWORD_MAX = 64
STEPS = {Step.ACCOUNT: Page.ACCOUNT, Step.KEY: Page.KEY, Step.CODE: Page.CODE}
NO_STORE = {"Cache-Control": "no-store"}


class Seen(msgspec.Struct, frozen=True):
    """One visit."""

    payment: Payment
    attempts: list[Attempt]
    now: int
    dialect: Dialect
    pages: TransferPages
    facts: TransferFacts
    language: str
    embedded: bool
    pass_given: str

    @property
    def alive(self) -> Attempt | None:
        return next((attempt for attempt in self.attempts if attempt.state in ALIVE), None)


class TransferDoor:
    """The pages of all dialects with bank transfers."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        keyring: Keyring,
        reads: Reads,
        reader: Batcher,
        writer: Batcher,
        directory: Directory,
        door: Door,
        transfers: Transfers,
        sandbox: bool,
    ) -> None:
        self._dialects = {dialect.transfer.prefix: dialect for dialect in dialects.values() if dialect.transfer is not None}
        self._keyring, self._reads, self._reader, self._writer = keyring, reads, reader, writer
        self._directory, self._door, self._transfers, self._sandbox = directory, door, transfers, sandbox

    def table(self) -> Table:
        routes = []
        for prefix, dialect in self._dialects.items():
            assert dialect.transfer is not None, "only such dialects are here"
            path = prefix + "{token}"
            routes += [Route("GET", path, self.show), Route("HEAD", path, self.glance), Route("POST", path, self.act)]
            routes.append(Route("GET", dialect.transfer.terms_path, self.terms))
        routes += [Route("GET", file.path, self.asset) for file in render.files().values()]
        routes.append(Route("GET", render.WIDGET_PATH, self.widget))
        return Table("transfer", routes, self.failure)

    def failure(self, request: Request, status: int, headers: Mapping[str, str]) -> Response:
        """What cannot be shown, as a page."""
        return self._respond(self._bare(request, Page.BUSY if status >= 500 else Page.UNKNOWN), status, headers)

    async def terms(self, request: Request) -> Response:
        return self._respond(self._bare(request, Page.TERMS), 200)

    async def asset(self, request: Request) -> Response:
        file = next(file for file in render.files().values() if file.path == request.path)
        kept = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(200, file.body, {"Content-Type": file.content_type, **kept})

    async def widget(self, request: Request) -> Response:
        head = {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=300"}
        return Response(200, render.widget(), {**head, "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"})

    async def glance(self, request: Request) -> Response:
        """HEAD: the status alone; it changes nothing."""
        return Response(200 if await self._see(request) else 404, b"", NO_STORE)

    async def show(self, request: Request) -> Response:
        seen = await self._see(request)
        if seen is None:
            return self.failure(request, 404, {})
        if overdue(seen.payment, seen.now):
            await self._report(seen, Event.TIMED_OUT, Source.CLOCK, seen.payment.expires_at)
            seen = await self._see(request) or seen
        query = request.query
        if query.get("live") == "poll":
            told = {"screen": _screen(seen), "version": seen.payment.version}
            return Response(200, msgspec.json.encode(told), {"Content-Type": "application/json", **NO_STORE})
        if query.get("result"):
            return await self._result(seen)
        if query.get("go"):
            return await self._leave(request, seen, broken=query["go"] == "broken")
        if "prefetch" in request.header("sec-purpose"):
            return Response(204, b"", NO_STORE)
        if seen.payment.state is State.CREATED:
            await self._report(seen, Event.OPENED, Source.BUYER, 0)
            seen = await self._see(request) or seen
        return await self._page(request, seen)

    async def act(self, request: Request) -> Response:
        """A step of the payer."""
        seen = await self._see(request)
        if seen is None:
            return self.failure(request, 404, {})
        form, open_now = request.form, _screen(seen) == "choose"
        if not open_now or overdue(seen.payment, seen.now):
            return self._again(request, seen)
        match form.get("action"):
            case "identify":
                return await self._identify(request, seen, form)
            case "cancel":
                stays = await self._transfers.cancel(seen.payment, seen.alive, seen.now)
                kept = {"k": seen.pass_given, "hint": Hint.LATER} if stays else {"left": "1"}
                return self._again(request, seen, **kept)
            case "choose" | "answer" if (attempt := self._admitted(seen)) is not None:
                return await self._step(request, seen, attempt, form)
            case _:
                return self._again(request, seen)

    async def _identify(self, request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
        banks = {bank.code: bank for bank in self._transfers.banks(seen.facts.country, self._sandbox)}
        bank = form.get("bank", "")
        if bank not in banks:
            return self._again(request, seen, hint=Hint.NO_BANK)
        typed = seen.facts.payer if seen.facts.payer_locked else form.get("payer", "")[:60]
        payer = seen.pages.identity(typed or "", seen.facts.country)
        password = form.get("password", "")
        if payer is None or not password or len(password) > PASSWORD_MAX:
            lacking = Hint.BAD_PAYER if payer is None else Hint.NO_PASSWORD
            return await self._page(request, seen, Page.LOGIN, hint=lacking, bank=bank, typed=typed, status=422)

        def return_url(payment: Payment) -> str:
            return request.base_url + request.path

        wish = Wish(bank=bank, payer=payer, password=password)
        attempt, talk = await self._transfers.identify(seen.payment, wish, return_url, request.base_url)
        if attempt is not None and isinstance(talk, Dialogue):
            return self._again(request, seen, k=self._pass(attempt))
        hint = {Said.REFUSED: Hint.REFUSED, Said.DOWN: Hint.DOWN, Said.LATER: Hint.LATER}.get(talk) if isinstance(talk, Said) else None
        return self._again(request, seen, bank=bank if hint else None, hint=hint)

    async def _step(self, request: Request, seen: Seen, attempt: Attempt, form: Mapping[str, str]) -> Response:
        if form.get("action") == "choose":
            talk = await self._transfers.choose(attempt, form.get("account", "")[:40], seen.pages.who)
        else:
            number = form.get("number", "")
            value = form.get("value", "").replace(" ", "")[:40]
            talk = await self._transfers.answer(attempt, int(number) if number in ("0", "1", "2", "3") else -1, value)
        if talk is Said.BROKEN:
            return self._again(request, seen, broken="1")
        hint = {Said.DOWN: Hint.DOWN, Said.LATER: Hint.LATER}.get(talk) if isinstance(talk, Said) else None
        if isinstance(talk, Dialogue) and talk.wrong:
            hint = Hint.WRONG
        return self._again(request, seen, k=seen.pass_given, hint=hint)

    def _pass(self, attempt: Attempt) -> str:
        return self._keyring.mac("csrf", f"transfer:{attempt.operation_key}")[:32]

    def _admitted(self, seen: Seen) -> Attempt | None:
        """The attempt whose payer this is."""
        attempt = seen.alive
        if attempt is None or attempt.state is not AttemptState.HANDED_OVER:
            return None
        return attempt if seen.pass_given and ids.equal(self._pass(attempt), seen.pass_given) else None

    async def _page(
        self,
        request: Request,
        seen: Seen,
        page: Page | None = None,
        hint: Hint | None = None,
        bank: str | None = None,
        typed: str | None = None,
        status: int | None = None,
    ) -> Response:
        """The page of a payment as it stands."""
        talk: Dialogue | Said | None = None
        if page is None:
            page, talk = await self._where(request, seen)
            if talk is Said.OVER:
                return self._again(request, seen)
        query = request.query
        hint = hint or next((one for one in Hint if one == query.get("hint")), None)
        banks = [Choice(one.code, one.name) for one in self._transfers.banks(seen.facts.country, self._sandbox)]
        chosen = next((one for one in banks if one.value == (bank or query.get("bank") or seen.facts.bank)), None)
        if page is Page.BANKS and chosen is not None and not query.get("all"):
            page = Page.LOGIN
        merchant = (await self._reader.submit(self._directory.by_id, seen.payment.merchant_id)).merchant
        assert merchant is not None, "a payment has a merchant"
        view = self._view(request, seen, page)
        view = msgspec.structs.replace(
            view,
            hint=hint,
            tries_left=(seen.dialect.tries or 0) - len(seen.attempts) if hint is Hint.REFUSED else None,
            banks=tuple(banks),
            bank=chosen,
            bank_fixed=chosen is not None and chosen.value == seen.facts.bank,
            payer=typed or seen.facts.payer,
            logo=logo_path(merchant.logo),
            frame_origins=self._frame_origins(seen, [domain for domain, state in merchant.shops.items() if state is ShopStatus.APPROVED]),
        )
        if isinstance(talk, Dialogue):
            accounts = tuple(Choice(one.id, one.label) for one in talk.accounts)
            own = next((one for one in banks if one.value == talk.bank), chosen)
            view = msgspec.structs.replace(
                view, accounts=accounts, account=talk.account, number=talk.number, digits=talk.digits, bank=own, payer=talk.payer
            )
        return self._respond(view, status)

    async def _where(self, request: Request, seen: Seen) -> tuple[Page, Dialogue | Said | None]:
        """Which page, and where the payer stands with the bank if that is asked."""
        screen = _screen(seen)
        if request.query.get("broken") and screen == Page.WAITING:
            return Page.BROKEN, None
        if screen != "choose":
            return Page(screen), None
        attempt = self._admitted(seen)
        if attempt is None:
            return Page.BANKS, None
        talk = await self._transfers.look(attempt)
        if isinstance(talk, Dialogue):
            return STEPS.get(talk.step, Page.BANKS), talk
        return Page.BANKS, talk if talk is Said.OVER else None

    def _view(self, request: Request, seen: Seen, page: Page) -> View:
        payment, facts = seen.payment, seen.facts
        who: dict[str, Any] = msgspec.json.decode(payment.payer) if payment.payer else {}
        keep = {"lang": request.query.get("lang"), "embedded": "1" if seen.embedded else None}
        admitted = seen.pass_given or None
        returns = bool(payment.return_url if payment.state in SUCCESS else payment.cancel_url)
        stays = {Page.PAID: PAID_STAYS_S, Page.FAILED: 1 if request.query.get("left") else READ_S, Page.BROKEN: READ_S}.get(page, 0)
        links = {"here": query_string(keep, k=admitted), "banks": query_string(keep, all="1"), "live": query_string(keep, live="poll")}
        links |= {"go": self._way_back(seen, keep, page), "result": query_string(keep, result="1"), "bank": query_string(keep)}
        links |= {code: query_string(keep | {"lang": code}, k=admitted, bank=request.query.get("bank")) for code in words.NAMES}
        return View(
            page=page,
            language=seen.language,
            nonce=ids.token(24),
            sandbox=self._sandbox,
            embedded=seen.embedded,
            merchant=facts.merchant,
            order_ref=payment.order_ref,
            amount=payment.amount,
            rows=facts.rows,
            terms_url=facts.terms_url,
            now=seen.now,
            expires_at=payment.expires_at,
            version=payment.version,
            country=facts.country,
            payer_locked=facts.payer_locked,
            links=links,
            decline=declined_for(seen.attempts),
            can_return=returns,
            leave_after_s=stays if returns and not seen.embedded else 0,
            to_bank=self._bank_name(facts),
            to_account=facts.to_account,
            payer_shown=who.get("rut"),
            payer_account=" · ".join(part for part in (who.get("bank"), who.get("account")) if part) or None,
            receipt=facts.receipt if page in ENDS else None,
            paid_at=payment.paid_at,
        )

    @staticmethod
    def _way_back(seen: Seen, keep: Mapping[str, str | None], page: Page) -> str:
        """Where the button leads. While a person looks at the money, it is the shop's site if we know it: the failure URL may tell the
        payer to pay again. Without it, and where the line broke, the failure URL hears that the outcome is not known."""
        site = safe_url(seen.facts.site_url) if page is Page.REVIEW else None
        return site or query_string(keep, go="broken" if page in (Page.BROKEN, Page.REVIEW) else "1")

    def _bank_name(self, facts: TransferFacts) -> str | None:
        banks = self._transfers.banks(facts.country, sandbox=True)
        return next((bank.name for bank in banks if bank.code == facts.to_bank), facts.to_bank)

    def _frame_origins(self, seen: Seen, domains: list[str]) -> tuple[str, ...]:
        """Who may embed the page: the merchant's approved domains and its site; nobody else, and nobody at all without them."""
        found = [f"https://{name}" for domain in sorted(domains) for name in (domain, f"www.{domain}")]
        if self._sandbox:
            found += [f"http://{domain}:*" for domain in sorted(domains)]
        site = render.frame_source(seen.facts.site_url)
        return tuple(dict.fromkeys([*([site] if site else []), *found]))

    async def _result(self, seen: Seen) -> Response:
        """The outcome for an embedding page, once there is one."""
        body = await self._told(seen)
        if body is None:
            return Response(404, b"{}", {"Content-Type": "application/json", **NO_STORE})
        await self._shop_heard(seen)
        event = "success" if seen.payment.state in SUCCESS else "error"
        answer = msgspec.json.encode({"event": event, "jwt": seen.pages.proof(body)})
        return Response(200, answer, {"Content-Type": "application/json", **NO_STORE})

    async def _leave(self, request: Request, seen: Seen, broken: bool) -> Response:
        """Back to the shop: with the outcome that it was told, after it was told."""
        body = await self._told(seen)
        if body is None:
            url = seen.pages.broken(seen.payment) if broken else None
        else:
            await self._shop_heard(seen)
            url = seen.pages.leave(seen.payment, body)
        return self._go(303, url) if url else self._again(request, seen)

    async def _told(self, seen: Seen) -> str | None:
        payment = seen.payment
        named = Named(merchant_id=payment.merchant_id, dialect=payment.dialect, reference=payment.reference)
        bodies = (await self._reads.told(named)).bodies
        return bodies[0] if bodies and payment.state is not State.REVIEW else None  # what came late makes it no outcome any more

    async def _shop_heard(self, seen: Seen) -> None:
        """The shop's page may show what its server stored: give the notice its first try, but not for ever."""
        ends = ticks() + WEBHOOK_FIRST_S
        while ticks() < ends and not await self._reader.submit(tried, seen.payment.id):  # noqa: ASYNC110 - another process may send it
            await asyncio.sleep(LOOK_EVERY_S)

    async def _report(self, seen: Seen, event: Event, source: Source, happened_at: int) -> None:
        report = Report(payment_id=seen.payment.id, event=event, source=source, happened_at=happened_at)
        await self._writer.submit(self._door.advance, report)

    async def _see(self, request: Request) -> Seen | None:
        prefix = next(prefix for prefix in self._dialects if request.path.startswith(prefix))
        dialect = self._dialects[prefix]
        token = request.params.get("token", "")
        payment = await self._reads.by_reference(dialect.name, token) if token.isascii() and token.isalnum() else None
        found = await self._reads.with_attempts(payment.id) if payment is not None else None
        if found is None or dialect.transfer is None:
            return None
        language = words.choose_language(request.query.get("lang"), request.header("accept-language"))
        facts, query = dialect.transfer.facts(found[0]), request.query
        return Seen(*found, dialect, dialect.transfer, facts, language, bool(query.get("embedded")), query.get("k", "")[:64])

    def _again(self, request: Request, seen: Seen, **pairs: str | None) -> Response:
        """The page once more, by GET."""
        keep = {"lang": request.query.get("lang"), "embedded": "1" if seen.embedded else None}
        return self._go(303, request.path + query_string(keep, **pairs))

    @staticmethod
    def _go(status: int, url: str) -> Response:
        return Response(status, b"", {"Location": quote(url, safe="%/:=&?~#+!$,;'@()*[]|"), **NO_STORE, "Referrer-Policy": "no-referrer"})

    def _bare(self, request: Request, page: Page) -> View:
        language = words.choose_language(request.query.get("lang"), request.header("accept-language"))
        links = {code: query_string({}, lang=code) for code in words.NAMES} | {"here": "?"}
        return View(page=page, language=language, nonce=ids.token(24), sandbox=self._sandbox, links=links)

    @staticmethod
    def _respond(view: View, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
        return Response(status or render.status(view), render.render(view), {**render.headers(view), **(headers or {})})


def _screen(seen: Seen) -> str:
    """The page of a payment's state; "choose" where the payer is to do something."""
    payment, attempt = seen.payment, seen.alive
    if payment.state in SUCCESS:
        return Page.PAID
    if payment.state is State.EXPIRED or overdue(payment, seen.now):
        return Page.EXPIRED
    if payment.state is State.FAILED:
        return Page.FAILED
    if payment.state is State.REVIEW:
        return Page.REVIEW
    waits = payment.state in (State.PENDING, State.UNCLEAR) or (attempt is not None and attempt.state is not AttemptState.HANDED_OVER)
    return Page.WAITING if waits else "choose"
