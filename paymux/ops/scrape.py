"""`GET /metrics`: the process's numbers, and beside them how the work stands in the database.

The database is asked by one cheap query each, at most every `FRESH_S` and for at most `WAIT_S`: a scrape never waits longer, and reads
never pile up. While it cannot be read, `paymux_database_up` is 0 and the gauges that come from it are left out.

Metrics tell how much business is done, so by default they are for private addresses only. A request that was forwarded is judged by the
forwarded address, which counts only from `trusted_proxies`; from anybody else a forwarded request is refused.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage

import msgspec
import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paymux.clock import ticks
from paymux.http.serve import Request, Response
from paymux.merchants.directory import Directory
from paymux.ops.metrics import CONTENT_TYPE, Metrics
from paymux.ops.standing import Standing, standing
from paymux.routing.model import Health, Route
from paymux.storage.query import Tx
from paymux.storage.writer import Now, Storage

FRESH_S = 5.0
WAIT_S = 2.0
HEALTH = {Health.UP: 2, Health.DEGRADED: 1, Health.DOWN: 0}
PRIVATE = tuple(  # loopback, local networks, link-local
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

log = structlog.get_logger()


class Reading(msgspec.Struct, frozen=True):
    """What was read at one moment."""

    standing: Standing
    routes: tuple[Route, ...]
    now: int


class Gauges(Collector):
    """What only the database knows. `path`: of SQLite's file."""

    def __init__(self, storage: Storage, now: Now, directory: Directory, path: Path | None) -> None:
        self._storage, self._now, self._directory, self._path = storage, now, directory, path
        self._reading: Reading | None = None
        self._read_at_s = -FRESH_S
        self._task: asyncio.Task[Reading] | None = None

    async def refresh(self) -> None:
        """Read anew what is no longer fresh. A read that takes too long goes on, and the next scrape has its result."""
        if self._task is None and ticks() - self._read_at_s < FRESH_S:
            return
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._storage.read(self._read))
        task = self._task
        done, _ = await asyncio.wait([task], timeout=WAIT_S)
        if done and self._task is not task:  # another scrape waited for the same read, and took it
            return
        self._reading = None
        if not done:
            log.warning("metrics.slow", waited_s=WAIT_S)
            return
        self._task, self._read_at_s = None, ticks()
        try:
            self._reading = task.result()
        except Exception as error:
            log.warning("metrics.unread", fault=str(error))

    async def _read(self, tx: Tx) -> Reading:
        now = await self._now(tx)
        platform = await self._directory.platform(tx, now)
        return Reading(await standing(tx), platform.routes, now)

    def collect(self) -> Iterator[Metric]:
        """The gauges of the last reading."""
        reading = self._reading
        yield _gauge("database_up", "Whether the database answered the last question of this process.", int(reading is not None))
        if self._path is not None:
            yield from _disk(self._path)
        if reading is None:
            return
        work = reading.standing
        yield _gauge("notices_waiting", "Notices that are not acknowledged and not given up.", work.notices.found)
        yield _gauge("notice_oldest_age_seconds", "Age of the oldest undelivered notice.", work.notices.age_s(reading.now))
        yield _gauge("doubts_open", "Attempts of which nobody knows whether they are paid.", work.doubts.found)
        yield _gauge("doubt_oldest_age_seconds", "Age of the oldest doubt.", work.doubts.age_s(reading.now))
        listed = GaugeMetricFamily("paymux_attention_payments", "Payments that a person must look at.", labels=["why"])
        for why, heap in sorted(work.attention.items()):
            listed.add_metric([why], heap.found)
        yield listed
        oldest = max((heap.age_s(reading.now) for heap in work.attention.values()), default=0.0)
        yield _gauge("attention_oldest_age_seconds", "Since when nothing changed of the oldest of them.", oldest)
        health = GaugeMetricFamily("paymux_route_health", "2 up, 1 degraded, 0 down.", labels=["route", "provider"])
        for route in reading.routes:
            health.add_metric([route.slug, route.provider], HEALTH[route.health])
        yield health


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"paymux_{name}", about, value=value)


def _disk(path: Path) -> Iterator[Metric]:
    size = GaugeMetricFamily("paymux_database_bytes", "Size of SQLite's files.", labels=["file"])
    for name, file in (("main", path), ("wal", path.with_name(path.name + "-wal"))):
        with contextlib.suppress(OSError):
            size.add_metric([name], file.stat().st_size)
    yield size
    with contextlib.suppress(OSError):
        yield _gauge("disk_free_bytes", "Free space where SQLite's file lies.", disk_usage(path.parent).free)


class Scrape:
    """The endpoint. `public`: for any address."""

    def __init__(self, metrics: Metrics, gauges: Gauges, public: bool) -> None:
        self.metrics, self._gauges, self._public = metrics, gauges, public
        metrics.registry.register(gauges)

    async def answer(self, request: Request) -> Response:
        """Everything in Prometheus' form; 403 for addresses that it is not for."""
        if not self._public and not _is_private(request):
            return Response(403, b"metrics are for private addresses: see PAYMUX_METRICS_PUBLIC\n", {"Content-Type": "text/plain"})
        await self._gauges.refresh()
        return Response(200, self.metrics.exposition(), {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def _is_private(request: Request) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        forwarded = request.header("x-forwarded-for").split(",")[-1].strip()
        if forwarded != request.client:  # the forwarder is not trusted, so whom it is for is not the address that we see
            return False
    try:
        address = ipaddress.ip_address(request.client)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address.version == network.version and address in network for network in PRIVATE)
