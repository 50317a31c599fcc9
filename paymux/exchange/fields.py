"""Judge what a client gave for the fields of a direction.

A repeated key: the last one wins. A key of no field is ignored. A `regexp` is searched as JavaScript's `match` does: anchors are its own.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from paymux.exchange.addresses import CHECKS
from paymux.exchange.model import Field, Value

VALUE_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class FieldFault:
    field: Field
    err: str  # required, regexp, options


def judge(fields: Sequence[Field], given: Iterable[tuple[str, str]]) -> tuple[Value, ...] | FieldFault:
    """The values in the fields' order, or the first fault."""
    last = dict(given)
    values = []
    for field in fields:
        value = last.get(field.id, "").strip()
        if not value:
            if field.required:
                return FieldFault(field, "required")
            continue
        if field.options and value not in {option.value for option in field.options}:
            return FieldFault(field, "options")
        if (
            len(value) > VALUE_CHARS_MAX
            or any(char < " " for char in value)
            or not _matches(field.regexp, value)
            or not CHECKS[field.check](value)
        ):
            return FieldFault(field, "regexp")
        values.append(Value(field.id, field.name, value))
    return tuple(values)


def regexp_fault(regexp: str) -> str | None:
    """Why an operator's expression cannot be used; None if it can."""
    try:
        re.compile(regexp)
    except re.error as error:
        return str(error)
    return None


def _matches(regexp: str, value: str) -> bool:
    return not regexp or _compiled(regexp).search(value) is not None


@lru_cache(maxsize=1024)
def _compiled(regexp: str) -> re.Pattern[str]:
    # JavaScript's $ is the very end, Python's also matches before a last newline; values are stripped, so they agree.
    return re.compile(regexp)
