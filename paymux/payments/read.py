"""Reads of payments, coalesced: what is asked while the last read runs goes into the next query."""

from collections.abc import Sequence

import msgspec

from paymux.payments import store
from paymux.payments.model import Attempt, Payment
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher


class ByOrderRef(msgspec.Struct, frozen=True):
    merchant_id: int
    dialect: str
    order_ref: str


async def by_id(tx: Tx, ids: Sequence[int], now: int) -> list[Payment | None]:
    """Payments by id."""
    rows = await tx.fetch(store.q.find_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    found = {row["id"]: store.payment_of(row) for row in rows}
    return [found.get(payment_id) for payment_id in ids]


async def by_order(tx: Tx, asked: Sequence[ByOrderRef], now: int) -> list[Payment | None]:
    """A merchant's payment under an order number: one that was paid, else the newest."""
    keys = sorted({(one.merchant_id, one.dialect, one.order_ref) for one in asked})
    rows = await tx.fetch(store.q.payment_by_order, keys)
    found = {(row["merchant_id"], row["dialect"], row["asked_ref"]): store.payment_of(row) for row in rows}
    return [found.get((one.merchant_id, one.dialect, one.order_ref)) for one in asked]


async def by_reference(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payment | None]:
    """Payments by (dialect, reference)."""
    rows = await tx.fetch(store.q.payments_by_reference, sorted(set(asked)))
    found = {(row["dialect"], row["reference"]): store.payment_of(row) for row in rows}
    return [found.get(key) for key in asked]


async def with_attempts(tx: Tx, ids: Sequence[int], now: int) -> list[tuple[Payment, list[Attempt], int] | None]:
    """Payments with their attempts, oldest first, and the moment of the read."""
    payments = await by_id(tx, ids, now)
    rows = await tx.fetch(store.q.attempts_of_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    attempts: dict[int, list[Attempt]] = {}
    for row in rows:
        attempts.setdefault(row["payment_id"], []).append(store.attempt_of(row))
    return [(payment, attempts.get(payment.id, []), now) if payment else None for payment in payments]


class Reads:
    """The reads of a process, over one batcher."""

    def __init__(self, reader: Batcher) -> None:
        self._reader = reader

    async def by_id(self, payment_id: int) -> Payment | None:
        return await self._reader.submit(by_id, payment_id)

    async def by_order(self, asked: ByOrderRef) -> Payment | None:
        return await self._reader.submit(by_order, asked)

    async def with_attempts(self, payment_id: int) -> tuple[Payment, list[Attempt], int] | None:
        return await self._reader.submit(with_attempts, payment_id)
