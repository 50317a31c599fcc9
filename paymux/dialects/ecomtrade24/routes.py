"""EcomTrade24's endpoints: wire in, one verb, wire out.

Source: EcomTrade24's manual; the aliases are from older copies of it and from a gateway of the same shape.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from paymux.clock import MINUTE, Clock
from paymux.config import Settings
from paymux.dialects.ecomtrade24 import answers, wire
from paymux.dialects.ecomtrade24.auth import Limits, TooFast, given_key
from paymux.dialects.ecomtrade24.errors import HTTP, Code
from paymux.dialects.ecomtrade24.mode import DIALECT, Platform
from paymux.errors import Refused
from paymux.http.serve import JSON, Parameter, Request, Response, Route, Table
from paymux.merchants.directory import Directory, Found, Remembered
from paymux.payments.model import OpenPayment, Payment
from paymux.payments.open import Opened
from paymux.payments.read import ByOrderRef, Reads, by_id_and_version
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

FAILURES = {
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.REQUEST_TIMEOUT,
    413: Code.PAYLOAD_TOO_LARGE,
    500: Code.SERVER_ERROR,
    503: Code.SERVICE_UNAVAILABLE,
}
OpenVerb = Callable[[OpenPayment], Awaitable[Opened | Refused]]
OpenRemembered = Callable[[Remembered, OpenPayment], Awaitable[Opened | None]]


def error(code: Code, retry_after: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """An error in this dialect's form."""
    more = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return Response(HTTP[code], msgspec.json.encode(wire.error_answer(code, retry_after)), {**JSON, **(headers or {}), **more})


def failure(request: Request, status: int, headers: Mapping[str, str]) -> Response:
    """404, 405, 408, 413, 500 and 503 of the dispatcher."""
    wait = headers.get("Retry-After")
    return error(FAILURES[status], None if wait is None else int(wait), headers)


