"""Rows of payments, attempts, histories and receipts."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from paymux.merchants.model import Policy, policy_from
from paymux.payments.decide import Decision
from paymux.payments.lifecycle import ENDED, LIVE, AttemptState, State
from paymux.payments.model import Attempt, OpenPayment, Payment
from paymux.storage.query import Step, Tx, load
from paymux.storage.rows import RowsOf
from paymux.storage.writer import LostUpdate

q = load("paymux.payments")

_LAST_ID = "the id of the newest payment"  # a guess, see `_insert_rows`

read_payments = RowsOf(Payment, State)
read_attempts = RowsOf(Attempt, AttemptState)


async def insert_new(tx: Tx, wishes: Sequence[OpenPayment], now: int, versions: Sequence[str | None] = ()) -> list[int | None]:
    """Insert payments with their first history rows; their ids, None where one of the same repeat key lives or the reference is taken.

    One of `versions` that is not None is the installation's, as it stood when a wish was judged: where it stands no more, also None."""
    versions = versions or [None] * len(wishes)
    rows = [
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
            version,
        )
        for place, (wish, version) in enumerate(zip(wishes, versions, strict=True))
    ]
    if tx.engine == "sqlite":
        return await _insert_rows(tx, rows)
    made = await tx.fetch_alone(q.insert_new, rows)
    ids = {row["place"]: row["id"] for row in made}
    return [ids.get(place) for place in range(len(wishes))]


async def _insert_rows(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> list[int | None]:
    """On SQLite the ids are given out here: first on the guess that nobody else made a payment since and that nothing hinders any of
    these, which the statement proves; the next try looks first, and nobody else writes meanwhile."""
    if tx.alone and _LAST_ID in tx.lasting:
        last = tx.lasting[_LAST_ID]
        await tx.fetch_alone(q.insert_rows, [(last + 1 + row[0], *row[1:]) for row in rows])
        tx.lasting[_LAST_ID] = last + len(rows)
        return list(range(last + 1, last + 1 + len(rows)))
    keys = [(row[0], row[1], row[6], row[7]) for row in rows]  # place, merchant_id, order_ref, repeat_key
    [found] = await tx.fetch(q.taken_keys, keys)
    taken = set(msgspec.json.decode(found["taken"]))
    named: set[tuple[Any, ...]] = set()
    for place, *key in keys:
        if tuple(key) in named:
            taken.add(place)
        elif key[-1]:
            named.add(tuple(key))
    following = itertools.count(found["last"] + 1)
    ids = [None if row[0] in taken or row[-1] not in (None, found["judged"]) else next(following) for row in rows]
    await tx.fetch(q.insert_rows, [(id, *row[1:]) for id, row in zip(ids, rows, strict=True) if id is not None])
    tx.lasting[_LAST_ID] = next(following) - 1
    return ids


async def lock(tx: Tx, ids: Iterable[int]) -> dict[int, tuple[Payment, Policy]]:
    """Payments and the policies that judge their money, locked until the transaction ends."""
    rows = await tx.fetch(q.lock_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    return {payment.id: (payment, policy_from(row["policy"])) for row, payment in zip(rows, read_payments(rows), strict=True)}


async def attempts(tx: Tx, ids: Iterable[int]) -> dict[int, Attempt]:
    """Attempts by their ids."""
    rows = await tx.fetch(q.find_attempts, [(attempt_id,) for attempt_id in sorted(set(ids))])
    return {attempt.id: attempt for attempt in read_attempts(rows)}


async def attempts_of(tx: Tx, payment_id: int) -> list[Attempt]:
    """Every attempt of one payment, oldest first."""
    return read_attempts(await tx.fetch(q.attempts_of_payments, [(payment_id,)]))


async def known_receipts(tx: Tx, wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which (provider, reference) pairs were counted before."""
    rows = await tx.fetch(q.known_receipts, sorted(set(wanted)))
    return {(row["provider"], row["reference"]) for row in rows}


async def give_way(tx: Tx, before: Mapping[int, Payment], after: Mapping[int, Payment]) -> None:
    """Make room for payments that come back from their end. Equal wishes have one place among the live ones, and it may have been taken
    since by a newer payment: that one stays what a repeated wish is answered with."""
    back = [one for one in after.values() if one.repeat_key and before[one.id].state in ENDED and one.state in LIVE]
    places: set[tuple[int, str | None, str | None]] = set()
    rows = []
    for one in sorted(back, key=lambda payment: -payment.id):
        place = (one.merchant_id, one.order_ref, one.repeat_key)
        rows.append((one.id, int(place in places)))
        places.add(place)
    await tx.fetch(q.give_way, rows)


async def save(
    tx: Tx, before: Mapping[int, Payment], after: Mapping[int, Payment], decisions: Sequence[Decision], beside: Sequence[Step] = ()
) -> None:
    """Write payments (guarded by the version that was read), attempts, histories and receipts, and what else goes `beside` them."""
    changed = [payment for payment_id, payment in sorted(after.items()) if payment is not before[payment_id]]
    payments = [
        (
            p.id,
            before[p.id].version,
            p.state,
            p.version,
            p.received_units,
            p.held_units,
            p.payable_units,
            p.refunded_units,
            p.txid_in,
            p.txid_out,
            p.last_error,
            p.attention,
            p.payer,
            p.paid_at,
            p.updated_at,
        )
        for p in changed
    ]
    tries = {decision.attempt.id: decision.attempt for decision in decisions if decision.attempt is not None}
    attempts = [
        (a.id, a.state, a.provider_ref, a.handed_url, a.reason, a.ask_at, a.doubted_at, a.ended_at, a.decline_reason)
        for _, a in sorted(tries.items())
    ]
    history = [
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
        for decision in decisions
        for row in decision.history
    ]
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
    own = ((q.save_payments, payments), (q.save_attempts, attempts), (q.insert_history, history), (q.insert_receipts, receipts))
    saved, _, _, counted, *_ = await tx.together(*own, *beside)
    if saved != len(payments) or counted != len(receipts):
        raise LostUpdate  # somebody changed a payment, or another node counted a receipt for another one
