"""Read the books for people: what a payment moved, what a merchant has."""

import msgspec

from paymux.ledger.chart import Kind
from paymux.ledger.postings import Foreign
from paymux.storage.query import Tx, load

_q = load("paymux.ledger")


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer as it stands in the books."""

    id: int
    reason: str
    amount_units: int
    debit: str
    credit: str
    currency: str
    event_at: int
    created_at: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a merchant: `units` is the sum of its entries (credits minus debits)."""

    kind: str
    currency: str
    units: int


async def transfers_of(tx: Tx, payment_id: int) -> list[Posted]:
    """Every transfer of a payment, in order."""
    names = Posted.__struct_fields__
    return [Posted(**{name: row[name] for name in names}) for row in await tx.fetch(_q.transfers_of_payment, payment_id=payment_id)]


async def foreign_of(tx: Tx, payment_id: int) -> list[Foreign]:
    """What is held of money that came for a payment in other currencies, by provider and currency."""
    rows = await tx.fetch(_q.foreign_of_payment, payment_id=payment_id)
    return [Foreign(row["clearing"].removeprefix(f"{Kind.CLEARING}:"), row["currency"], row["units"]) for row in rows]


async def balances_of(tx: Tx, merchant_id: int) -> list[Balance]:
    """Every account of a merchant."""
    rows = await tx.fetch(_q.balances_of_merchant, merchant_id=merchant_id)
    return [Balance(kind=row["kind"], currency=row["currency"], units=row["entries"]) for row in rows]
