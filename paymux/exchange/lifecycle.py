"""The life of an order: who may lead it from which status to which. Pure.

Statuses are the vendor's manual's own; the table of moves is partly its manual's (from `new`), partly ours, as the documents are silent.
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    NEW = "new"  # created, the client still checks the data
    WAIT_PAYMENT = "waitPayment"  # confirmed, the payment is awaited
    ERROR_PAYMENT = "errorPayment"  # a fault on the paying side, such as another amount
    IN_PROGRESS = "inProgress"  # said to be paid; somebody checks
    IN_PROGRESS_PAYOUT = "inProgressPayout"  # the money is there, the payout is queued
    ERROR_PAYOUT = "errorPayout"  # the payout failed for sure, or the reserve does not cover it
    HOLD = "hold"  # frozen by a person
    DONE = "done"  # paid out
    RETURNED = "returned"  # the money went back
    DELETED = "deleted"  # cancelled or expired


class Actor(StrEnum):
    CLIENT = "client"  # who holds the order's secret
    OPERATOR = "operator"
    PROVIDER = "provider"  # who watches payments, or pays out
    CLOCK = "clock"


class Payout(StrEnum):
    """How the payout stands, beside the status."""

    NONE = "none"  # by hand, or not yet
    DUE = "due"  # to be sent
    STARTED = "started"  # its sending was begun: from here on only the remitter knows
    SENT = "sent"
    DEAD = "dead"  # failed for sure; a new one may be made


S = Status
Moves = Mapping[Status, frozenset[Status]]

UNPAID = frozenset({S.NEW, S.WAIT_PAYMENT})  # the timer runs; amounts may still change
OVER = frozenset({S.DONE, S.RETURNED, S.DELETED})

MOVES: Mapping[Actor, Moves] = {
    Actor.CLIENT: {
        S.NEW: frozenset({S.WAIT_PAYMENT, S.DELETED}),
        S.WAIT_PAYMENT: frozenset({S.IN_PROGRESS, S.DELETED}),
    },
    Actor.OPERATOR: {
        S.NEW: frozenset({S.IN_PROGRESS, S.ERROR_PAYMENT, S.WAIT_PAYMENT, S.DELETED}),
        S.WAIT_PAYMENT: frozenset({S.IN_PROGRESS, S.IN_PROGRESS_PAYOUT, S.ERROR_PAYMENT, S.HOLD, S.DELETED}),
        S.IN_PROGRESS: frozenset({S.IN_PROGRESS_PAYOUT, S.DONE, S.ERROR_PAYMENT, S.HOLD, S.RETURNED, S.DELETED}),
        S.IN_PROGRESS_PAYOUT: frozenset({S.DONE, S.ERROR_PAYOUT, S.HOLD, S.RETURNED}),
        S.ERROR_PAYMENT: frozenset({S.WAIT_PAYMENT, S.IN_PROGRESS, S.IN_PROGRESS_PAYOUT, S.RETURNED, S.DELETED}),
        S.ERROR_PAYOUT: frozenset({S.IN_PROGRESS_PAYOUT, S.DONE, S.HOLD, S.RETURNED}),
        S.HOLD: frozenset({S.IN_PROGRESS, S.IN_PROGRESS_PAYOUT, S.DONE, S.RETURNED, S.DELETED}),
        S.DELETED: frozenset({S.IN_PROGRESS}),
    },
    Actor.PROVIDER: {
        S.NEW: frozenset({S.WAIT_PAYMENT}),
        S.WAIT_PAYMENT: frozenset({S.IN_PROGRESS, S.IN_PROGRESS_PAYOUT, S.ERROR_PAYMENT, S.HOLD}),
        S.IN_PROGRESS: frozenset({S.IN_PROGRESS_PAYOUT, S.ERROR_PAYMENT, S.HOLD}),
        S.ERROR_PAYMENT: frozenset({S.IN_PROGRESS_PAYOUT}),
        S.IN_PROGRESS_PAYOUT: frozenset({S.DONE, S.ERROR_PAYOUT}),
        S.ERROR_PAYOUT: frozenset({S.DONE}),
        S.HOLD: frozenset({S.DONE}),  # it was frozen after the payout had left
    },
    Actor.CLOCK: {
        S.NEW: frozenset({S.DELETED}),
        S.WAIT_PAYMENT: frozenset({S.DELETED}),
    },
}


def allowed(actor: Actor, at: Status, to: Status) -> bool:
    """Whether `actor` may lead an order from `at` to `to`."""
    return to in MOVES[actor].get(at, frozenset())


def standing(status: Status, expires_at: int, now: int) -> Status:
    """The status that counts: a moment that has passed counts whether or not the sweep has run."""
    return S.DELETED if status in UNPAID and now >= expires_at else status
