"""What the exchange's own form asks of the API that creates orders. Pure words: the page and the API know only these."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Why(StrEnum):
    """What is wrong with a form; each is a sentence of the catalogues."""

    AMOUNT = "amount"
    EATEN = "eaten"  # nothing would be left of it
    MIN = "min"
    MAX = "max"
    RESERVE = "reserve"
    REQUIRED = "required"
    FIELD = "field"
    AGREEMENT = "agreement"
    CLOSED = "closed"
    FAST = "fast"
    REFUSED = "refused"


class Wrong(msgspec.Struct, frozen=True):
    """`field`: which one, where it is a field; `limit`: the number that is missed."""

    why: Why
    field: str = ""
    limit: str = ""


class Made(msgspec.Struct, frozen=True):
    """The new order's page is found by these."""

    uid: int
    secret: str


Create = Callable[[Mapping[str, Any], str, str], Awaitable[Made | Wrong]]  # (parameters as the API has them, address, language)
