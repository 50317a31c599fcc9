"""The course: databases, servers and baselines, all up at once; each measurement is a short stretch in one of several shuffled rounds.

Everything stands on 127.0.0.1 and on this machine's processors: server, database, load generator, and the baselines likewise. A round
visits every contestant once, in an order of its own, so that a slow minute of the machine is slow for all; ratios are taken inside a round.
"""

import asyncio
import contextlib
import http.client
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
import msgspec

from bench import echelon, fill, notices, pgbench, raw_sqlite, service
from bench.echelon import Row as EchelonRow
from bench.load import Measured, Stretch
from bench.notices import Delivered
from bench.wire import Kind, Sending
from tests import databases

ENGINES = ("postgres", "sqlite")
KINDS: tuple[Kind, ...] = ("create", "status", "settle")
EXCHANGE_KINDS: tuple[Kind, ...] = ("order", "rates")  # on the databases without stored payments
CONNECTIONS = 64
SECRET_KEY = "a secret key for measurements, which protects nothing"
SETTLES_PER_S_MAX = 6000  # prepared payments a second of a stretch; where they end, the stretch ends
PGBENCH_PER_S_MAX = 6000
NOTICES_S = 1.0  # each stretch of notices
RUN_ORDERS = 10_000_000  # order numbers that one stretch of pgbench may use


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. `seconds` of each stretch after `warm_s`; `stored` payments in the full databases."""

    rounds: int
    seconds: float
    warm_s: float
    half_s: float
    stored: int
    starts: int
    pairs: int  # of calm and troubled stretches of notices
    limit_s: int  # then everything is ended
    engines: tuple[str, ...] = ENGINES


SHORT = Plan(rounds=3, seconds=0.6, warm_s=0.15, half_s=1.0, stored=100_000, starts=3, pairs=2, limit_s=240)
FULL = Plan(rounds=7, seconds=3.0, warm_s=0.4, half_s=3.0, stored=1_000_000, starts=5, pairs=14, limit_s=1800)
TINY = Plan(rounds=1, seconds=0.2, warm_s=0.05, half_s=0.3, stored=500, starts=1, pairs=1, limit_s=90, engines=("sqlite",))


@dataclass(slots=True)
class Results:
    """Everything that was measured: by round, rates a second under the contestant's name, and what else belongs to a stretch."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    p50_ms: dict[str, list[float]] = field(default_factory=dict)
    p99_ms: dict[str, list[float]] = field(default_factory=dict)
    own_cpu: dict[str, list[float]] = field(default_factory=dict)
    ready_s: dict[str, list[float]] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    fill_s: dict[str, float] = field(default_factory=dict)
    echelon: dict[str, dict[str, EchelonRow]] = field(default_factory=dict)  # by engine and kind
    notices: dict[str, Delivered] = field(default_factory=dict)  # by engine
    faults: list[str] = field(default_factory=list)


