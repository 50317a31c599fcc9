"""The load generator: keep-alive connections on raw sockets, requests built ahead, replies read no further than their length.

Closed loop: each connection sends its next request when it has the answer to the one before. With a `rate` the requests leave on an
even timetable instead, and one that finds no free connection waits, its clock running from its place in the timetable.

As a process (`python -m bench.load`) it takes one `Stretch` a line on stdin and answers one `Measured` a line on stdout, so that it
never shares a thread with what it measures. Times are milliseconds.
"""

import asyncio
import gc
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop

from bench.wire import Sending, source

DRAIN_S = 5.0
FAULTS_KEPT = 3


class Stretch(msgspec.Struct, kw_only=True):
    """One measurement: `warm_s` not counted, then `seconds`."""

    port: int
    sending: Sending
    connections: int = 64
    warm_s: float = 0.2
    seconds: float = 1.0
    rate: float | None = None  # requests a second; None: as many as come back


class Measured(msgspec.Struct, kw_only=True):
    """What came of it. `answered` and `elapsed_s` without the warm-up; `accepted` counts every 200, warm-up and end too."""

    answered: int
    elapsed_s: float
    accepted: int
    sent: int
    faults: list[str]  # the first lines of answers that were not 200
    refused: int  # how many were not 200
    p50_ms: float
    p99_ms: float
    own_cpu: float  # this process's share of one core

    @property
    def rate(self) -> float:
        return self.answered / self.elapsed_s


def quantile(ordered: list[float], share: float) -> float:
    """The value that `share` of the others do not exceed; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Wire(asyncio.Protocol):
    """One connection: at most one request on its way."""

    __slots__ = ("buffer", "load", "sent_at", "transport")

    def __init__(self, load: "Load") -> None:
        self.load, self.buffer, self.sent_at = load, b"", 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def send(self, request: bytes, due: float) -> None:
        assert self.transport is not None
        self.sent_at = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        if whole(data):
            self.buffer = b""
            self.load.answered(self, data)
        else:
            self.buffer = data

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost(self)


def whole(data: bytes) -> bool:
    """Whether an answer is complete, by its content-length."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = data.find(b"content-length: ", 0, end)
    if at < 0:
        at = data.lower().find(b"content-length: ", 0, end)
    return at >= 0 and len(data) >= end + 4 + int(data[at + 16 : data.find(b"\r", at)])


class Load:
    """One stretch under way."""

    def __init__(self, stretch: Stretch, requests: Iterator[bytes]) -> None:
        self.stretch, self.requests = stretch, requests
        self.latencies: list[float] = []
        self.faults: list[str] = []
        self.accepted = self.refused = self.sent = self.counted = 0
        self.free: list[Wire] = []
        self.late: deque[float] = deque()
        self.under_way = 0
        self.done = asyncio.get_running_loop().create_future()
        now = time.perf_counter()
        self.from_at = now + stretch.warm_s
        self.until_at = self.from_at + stretch.seconds
        self.last_at = self.from_at

    def answered(self, wire: Wire, data: bytes) -> None:
        now = time.perf_counter()
        self.under_way -= 1
        if data.startswith(b"HTTP/1.1 200"):
            self.accepted += 1
        else:
            self._refused(data)
        if self.from_at <= now < self.until_at:
            self.counted += 1
            self.last_at = now
            self.latencies.append(now - wire.sent_at)
        if self.stretch.rate is None:
            self.next(wire, now, now)
        elif self.late:
            self.next(wire, self.late.popleft(), now)
        else:
            self.free.append(wire)
            self._finish(now)

    def next(self, wire: Wire, due: float, now: float) -> None:
        request = next(self.requests, None) if now < self.until_at else None
        if request is None:
            self.until_at = min(self.until_at, now)
            self._finish(now)
            return
        self.under_way += 1
        self.sent += 1
        wire.send(request, due)

    def lost(self, wire: Wire) -> None:
        if not self.done.done():
            self._refused(b"the connection was closed")
            self.done.set_result(None)

    def _refused(self, data: bytes) -> None:
        self.refused += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(f"{data[:40]!r} … {data[-120:]!r}")

    def _finish(self, now: float) -> None:
        if now >= self.until_at and not self.under_way and not self.done.done():
            self.done.set_result(None)

    async def timetable(self, rate: float) -> None:
        """Send what is due, a millisecond at a time."""
        start, number = time.perf_counter(), 0
        while (now := time.perf_counter()) < self.until_at:
            while start + number / rate <= now:
                if self.free:
                    self.next(self.free.pop(), now, now)
                else:
                    self.late.append(start + number / rate)
                number += 1
            await asyncio.sleep(0.001)
        self.late.clear()
        self._finish(time.perf_counter())


async def measure(stretch: Stretch) -> Measured:
    """Run one stretch to its end."""
    loop = asyncio.get_running_loop()
    requests = source(stretch.sending)
    load = Load(stretch, requests)
    wires = [(await loop.create_connection(lambda: Wire(load), "127.0.0.1", stretch.port))[1] for _ in range(stretch.connections)]
    started = time.perf_counter()
    load.from_at = load.last_at = started + stretch.warm_s
    load.until_at = load.from_at + stretch.seconds
    cpu = time.process_time()
    gc.collect()
    gc.disable()
    try:
        if stretch.rate is None:
            for wire in wires:
                load.next(wire, time.perf_counter(), started)
            await asyncio.wait_for(load.done, stretch.warm_s + stretch.seconds + DRAIN_S)
        else:
            load.free.extend(wires)
            await load.timetable(stretch.rate)
            await asyncio.wait_for(load.done, DRAIN_S)
    except TimeoutError:
        load.refused += load.under_way
        load.faults.append(f"{load.under_way} requests were never answered")
    finally:
        gc.enable()
    cpu = time.process_time() - cpu
    elapsed = time.perf_counter() - started
    if not load.done.done():
        load.done.set_result(None)
    for wire in wires:
        assert wire.transport is not None
        wire.transport.close()
    ordered = sorted(load.latencies)
    return Measured(
        answered=load.counted,
        elapsed_s=max(min(load.until_at, load.from_at + stretch.seconds) - load.from_at, 1e-9),
        accepted=load.accepted,
        sent=load.sent,
        faults=load.faults,
        refused=load.refused,
        p50_ms=quantile(ordered, 0.5) * 1000,
        p99_ms=quantile(ordered, 0.99) * 1000,
        own_cpu=cpu / elapsed,
    )


def main() -> None:
    for line in sys.stdin.buffer:
        stretch = msgspec.json.decode(line, type=Stretch)
        measured = uvloop.run(measure(stretch))
        sys.stdout.buffer.write(msgspec.json.encode(measured) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
