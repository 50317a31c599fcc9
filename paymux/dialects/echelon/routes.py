"""Echelon's endpoints: which call goes where. A trailing slash is tolerated, a wrong method is a 404, and preflights are answered.

Source: Echelon's OpenAPI document (2.47), changelog and general concepts page.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Literal

import msgspec

from paymux import ids
from paymux.config import Settings
from paymux.dialects.echelon import auth, wire
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.dialects.echelon.desk import PREFLIGHT, VERSION, Desk, answer, broken, error, failure
from paymux.dialects.echelon.errors import BasicError, BusinessError, Code, business
from paymux.dialects.echelon.lists import Lists
from paymux.dialects.echelon.payins import Payins
from paymux.dialects.echelon.payouts import Payouts
from paymux.dialects.echelon.topups import TopUps
from paymux.http.serve import Parameter, Request, Response, Route, Table
from paymux.keyring import Keyring
from paymux.merchants.channels import Direction
from paymux.merchants.directory import Directory
from paymux.payments.turn import Channels
from paymux.storage.writer import Batcher

ANSWER = dict[str, Any]
PREFIXES = (
    "/auth-tokens", "/payins", "/payouts", "/topups", "/balances", "/merchant-info", "/currencies", "/segments", "/payment-operators",
    "/payment-methods", "/payment-options", "/fx-rates", "/fx-rate-pairs", "/qr/",
)  # fmt: skip


class TokenAnswer(msgspec.Struct, frozen=True):
    token: str


class Merchants:
    """The merchant API."""

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        reader: Batcher,
        writer: Batcher,
        directory: Directory,
        channels: Channels,
        remitter: str | None,
        sandbox: bool,
    ) -> None:
        self.desk = Desk(settings, keyring, reader)
        self.payins = Payins(settings, reader, writer, channels, remitter, sandbox)
        self._topups = TopUps(self.payins, settings.fx_rates, sandbox)
        self._payouts = Payouts(reader, writer, remitter, sandbox)
        served = ([Direction.PAYIN] if sandbox else []) + ([Direction.PAYOUT] if remitter else [])
        self._lists = Lists(reader, settings.fx_rates, served)
        self._reader, self._directory = reader, directory

    def table(self) -> Table:
        version = Parameter("X-API-Version", "major version of the API", "header", {"const": VERSION})
        routes = [replace(one, parameters=(version, *one.parameters)) for one in (*self._tokens(), *self._payments(), *self._reads())]
        paths = dict.fromkeys(route.path for route in routes)
        slashed = [Route(one.method, one.path + "/", one.handler, hidden=True) for one in routes]
        preflights = [Route("OPTIONS", path + slash, _preflight, hidden=True) for path in paths for slash in ("", "/")]
        image = Route("GET", "/qr/{number}/{name}", self.payins.image, hidden=True)
        return Table(
            DIALECT, (*routes, *slashed, *preflights, image), failure, PREFIXES, owns=lambda request: "x-api-version" in request.headers
        )

    def _tokens(self) -> list[Route]:
        errors = {200: TokenAnswer, **_basic(400, 403, 404, 429), 406: list[BusinessError]}

        def by(way: Literal["operations", "action"]) -> Callable[[Request], Awaitable[Response]]:
            async def serve(request: Request) -> Response:
                return await self._token(request, way)

            return self.desk.open(serve)

        return [
            Route("POST", "/auth-tokens", by("operations"), "Get a token for operations", wire.TokenBody, errors),
            Route("POST", "/auth-tokens-by-action", by("action"), "Get a token for an action", wire.ActionTokenBody, errors),
        ]

    def _payments(self) -> list[Route]:
        on, payins, payouts, topups = self.desk.guarded, self.payins, self._payouts, self._topups
        create = {201: ANSWER, **_basic(400, 401, 403, 404, 409, 429), 406: list[BusinessError]}
        look = {200: ANSWER, **_basic(400, 401, 403, 404, 410, 429), 406: list[BusinessError]}
        note = {204: None, **_basic(400, 401, 403, 404, 410, 429), 406: list[BusinessError]}
        return [
            Route("POST", "/payins/!availablePaymentOptions", on(payins.options), "Options of a payin", wire.OptionsBody, look),
            Route("POST", "/payins/{id_payin}", on(payins.create), "Create a payin", wire.PayinBody, create),
            Route("GET", "/payins/{id_payin}", on(payins.read), "How a payin stands", None, look),
            Route("GET", "/payins/{id_payin}/accounts", on(payins.accounts), "The customer's accounts", None, look),
            Route(
                "POST",
                "/payins/{id_payin}/!setExternalReference",
                on(payins.set_reference),
                "Tell the bank's reference",
                wire.ReferenceBody,
                note,
            ),
            Route("POST", "/payouts/!availablePaymentOptions", on(payouts.options), "Options of a payout", wire.OptionsBody, look),
            Route("POST", "/payouts/{id_payout}", on(payouts.create), "Create a payout", wire.PayoutBody, create),
            Route("GET", "/payouts/{id_payout}", on(payouts.read), "How a payout stands", None, look),
            Route("POST", "/topups/!availablePaymentOptions", on(topups.options), "Options of a top-up", wire.TopUpAsked, look),
            Route("POST", "/topups/{id_top_up}", on(topups.create), "Create a top-up", wire.TopUpBody, create),
            Route("GET", "/topups/{id_top_up}", on(topups.read), "How a top-up stands", None, look),
        ]

    def _reads(self) -> list[Route]:
        on, lists = self.desk.guarded, self._lists
        look = {200: ANSWER, **_basic(400, 401, 403, 404, 429), 406: list[BusinessError]}
        codes = [Parameter("currencyCodes", "comma list"), Parameter("currencies", "the same, older")]
        filters = [
            Parameter(name, "comma list") for name in ("paymentMethodCodes", "currencyCodes", "segmentCodes", "paymentOperatorCodes")
        ]
        return [
            Route("GET", "/balances", on(lists.balances), "Balances from the books", None, look, codes),
            Route("GET", "/merchant-info", on(lists.merchant_info), "The merchant's channel name", None, look),
            Route("GET", "/currencies", on(lists.currencies), "The merchant's currencies", None, look),
            Route("GET", "/segments", on(lists.segments), "The merchant's segments", None, look),
            Route("GET", "/payment-operators", on(lists.operators), "Operators with their names", None, look),
            Route("GET", "/payment-methods", on(lists.methods), "The merchant's methods", None, look),
            Route(
                "GET",
                "/payment-options",
                on(lists.options),
                "Channels with limits and availability",
                None,
                look,
                [Parameter("paymentTypeCode", "PAYIN or PAYOUT"), *filters],
            ),
            Route("GET", "/fx-rate-pairs", on(lists.rate_pairs), "Pairs of currencies with a rate", None, look),
            Route("GET", "/fx-rates", on(lists.rates), "Indicative rates", None, look),
        ]

    async def _token(self, request: Request, way: Literal["operations", "action"]) -> Response:
        """Schema, merchant, secret, rate, expressions: in this order."""
        wish = wire.token_wish(request.body, way)
        seen = await self._reader.submit(self.desk.profiles.by_code, (DIALECT, wish.merchant_code))
        found = await self._reader.submit(self._directory.by_key, (DIALECT, wish.secret))
        merchant = seen.merchant
        genuine = merchant is not None and found.merchant is not None and found.merchant.id == merchant.merchant_id
        who = ("merchant", merchant.merchant_id) if merchant is not None and genuine else ("address", request.client)
        too_fast = self.desk.limits.too_fast(who, seen.now)
        if too_fast and not genuine:
            return error(429)
        if merchant is None:
            return broken([business(Code.MERCHANT_NOT_FOUND, "There is no such merchant", "merchantCode")])
        if not merchant.active:
            return broken([business(Code.MERCHANT_INACTIVE, "The merchant is not active", "merchantCode")])
        if not genuine:
            return error(403, "The secret is wrong")
        if too_fast:
            return error(429)
        if not auth.runnable(wish.operations):
            return broken([business(Code.OPERATION_INVALID, "The operations are no expressions that can be run", "operations")])
        token = self.desk.tokens.issue(wish, ids.uuid(), seen.now)
        return answer(200, TokenAnswer(token))


def _basic(*statuses: int) -> dict[int, Any]:
    return dict.fromkeys((*statuses, 500, 503), BasicError)


async def _preflight(request: Request) -> Response:
    return Response(204, b"", PREFLIGHT)
