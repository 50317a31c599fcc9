"""Serve typed route tables: requests, answers, and a small dispatcher. Plain ASGI.

A dialect needs exact control of its wire: any content type, `//` in paths, its own body for every error, 405 or 404 as its
manual has it. So each brings a `Table`; OpenAPI documents are made from the same rows. Bodies are bounded in length and time before
they are read; one that broke off in the middle is no request.
"""

import asyncio
import ipaddress
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
import structlog

from paymux.clock import ticks
from paymux.errors import Busy, OutcomeUnknown, StorageError
from paymux.http.access import AccessLog
from paymux.http.body import BrokeOff, drain, read
from paymux.http.whole import Answers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

RETRY_AFTER_S = 1
QUERY_PAIRS_MAX = 100
BODY_TIMEOUT_S = 30.0  # for a whole body: who sends a byte a minute does not hold a place for ever
HOSTS_KEPT = 1000
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_PLAIN_PAIR = re.compile(rb"([A-Za-z0-9_]+)=([A-Za-z0-9_.-]*)")

log = structlog.get_logger()


class Request(msgspec.Struct):
    """One request, its body read. Header names are lower case."""

    method: str
    path: str
    query_string: bytes
    raw_headers: Mapping[bytes, bytes]
    body: bytes
    client: str
    base_url: str  # scheme and host that our answers build URLs from; no slash at the end
    params: Mapping[str, str] = {}  # what stands in the path where the route has {names}
    _query: dict[str, str] | None = None
    _headers: dict[str, str] | None = None

    def header(self, name: str) -> str:
        return self.raw_headers.get(name.encode("latin-1"), b"").decode("latin-1")

    @property
    def headers(self) -> Mapping[str, str]:
        """All of them; most requests are asked for one or two, by `header`."""
        if self._headers is None:
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers.items()}
        return self._headers

    @property
    def query(self) -> dict[str, str]:
        """The query's pairs; the first of a name counts. Too many, or a broken one, is no query."""
        if self._query is None:
            self._query = _pairs(self.query_string)
        return self._query

    @property
    def form(self) -> dict[str, str]:
        """The pairs of a form post."""
        return _pairs(self.body)

    @property
    def has_body(self) -> bool:
        """Whether a body was announced; without either header there is none."""
        return b"content-length" in self.raw_headers or b"transfer-encoding" in self.raw_headers

    def cookie(self, name: str) -> str:
        for part in self.header("cookie").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""


def _pairs(text: bytes) -> dict[str, str]:
    if not text:
        return {}
    try:
        found: dict[str, str] = {}
        plain = _PLAIN_PAIR.fullmatch(text)
        if plain:  # as nearly every look-up is
            return {plain[1].decode("ascii"): plain[2].decode("ascii")}
        for name, value in parse_qsl(text.decode("utf-8"), keep_blank_values=True, max_num_fields=QUERY_PAIRS_MAX):
            found.setdefault(name, value)
        return found
    except ValueError:
        return {}


class Response(msgspec.Struct, frozen=True):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    stream: AsyncIterator[bytes] | None = None  # instead of the body: sent part by part until it ends or the reader leaves


