"""ETpay's endpoints: wire in, one verb, wire out. The funnel's pages are the checkout's; here are the calls of shops.

Source: ETpay's manual and SDK; `simulate` is ours, for tests against the sandbox, and so is what `desk` has beside the login.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from paymux import ids
from paymux.config import Settings
from paymux.dialects.etpay import jwt, wire
from paymux.dialects.etpay.account import DIALECT, about
from paymux.dialects.etpay.auth import identify
from paymux.dialects.etpay.desk import Desk
from paymux.dialects.etpay.errors import HTTP, REFUSALS, Code, ErrorAnswer, Fault, answer, invalid
from paymux.dialects.etpay.login import Login
from paymux.dialects.etpay.notices import token_of
from paymux.errors import Refused
from paymux.http.serve import JSON, Handler, Request, Response, Route, Table
from paymux.keyring import Keyring
from paymux.merchants.directory import Directory
from paymux.payments.decide import overdue
from paymux.payments.dialect import Dialect
from paymux.payments.lifecycle import OPEN, Event
from paymux.payments.model import LastError, Named, OpenPayment, Payment, Report, Source, ToldOf
from paymux.payments.open import Opened
from paymux.payments.read import Reads
from paymux.payments.report import Reporter, SandboxReport, Told
from paymux.payments.transfer import Transfers
from paymux.payouts.refund import Refunds
from paymux.storage.writer import Batcher

BODY_MAX = 64 * 1024
TOKEN_CHARS, PAYMENT_TOKEN_CHARS = 64, 20
FAILURES = {
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.REQUEST_TIMEOUT,
    413: Code.PAYLOAD_TOO_LARGE,
    500: Code.INTERNAL_ERROR,
    503: Code.SERVICE_UNAVAILABLE,
}
OpenVerb = Callable[[OpenPayment], Awaitable[Opened | Refused]]


class SimulateRequest(msgspec.Struct):
    outcome: Literal["success", "error", "cancel", "system_error"]


class SimulateAnswer(msgspec.Struct, frozen=True):
    redirect_url: str | None


def error(fault: Fault, headers: Mapping[str, str] | None = None) -> Response:
    """An error in this dialect's form."""
    return Response(HTTP[fault.code], msgspec.json.encode(answer(fault)), {**JSON, **(headers or {})})


def failure(request: Request, status: int, headers: Mapping[str, str]) -> Response:
    """404, 405, 408, 413, 500 and 503 of the dispatcher."""
    return error(Fault(FAILURES[status]), headers)


