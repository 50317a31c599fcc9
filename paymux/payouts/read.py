"""Reads of payouts, coalesced."""

from collections.abc import Sequence

from paymux.payouts import store
from paymux.payouts.model import Payout
from paymux.storage.query import Tx


async def by_reference(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payout | None]:
    """Payouts by (dialect, reference)."""
    rows = await tx.fetch(store.q.payouts_by_reference, sorted(set(asked)))
    found = {(row["dialect"], row["reference"]): store.payout_of(row) for row in rows}
    return [found.get(key) for key in asked]