Handler = Callable[[Request], Awaitable[Response]]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, for the OpenAPI document: of the query (optional) or a header (required). `schema`: beyond being a text."""

    name: str
    about: str
    where: Literal["query", "header"] = "query"
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """One endpoint; its path may have `{names}` or end with `/*`. `request` and `answers` are msgspec types, read by the OpenAPI
    document; `hidden` leaves it out there."""

    method: str
    path: str
    handler: Handler
    about: str = ""
    request: Any = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    parameters: Sequence[Parameter] = ()
    hidden: bool = False

    @cached_property
    def name(self) -> str:
        """As it stands in the metrics."""
        return f"{self.method} {self.path}"


Failure = Callable[[Request, int, Mapping[str, str]], Response]  # 404 405 408 413 500 503 in the table's own words, with headers


@dataclass(frozen=True, slots=True)
class Table:
    """The routes of one door. `prefixes`: paths whose unknown ends are answered in this table's form; `owns`: requests likewise, whatever
    their path."""

    name: str
    routes: Sequence[Route]
    failure: Failure
    prefixes: Sequence[str] = ()
    body_max_bytes: int | None = None
    owns: Callable[[Request], bool] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """How the public address of a request is found."""

    base_url: str | None
    trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()
    _known: dict[tuple[str, bytes], str] = field(default_factory=dict, compare=False)  # (scheme, host) -> base URL

    def of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[str, str]:
        """(client address, base URL). Forwarded headers count only from a trusted address."""
        peer = scope.get("client") or ("", 0)
        client, scheme, host = str(peer[0]), scope.get("scheme", "http"), headers.get(b"host", b"")
        if self.trusted and self._trusts(client):
            forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")[-1].strip()
            client = forwarded or client
            if headers.get(b"x-forwarded-proto") in (b"http", b"https"):
                scheme = headers[b"x-forwarded-proto"].decode("ascii")
            host = headers.get(b"x-forwarded-host", host)
        if self.base_url:
            return client, self.base_url
        known = self._known.get((scheme, host))
        return client, known if known is not None else self._base_url(scheme, host)

    def _base_url(self, scheme: str, host: bytes) -> str:
        text = host.decode("latin-1")
        base_url = f"{scheme}://{text if _HOST.fullmatch(text) else 'localhost'}"
        if len(self._known) < HOSTS_KEPT:
            self._known[scheme, host] = base_url
        return base_url

    def _trusts(self, client: str) -> bool:
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self.trusted)


Pattern = tuple[re.Pattern[str], dict[str, tuple[Route, Table]]]


class Dispatcher:
    """The ASGI application: finds the route, reads the body, answers; logs one line a request, without query strings."""

    def __init__(
        self,
        tables: Sequence[Table],
        origin: Origin,
        fallback: Failure,
        body_max_bytes: int,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._tables, self._origin, self._fallback = tables, origin, fallback
        self._body_max, self._body_timeout_s = body_max_bytes, body_timeout_s
        self.observe: Callable[[str, str, int, float], None] | None = None  # (table, route, status, seconds); empty: unknown
        self._access = AccessLog()
        self.answers = Answers()
        self._exact: dict[str, dict[str, tuple[Route, Table]]] = {}
        self._named: dict[str, dict[str, tuple[Route, Table]]] = {}
        self._started: list[tuple[str, Route, Table]] = []
        self._patterns: dict[str, list[Pattern]] = {}  # by the path's first part, "{" where that is a name
        for table in tables:
            for route in table.routes:
                if route.path.endswith("/*"):
                    self._started.append((route.path[:-1], route, table))
                    continue
                named = "{" in route.path
                methods = (self._named if named else self._exact).setdefault(route.path, {})
                assert route.method not in methods, f"{route.method} {route.path} stands twice"
                methods[route.method] = (route, table)
        for path, methods in self._named.items():
            first = "{" if "{" in _first(path) else _first(path)
            self._patterns.setdefault(first, []).append((_pattern(path), methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = ticks()
        headers = dict(scope["headers"])
        client, base_url = self._origin.of(scope, headers)
        path = _one_slash(scope["path"])
        request = Request(scope["method"], path, scope.get("query_string", b""), headers, b"", client, base_url)
        route, table, allowed = self._find(request)
        logged = route.path if route is not None and request.params else path  # what stands for a name may be a secret of the buyer's
        try:
            response = await self._answer(request, receive, route, table, allowed)
        except BrokeOff:
            log.info("request.broke_off", method=request.method, path=logged[:200])
            return
        if self.observe is not None:  # before it is sent: a stream lasts as long as its reader stays
            self.observe(table.name if table else "", route.name if route else "", response.status, ticks() - started)
        ordinary = response.headers is JSON and response.stream is None and response.status != 413
        if not (ordinary and self.answers.take_json(send, response.status, response.body)):
            await self._reply(request, response, receive, send)
        self._access.note(request.method, logged, response.status, ticks() - started)

    @staticmethod
    async def _reply(request: Request, response: Response, receive: Receive, send: Send) -> None:
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        if response.stream is not None:
            await send({"type": "http.response.start", "status": response.status, "headers": raw})
            await _pour(response.stream, receive, send)
            return
        raw.append((b"content-length", str(len(response.body)).encode()))
        body, unread = b"" if request.method == "HEAD" else response.body, response.status == 413
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": unread})
        if unread:
            if not request.header("expect"):  # else it waits for our word before it sends
                await drain(receive)
            await send({"type": "http.response.body", "body": b""})

    async def _answer(self, request: Request, receive: Receive, route: Route | None, table: Table | None, allowed: set[str]) -> Response:
        failure = table.failure if table else self._fallback
        if route is None:
            return failure(request, 405 if allowed else 404, {"Allow": ", ".join(sorted(allowed))} if allowed else {})
        limit = (table.body_max_bytes if table else None) or self._body_max
        try:
            body = await read(receive, request.header("content-length"), limit, self._body_timeout_s) if request.has_body else b""
        except TimeoutError:
            return failure(request, 408, {"Connection": "close"})
        if body is None:
            return failure(request, 413, {"Connection": "close"})
        request.body = body
        try:
            return await route.handler(request)
        except (Busy, OutcomeUnknown, StorageError, TimeoutError) as error:
            log.warning("request.put_off", path=route.path, error=str(error))
            return failure(request, 503, {"Retry-After": str(RETRY_AFTER_S)})
        except Exception:
            log.exception("request.failed", path=route.path)
            return failure(request, 500, {})

    def _find(self, request: Request) -> tuple[Route | None, Table | None, set[str]]:
        methods = self._exact.get(request.path)
        if methods is None:
            for pattern, named in (*self._patterns.get(_first(request.path), ()), *self._patterns.get("{", ())):
                match = pattern.fullmatch(request.path)
                if match:
                    request.params, methods = match.groupdict(), named
                    break
        if methods is not None:
            found = methods.get(request.method)
            return (*found, set()) if found else (None, next(iter(methods.values()))[1], set(methods))
        for prefix, route, table in self._started:
            if request.path.startswith(prefix):
                return (route, table, set()) if route.method == request.method else (None, table, {route.method})
        owner = next((table for table in self._tables if table.owns is not None and table.owns(request)), None)
        owner = owner or next((table for table in self._tables if request.path.startswith(tuple(table.prefixes))), None)
        return None, owner, set()


async def _pour(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send a stream; end it when the reader leaves."""

    async def pour() -> None:
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})

    async def leaves() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.ensure_future(pour()), asyncio.ensure_future(leaves())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await send({"type": "http.response.body", "body": b""})


def _first(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""


def _pattern(path: str) -> re.Pattern[str]:
    """`/payins/{id}/accounts` as an expression: a name stands for one part of the path, without a slash."""
    parts = re.split(r"\{([a-z_]+)\}", path)
    return re.compile("".join(re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/]+)" for index, part in enumerate(parts)))


def _one_slash(path: str) -> str:
    while "//" in path:
        path = path.replace("//", "/")
    return path
