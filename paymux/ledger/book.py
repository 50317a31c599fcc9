"""The only writer of the books: posts transfers, keeps the guarded balances."""

from collections.abc import Sequence

from paymux.ledger.chart import Account
from paymux.ledger.postings import Transfer
from paymux.storage.query import Tx, load

_q = load("paymux.ledger")


async def accounts(tx: Tx, wanted: Sequence[Account]) -> dict[Account, int]:
    """The ids of accounts; missing ones are made."""
    names = sorted(set(wanted))
    found = await _find(tx, names)
    missing = [account for account in names if account not in found]
    if missing:
        await tx.fetch(_q.make_accounts, [(a.merchant_id, a.kind, a.currency, 0 if a.guarded else None) for a in missing])
        found |= await _find(tx, missing)
    return found


async def _find(tx: Tx, names: Sequence[Account]) -> dict[Account, int]:
    rows = await tx.fetch(_q.find_accounts, [(a.merchant_id, a.kind, a.currency) for a in names])
    return {Account(row["merchant_id"], row["kind"], row["currency"]): row["id"] for row in rows}


async def post(tx: Tx, transfers: Sequence[Transfer], now: int) -> None:
    """Append transfers and move the guarded balances, in one go.

    A balance that would go below zero breaks the table's rule and with it the transaction: whoever may overdraw an account
    looks at `available` first and refuses.
    """
    if not transfers:
        return
    ids = await accounts(tx, [account for t in transfers for account in (t.debit, t.credit)])
    deltas: dict[int, int] = {}
    for transfer in transfers:
        for account, units in ((transfer.debit, -transfer.amount_units), (transfer.credit, transfer.amount_units)):
            if account.guarded:
                deltas[ids[account]] = deltas.get(ids[account], 0) + units
    moving = [(account_id, delta) for account_id, delta in sorted(deltas.items()) if delta]
    if len(moving) > 1:
        await tx.fetch(_q.lock_accounts, [(account_id,) for account_id, _ in moving])
    await tx.fetch(_q.move_balances, moving)
    await tx.fetch(
        _q.post_transfers,
        [
            (
                *(t.key, t.merchant_id, t.payment_id, ids[t.debit], ids[t.credit], t.amount_units, t.reason, t.event_at, now),
                t.payout_id,
                t.order_uid,
            )
            for t in transfers
        ],
    )


async def available(tx: Tx, wanted: Sequence[Account]) -> dict[Account, int]:
    """The balances of guarded accounts, locked until the transaction ends."""
    ids = await accounts(tx, wanted)
    rows = await tx.fetch(_q.lock_accounts, [(account_id,) for account_id in sorted(ids.values())])
    balances = {row["id"]: row["balance"] for row in rows}
    return {account: balances[account_id] for account, account_id in ids.items()}
