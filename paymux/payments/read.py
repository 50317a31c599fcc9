"""Reads of payments, coalesced: what is asked while the last read runs goes into the next query."""

from collections.abc import Sequence

import msgspec

from paymux.payments import store
from paymux.payments.model import Attempt, Named, Payment, ToldOf
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher


class ByOrderRef(msgspec.Struct, frozen=True):
    merchant_id: int
    dialect: str
    order_ref: str


async def by_id(tx: Tx, ids: Sequence[int], now: int) -> list[Payment | None]:
    """Payments by id."""
    return (await by_id_and_version(tx, ids))[0]


async def by_id_and_version(tx: Tx, ids: Sequence[int]) -> tuple[list[Payment | None], str | None]:
    """Payments by id, and the installation's version at that moment; None if no payment was found."""
    rows = await tx.fetch(store.q.find_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    found = {payment.id: payment for payment in store.read_payments(rows)}
    return [found.get(payment_id) for payment_id in ids], rows[0]["platform"] if rows else None


async def by_order(tx: Tx, asked: Sequence[ByOrderRef], now: int) -> list[Payment | None]:
    """A merchant's payment under an order number: one that was paid, else the newest."""
    keys = sorted({(one.merchant_id, one.dialect, one.order_ref) for one in asked})
    rows = await tx.fetch(store.q.payment_by_order, keys)
    found = {
        (payment.merchant_id, payment.dialect, row["asked_ref"]): payment
        for row, payment in zip(rows, store.read_payments(rows), strict=True)
    }
    return [found.get((one.merchant_id, one.dialect, one.order_ref)) for one in asked]


async def with_attempts(tx: Tx, ids: Sequence[int], now: int) -> list[tuple[Payment, list[Attempt], int] | None]:
    """Payments with their attempts, oldest first, and the moment of the read."""
    payments = await by_id(tx, ids, now)
    rows = await tx.fetch(store.q.attempts_of_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    attempts: dict[int, list[Attempt]] = {}
    for attempt in store.read_attempts(rows):
        attempts.setdefault(attempt.payment_id, []).append(attempt)
    return [(payment, attempts.get(payment.id, []), now) if payment else None for payment in payments]


TOLD_MAX = 100  # payments of one order number that are answered at once, the newest


async def by_outcome(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payment | None]:
    """Payments by (dialect, name of the outcome)."""
    rows = await tx.fetch(store.q.payment_by_outcome, sorted(set(asked)))
    found = {(payment.dialect, payment.outcome_ref): payment for payment in store.read_payments(rows)}
    return [found.get(name) for name in asked]


async def by_reference(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payment | None]:
    """Payments by (dialect, reference)."""
    rows = await tx.fetch(store.q.payment_by_reference, sorted(set(asked)))
    found = {(payment.dialect, payment.reference): payment for payment in store.read_payments(rows)}
    return [found.get(name) for name in asked]


async def told(tx: Tx, asked: Sequence[Named], now: int) -> list[ToldOf]:
    """What shops were last told of their payments; one that still runs was told nothing."""
    return [await _told(tx, one, now) for one in asked]


async def _told(tx: Tx, one: Named, now: int) -> ToldOf:
    if one.reference is not None:
        rows = await tx.fetch(store.q.told_by_reference, [(one.merchant_id, one.dialect, one.reference)])
    elif one.outcome_ref is not None:
        rows = await tx.fetch(store.q.told_by_outcome, [(one.merchant_id, one.dialect, one.outcome_ref)])
    else:
        rows = await tx.fetch(
            store.q.told_by_order, merchant_id=one.merchant_id, dialect=one.dialect, order_ref=one.order_ref, page=TOLD_MAX
        )
    wanted = {name: value for name in ("reference", "order_ref", "outcome_ref") if (value := getattr(one, name)) is not None}
    fitting = [row["body"] for row in rows if all(row[name] == value for name, value in wanted.items())]
    over = await tx.fetch(
        store.q.overdue_named,
        merchant_id=one.merchant_id,
        dialect=one.dialect,
        now=now,
        reference=one.reference or "",
        order_ref=one.order_ref or "",
        outcome_ref=one.outcome_ref or "",
    )
    return ToldOf(fitting, [(row["id"], row["expires_at"]) for row in over])


class Reads:
    """The reads of a process, over one batcher."""

    def __init__(self, reader: Batcher) -> None:
        self._reader = reader

    async def by_id(self, payment_id: int) -> Payment | None:
        return await self._reader.submit(by_id, payment_id)

    async def by_order(self, asked: ByOrderRef) -> Payment | None:
        return await self._reader.submit(by_order, asked)

    async def by_reference(self, dialect: str, reference: str) -> Payment | None:
        return await self._reader.submit(by_reference, (dialect, reference))

    async def by_outcome(self, dialect: str, outcome_ref: str) -> Payment | None:
        return await self._reader.submit(by_outcome, (dialect, outcome_ref))

    async def told(self, asked: Named) -> ToldOf:
        return await self._reader.submit(told, asked)

    async def with_attempts(self, payment_id: int) -> tuple[Payment, list[Attempt], int] | None:
        return await self._reader.submit(with_attempts, payment_id)
