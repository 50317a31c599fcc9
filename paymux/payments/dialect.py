"""What the inside needs of a dialect: one record each, handed in where the program is put together. Nothing inside imports a door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from paymux.payments.lifecycle import State
from paymux.payments.model import Payment
from paymux.webhooks.model import NoticeForm


@dataclass(frozen=True, slots=True)
class Notice:
    """What a new state is called and how it is told: the body is frozen with the change."""

    word: str
    body: str
    url: str | None  # instead of the endpoint's own; empty: nowhere, it is kept unaddressed


class Landing(StrEnum):
    """What a checkout address does."""

    SHOW = "show"  # shows how the payment stands
    START = "start"  # picks a route and goes there; shows the payment if it cannot


@dataclass(frozen=True, slots=True)
class PageRules:
    """A dialect's addresses of the checkout. `payment_id(path, query)`: None for a malformed one.
    `landing(path, payment)`: what to do there, or the path to go to instead."""

    paths: tuple[str, ...]
    payment_id: Callable[[str, Mapping[str, str]], int | None]
    landing: Callable[[str, Payment], Landing | str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`notice(payment, now)`: what the shop is told of the payment's state, None if it is not told of it.
    `told`: every state with the word that must have been told (the ledger check asks). `page_path(payment)`: its checkout page.
    `fee_percent(payment)`: what the payment costs, if that is not the platform's fee."""

    name: str
    tries: int | None  # attempts allowed; None: as many as fit before it expires
    notice: Callable[[Payment, int], Notice | None]
    told: dict[State, str]
    form: NoticeForm
    page_path: Callable[[Payment], str]
    pages: PageRules
    fee_percent: Callable[[Payment], Decimal] | None = None
