"""The exchanger's addresses: every method under /service/api/v1/, /api/v1/ and at its bare path, with and without a slash at the end.

POST works everywhere; some methods have a second verb. A call's parameters are its query and its body. Errors are HTTP 200.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from paymux import ids
from paymux.clock import Clock
from paymux.dialects.exchanger import answers, export
from paymux.dialects.exchanger.auth import Gate
from paymux.dialects.exchanger.errors import MESSAGES, TRANSPORT, Code
from paymux.dialects.exchanger.methods import Call, Data, Method, Methods, Parts
from paymux.dialects.exchanger.params import Unreadable, merged, read_body, read_query
from paymux.dialects.exchanger.partner import PartnerApi
from paymux.dialects.exchanger.wishes import Fail
from paymux.http.serve import Handler, Parameter, Request, Response, Route, Table

DIALECT = "exchanger"
BODY_BYTES_MAX = 1024 * 1024
BASES = ("/service/api/v1/", "/api/v1/", "/")
PREFIXES = ("/service/", "/api/v1/", "/public/", "/user/", "/admin/")
JSON = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Row:
    """A method: its name, what it does, its extra verb, and what it takes."""

    name: str
    method: Method
    about: str
    verb: str = ""
    request: Any = None
    cache: int | None = None


def _envelope(began_at: int, rest: Mapping[str, Any]) -> bytes:
    took_ms = max(0, Clock.wall() - began_at)
    return _encode({**rest, "latency_ms": took_ms, "requestId": f"{Clock.wall()}-{ids.token(7)}"})


def failed(code: Code, values: Mapping[str, Any], began_at: int, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An error in this wire's envelope."""
    error = {"apiError": True, "message": MESSAGES[code], "errorType": "api", "object": values, "level": 0, "errorCode": int(code)}
    return Response(status, _envelope(began_at, {"success": False, "error": error}), {**JSON, **(headers or {})})


def failure(request: Request, status: int, headers: Mapping[str, str]) -> Response:
    """404, 405, 408, 413, 500 and 503 of the dispatcher."""
    return failed(TRANSPORT[status], {}, Clock.wall(), status, headers)


