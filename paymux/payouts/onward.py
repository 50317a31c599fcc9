"""Send on what came: where a payment says that its money goes on to an address, a payout of it is opened as soon as it is paid.

What is to come is stored in the transaction that opens the payment. The payout and the end of that row are one transaction, and the payout
has the payment's own reference: however often this is tried, it is sent on once. A payment that ends unpaid sends nothing on, even if a
person accepts late money afterwards; nor does one whose money was spent meanwhile: then it is, or was, the merchant's balance.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from paymux.errors import Refused
from paymux.money import Money, known
from paymux.payouts.model import OpenPayout
from paymux.payouts.open import open_payouts
from paymux.payouts.store import q
from paymux.storage.query import Tx

log = structlog.get_logger()


class Onward(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money goes on to. `fee_units` of the payout are taken from what came."""

    method: str
    provider: str
    fee_units: int
    details: str


async def keep(tx: Tx, wishes: Sequence[tuple[int, Onward]]) -> None:
    """Note for payments, by number, where their money goes on to."""
    rows = [(number, one.method, one.provider, one.fee_units, one.details) for number, one in wishes]
    if rows:
        await tx.fetch(q.put_onward, rows)


async def any_onward(tx: Tx, batches: Sequence[int], now: int) -> list[bool]:
    """Whether there is anything to send on: looked at often, so that it must not cost a write."""
    ready = bool(await tx.fetch(q.any_onward))
    return [ready for _ in batches]


async def send_on(tx: Tx, batches: Sequence[int], now: int) -> list[int]:
    """Open the payouts of what was paid, at most so many; how many rows are done with."""
    results = []
    for batch in batches:
        rows = await tx.fetch(q.claim_onward, batch=batch)
        wishes = [_payout(row) for row in rows if row["payable_units"] > row["fee_units"]]
        for wish, result in zip(wishes, await open_payouts(tx, wishes, now), strict=True):
            if isinstance(result, Refused):
                log.error("payout.not_sent_on", reference=wish.reference, reasons=sorted(result.reasons))
        await tx.fetch(q.drop_onward, [(row["payment_id"],) for row in rows])
        results.append(len(rows))
    return results


def _payout(row: Mapping[str, Any]) -> OpenPayout:
    """What the merchant is owed for the payment, without the fee of sending it."""
    return OpenPayout(
        merchant_id=row["merchant_id"],
        dialect=row["dialect"],
        reference=row["reference"],
        amount=Money(row["payable_units"] - row["fee_units"], known(row["currency"])),
        fee_units=row["fee_units"],
        method=row["method"],
        provider=row["provider"],
        details=row["details"],
    )