class Gateway:
    """The merchant API under /gateway/."""

    def __init__(
        self,
        settings: Settings,
        reader: Batcher,
        directory: Directory,
        reads: Reads,
        open_payment: OpenVerb,
        open_remembered: OpenRemembered,
        clock: Clock,
    ) -> None:
        self._settings, self._reader, self._directory, self._reads, self._clock = settings, reader, directory, reads, clock
        self._open, self._open_remembered = open_payment, open_remembered
        self._limits = Limits(settings)
        self._encoder = msgspec.json.Encoder()
        self._last: tuple[object, Platform | None] = (None, None)

    def table(self) -> Table:
        by = [
            Parameter("session_id", "the session's number"),
            Parameter("order_id", "the shop's own order number; a paid session wins, else the newest"),
            Parameter("number", "`session_1459` or the bare number"),
        ]
        errors: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 405, 408, 413, 422, 429, 500, 503), answers.ErrorAnswer)
        me = Route("GET", "/gateway/me.php", self.me, "Check the key; see plan and methods", None, {200: answers.MeAnswer, **errors})
        create = Route(
            "POST",
            "/gateway/session.php",
            self.session,
            "Create a checkout session, or get the live one of the same order",
            wire.SessionRequest,
            {200: (answers.HostedAnswer, answers.SmartAnswer), **errors},
        )
        status = Route(
            "GET",
            "/gateway/session_status.php",
            self.status,
            "How a session stands; a fallback, the notice is the primary signal",
            None,
            {200: answers.StatusAnswer, **errors},
            by,
        )
        alias = Route("GET", "/gateway/status.php", self.status, "The same as session_status.php", None, status.answers, by)
        return Table(DIALECT, (me, create, status, alias), failure, ("/gateway/", "/api/"))

    async def me(self, request: Request) -> Response:
        found, refused = await self._identify(request, "me")
        if refused is not None:
            return refused
        assert found.merchant is not None
        return self._ok(wire.me_answer(found.merchant, self._platform(found)))

    async def session(self, request: Request) -> Response:
        opened: Opened | Refused | None
        opened, counted = await self._opened_as_remembered(request)
        if opened is None:
            found, refused = await self._identify(request, "session", counted)
            if refused is not None:
                return refused
            assert found.merchant is not None
            wish = wire.parse_session(request.body, found.merchant, self._platform(found))
            if isinstance(wish, Code):
                return error(wish)
            opened = await self._open(wish)
        assert isinstance(opened, Opened), "a wish without a reference is never refused"
        return self._ok(wire.session_answer(opened.payment, request.base_url))

    async def _opened_as_remembered(self, request: Request) -> tuple[Opened | None, bool]:
        """Most callers were here a moment ago: judge by what is remembered of them, and let the transaction that opens the payment see
        whether it is still true. None where the database must be asked first, before anything is refused; whether the call is counted."""
        key = given_key(request)
        known = self._directory.remembered(DIALECT, key, self._clock.now()) if key else None
        if known is None or self._too_fast(request, key, known.found, "session", "") is not None:
            return None, False
        if self._unwelcome(key, known.found) is not None:
            return None, True
        assert known.found.merchant is not None
        wish = wire.parse_session(request.body, known.found.merchant, self._platform(known.found))
        if isinstance(wish, Code):
            return None, True
        return await self._open_remembered(known, wish), True

    async def status(self, request: Request) -> Response:
        asked = wire.lookup(request.query)
        key = given_key(request)
        found, payment = await self._reader.submit(
            self._caller_and_payment, (key or "", asked.id if isinstance(asked, wire.ById) else None)
        )
        looked_up = asked.id if isinstance(asked, wire.ById) else repr(asked)
        refused = self._refusal(request, key, found, "status", looked_up)
        if refused is not None:
            return refused
        assert found.merchant is not None
        if isinstance(asked, Code):
            return error(asked)
        if isinstance(asked, wire.ByOrder):
            payment = await self._reads.by_order(ByOrderRef(found.merchant.id, DIALECT, asked.order_ref))
        if payment is None or payment.merchant_id != found.merchant.id or payment.dialect != DIALECT:
            return error(Code.SESSION_NOT_FOUND)
        return self._ok(wire.status_answer(payment, request.base_url, found.now))

    async def _identify(self, request: Request, endpoint: str, counted: bool = False) -> tuple[Found, Response | None]:
        """Rate, key present, key known, merchant active: in the manual's order."""
        key = given_key(request)
        found = await self._reader.submit(self._directory.by_key, (DIALECT, key or ""))
        return found, self._unwelcome(key, found) if counted else self._refusal(request, key, found, endpoint, "")

    async def _caller_and_payment(self, tx: Tx, asked: Sequence[tuple[str, int | None]], now: int) -> list[tuple[Found, Payment | None]]:
        """(key, payment's number): who asks and the payment, by one transaction."""
        ids = [payment_id for _, payment_id in asked if payment_id is not None]
        read, version = await by_id_and_version(tx, ids)
        payments = dict(zip(ids, read, strict=True))
        found = await self._directory.by_key(tx, [(DIALECT, key) for key, _ in asked], now, version)
        return [(who, None if payment_id is None else payments[payment_id]) for who, (_, payment_id) in zip(found, asked, strict=True)]

    def _refusal(self, request: Request, key: str | None, found: Found, endpoint: str, looked_up: str | int) -> Response | None:
        return self._too_fast(request, key, found, endpoint, looked_up) or self._unwelcome(key, found)

    def _too_fast(self, request: Request, key: str | None, found: Found, endpoint: str, looked_up: str | int) -> Response | None:
        """Counts the call, unless it is refused."""
        caller = "" if found.merchant else f"key {key}" if key else f"address {request.client}"
        too_fast = self._limits.check(endpoint, found.merchant, caller, looked_up, found.now)
        return error(too_fast.code, too_fast.retry_after) if isinstance(too_fast, TooFast) else None

    def _unwelcome(self, key: str | None, found: Found) -> Response | None:
        if key is None:
            return error(Code.MISSING_API_KEY)
        if found.merchant is None:
            return error(Code.INVALID_API_KEY)
        return None if found.merchant.active else error(Code.MERCHANT_DISABLED)

    def _platform(self, found: Found) -> Platform:
        known, platform = self._last
        if known is not found.platform:  # it is another one when something was switched, or a route's health changed
            settings = self._settings
            platform = Platform(
                smart_routing_global=found.platform.smart_routing,
                routes=found.platform.routes,
                rates=settings.fx_rates,
                session_lasts_ms=settings.session_minutes * MINUTE,
                email_deny=frozenset(settings.email_deny_domains),
                gateway_host="",
            )
            self._last = (found.platform, platform)
        assert platform is not None
        return platform

    def _ok(self, answer: object) -> Response:
        return Response(200, self._encoder.encode(answer), JSON)
