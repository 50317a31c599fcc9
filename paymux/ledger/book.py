"""The only writer of the books: posts transfers, keeps the guarded balances."""

from collections.abc import Sequence

from paymux.ledger.chart import Account
from paymux.ledger.postings import Transfer
from paymux.storage.query import Step, Tx, load

_q = load("paymux.ledger")

KNOWN_MAX = 100_000


async def accounts(tx: Tx, wanted: Sequence[Account]) -> dict[Account, int]:
    """The ids of accounts; missing ones are made."""
    names = set(wanted)
    known: dict[Account, int] = tx.lasting.setdefault(Account, {})
    found = {account: known[account] for account in names if account in known}
    if len(found) < len(names):
        found |= await _find_or_make(tx, sorted(names - found.keys()), known)
    return found


async def _find_or_make(tx: Tx, names: Sequence[Account], known: dict[Account, int]) -> dict[Account, int]:
    found = await _find(tx, names)
    missing = [account for account in names if account not in found]
    if missing:
        tx.made = True
        await tx.fetch(_q.make_accounts, [(a.merchant_id, a.kind, a.currency, 0 if a.guarded else None) for a in missing])
        return found | await _find(tx, missing)
    if not tx.made:  # else it may be rolled back yet, and its ids given to others
        if len(known) > KNOWN_MAX:
            known.clear()
        known |= found
    return found


async def _find(tx: Tx, names: Sequence[Account]) -> dict[Account, int]:
    rows = await tx.fetch(_q.find_accounts, [(a.merchant_id, a.kind, a.currency) for a in names])
    return {Account(row["merchant_id"], row["kind"], row["currency"]): row["id"] for row in rows}


async def post(tx: Tx, transfers: Sequence[Transfer], now: int) -> None:
    """Append transfers and move the guarded balances, in one go.

    A balance that would go below zero breaks the table's rule and with it the transaction: whoever may overdraw an account
    looks at `available` first and refuses.
    """
    await tx.together(*await posting(tx, transfers, now))


async def posting(tx: Tx, transfers: Sequence[Transfer], now: int) -> tuple[Step, ...]:
    """The statements of `post`, for whoever has others to send with them."""
    if not transfers:
        return ()
    ids = await accounts(tx, [account for t in transfers for account in (t.debit, t.credit)])
    deltas: dict[int, int] = {}
    for transfer in transfers:
        for account, units in ((transfer.debit, -transfer.amount_units), (transfer.credit, transfer.amount_units)):
            if account.guarded:
                deltas[ids[account]] = deltas.get(ids[account], 0) + units
    moving = [(account_id, delta) for account_id, delta in sorted(deltas.items()) if delta]
    rows = [
        (
            *(t.key, t.merchant_id, t.payment_id, ids[t.debit], ids[t.credit], t.amount_units, t.reason, t.event_at, now),
            t.payout_id,
            t.order_uid,
        )
        for t in transfers
    ]
    return (_q.move_balances, moving), (_q.post_transfers, rows)


async def available(tx: Tx, wanted: Sequence[Account]) -> dict[Account, int]:
    """The balances of guarded accounts, locked until the transaction ends."""
    ids = await accounts(tx, wanted)
    rows = await tx.fetch(_q.lock_accounts, [(account_id,) for account_id in sorted(ids.values())])
    balances = {row["id"]: row["balance"] for row in rows}
    return {account: balances[account_id] for account, account_id in ids.items()}