class Door:
    """The table of methods, and who may call which."""

    def __init__(self, parts: Parts, partner: PartnerApi) -> None:
        self._partner = partner
        self.methods = Methods(parts)
        self._gate = Gate(parts.keys, parts.reader, parts.writer)

    def rows(self) -> Sequence[Row]:
        do, a = self.methods, answers
        public, user, admin = "public/exchanger/", "user/", "admin/exchanger/"
        return (
            Row(f"{public}route/get", do.routes, "Every open direction, with limits and rates", "GET", a.RoutesRequest, 5),
            Row(
                f"{public}route-v2/get", do.routes_v2, "Currencies and directions by their ids, with reserves", "GET", a.RoutesV2Request, 5
            ),
            Row(f"{public}route/get/one", do.route, "One direction with its fields and its rate", "GET", a.RouteRequest, 2),
            Row(f"{public}route/get/one/by-xml", do.route_by_xml, "One direction by its codes", "GET", a.CodesRequest, 2),
            Row(f"{public}route/get/one/by-friendlyURL", do.route_by_url, "One direction by its page", "GET", a.FriendlyRequest, 2),
            Row(f"{public}order/create", do.create, "Create an order", "", a.CreateRequest),
            Row(f"{public}order/get", do.order, "An order, by its number and secret", "GET", a.OrderRequest, 2),
            Row(f"{public}order/update-status", do.update_status, 'Confirm, "I paid", or cancel', "PUT", a.StatusRequest),
            Row(f"{public}order/get-lasts", do.latest, "The newest finished orders, without anything personal", "GET", a.LatestRequest, 5),
            Row(f"{public}favorite/get", do.favourites, "A few rates for show", "GET", a.Nothing, 5),
            Row("public/site/status/get", do.site_status, "Whether the exchange is open", "GET", a.Nothing, 5),
            Row(f"{user}exchanger/order/history", do.history, "The key owner's orders", "GET", a.HistoryRequest),
            Row(f"{user}exchanger/order/update/owner", do.claim, "Take orders that were made without a key", "PUT", a.OrderRequest),
            Row(f"{user}auth/api/create", do.make_key, "A new key pair; its secret is shown this once", "", a.Nothing),
            Row(f"{user}auth/api/get/list", do.list_keys, "The key owner's keys", "GET", a.Nothing),
            Row(f"{user}auth/api/delete", do.delete_key, "Revoke a key", "DELETE", a.KeyRequest),
            Row(f"{user}auth/session/get", do.session, "There are no sessions: always 40301", "GET", a.Nothing),
            Row(f"{admin}order/update-status", do.operate, "An operator leads an order on", "PUT", a.OperatorRequest),
            Row(f"{admin}order/get", do.inspect, "An order as an operator sees it", "GET", a.OrderNumber),
            Row(f"{admin}route/get", do.routes, "Every open direction", "GET", a.RoutesRequest, 5),
            Row(f"{admin}route/get/one", do.route, "One direction", "GET", a.RouteRequest, 2),
        )

    def table(self) -> Table:
        routes: list[Route] = []
        told = {200: (answers.Success, answers.Failure), **dict.fromkeys((400, 404, 405, 408, 413, 500, 503), answers.Failure)}
        for row in self.rows():
            handler = self._handler(row)
            verbs = ("POST", row.verb) if row.verb else ("POST",)
            for verb in verbs:
                for base in BASES:
                    for end in ("", "/"):
                        hidden = base != BASES[0] or end != ""
                        path, given = f"{base}{row.name}{end}", None if verb == "GET" else row.request
                        asked = _in_query(row.request) if verb == "GET" else ()
                        routes.append(Route(verb, path, handler, row.about, given, told, hidden=hidden, parameters=asked))
        for kind in export.TYPES:
            handler = self._export(kind)
            paths = (f"/service/export/{kind}", f"/service/export/{kind}/", f"/service/export/{kind}/{{code}}")
            routes += [Route(verb, path, handler, hidden=True) for path in paths for verb in ("GET", "HEAD")]
        routes.append(Route("GET", "/service/partner/api.php", self._partner.handle, hidden=True))
        return Table(DIALECT, routes, failure, PREFIXES, BODY_BYTES_MAX)

    def _handler(self, row: Row) -> Handler:
        realm = row.name.partition("/")[0]

        async def handle(request: Request) -> Response:
            began_at = Clock.wall()
            query = read_query(request.query_string)
            try:
                body = read_body(request.body, request.header("content-type"))
            except Unreadable:
                return failed(Code.BAD_REQUEST, {}, began_at, 400)
            caller = await self._gate.who(request, query, body)
            if caller.refused or (realm != "public" and caller.pair is None):
                return failed(Code.UNAUTHORISED, {}, began_at)
            if realm == "admin" and not (caller.pair and caller.pair.operator):
                return failed(Code.UNAUTHORISED, {}, began_at)
            found = await row.method(Call(merged(query, body), caller.pair, request.client, request.header("lang")))
            if isinstance(found, Fail):
                return failed(found.code, found.object, began_at)
            return _succeeded(found, row.cache, began_at)

        return handle

    def _export(self, kind: str) -> Handler:
        async def handle(request: Request) -> Response:
            catalogue = await self.methods.catalogue()
            open_now = [found for one in catalogue.directions.values() if (found := catalogue.usable(one)) is not None]
            body = export.body(kind, export.items(catalogue, open_now))
            return Response(200, body, {"Content-Type": export.TYPES[kind], "Cache-Control": "max-age=5"})

        return handle


def _in_query(request: Any) -> tuple[Parameter, ...]:
    """A method's parameters as a GET has them."""
    return tuple(Parameter(one.encode_name, "As in the body of a POST") for one in msgspec.structs.fields(request))


def _succeeded(data: Data, cache: int | None, began_at: int) -> Response:
    rest: dict[str, Any] = {"success": True, "data": data}
    if cache is not None:
        rest["cache"] = cache
    return Response(200, _envelope(began_at, rest), JSON)
