"""Accept payouts: funds are looked at, locked and held in the very transaction that accepts the request.

The fee is held with the amount. What does not fit into the available balance is refused, whatever comes at the same moment: the
balance is locked before it is read, and the commands of a batch share what is left.
"""

from collections.abc import Sequence

from paymux import ids
from paymux.errors import Refusal, Refused, refuse
from paymux.ledger import book
from paymux.ledger.chart import payable
from paymux.ledger.postings import Transfer
from paymux.merchants.caps import Caps
from paymux.money import Money
from paymux.payouts import store
from paymux.payouts.decide import held
from paymux.payouts.lifecycle import PayoutEvent, PayoutState
from paymux.payouts.model import OpenPayout, Payout, PayoutHistory
from paymux.storage.query import Tx


async def open_payouts(tx: Tx, wishes: Sequence[OpenPayout], now: int) -> list[Payout | Refused]:
    """Accept payouts in their order; refused with DUPLICATE_REFERENCE (first of all), INSUFFICIENT_BALANCE or DAILY_CAP.

    The lock on the merchant's balance comes first: whoever has it sees every payout that others committed."""
    accounts = {payable(wish.merchant_id, wish.amount.currency.code) for wish in wishes}
    left = await book.available(tx, sorted(accounts))
    asked = sorted({(wish.dialect, wish.reference) for wish in wishes})
    seen = {(row["dialect"], row["reference"]) for row in await tx.fetch(store.q.taken_references, asked)}
    results: list[Payout | Refused] = []
    accepted: list[Payout] = []
    caps = await Caps.locked(tx, [wish.cap for wish in wishes], now)
    numbers = iter(await store.next_ids(tx, len(wishes)))
    for wish in wishes:
        name, account = (wish.dialect, wish.reference), payable(wish.merchant_id, wish.amount.currency.code)
        needed = wish.amount.units + wish.fee_units
        if name in seen:
            results.append(refuse(Refusal.DUPLICATE_REFERENCE))
        elif left[account] < needed:
            has = Money(left[account], wish.amount.currency)
            results.append(refuse(Refusal.INSUFFICIENT_BALANCE, f"the merchant has {has}: less than is to be paid"))
        elif not caps.takes(wish.cap):
            results.append(refuse(Refusal.DAILY_CAP))
        else:
            seen.add(name)
            left[account] -= needed
            payout = _payout(next(numbers), wish, now)
            accepted.append(payout)
            results.append(payout)
    await store.insert(tx, accepted)
    await store.insert_history(tx, [_creation(payout) for payout in accepted])
    transfers: list[Transfer] = [transfer for payout in accepted for transfer in held(payout, now)]
    await book.post(tx, transfers, now)
    await caps.write(tx)
    return results


def _creation(payout: Payout) -> PayoutHistory:
    return PayoutHistory(
        payout_id=payout.id,
        version=1,
        merchant_id=payout.merchant_id,
        event=PayoutEvent.CREATED,
        from_state=None,
        to_state=PayoutState.ACCEPTED,
        source="shop",
        why="",
        happened_at=payout.created_at,
        learned_at=payout.created_at,
    )


def _payout(payout_id: int, wish: OpenPayout, now: int) -> Payout:
    return Payout(
        id=payout_id,
        merchant_id=wish.merchant_id,
        dialect=wish.dialect,
        reference=wish.reference,
        amount_units=wish.amount.units,
        fee_units=wish.fee_units,
        currency=wish.amount.currency.code,
        method=wish.method,
        state=PayoutState.ACCEPTED,
        version=1,
        operation_key=ids.operation_key(),
        provider=wish.provider,
        provider_ref=None,
        reason=None,
        details=wish.details,
        callback_url=wish.callback_url,
        asked=0,
        act_at=now,
        doubted_at=None,
        created_at=now,
        sent_at=None,
        ended_at=None,
        updated_at=now,
        payment_id=wish.payment_id,
    )
