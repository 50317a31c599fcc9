"""The words of notices. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

ANSWER_BYTES_MAX = 2048  # of a receiver's answer, as much is kept


class NoticeState(StrEnum):
    WAITING = "waiting"  # will be sent, or is being sent
    DELIVERED = "delivered"  # the receiver acknowledged it
    GIVEN_UP = "given_up"  # not acknowledged in all its tries
    UNADDRESSED = "unaddressed"  # there was nowhere to send it


class NewNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be put into the outbox with the change that it tells."""

    merchant_id: int
    payment_id: int | None  # None: it tells of a payout, or is a test delivery
    dialect: str
    word: str
    shop: str  # chooses the endpoint: the shop's own, else the merchant's
    url: str | None  # instead of the endpoint's own; empty: nowhere, it is kept unaddressed
    delivery: str  # the same over all repeats
    body: str
    payout_id: int | None = None  # what it tells of, where that is a payout
    order_uid: int | None = None  # what it tells of, where that is an order of the exchange


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was claimed for sending."""

    id: int
    merchant_id: int
    payment_id: int | None
    dialect: str
    word: str
    delivery: str
    body: str
    tries: int  # before this one
    endpoint_id: int
    url: str
    secrets: tuple[str, ...]  # current first; the previous one while it still signs
    created_at: int


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as it is claimed, its secrets still encrypted. `leased_until` is also the proof of who claimed it."""

    id: int
    merchant_id: int
    payment_id: int | None
    dialect: str
    word: str
    delivery: str
    body: str
    tries: int
    endpoint_id: int
    url: str
    sealed: tuple[str, ...]
    created_at: int
    leased_until: int  # by the clock on the wall
    order_uid: int | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one try, with what decides when the next one is."""

    id: int
    payment_id: int | None
    leased_until: int  # of the claim it was sent under: a lease that is lost records nothing
    url: str
    accepted: bool
    status: int | None  # None: no usable answer
    answer: str
    error: str | None
    took_ms: int
    delays_s: tuple[int, ...]
    scale: Decimal
    order_uid: int | None = None


# (notice, secret that signs, all secrets, now) -> the dialect's headers
Headers = Callable[[Due, str, Sequence[str], int], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class NoticeForm:
    """What one dialect's notices look like on the wire and when they are repeated."""

    headers: Headers
    delays_s: tuple[int, ...]  # after the first, second, … failed try; then it is given up
    accepted: Callable[[int], bool]  # whether a status ends it
    timeout_s: int | None = None  # for a try, where it is shorter than the setting


def secret_about(merchant_id: int) -> str:
    """What an endpoint's encrypted secret is bound to: it cannot be moved to another merchant's row."""
    return f"endpoint:{merchant_id}"


def kept(answer: bytes) -> str:
    """The part of an answer that is stored: PostgreSQL's text holds no NUL."""
    return answer[:ANSWER_BYTES_MAX].decode("utf-8", errors="replace").replace("\0", "")
