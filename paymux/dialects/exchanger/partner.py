"""The partners' own API, `/service/partner/api.php?api_action=pp&api_key=…&method=…`: it reads and nothing else.

Source: the partner page of an installation. It names the members and gives no types: amounts are plain decimal texts, times Unix seconds.
Balances in several currencies are summed in US dollars by the currencies' own rates, cut to cents; `items` has each currency as it is.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import msgspec

from paymux import clock
from paymux.clock import MINUTE, SECOND
from paymux.dialects.exchanger.params import read_query, text_of
from paymux.dialects.exchanger.wire import number
from paymux.exchange.calculate import plain_units
from paymux.exchange.catalogue import Shelf
from paymux.exchange.lifecycle import Status
from paymux.exchange.model import trimmed
from paymux.exchange.offer import Catalogue
from paymux.exchange.partners import EVER, Brought, Clicked, Earned, Partners, Span
from paymux.http.limits import Window
from paymux.http.serve import Request, Response
from paymux.keyring import Keyring
from paymux.money import decimal_text
from paymux.storage.writer import Batcher

PER_MINUTE = 60
KEY_CHARS_MAX = 200
HEADERS = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Data = dict[str, Any]


class PartnerApi:
    """One address, three methods."""

    def __init__(self, partners: Partners, shelf: Shelf, reader: Batcher, keyring: Keyring, limited: bool) -> None:
        self._partners, self._shelf, self._reader, self._keyring, self._limited = partners, shelf, reader, keyring, limited
        self._minute = Window(MINUTE)
        self._methods: Mapping[str, Callable[[Request, Catalogue, Span], Awaitable[Data]]] = {
            "get_info": self._info,
            "get_exchanges": self._exchanges,
            "get_links": self._links,
        }

    async def handle(self, request: Request) -> Response:
        given = read_query(request.query_string)
        catalogue = await self._reader.submit(self._shelf.read, None)
        if self._limited and self._minute.hit(request.client, PER_MINUTE, catalogue.now):
            return _answer("error", 429, "Too many requests, please wait", {})
        code = await self._reader.submit(self._partners.find, text_of(given.get("api_key"))[:KEY_CHARS_MAX])
        if code is None:
            return _answer("error", 403, "The api_key is wrong", {})
        method = self._methods.get(text_of(given.get("method")))
        if text_of(given.get("api_action")) != "pp" or method is None:
            return _answer("error", 404, "api_action is pp, method is get_info, get_exchanges or get_links", {})
        since, until = _seconds(given.get("start_time")), _seconds(given.get("end_time"))
        span = Span(code, (since or 0) * SECOND, EVER if until is None else (until + 1) * SECOND)
        return _answer("success", 0, "", await method(request, catalogue, span))

    async def _info(self, request: Request, catalogue: Catalogue, span: Span) -> Data:
        money = await self._reader.submit(self._partners.money, span.code)
        return {
            "balance": _dollars(catalogue, [(one, one.earned - one.paid) for one in money]),
            "totalReceived": _dollars(catalogue, [(one, one.paid) for one in money]),
            "link": f"{request.base_url}/ref/{span.code}/",
            "min_payout": 0,
            "items": {one.currency: _money(catalogue, one) for one in money if one.currency in catalogue.currencies},
        }

    async def _exchanges(self, request: Request, catalogue: Catalogue, span: Span) -> Data:
        found = await self._reader.submit(self._partners.orders, span)
        return {"items": {str(one.order.uid): self._exchange(catalogue, one) for one in found}}

    def _exchange(self, catalogue: Catalogue, brought: Brought) -> Data:
        order, details = brought.order, brought.order.details
        who = details.email or next((one.value for one in details.route_values if one.key == "email"), order.id)
        return {
            "id": order.uid,
            **_when(order.created_at),
            "course_give": details.rate_in,
            "course_get": details.rate_out,
            "amount_give": trimmed(decimal_text(order.in_units, details.from_decimals)),
            "amount_get": trimmed(decimal_text(order.out_units, details.to_decimals)),
            "exchange_success": int(order.status is Status.DONE),
            "accrued": int(brought.units > 0),
            "partner_reward": plain_units(brought.units or order.commission_units, catalogue.currencies[order.from_code]),
            "user_hash": self._keyring.mac("visitor", who.lower())[:16],
        }

    async def _links(self, request: Request, catalogue: Catalogue, span: Span) -> Data:
        found = await self._reader.submit(self._partners.clicks, span)
        return {"items": {str(one.id): _link(one) for one in found}}


def _link(one: Clicked) -> Data:
    seen = {"browser": one.browser, "ip": one.network, "referrer": one.referrer, "user_hash": one.visitor, "query_string": one.query}
    return {"id": one.id, **_when(one.clicked_at), **seen}


def _money(catalogue: Catalogue, one: Earned) -> Data:
    currency = catalogue.currencies[one.currency]
    return {"balance": plain_units(one.earned - one.paid, currency), "totalReceived": plain_units(one.paid, currency)}


def _dollars(catalogue: Catalogue, parts: Sequence[tuple[Earned, int]]) -> msgspec.Raw:
    total = Fraction(0)
    for one, units in parts:
        currency = catalogue.currencies.get(one.currency)
        if currency is not None:
            total += Fraction(units, 10**currency.decimals) * Fraction(currency.usd_rate)
    return number(decimal_text(floor(total * 100), 2))


def _when(at: int) -> Data:
    return {"time": at // SECOND, "date": clock.iso(at)[:19].replace("T", " ")}


def _seconds(given: Any) -> int | None:
    text = text_of(given).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 11 else None


def _answer(status: str, error: int, text: str, data: Data) -> Response:
    return Response(200, msgspec.json.encode({"status": status, "error": error, "error_text": text, "data": data}), HEADERS)
