"""Rows of payments, attempts, histories and receipts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paymux.merchants.model import Policy, policy_from
from paymux.payments.decide import Decision
from paymux.payments.lifecycle import AttemptState, State
from paymux.payments.model import Attempt, HistoryRow, OpenPayment, Payment
from paymux.storage.query import Tx, load
from paymux.storage.writer import LostUpdate

q = load("paymux.payments")

_PAYMENT_FIELDS = Payment.__struct_fields__
_ATTEMPT_FIELDS = Attempt.__struct_fields__


def payment_of(row: Mapping[str, Any]) -> Payment:
    """A stored payment."""
    fields = {name: row[name] for name in _PAYMENT_FIELDS}
    fields["state"] = State(fields["state"])
    return Payment(**fields)


def attempt_of(row: Mapping[str, Any]) -> Attempt:
    """A stored attempt."""
    fields = {name: row[name] for name in _ATTEMPT_FIELDS}
    fields["state"] = AttemptState(fields["state"])
    return Attempt(**fields)


async def insert_new(tx: Tx, wishes: Sequence[OpenPayment], now: int) -> list[int | None]:
    """Insert payments with their first history rows; their ids, None where one of the same repeat key lives or the reference is taken."""
    rows = await tx.fetch(
        q.insert_new,
        [
            (
                place,
                wish.merchant_id,
                wish.dialect,
                wish.shop,
                wish.amount.units,
                wish.amount.currency.code,
                wish.order_ref,
                wish.repeat_key,
                wish.reference,
                wish.method,
                wish.email,
                wish.country,
                wish.return_url,
                wish.cancel_url,
                wish.meta,
                wish.details,
                now,
                now + wish.lasts_ms,
                wish.outcome_ref,
                wish.note,
            )
            for place, wish in enumerate(wishes)
        ],
    )
    if tx.engine == "postgres":
        placed = {row["place"]: row["id"] for row in rows}
        return [placed.get(place) for place in range(len(wishes))]
    ids = _in_places(wishes, rows)
    await tx.fetch(q.note_creations, [(id, wish.note) for id, wish in zip(ids, wishes, strict=True) if id is not None])
    return ids


def _in_places(wishes: Sequence[OpenPayment], rows: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """SQLite cannot say which row became which payment, but the ids rise with the places, and only a repeat key can leave one out."""
    ids = iter(sorted(row["id"] for row in rows))
    made = {(row["merchant_id"], row["repeat_key"]) for row in rows}
    return [next(ids) if wish.repeat_key is None or (wish.merchant_id, wish.repeat_key) in made else None for wish in wishes]


async def lock(tx: Tx, ids: Iterable[int]) -> dict[int, tuple[Payment, Policy]]:
    """Payments and the policies that judge their money, locked until the transaction ends."""
    rows = await tx.fetch(q.lock_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    return {row["id"]: (payment_of(row), policy_from(row["policy"])) for row in rows}


async def attempts(tx: Tx, ids: Iterable[int]) -> dict[int, Attempt]:
    """Attempts by their ids."""
    rows = await tx.fetch(q.find_attempts, [(attempt_id,) for attempt_id in sorted(set(ids))])
    return {row["id"]: attempt_of(row) for row in rows}


async def attempts_of(tx: Tx, payment_id: int) -> list[Attempt]:
    """Every attempt of one payment, oldest first."""
    return [attempt_of(row) for row in await tx.fetch(q.attempts_of_payments, [(payment_id,)])]


async def known_receipts(tx: Tx, wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which (provider, reference) pairs were counted before."""
    rows = await tx.fetch(q.known_receipts, sorted(set(wanted)))
    return {(row["provider"], row["reference"]) for row in rows}


async def save(tx: Tx, before: Mapping[int, Payment], after: Mapping[int, Payment], decisions: Sequence[Decision]) -> None:
    """Write payments (guarded by the version that was read), attempts, histories and receipts."""
    changed = [payment for payment_id, payment in sorted(after.items()) if payment is not before[payment_id]]
    saved = await tx.fetch(
        q.save_payments,
        [
            (
                p.id,
                before[p.id].version,
                p.state,
                p.version,
                p.received_units,
                p.held_units,
                p.payable_units,
                p.txid_in,
                p.txid_out,
                p.last_error,
                p.attention,
                p.payer,
                p.paid_at,
                p.updated_at,
            )
            for p in changed
        ],
    )
    if len(saved) != len(changed):
        raise LostUpdate
    tries = {decision.attempt.id: decision.attempt for decision in decisions if decision.attempt is not None}
    await tx.fetch(
        q.save_attempts,
        [(a.id, a.state, a.provider_ref, a.handed_url, a.reason, a.ask_at, a.doubted_at, a.ended_at) for _, a in sorted(tries.items())],
    )
    await insert_history(tx, [row for decision in decisions for row in decision.history])
    receipts = [
        (
            provider,
            receipt.reference,
            decision.payment.id,
            decision.attempt.id if decision.attempt else None,
            decision.payment.merchant_id,
            receipt.amount.units,
            receipt.amount.currency.code,
            receipt.txid,
            decision.history[-1].happened_at,
            decision.history[-1].learned_at,
        )
        for decision in decisions
        for provider, receipt in decision.receipts
    ]
    if len(await tx.fetch(q.insert_receipts, receipts)) != len(receipts):
        raise LostUpdate  # another node counted one of them for another payment


async def insert_history(tx: Tx, rows: Sequence[HistoryRow]) -> None:
    """Append history rows."""
    await tx.fetch(
        q.insert_history,
        [
            (
                row.payment_id,
                row.version,
                row.merchant_id,
                row.event,
                row.from_state,
                row.to_state,
                row.source,
                row.attempt_id,
                row.why,
                row.happened_at,
                row.learned_at,
            )
            for row in rows
        ],
    )
