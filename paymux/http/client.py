"""The only way out: one HTTP/1.1 call with every limit set, and a guard on the address that is really connected.

Shapes: `Client.send(Call) -> Reply | Unreachable`. Durations are seconds (`timeout_s`) or milliseconds (`elapsed_ms`).
A call follows no redirect, keeps no cookie, asks no proxy, decompresses nothing, and ends within `timeout_s`, whatever
it was doing: looking up the name, waiting for a place, connecting, sending or reading. `Unreachable.sent` says whether
bytes of the request may have left: if so, nobody knows what the other side did with them.

Only public addresses are connected (`guard.py`); `allow_private` lifts that for local work.

Each host (scheme, name, port) has its own pool: a slow one fills its own places and nobody else's.
"""

import asyncio
import re
import ssl
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpcore2
import httpx2

from paymux.http.call import Call, Reply, Unreachable, spelling_fault
from paymux.http.guard import GuardedNetwork, Lookup, Names, Stopped, one_line, system_lookup

PER_HOST_MAX = 64  # connections to one host; further calls wait inside their own time
KEEPALIVE_S = 4.0  # shorter than common servers keep, so that an idle connection is rarely closed under a request

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,8000}")
_METHOD = re.compile(r"[A-Z]{1,16}")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"})


def url_fault(url: str) -> str | None:
    """Why a URL cannot be called, as a sentence for a person; None if it can. Looks nothing up."""
    parsed = _parse(url)
    return parsed if isinstance(parsed, str) else None


class Client:
    """Sends calls. One per process and event loop; `aclose()` lets every connection go."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        per_host_max: int = PER_HOST_MAX,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self._guard = GuardedNetwork(Names(lookup or system_lookup), allow_private)
        self._tls = httpx2.create_ssl_context(trust_env=False) if tls is None else tls
        self._per_host_max = per_host_max
        self._lanes: dict[tuple[str, str, int | None], _Lane] = {}
        self._swept_at_s = 0.0
        self._agent = f"Paymux/{_version()}"

    async def send(self, call: Call) -> Reply | Unreachable:
        """One request and its reply, within `call.timeout_s`. Raises nothing but cancellation."""
        url = _parse(call.url)
        if isinstance(url, str):
            return Unreachable("bad_url", url, sent=False)
        headers = self._headers(call, url)
        if isinstance(headers, str):
            return Unreachable("protocol", headers, sent=False)
        loop = asyncio.get_running_loop()
        started_s, journey = loop.time(), _Journey()
        request = httpcore2.Request(
            method=call.method.encode(),
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=headers,
            content=call.body,
            extensions={"trace": journey.trace},
        )
        lane = self._lane(url)
        lane.busy += 1
        try:
            async with asyncio.timeout(call.timeout_s):
                await self._sweep(started_s)
                cut = await _exchange(lane.pool, request, call, journey)
            return journey.reply(round((loop.time() - started_s) * 1000), cut)
        except (TimeoutError, httpcore2.TimeoutException):
            if call.keep_first and journey.status:
                return journey.reply(round((loop.time() - started_s) * 1000), cut=True)
            return Unreachable("timeout", f"{url.host}: no complete reply within {call.timeout_s:g} s", journey.sent)
        except Stopped as stopped:
            return Unreachable(stopped.kind, f"{url.host}: {stopped.detail}", journey.sent)
        except (httpcore2.NetworkError, OSError) as error:
            return Unreachable("protocol", f"{url.host}: the connection broke ({type(error).__name__})", journey.sent)
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
            return Unreachable("protocol", f"{url.host}: {one_line(error)}", journey.sent)
        finally:
            lane.busy -= 1
            lane.left_at_s = loop.time()

    async def aclose(self) -> None:
        """Close every connection. Calls still running end as `Unreachable`."""
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            await lane.pool.aclose()

    def _lane(self, url: httpx2.URL) -> "_Lane":
        key = (url.scheme, url.host, url.port)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(
                httpcore2.AsyncConnectionPool(
                    ssl_context=self._tls,
                    max_connections=self._per_host_max,
                    max_keepalive_connections=min(8, self._per_host_max),
                    keepalive_expiry=KEEPALIVE_S,
                    network_backend=self._guard,
                )
            )
        return lane

    async def _sweep(self, now_s: float) -> None:
        """Let go of hosts that nobody called for a while: a pool closes its idle connections only when it is used."""
        if now_s - self._swept_at_s < KEEPALIVE_S:
            return
        self._swept_at_s = now_s
        idle = [key for key, lane in self._lanes.items() if not lane.busy and now_s - lane.left_at_s > KEEPALIVE_S]
        for lane in [self._lanes.pop(key) for key in idle]:
            await lane.pool.aclose()

    def _headers(self, call: Call, url: httpx2.URL) -> list[tuple[bytes, bytes]] | str:
        """The header lines to send, or a sentence that says what is wrong with them."""
        if not _METHOD.fullmatch(call.method) or call.method in {"CONNECT", "TRACE"}:
            return "the method is not one that can be sent"
        given = {name.lower() for name in call.headers}
        lines = [(b"Host", url.netloc)]
        for name, value in (("User-Agent", self._agent), ("Accept-Encoding", "identity")):
            if name.lower() not in given:
                lines.append((name.encode(), value.encode()))
        for name, value in call.headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
                return "a header name cannot be sent"
            if not _HEADER_VALUE.fullmatch(value):
                return f"the value of header {name} cannot be sent"
            lines.append((name.encode(), value.strip().encode()))
        if call.body or call.method in {"POST", "PUT", "PATCH"}:
            lines.append((b"Content-Length", str(len(call.body)).encode()))
        return lines


@dataclass(slots=True)
class _Lane:
    """The connections to one host."""

    pool: httpcore2.AsyncConnectionPool
    busy: int = 0
    left_at_s: float = 0.0


@dataclass(slots=True)
class _Journey:
    """How far one request got."""

    sent: bool = False
    status: int = 0  # 0 until the reply's head was read
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    def reply(self, elapsed_ms: int, cut: bool) -> Reply:
        return Reply(self.status, self.headers, bytes(self.body), elapsed_ms, cut)

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True


async def _exchange(pool: httpcore2.AsyncConnectionPool, request: httpcore2.Request, call: Call, journey: _Journey) -> bool:
    """Read the reply into the journey; True if its body was cut. With `keep_first` the head alone decides, however the body ends."""
    response = await pool.handle_async_request(request)
    try:
        for raw_name, raw_value in response.headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            journey.headers[name] = f"{journey.headers[name]}, {value}" if name in journey.headers else value
        journey.status = response.status
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                journey.body += chunk
                if call.keep_first and len(journey.body) >= call.body_max_bytes:
                    del journey.body[call.body_max_bytes :]
                    return True
                if len(journey.body) > call.body_max_bytes:
                    raise Stopped("too_large", f"the reply (HTTP {response.status}) is longer than {call.body_max_bytes} bytes")
        return False
    except (httpcore2.NetworkError, httpcore2.ProtocolError):
        if not (call.keep_first and journey.status):
            raise
        return True
    finally:
        await response.aclose()


def _parse(url: str) -> httpx2.URL | str:
    """The URL, or a sentence that says why it cannot be called."""
    if fault := spelling_fault(url):
        return fault
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        return "the URL cannot be read"
    host = parsed.raw_host.decode("ascii")
    if ":" not in host and (not _HOST.fullmatch(host) or ".." in host):
        return "the URL's host is not a host name"
    return parsed


def _version() -> str:
    try:
        return version("paymux")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