class Api:
    """The merchant API under /session/ and /merchant/."""

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        reader: Batcher,
        writer: Batcher,
        directory: Directory,
        reads: Reads,
        open_payment: OpenVerb,
        advance: Callable[..., Awaitable[Any]],
        reporter: Reporter,
        transfers: Transfers,
        record: Dialect,
        refunds: Refunds,
        remitter: str | None,
    ) -> None:
        self._settings, self._keyring, self._reader, self._writer = settings, keyring, reader, writer
        self._directory, self._reads, self._open, self._advance = directory, reads, open_payment, advance
        self._reporter, self._transfers, self._record = reporter, transfers, record
        self._sandbox = settings.mode == "sandbox"
        codes = [bank.code for country in ("cl", "mx") for bank in transfers.banks(country, self._sandbox)]
        self._banks = wire.Banks(frozenset(codes), self._sandbox)
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._desk = Desk(Login(keyring, reader, directory), reader, writer, reads, refunds, remitter, self._banks)

    def table(self) -> Table:
        errors: dict[int, Any] = dict.fromkeys((400, 401, 404, 405, 408, 413, 500, 503), ErrorAnswer)
        create = Route(
            "POST",
            "/session/initialize",
            self.initialize,
            "Create a payment session; then send the buyer to /session/{token}",
            wire.InitializeRequest,
            {200: wire.InitializeAnswer, **errors},
        )
        status = Route(
            "POST",
            "/merchant/check_payment_status",
            self.status,
            "The ended payments under a name, newest first; running ones are not there",
            wire.StatusRequest,
            {200: list[wire.Claims], **errors},
        )
        routes = [create, status, *self._desk.routes(self._on, errors)]
        if self._sandbox:
            about_it = "Sandbox only: end a session as if its buyer had"
            answers = {200: SimulateAnswer, **errors, 409: ErrorAnswer}
            routes.append(Route("POST", "/session/{token}/simulate", self.simulate, about_it, SimulateRequest, answers))
        return Table(DIALECT, routes, failure, ("/session/", "/merchant/", "/v1/"), BODY_MAX)

    def _on(self, verb: Callable[[Request], Awaitable[object]]) -> Handler:
        """A handler of what answers with a value or a fault."""

        async def handle(request: Request) -> Response:
            found = await verb(request)
            return error(found) if isinstance(found, Fault) else self._ok(found)

        return handle

    async def initialize(self, request: Request) -> Response:
        sent = wire.body_of(request.body)
        if isinstance(sent, Fault):
            return error(sent)
        asker = wire.asker(sent, code_required=True)
        known = asker if isinstance(asker, Fault) else await identify(self._reader, self._directory, asker)
        if isinstance(known, Fault):
            return error(known)
        merchant, account = known
        token, signature = ids.token(TOKEN_CHARS), ids.token(TOKEN_CHARS)
        secrets = wire.Secrets(
            token=token,
            payment_token=ids.token(PAYMENT_TOKEN_CHARS),
            sealed_signature=self._keyring.encrypt(signature, about(token)),
        )
        wish = wire.session(sent, merchant, account, self._banks, secrets, request.base_url)
        if isinstance(wish, Fault):
            return error(wish)
        opened = await self._open(wish)
        assert isinstance(opened, Opened), "names of 64 random characters do not meet"
        return self._ok(wire.InitializeAnswer(token, signature, wire.terms_url(account, request.base_url)))

    async def status(self, request: Request) -> Response:
        sent = wire.body_of(request.body)
        if isinstance(sent, Fault):
            return error(sent)
        asker = wire.asker(sent, code_required=False)
        known = asker if isinstance(asker, Fault) else await identify(self._reader, self._directory, asker)
        if isinstance(known, Fault):
            return error(known)
        named = wire.named(sent, known[0].id)
        if isinstance(named, Fault):
            return error(named)
        told = await self._told(named) if named is not None else ToldOf([], [])
        return Response(200, b"[" + b",".join(jwt.payload(token_of(body)) for body in told.bodies) + b"]", JSON)

    async def _told(self, named: Named) -> ToldOf:
        """What was told; what is over by the clock alone is told first."""
        told = await self._reads.told(named)
        for payment_id, since in told.overdue:
            report = Report(payment_id=payment_id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=since)
            await self._writer.submit(self._advance, report)
        return await self._reads.told(named) if told.overdue else told

    async def simulate(self, request: Request) -> Response:
        """End a session, and say where its buyer's browser would go."""
        payment = await self._reads.by_reference(DIALECT, request.params["token"])
        if payment is None:
            return error(Fault(Code.NOT_FOUND))
        sent = wire.body_of(request.body)
        outcome = sent if isinstance(sent, Fault) else sent.get("outcome")
        if isinstance(outcome, Fault) or outcome not in ("success", "error", "cancel", "system_error"):
            return error(outcome if isinstance(outcome, Fault) else invalid("outcome", "must be success, error, cancel or system_error"))
        found = await self._reads.with_attempts(payment.id)
        assert found is not None, "it was just there"
        payment, attempts, now = found
        if payment.state not in OPEN or overdue(payment, now) or payment.last_error == LastError.PROVIDER_UNAVAILABLE:
            return error(Fault(Code.SESSION_ENDED))
        if outcome == "system_error":
            await self._transfers.broke(payment)
            return self._redirect(self._pages.broken(payment))
        if outcome == "cancel":
            await self._transfers.cancel(payment, attempts[-1] if attempts and attempts[-1].ended_at is None else None, now)
        else:
            word = Told.PAID if outcome == "success" else Told.DECLINED
            done = await self._writer.submit(self._reporter.report, SandboxReport(payment.id, word))
            if isinstance(done, Refused):
                return error(Fault(next(REFUSALS[reason] for reason in done.reasons)))
        return await self._ended(payment)

    async def _ended(self, before: Payment) -> Response:
        payment = await self._reads.by_id(before.id)
        assert payment is not None, "it was just there"
        told = await self._told(Named(merchant_id=payment.merchant_id, dialect=DIALECT, reference=payment.reference))
        if not told.bodies:
            return error(Fault(Code.SESSION_ENDED, message=f"The session is {payment.state}: it cannot be ended now"))
        return self._redirect(self._pages.leave(payment, told.bodies[0]))

    @property
    def _pages(self) -> Any:
        assert self._record.transfer is not None, "this dialect has its pages"
        return self._record.transfer

    def _redirect(self, url: str | None) -> Response:
        return self._ok(SimulateAnswer(url))

    def _ok(self, found: object) -> Response:
        return Response(200, self._encoder.encode(found), JSON)
