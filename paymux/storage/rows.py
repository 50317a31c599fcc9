"""Turn the rows of a query into structs."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class RowsOf(Generic[T]):
    """Reads structs whose fields are named like columns, in any order and beside others; `state` is one of `states`.

    By the fields' places: by name, SQLite's driver looks through all columns for each of them.
    """

    def __init__(self, kind: type[T], states: type[StrEnum]) -> None:
        self._kind, self._fields = kind, kind.__struct_fields__
        self._state = self._fields.index("state")
        self._states = {str(state): state for state in states}

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[T]:
        """Of one query, in its order."""
        if not rows:
            return []
        read, state, states, kind = _places(self._fields, tuple(rows[0].keys())), self._state, self._states, self._kind
        found = []
        for row in rows:
            fields = list(read(row))
            fields[state] = states[fields[state]]
            found.append(kind(*fields))
        return found


@lru_cache(64)
def _places(fields: tuple[str, ...], columns: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return itemgetter(*(columns.index(name) for name in fields))
