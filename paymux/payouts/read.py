"""Reads of payouts, coalesced."""

from collections.abc import Sequence
from typing import Any

import msgspec

from paymux.payouts import store
from paymux.payouts.model import Payout
from paymux.storage.query import Tx

PAGE = 100


async def by_reference(tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Payout | None]:
    """Payouts by (dialect, reference)."""
    rows = await tx.fetch(store.q.payouts_by_reference, sorted(set(asked)))
    found = {(payout.dialect, payout.reference): payout for payout in store.read_payouts(rows)}
    return [found.get(key) for key in asked]


async def refunds_of(tx: Tx, asked: Sequence[int], now: int) -> list[list[Payout]]:
    """The newest refunds of payments."""
    return [store.read_payouts(await tx.fetch(store.q.refunds_of_payment, payment_id=payment_id, page=PAGE)) for payment_id in asked]


class AcceptedIn(msgspec.Struct, frozen=True):
    """Whose payouts of which API, accepted since a moment and before another one (and at it those before an id), in milliseconds."""

    merchant_id: int
    dialect: str
    since: int
    before_at: int
    before_id: int = 0


async def accepted_in(tx: Tx, asked: Sequence[AcceptedIn], now: int) -> list[list[Payout]]:
    """A page of a merchant's payouts, newest first; no refunds."""
    return [store.read_payouts(await tx.fetch(store.q.payouts_created, page=PAGE, **_fields(one))) for one in asked]


def _fields(one: AcceptedIn) -> dict[str, Any]:
    return msgspec.structs.asdict(one)
