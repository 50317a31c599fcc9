"""Rows of payouts and their histories."""

from collections.abc import Iterable, Mapping, Sequence

from paymux.payouts.lifecycle import PayoutState
from paymux.payouts.model import Payout, PayoutHistory
from paymux.storage.query import Tx, load
from paymux.storage.rows import RowsOf
from paymux.storage.writer import LostUpdate

q = load("paymux.payouts")

read_payouts = RowsOf(Payout, PayoutState)


async def next_ids(tx: Tx, count: int) -> list[int]:
    """The next payout ids."""
    rows = await tx.fetch(q.next_ids, count=count)
    if tx.engine == "sqlite":
        return [rows[0]["last"] + step for step in range(1, count + 1)]
    return [row["id"] for row in rows]


async def lock(tx: Tx, ids: Iterable[int]) -> dict[int, Payout]:
    """Payouts, locked until the transaction ends."""
    rows = await tx.fetch(q.lock_payouts, [(payout_id,) for payout_id in sorted(set(ids))])
    return {payout.id: payout for payout in read_payouts(rows)}


async def insert(tx: Tx, payouts: Sequence[Payout]) -> None:
    """New payouts; `LostUpdate` if one of their references was taken since it was looked at."""
    inserted = await tx.fetch(
        q.insert_payouts,
        [
            (
                p.id,
                p.merchant_id,
                p.dialect,
                p.reference,
                p.amount_units,
                p.fee_units,
                p.currency,
                p.method,
                p.operation_key,
                p.provider,
                p.details,
                p.callback_url,
                p.act_at,
                p.created_at,
                p.payment_id,
            )
            for p in payouts
        ],
    )
    if len(inserted) != len(payouts):
        raise LostUpdate


async def save(tx: Tx, before: Mapping[int, Payout], after: Mapping[int, Payout], history: Sequence[PayoutHistory]) -> None:
    """Write what changed, guarded by the version that was read."""
    changed = [payout for payout_id, payout in sorted(after.items()) if payout is not before[payout_id]]
    saved = await tx.fetch(
        q.save_payouts,
        [
            (
                p.id,
                before[p.id].version,
                p.state,
                p.version,
                p.provider_ref,
                p.reason,
                p.act_at,
                p.doubted_at,
                p.sent_at,
                p.ended_at,
                p.updated_at,
            )
            for p in changed
        ],
    )
    if len(saved) != len(changed):
        raise LostUpdate
    await insert_history(tx, history)


async def insert_history(tx: Tx, rows: Sequence[PayoutHistory]) -> None:
    """Append history rows."""
    await tx.fetch(
        q.insert_payout_history,
        [
            (
                row.payout_id,
                row.version,
                row.merchant_id,
                row.event,
                row.from_state,
                row.to_state,
                row.source,
                row.why,
                row.happened_at,
                row.learned_at,
            )
            for row in rows
        ],
    )
