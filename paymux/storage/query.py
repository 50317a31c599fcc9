"""SQL stands in .sql files: named, described, one text for both engines where it can be.

A block is `-- name --` (or `-- name (sqlite) --` beside `-- name (postgres) --` where the engines differ by necessity),
a sentence, perhaps `-- rows: a bigint, b text`, then one statement with `:named` parameters. `{rows}` in it stands for the
batch: a list of tuples in the declared order, handed over as one JSON text on both engines. On PostgreSQL that takes the driver a third
of what arrays of columns take it, and the server no longer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Protocol

Rows = Sequence[tuple[Any, ...]]
Row = Mapping[str, Any]

_HEAD = re.compile(r"^-- ([a-z_0-9]+)(?: \((sqlite|postgres)\))? --$")
_PLACE = re.compile(r"\$([0-9]+)")
_RETURNS = re.compile(r"\bRETURNING\b")
_PARAM = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One engine's text: `params` are its parameters in positional order; `rows` is the batch's JSON text."""

    sql: str
    params: tuple[str, ...]
    columns: int | None  # of the rows; None when the statement takes none


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One named statement for both engines."""

    name: str
    about: str
    sqlite: Statement
    postgres: Statement


Step = tuple[Query, Rows]


class Tx(Protocol):
    """A transaction, which its first statement begins (or a reading connection). On SQLite its methods never really suspend."""

    engine: str
    alone: bool  # `fetch_alone` may be all that the unit changes; whoever runs the unit says so before anything begins
    facts: list[Any]  # what a verb notes here is heard once the transaction is committed, and never if it is not
    lasting: dict[Any, Any]  # of the whole storage: committed facts that no later change can touch, such as an account's id; or guesses
    made: bool  # whether this transaction made such facts: what it reads of them is then not committed yet

    async def fetch(self, query: Query, rows: Rows | None = None, **params: Any) -> Sequence[Any]: ...

    async def fetch_alone(self, query: Query, rows: Rows) -> Sequence[Any]:
        """Run the only statement of a unit that changes anything. Where the unit is `alone` and nothing has begun, it is a transaction of
        its own, and on SQLite raises `LostUpdate` where it would break a rule of the tables."""
        ...

    async def glance(self, query: Query) -> Sequence[Any]:
        """Read what is committed, without beginning the transaction."""
        ...

    async def together(self, *steps: Step) -> list[int]:
        """Run statements none of which sees what another does, in one trip to the server; how many rows each returned."""
        ...


@cache
def joined(queries: tuple[Query, ...]) -> str:
    """One statement of PostgreSQL for several."""
    parts, counts, shift = [], [], 0
    for number, query in enumerate(queries):
        text = _PLACE.sub(lambda match, shift=shift: f"${shift + int(match[1])}", query.postgres.sql)  # type: ignore[misc]
        parts.append(f"s{number} AS ({text})")
        counts.append(f"(SELECT count(*) FROM s{number})" if _RETURNS.search(text) else "0")
        shift += len(query.postgres.params)
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


class Queries:
    """The queries of one file, by attribute."""

    def __init__(self, queries: Mapping[str, Query]) -> None:
        self._queries = queries

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"no query named {name}") from None


@cache
def load(package: str, file: str = "queries.sql") -> Queries:
    """Read the .sql file that lies in a package."""
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}
    target: list[str] = []
    for line in resources.files(package).joinpath(file).read_text("utf-8").splitlines():
        head = _HEAD.match(line)
        if head:
            name, engine = head.group(1), head.group(2)
            target = []
            for one in [engine] if engine else ["sqlite", "postgres"]:
                assert one not in found.setdefault(name, {}), f"{package}: {name} stands twice"
                found[name][one] = (name, target)
        else:
            target.append(line)
    return Queries({name: _query(name, texts) for name, texts in found.items()})


def _query(name: str, texts: Mapping[str, tuple[str, list[str]]]) -> Query:
    assert set(texts) == {"sqlite", "postgres"}, f"{name} lacks an engine"
    about = " ".join(line[3:] for line in texts["sqlite"][1] if line.startswith("-- ") and not line.startswith("-- rows:"))
    return Query(name, about, _statement(texts["sqlite"][1], "sqlite"), _statement(texts["postgres"][1], "postgres"))


def _statement(lines: Sequence[str], engine: str) -> Statement:
    columns: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("-- rows:"):
            columns = [(pair.split()[0], pair.split()[1]) for pair in line[8:].split(",")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    if engine == "sqlite":
        source = ", ".join(f"value ->> {index} AS {name}" for index, (name, _) in enumerate(columns))
        sql = sql.replace("{rows}", f"(SELECT {source} FROM json_each(:rows))")
        return Statement(sql, tuple(dict.fromkeys(_PARAM.findall(sql))), len(columns) or None)
    source = ", ".join(f"CAST(value ->> {index} AS {kind}) AS {name}" for index, (name, kind) in enumerate(columns))
    # By way of an array: the planner then takes a batch for ten rows, not a hundred, and looks each up by its index.
    sql = sql.replace("{rows}", f"(SELECT {source} FROM unnest(ARRAY(SELECT jsonb_array_elements(CAST(:rows AS jsonb)))) AS value)")
    params = tuple(dict.fromkeys(_PARAM.findall(sql)))
    sql = _PARAM.sub(lambda match: f"${params.index(match.group(1)) + 1}", sql)
    return Statement(sql, params, len(columns) or None)
