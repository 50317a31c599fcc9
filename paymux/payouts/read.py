"""Reads of payouts, coalesced."""

from collections.abc import Sequence

import msgspec

from paymux.payouts import store
from paymux.payouts.model import Payout
from paymux.storage.query import Tx


async def by_reference(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payout | None]:
    """Payouts by (dialect, reference)."""
    rows = await tx.fetch(store.q.payouts_by_reference, sorted(set(asked)))
    found = {(row["dialect"], row["reference"]): store.payout_of(row) for row in rows}
    return [found.get(key) for key in asked]


class UsedByPayouts(msgspec.Struct, frozen=True):
    """Whose payouts, in which currency, since when."""

    merchant_id: int
    currency: str
    since: int


async def used_by_payouts(tx: Tx, asked: Sequence[UsedByPayouts], now: int) -> list[dict[str, int]]:
    """Units accepted since a moment, by method."""
    results = []
    for one in asked:
        rows = await tx.fetch(store.q.paid_out_since, merchant_id=one.merchant_id, currency=one.currency, since=one.since)
        results.append({row["method"]: row["units"] for row in rows})
    return results
