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
class TransferFacts:
    """What the pages of a bank transfer show of a payment, and what they begin with."""

    merchant: str
    country: str  # whose banks are offered, lower case
    receipt: str | None  # the transaction code of its outcome
    bank: str | None = None  # already chosen by the shop
    payer: str | None = None  # the payer's number (RUT), already known to the shop
    payer_locked: bool = False
    rows: tuple[tuple[str, str], ...] = ()  # what the shop wants shown: name, value
    terms_url: str | None = None
    to_bank: str | None = None
    to_account: str | None = None
    site_url: str | None = None


@dataclass(frozen=True, slots=True)
class TransferPages:
    """A dialect whose buyers pay by bank transfer on our own pages, at `prefix` + the payment's reference.

    `leave(payment, body)`: where the browser goes once the shop was told `body`; `proof(body)`: what an embedding page is handed;
    `broken(payment)`: where it goes when something broke under the buyer; `identity(text)`: the payer's number in its one form;
    `who(bank, number, account)`: what is stored of the payer."""

    prefix: str
    terms_path: str
    facts: Callable[[Payment], TransferFacts]
    leave: Callable[[Payment, str], str | None]
    proof: Callable[[str], str]
    broken: Callable[[Payment], str | None]
    identity: Callable[[str, str], str | None]  # (typed, country)
    who: Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`notice(payment, now)`: what the shop is told of the payment's state, None if it is not told of it.
    `told`: every state with the word that must have been told (the ledger check asks). `page_path(payment)`: its checkout page.
    `fee_percent(payment)`: what the payment costs, if that is not the platform's fee. `capped(payment)`: the channel whose daily cap it
    counts towards, and with how many units; None: none."""

    name: str
    tries: int | None  # attempts allowed; None: as many as fit before it expires
    notice: Callable[[Payment, int], Notice | None]
    told: dict[State, str]
    form: NoticeForm
    page_path: Callable[[Payment], str]
    pages: PageRules
    fee_percent: Callable[[Payment], Decimal] | None = None
    transfer: TransferPages | None = None
    capped: Callable[[Payment], tuple[str, int] | None] | None = None
