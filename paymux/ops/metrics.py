"""What a process counts, in Prometheus' form: requests, payments, attempts, deliveries, batches. `scrape.py` serves it.

Every name begins with `paymux_`; durations are seconds. Labels are words of our own tables (routes, dialects, states, providers), never
what somebody sent, so that their number is bounded. An observation costs a few microseconds: label children are looked up once.
"""

import platform
from collections.abc import Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from paymux import __version__
from paymux.payments.lifecycle import State
from paymux.payments.noted import AttemptMoved, Reached, WasOpened
from paymux.storage.writer import Batcher

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # our own work
CALL_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)  # somebody else's
BUYER_S = (1, 5, 15, 30, 60, 180, 600, 1800, 3600, 21600, 86400, 259200)  # a person's
COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DELIVERED = ("delivered", "failed", "given_up", "lost")  # lost: another process may have sent it, too
TIMED = frozenset({State.PAID, State.SETTLED, State.COMPLETED, State.FAILED})


class Metrics:
    """The numbers of one process, in a registry of their own. `worker` labels every sample where several processes share a port."""

    def __init__(self, mode: str, engine: str, worker: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._worker = worker
        self._information(mode, engine)
        self._requests = self._histogram("request_seconds", "Requests by route and class of status.", ("table", "route", "status"), QUICK_S)
        self._opened = self._counter("payments_opened", "Payments opened; repeated: a live one was answered.", ("dialect", "repeated"))
        self._states = self._counter("payment_states", "States that payments reached.", ("dialect", "state"))
        self._paid = self._histogram("payment_seconds", "From the creation of a payment to a state.", ("dialect", "state"), BUYER_S)
        self._attempts = self._counter("attempts", "States that attempts came to.", ("route", "provider", "outcome"))
        self._starts = self._histogram("start_seconds", "Start calls to providers by kind of answer.", ("provider", "answer"), CALL_S)
        self._deliveries = self._histogram("delivery_seconds", "Tries to deliver a notice by outcome.", ("outcome",), CALL_S)
        self._commands = self._histogram("batch_commands", "Commands that shared a transaction.", ("queue",), COMMANDS)
        self._batches = self._histogram("batch_seconds", "From taking a batch to its commit (reader: to its answer).", ("queue",), QUICK_S)
        self._waiting = self.gauge("queue_waiting", "Commands that wait for a transaction.", ("queue",))
        self._children: dict[tuple[str, ...], Any] = {}
        for outcome in DELIVERED:  # from 0 on, so that the first one shows as a growth
            self._child(self._deliveries, outcome)

    def _information(self, mode: str, engine: str) -> None:
        ProcessCollector(registry=self.registry)
        build = self.gauge("build_info", "Which program runs; always 1.", ("version", "python"))
        build.labels(__version__, platform.python_version()).set(1)
        self.gauge("mode_info", "In which mode and on which database it runs; always 1.", ("mode", "engine")).labels(mode, engine).set(1)

    def _counter(self, name: str, about: str, labels: Sequence[str]) -> Counter:
        return Counter(f"paymux_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(f"paymux_{name}", about, labels, registry=self.registry, buckets=buckets)

    def gauge(self, name: str, about: str, labels: Sequence[str] = ()) -> Gauge:
        """A new gauge."""
        return Gauge(f"paymux_{name}", about, labels, registry=self.registry)

    def _child(self, metric: Any, *labels: str) -> Any:
        """The labelled child, from our own dictionary: half the price of asking for it anew."""
        key = (metric._name, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def requested(self, table: str, route: str, status: int, took_s: float) -> None:
        """A request was answered."""
        self._child(self._requests, table or "none", route or "unknown", f"{status // 100}xx").observe(took_s)

    def watch(self, queue: str, batcher: Batcher) -> None:
        """Count a batcher's batches under the name of its queue, and what its transactions noted."""

        def observe(commands: int, took_s: float, waiting: int) -> None:
            size.observe(commands)
            time.observe(took_s)

        size, time = self._commands.labels(queue), self._batches.labels(queue)
        self._waiting.labels(queue).set_function(lambda: batcher.waiting)
        batcher.observe, batcher.heard = observe, self.heard

    def heard(self, facts: Sequence[Any]) -> None:
        """What a committed transaction noted."""
        for fact in facts:
            if isinstance(fact, WasOpened):
                self._child(self._opened, fact.dialect, "yes" if fact.repeated else "no").inc()
            elif isinstance(fact, Reached):
                self._child(self._states, fact.dialect, fact.state).inc()
                if fact.state in TIMED:
                    self._child(self._paid, fact.dialect, fact.state).observe(fact.after_ms / 1000)
            elif isinstance(fact, AttemptMoved):
                self._child(self._attempts, fact.route, fact.provider, fact.state).inc()

    def started(self, provider: str, answer: str, took_ms: int) -> None:
        """A start call came back."""
        self._child(self._starts, provider, answer.lower()).observe(took_ms / 1000)

    def delivered(self, outcome: str, took_s: float) -> None:
        """A try to deliver a notice was recorded."""
        self._child(self._deliveries, outcome).observe(took_s)

    def exposition(self) -> bytes:
        """Everything, as Prometheus reads it."""
        source: Any = _Labelled(self.registry, self._worker) if self._worker else self.registry
        return generate_latest(source)


class _Labelled(Collector):
    """A registry whose samples carry the name of the worker that answered."""

    def __init__(self, registry: CollectorRegistry, worker: str) -> None:
        self._registry, self._worker = registry, worker

    def collect(self) -> list[Metric]:
        metrics = []
        for metric in self._registry.collect():
            labelled = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            labelled.samples = [Sample(s.name, {**s.labels, "worker": self._worker}, *s[2:]) for s in metric.samples]
            metrics.append(labelled)
        return metrics