def note(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Peer:
    """A process of ours that answers one line of JSON for each line it gets."""

    def __init__(self, module: str) -> None:
        self.process = service.child([sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, wish: msgspec.Struct) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(wish) + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise service.DidNotStart("a measuring process ended by itself")
        return line


@dataclass(slots=True)
class Site:
    """A database with a service on it; `next_id` is the next prepared payment that has not been settled."""

    name: str
    url: str
    keys: list[str]
    first_id: int
    prepared: int
    next_id: int
    rows: tuple[int, int, int] = (0, 0, 0)  # payments, receipts and orders before the measurements
    created: int = 0
    ordered: int = 0
    settled: int = 0
    running: service.Running | None = None


class Course:
    """What is up, and how one stretch is run on it."""

    def __init__(self, plan: Plan, folder: Path, seed: int) -> None:
        self.plan, self.folder = plan, folder
        self.results = Results()
        self.sites: dict[str, Site] = {}
        self.chance = random.Random(seed)
        self.stretches = 0
        self.bench_url = ""
        self.bench_next = 1
        self.raw_path = ""
        self.hello: service.Running | None = None
        self.postgres: databases.Server | None = None

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Make the databases, fill them, start the servers; end all of it afterwards."""
        with contextlib.ExitStack() as stack:
            if "postgres" in self.plan.engines:
                self.postgres = stack.enter_context(databases.postgres_server(durable=True, parent=self.folder))
            for engine in self.plan.engines:
                for stored in (0, self.plan.stored):
                    self._site(engine, stored)
            if self.postgres is not None:
                self.bench_url = databases.create_database(self.postgres)
                self._prepare_pgbench()
            if "sqlite" in self.plan.engines:
                self.raw_path = str(self.folder / "raw.db")
                asyncio.run(fill.create_merchants(f"sqlite:///{self.raw_path}", SECRET_KEY))
            self.load, self.raw = Peer("bench.load"), Peer("bench.raw_sqlite")
            stack.callback(service.stop, self.load.process)
            stack.callback(service.stop, self.raw.process)
            for site in self.sites.values():
                for _ in range(self.plan.starts - 1 if not site.name.endswith("full") else 0):
                    with service.gateway(site.name, site.url, SECRET_KEY, self.folder) as once:
                        self._ready(site, once)
                site.running = stack.enter_context(service.gateway(site.name, site.url, SECRET_KEY, self.folder))
                self._ready(site, site.running)
                self.results.memory_mb[f"{site.name} at start"] = site.running.memory_mb()
            self.hello = stack.enter_context(service.hello(self._status_size(), self.folder))
            yield

    def _ready(self, site: Site, running: service.Running) -> None:
        self.results.ready_s.setdefault(site.name, []).append(running.ready_s)
        note(f"{site.name}: ready after {running.ready_s:.2f} s")

    def _database(self, name: str, engine: str) -> str:
        if engine == "postgres":
            assert self.postgres is not None
            return databases.create_database(self.postgres)
        return databases.sqlite_url(self.folder / f"{name}.db")

    def _site(self, engine: str, stored: int) -> None:
        name = f"{engine}.full" if stored else engine
        note(f"{name}: {stored:,} stored payments")
        url = self._database(name, engine)
        keys = asyncio.run(fill.create_merchants(url, SECRET_KEY))
        asyncio.run(fill.open_exchange(url, SECRET_KEY))
        prepared = int((self.plan.seconds + self.plan.warm_s) * SETTLES_PER_S_MAX * (self.plan.rounds + 1))
        self.results.fill_s[name] = asyncio.run(fill.store_payments(url, 1, stored))
        asyncio.run(fill.prepare_payments(url, stored + 1, prepared))
        self.sites[name] = Site(name, url, keys, stored + 1, prepared, stored + 1, rows(url))

    def _prepare_pgbench(self) -> None:
        asyncio.run(fill.create_merchants(self.bench_url, SECRET_KEY))
        asyncio.run(pgbench.add_keys(self.bench_url))
        count = self._pgbench_window() * len(pgbench.CLIENTS) * self.plan.rounds
        asyncio.run(fill.prepare_payments(self.bench_url, 1, count))

    def _pgbench_window(self) -> int:
        return max(1, round(self.plan.seconds)) * PGBENCH_PER_S_MAX

    def _status_size(self) -> int:
        """How long a status answer's body is, so that hello-world sends as much."""
        site = next(iter(self.sites.values()))
        assert site.running is not None
        connection = http.client.HTTPConnection("127.0.0.1", site.running.port, timeout=5)
        try:
            key = site.keys[site.first_id % len(site.keys)]
            connection.request("GET", f"/gateway/session_status.php?session_id={site.first_id}", headers={"X-API-Key": key})
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                raise service.DidNotStart(f"a status read was answered {reply.status}: {body[:200]!r}")
            return len(body)
        finally:
            connection.close()

    # ---- one stretch each; the value is a rate a second

    def contestants(self) -> dict[str, Callable[[], float]]:
        """Everything that one round visits."""
        found: dict[str, Callable[[], float]] = {}
        for site in self.sites.values():
            for kind in KINDS if site.name.endswith("full") else KINDS + EXCHANGE_KINDS:
                found[f"{site.name}.{kind}"] = partial(self._rate, site, kind)
        if self.bench_url:
            whats: tuple[pgbench.Kind, ...] = ("create", "settle")
            for what in whats:
                for clients in pgbench.CLIENTS:
                    found[f"pgbench.{what}.{clients}"] = partial(self.pgbench, what, clients)
        if self.raw_path:
            found["raw_sqlite.create"] = self.raw_loop
        found["hello"] = self.plain
        return found

    def service(self, site: Site, kind: Kind, rate: float | None = None) -> Measured:
        """Requests to a service, in a closed loop or at a rate."""
        assert site.running is not None
        plan = self.plan
        self.stretches += 1
        seconds = plan.seconds if rate is None else plan.half_s
        sending = Sending(kind=kind, keys=site.keys, first_id=site.first_id, count=site.prepared, run=self.stretches, secret_key=SECRET_KEY)
        if kind == "settle":
            sending.first_id, sending.count = site.next_id, site.prepared // (plan.rounds + 1)
            site.next_id += sending.count
        name = f"{site.name}.{kind}" + ("" if rate is None else ".half")
        cpu = site.running.cpu_s()
        measured = self._measure(
            name, Stretch(port=site.running.port, sending=sending, connections=CONNECTIONS, warm_s=plan.warm_s, seconds=seconds, rate=rate)
        )
        cpu = site.running.cpu_s() - cpu
        self.results.cpu_us.setdefault(name, []).append(cpu / max(measured.sent, 1) * 1e6)
        site.created += measured.accepted if kind == "create" else 0
        site.ordered += measured.accepted if kind == "order" else 0
        site.settled += measured.accepted if kind == "settle" else 0
        return measured

    def _rate(self, site: Site, kind: Kind) -> float:
        return self.service(site, kind).rate

    def plain(self) -> float:
        """Requests to the bare server."""
        assert self.hello is not None
        cpu = self.hello.cpu_s()
        measured = self._measure(
            "hello",
            Stretch(
                port=self.hello.port,
                sending=Sending(kind="plain"),
                connections=CONNECTIONS,
                warm_s=self.plan.warm_s,
                seconds=self.plan.seconds,
            ),
        )
        self.results.cpu_us.setdefault("hello", []).append((self.hello.cpu_s() - cpu) / max(measured.sent, 1) * 1e6)
        return measured.rate

    def _measure(self, name: str, stretch: Stretch) -> Measured:
        measured = msgspec.json.decode(self.load.ask(stretch), type=Measured)
        results = self.results
        for table, value in ((results.p50_ms, measured.p50_ms), (results.p99_ms, measured.p99_ms), (results.own_cpu, measured.own_cpu)):
            table.setdefault(name, []).append(value)
        if measured.refused:
            self._fault(f"{name}: {measured.refused} of {measured.sent} requests were not answered 200: {measured.faults}")
        if not measured.answered:
            raise service.DidNotStart(f"{name}: not one request was answered in time")
        return measured

    def _fault(self, text: str) -> None:
        note(f"FAULT {text}")
        self.results.faults.append(text)

    def pgbench(self, kind: pgbench.Kind, clients: int) -> float:
        """The baseline on PostgreSQL."""
        self.stretches += 1
        first = self.stretches * RUN_ORDERS
        if kind == "settle":
            first, self.bench_next = self.bench_next, self.bench_next + self._pgbench_window()
        now = time.time_ns() // 1_000_000
        ran = pgbench.run(databases.pgbench(), self.bench_url, kind, clients, self.plan.seconds, first, now, self.folder)
        if kind == "settle" and ran.done > 0.8 * self._pgbench_window():
            raise pgbench.PgbenchFailed(f"too few payments were prepared for {ran.done} settles")
        return ran.per_s

    def raw_loop(self) -> float:
        """The baseline on SQLite."""
        self.stretches += 1
        wish = raw_sqlite.Loop(path=self.raw_path, run=self.stretches, seconds=self.plan.seconds)
        return msgspec.json.decode(self.raw.ask(wish), type=raw_sqlite.Looped).rate

    def round(self) -> None:
        """Every contestant once, shuffled; then half of what each engine just did in creates, for the latencies."""
        contestants = list(self.contestants().items())
        self.chance.shuffle(contestants)
        rates: dict[str, float] = {}
        for name, run in contestants:
            rates[name] = run()
        for engine in self.plan.engines:
            self.service(self.sites[engine], "create", rates[f"{engine}.create"] / 2)
        self.results.rounds.append(rates)
        shown = ", ".join(f"{name} {rates[name]:,.0f}" for name in sorted(rates) if "pgbench" not in name)
        note(f"round {len(self.results.rounds)} of {self.plan.rounds}: {shown}")

    def echelon(self) -> None:
        """Echelon's rows, after what was answered has been counted."""
        for engine in self.plan.engines:
            site = self.sites[engine]
            assert site.running is not None
            found = echelon.measured(site.url, site.running.port, SECRET_KEY, self.plan.warm_s, self.plan.seconds)
            self.results.echelon[engine] = found
            for kind, row in found.items():
                if row.wrong:
                    self._fault(f"{engine}: {row.wrong} answers to Echelon's {kind} were wrong")
            note(f"{engine}: Echelon {', '.join(f'{kind} {row.per_s:,.0f}' for kind, row in found.items())}")

    def notices(self) -> None:
        """Notices to many receivers, on databases of their own."""
        for engine in self.plan.engines:
            url = self._database(f"{engine}.notices", engine)
            ask = partial(self._measure, f"{engine}.notices")
            found = notices.measured(engine, url, SECRET_KEY, self.folder, ask, self.plan.pairs, NOTICES_S)
            self.results.notices[engine] = found
            note(f"{engine}: {found.per_s:,.0f} notices a second")

    def prove(self) -> None:
        """What was answered must stand in the databases."""
        for site in self.sites.values():
            assert site.running is not None
            self.results.memory_mb[f"{site.name} after"] = site.running.memory_mb()
            payments, receipts, orders = rows(site.url)
            for what, there, answered in (
                ("creates", payments - site.rows[0], site.created),
                ("settles", receipts - site.rows[1], site.settled),
                ("orders", orders - site.rows[2], site.ordered),
            ):
                if there != answered:
                    self._fault(f"{site.name}: {answered} {what} were answered, {there} are in the database")


def rows(url: str) -> tuple[int, int, int]:
    """How many payments, receipts and orders a database holds."""
    text = "SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM receipt), (SELECT count(*) FROM exchange_order)"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(fill.sqlite_path(url), timeout=20)) as connection:
            payments, receipts, orders = connection.execute(text).fetchone()
            return payments, receipts, orders

    async def counted() -> tuple[int, int, int]:
        connection = await asyncpg.connect(url)
        try:
            row = await connection.fetchrow(text)
            return row[0], row[1], row[2]
        finally:
            await connection.close()

    return asyncio.run(counted())


def run(plan: Plan, folder: Path, seed: int) -> Results:
    """The whole measurement."""
    course = Course(plan, folder, seed)
    with course.up():
        for _ in range(plan.rounds):
            course.round()
        course.prove()
        course.echelon()
        course.notices()
    return course.results


def disk_sync_us(folder: Path) -> float:
    """How long this disk takes to make 4 KB durable: what every commit pays."""
    path = folder / "sync"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - started) * 1e6)
    path.unlink()
    return statistics.median(took)
