"""Echelon's code lists, balances, payment options and rates: each a read. In comma lists what is unknown is ignored."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from paymux.clock import MINUTE, iso_ms
from paymux.dialects.echelon import answers, wire
from paymux.dialects.echelon.desk import Entered, answer, broken, error
from paymux.dialects.echelon.errors import BusinessError, Code, business
from paymux.dialects.echelon.fields import plain
from paymux.dialects.echelon.methods import PAYIN, PAYOUT
from paymux.dialects.echelon.payins import used_today
from paymux.http.serve import Request, Response
from paymux.ledger.read import standings
from paymux.merchants.channels import Channel, Direction
from paymux.storage.writer import Batcher

RATE_LASTS_MS = MINUTE
_CONTEXT = Context(prec=10, rounding=ROUND_HALF_EVEN)


class Lists:
    """The handlers. `rates`: what one unit of a currency is worth in USD, roughly. `served`: which way money can go at all."""

    def __init__(self, reader: Batcher, rates: Mapping[str, Decimal], served: Collection[Direction]) -> None:
        self._reader, self._rates, self._served = reader, rates, served

    async def currencies(self, request: Request, entered: Entered) -> Response:
        return answer(200, _codes(entered.merchant.profile.currencies))

    async def segments(self, request: Request, entered: Entered) -> Response:
        return answer(200, _codes(entered.merchant.profile.segments))

    async def operators(self, request: Request, entered: Entered) -> Response:
        return answer(200, {"data": [{"code": code, "name": name} for code, name in entered.merchant.profile.operators.items()]})

    async def methods(self, request: Request, entered: Entered) -> Response:
        return answer(200, _codes(dict.fromkeys(channel.method for channel in entered.merchant.profile.channels)))

    async def merchant_info(self, request: Request, entered: Entered) -> Response:
        return answer(200, {"channelInfo": {"name": entered.merchant.profile.channel_name}})

    async def balances(self, request: Request, entered: Entered) -> Response:
        wanted = wire.comma_list(request.query.get("currencyCodes"), request.query.get("currencies"))
        found = await self._reader.submit(standings, entered.merchant.merchant_id)
        return answer(200, answers.balances(entered.merchant, found, wanted))

    async def options(self, request: Request, entered: Entered) -> Response:
        query, profile = request.query, entered.merchant.profile
        kind = query.get("paymentTypeCode")
        if kind is not None and kind not in tuple(Direction):
            return error(400, "paymentTypeCode must be PAYIN or PAYOUT")
        methods, operators, segments, currencies = (
            wire.comma_list(query.get(name)) for name in ("paymentMethodCodes", "paymentOperatorCodes", "segmentCodes", "currencyCodes")
        )
        unknown = [
            *_all_unknown(methods, (*PAYIN, *PAYOUT), Code.PAYMENT_METHOD_CODE_INVALID, "paymentMethodCodes"),
            *_all_unknown(operators, profile.operators, Code.PAYMENT_OPERATOR_CODE_INVALID, "paymentOperatorCodes"),
            *_all_unknown(segments, profile.segments, Code.SEGMENT_CODE_INVALID, "segmentCodes"),
        ]
        if unknown:
            return broken(unknown)

        def kept(channel: Channel) -> bool:
            return (
                kind in (None, channel.direction)
                and (methods is None or channel.method in methods)
                and (currencies is None or channel.currency in currencies)
                and (operators is None or any(operator.code in operators for operator in channel.operators))
                and (not channel.segments or segments is None or bool({*segments} & {*channel.segments}))
            )

        used = await used_today(self._reader, entered.merchant)
        return answer(200, answers.payment_options(profile, kept, segments, used, self._served))

    async def rate_pairs(self, request: Request, entered: Entered) -> Response:
        return answer(200, {"data": [pair for pair, _ in self._pairs(entered.merchant.profile.currencies)]})

    async def rates(self, request: Request, entered: Entered) -> Response:
        until = iso_ms(entered.now + RATE_LASTS_MS)
        found = self._pairs(entered.merchant.profile.currencies)
        return answer(200, {"data": [{**pair, "rate": rate, "validUntil": until} for pair, rate in found]})

    def _pairs(self, codes: Sequence[str]) -> list[tuple[dict[str, str], Decimal]]:
        valued = [code for code in codes if self._rates.get(code)]
        return [
            ({"baseCurrencyCode": base, "quoteCurrencyCode": quote}, plain(_CONTEXT.divide(self._rates[base], self._rates[quote])))
            for base in valued
            for quote in valued
            if base != quote
        ]


def _codes(codes: Iterable[str]) -> answers.Json:
    return {"data": [{"code": code} for code in codes]}


def _all_unknown(given: Sequence[str] | None, known: Iterable[str], code: Code, attribute: str) -> list[BusinessError]:
    """A filter of which not one value is known."""
    return [business(code, "None of these codes is known", attribute)] if given and not {*given} & {*known} else []
