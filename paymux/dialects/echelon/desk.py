"""What stands before every Echelon endpoint: version, rate, token, operations; and the forms of its answers.

The order is the contract's: 404 for the version (and for a wrong URL or method), 429, 401, 403; then the endpoint's own 400, 403, 409,
406 and 410. Requests of somebody unknown are counted by address. Source: Echelon's general concepts page; the order is ours.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from paymux.config import Settings
from paymux.dialects.echelon import auth
from paymux.dialects.echelon.auth import Limits, Tokens
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.dialects.echelon.claims import Claims
from paymux.dialects.echelon.errors import DESCRIPTIONS, REFUSALS, BasicError, BusinessError, Code, business
from paymux.dialects.echelon.fields import ID, Asked, Fault
from paymux.errors import Refused
from paymux.http.serve import JSON, Request, Response
from paymux.keyring import Keyring
from paymux.merchants.profiles import Profiled, Profiles
from paymux.storage.writer import Batcher

VERSION = "2"
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}  # narrow tokens are meant for browsers, too
PREFLIGHT = {
    **ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Version, Id-Customer",
    "Access-Control-Max-Age": "600",
}
_encoder = msgspec.json.Encoder(decimal_format="number")


def answer(status: int, body: Any) -> Response:
    """A JSON answer: exact decimals, whole ones without a fraction."""
    return Response(status, _encoder.encode(body), {**JSON, **ANY_ORIGIN})


def error(status: int, description: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A BasicError."""
    body = _encoder.encode(BasicError(description or DESCRIPTIONS.get(status, DESCRIPTIONS[500])))
    more = {"Retry-After": "1"} if status == 429 else {}
    return Response(status, body, {**JSON, **ANY_ORIGIN, **more, **(headers or {})})


def broken(errors: Sequence[BusinessError]) -> Response:
    """Business rules that were not met: always a list."""
    assert errors, "a refusal names a rule"
    return answer(406, errors)


def refused(refusal: Refused) -> Response:
    """The core's refusal in this wire's words; of several the first of the table."""
    status, description, code = next(REFUSALS[reason] for reason in REFUSALS if refusal.has(reason))
    return error(status, description) if code is None else broken([business(code, description)])


def failure(request: Request, status: int, headers: Mapping[str, str]) -> Response:
    """The dispatcher's own: a wrong method is a wrong URL here, a body that is too large breaks the schema."""
    kept = {name: value for name, value in headers.items() if name != "Allow"}
    return error({405: 404, 413: 400, 408: 400}.get(status, status), DESCRIPTIONS.get(status), kept)


def versioned(request: Request) -> bool:
    return request.header("x-api-version").strip() == VERSION


class Entered(msgspec.Struct, frozen=True):
    """A call that may be made: by whom, under which token, when."""

    merchant: Profiled
    claims: Claims
    now: int


Handler = Callable[[Request, Entered], Awaitable[Response]]


class Desk:
    """Lets calls in."""

    def __init__(self, settings: Settings, keyring: Keyring, reader: Batcher) -> None:
        self.tokens = Tokens(keyring)
        self.profiles = Profiles()
        self.limits = Limits(settings.echelon_per_second, settings.rate_limits)
        self._reader = reader

    def guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The handler behind all checks; a breach of the schema that it raises is a 400."""

        async def served(request: Request) -> Response:
            if not versioned(request):
                return error(404, "X-API-Version must be 2")
            if any(value.startswith("!") for value in request.params.values()):
                return error(404)  # a verb that is known, by a method that it does not have
            entered = await self.enter(request, request.method, _path(request), request.header("authorization"))
            if isinstance(entered, Response):
                return entered
            try:
                if any(not ID.fullmatch(value) for value in request.params.values()):
                    return error(400, "The id must be 1 to 250 letters, digits, _ and -")
                return await handler(request, entered)
            except Fault as fault:
                return error(400, str(fault))

        return served

    def open(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The handler of a token endpoint, which asks for no token."""

        async def served(request: Request) -> Response:
            if not versioned(request):
                return error(404, "X-API-Version must be 2")
            try:
                return await handler(request)
            except Fault as fault:
                return error(400, str(fault))

        return served

    async def enter(self, request: Request, method: str, path: str, authorization: str, *, counted: bool = True) -> Entered | Response:
        """Rate, token, operations, merchant. A token that is over is nobody's: whoever kept one does not use up the merchant's rate.
        Our own page is not `counted`: the merchant's buyers do not, either."""
        claims = self.tokens.read(authorization)
        seen = await self._reader.submit(self.profiles.by_code, (DIALECT, claims.sub if claims else ""))
        merchant = seen.merchant if claims is not None and self.tokens.live(claims, seen.now) else None
        who = ("merchant", merchant.merchant_id) if merchant else ("address", request.client)
        if counted and self.limits.too_fast(who, seen.now):
            return error(429)
        if claims is None or merchant is None:
            return error(401)
        if not auth.covers(claims.operations, method, path):
            return error(403)
        if not merchant.active:
            return broken([business(Code.MERCHANT_INACTIVE, "The merchant is not active")])
        return Entered(merchant, claims, seen.now)


def _path(request: Request) -> str:
    return request.path if request.path == "/" else request.path.rstrip("/")


def money_allowed(claims: Claims, asked: Asked) -> bool:
    """Whether a token that is restricted to an amount allows this one: equal as numbers, the currency to the letter."""
    limit = claims.money
    return limit is None or (limit.amount == asked.amount and limit.currencyCode == asked.code)
