"""The whole story of a payment, and lists of payments, for the people who run the gateway."""

from collections.abc import Sequence
from typing import Any

import msgspec

from paymux.ledger.postings import Foreign
from paymux.ledger.read import Posted, foreign_of, transfers_of
from paymux.payments import store
from paymux.payments.model import Attempt, Payment
from paymux.payments.read import by_id
from paymux.storage.query import Tx, load

_q = load("paymux.payments")


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a history."""

    version: int
    event: str
    from_state: str | None
    to_state: str
    source: str
    attempt_id: int | None
    why: str
    happened_at: int
    learned_at: int


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came."""

    provider: str
    reference: str
    attempt_id: int | None
    amount_units: int
    currency: str
    txid: str | None
    happened_at: int
    learned_at: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notice with its last answer; `status` and what follows are None while there was no answer."""

    id: int
    word: str
    state: str
    tries: int
    delivery: str
    due_at: int | None
    created_at: int
    ended_at: int | None
    status: int | None
    error: str | None
    took_ms: int | None
    answered_at: int | None
    url: str | None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a payment."""

    payment: Payment
    history: list[Happened]
    attempts: list[Attempt]
    receipts: list[Received]
    transfers: list[Posted]
    foreign: list[Foreign]  # what is held in other currencies than the payment's
    notices: list[Told]


class Page(msgspec.Struct, frozen=True):
    """`limit` payments whose id is larger than `after`."""

    after: int
    limit: int


async def stories(tx: Tx, ids: Sequence[int], now: int) -> list[Story | None]:
    """The stories of payments, for people: some queries each."""
    return [await _story(tx, payment) if payment else None for payment in await by_id(tx, ids, now)]


async def attention(tx: Tx, pages: Sequence[Page], now: int) -> list[list[Payment]]:
    """Payments that wait for a person, oldest first."""
    return [store.read_payments(await tx.fetch(_q.attention_list, after=page.after, page=page.limit)) for page in pages]


async def _story(tx: Tx, payment: Payment) -> Story:
    return Story(
        payment=payment,
        history=_rows(Happened, await tx.fetch(_q.history_of_payment, payment_id=payment.id)),
        attempts=await store.attempts_of(tx, payment.id),
        receipts=_rows(Received, await tx.fetch(_q.receipts_of_payment, payment_id=payment.id)),
        transfers=await transfers_of(tx, payment.id),
        foreign=await foreign_of(tx, payment.id),
        notices=_rows(Told, await tx.fetch(_q.notices_of_payment, payment_id=payment.id)),
    )


def _rows(kind: type[Any], rows: Sequence[Any]) -> list[Any]:
    return [kind(**{name: row[name] for name in kind.__struct_fields__}) for row in rows]
