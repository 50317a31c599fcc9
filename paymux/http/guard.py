"""The guard on outbound connections: a host is looked up once, judged, and exactly what was judged is dialled.

A name server cannot show one address to the check and another to the connection, because there is no second look-up.
If any record of a name is not public the host is refused. TLS still verifies the name, not the address.
"""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpcore2

from paymux.http.call import Kind

Lookup = Callable[[str, int], list[str]]  # blocking; runs in a thread of its own; raises OSError when there is no such name

LOOKUPS_MAX = 256  # names being looked up at once
ADDRESSES_MAX = 4  # addresses of one name that are tried
DIAL_S = 2.0  # for each address but the last: a dead IPv6 must not use up the whole time

# What `is_global` calls public or leaves to the Python version, and still must not be reached: addresses that carry
# another address inside them, multicast, and a cloud's own services.
_FORBIDDEN = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's platform service
        "169.254.0.0/16",  # link-local, with 169.254.169.254 of most clouds
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_IPV6_PUBLIC = ipaddress.IPv6Network("2000::/3")  # the only part of IPv6 that is given out


class Stopped(Exception):
    """A call ended inside the network layer, for a reason that we know."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind: Kind = kind
        self.detail = detail


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is on the public internet and carries no other address inside it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id is not None or ip not in _IPV6_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _FORBIDDEN if network.version == ip.version)


def system_lookup(host: str, port: int) -> list[str]:
    """All addresses of a host by the system's resolver. Blocking."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """Look-ups in threads of their own: a name server that hangs must not hold the threads that others need.

    Daemon threads, because a pool's threads would be waited for at exit. Calls for a name that is being looked up share it.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._running: dict[tuple[str, int], asyncio.Future[list[str] | None]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        running = self._running.get((host, port))
        if running is None:
            if len(self._running) >= LOOKUPS_MAX:
                raise Stopped("dns", "too many names are being looked up")
            loop = asyncio.get_running_loop()
            running = self._running[host, port] = loop.create_future()
            running.add_done_callback(lambda _: self._running.pop((host, port), None))
            threading.Thread(target=self._work, args=(loop, running, host, port), name="paymux-dns", daemon=True).start()
        found = await asyncio.shield(running)
        if not found:
            raise Stopped("dns", "no such host")
        return found

    def _work(self, loop: asyncio.AbstractEventLoop, waiting: "asyncio.Future[list[str] | None]", host: str, port: int) -> None:
        found: list[str] | None
        try:
            found = self._lookup(host, port)
        except (OSError, UnicodeError):  # UnicodeError: a label too long for the resolver's own encoding
            found = None

        def tell() -> None:
            if not waiting.done():
                waiting.set_result(found)

        try:
            loop.call_soon_threadsafe(tell)
        except RuntimeError:  # the loop was closed meanwhile; nobody waits any more
            return


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Looks a host up once, refuses it if any of its addresses is not public, and dials what it checked."""

    def __init__(self, names: Names, allow_private: bool) -> None:
        self._names = names
        self._allow_private = allow_private
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._names.addresses(host, port)
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise Stopped("forbidden_address", "the host has an address that is not public")
        addresses = addresses[:ADDRESSES_MAX]
        for number, address in enumerate(addresses, start=1):
            last = number == len(addresses)
            try:
                stream = await self._network.connect_tcp(address, port, timeout if last else DIAL_S, local_address, socket_options)
                return _Stream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                if last:
                    raise Stopped("refused", f"cannot connect ({one_line(error)})") from None
        raise AssertionError("a look-up never answers without an address")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection whose TLS failures can be told from others."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except (httpcore2.ConnectError, httpcore2.ReadError, httpcore2.WriteError, OSError, ValueError) as error:
            raise Stopped("tls", f"no safe connection ({one_line(error)})") from None

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
