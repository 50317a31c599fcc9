"""Open payments: the verb behind every dialect's "create"."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import OPEN, Event, State
from paymux.payments.model import HistoryRow, OpenPayment, Payment, Report, Source
from paymux.storage.query import Tx

Key = tuple[int, str]


class Opened(msgspec.Struct, frozen=True):
    """The payment of a wish; `repeated` when it lived already."""

    payment: Payment
    repeated: bool


async def open_payments(door: Door, tx: Tx, wishes: Sequence[OpenPayment], now: int) -> list[Opened]:
    """Open payments, or answer the live one with the same repeat key. Equal wishes in one batch make one payment."""
    lives = await _live(door, tx, [wish for wish in wishes if wish.repeat_key], now)
    fresh: dict[Key | int, OpenPayment] = {}
    repeats: dict[int, OpenPayment] = {}
    for index, wish in enumerate(wishes):
        key = _key(wish)
        if key is not None and key in lives:
            repeats[lives[key].id] = wish
        else:
            fresh.setdefault(index if key is None else key, wish)
    made = await _insert(tx, fresh, now)
    lost = [wish for key, wish in fresh.items() if key not in made]
    if lost:  # another lane or node committed the same wish between our look and our insert
        lives |= await _live(door, tx, lost, now)
    refreshed = await _refresh(tx, repeats, {payment.id: payment for payment in lives.values()})
    results = []
    for index, wish in enumerate(wishes):
        key = _key(wish)
        found = made.get(index if key is None else key)
        if found is not None:
            results.append(Opened(found, fresh[index if key is None else key] is not wish))
        else:
            assert key is not None
            payment = lives[key]
            results.append(Opened(refreshed.get(payment.id, payment), True))
    return results


def _key(wish: OpenPayment) -> Key | None:
    return (wish.merchant_id, wish.repeat_key) if wish.repeat_key else None


async def _live(door: Door, tx: Tx, wishes: Sequence[OpenPayment], now: int) -> dict[Key, Payment]:
    """Live payments by repeat key. One whose time is over gives its place away in this very transaction."""
    keys = sorted({(wish.merchant_id, wish.repeat_key) for wish in wishes if wish.repeat_key})
    found = [store.payment_of(row) for row in await tx.fetch(store.q.find_live, keys)]
    over = [payment for payment in found if overdue(payment, now)]
    if over:
        await door.advance(
            tx,
            [Report(payment_id=p.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=p.expires_at) for p in over],
            now,
        )
    gone = {payment.id for payment in over}
    return {(p.merchant_id, p.repeat_key): p for p in found if p.id not in gone and p.repeat_key}


async def _insert(tx: Tx, fresh: dict[Key | int, OpenPayment], now: int) -> dict[Key | int, Payment]:
    if not fresh:
        return {}
    ids = await store.next_ids(tx, len(fresh))
    payments = {key: _payment(payment_id, wish, now) for payment_id, (key, wish) in zip(ids, fresh.items(), strict=True)}
    rows = await tx.fetch(
        store.q.insert_payments,
        [
            (
                p.id,
                p.merchant_id,
                p.dialect,
                p.shop,
                p.amount_units,
                p.currency,
                p.order_ref,
                p.repeat_key,
                p.method,
                p.email,
                p.country,
                p.return_url,
                p.cancel_url,
                p.meta,
                p.details,
                p.created_at,
                p.expires_at,
            )
            for p in payments.values()
        ],
    )
    inserted = {row["id"] for row in rows}
    made = {key: payment for key, payment in payments.items() if payment.id in inserted}
    await store.insert_history(tx, [_creation(payment, fresh[key].note) for key, payment in made.items()])
    return made


def _creation(payment: Payment, note: str) -> HistoryRow:
    return HistoryRow(
        payment_id=payment.id,
        version=1,
        merchant_id=payment.merchant_id,
        event=Event.CREATED,
        from_state=None,
        to_state=State.CREATED,
        source=Source.SHOP,
        attempt_id=None,
        why=note,
        happened_at=payment.created_at,
        learned_at=payment.created_at,
    )


def _payment(payment_id: int, wish: OpenPayment, now: int) -> Payment:
    return Payment(
        id=payment_id,
        merchant_id=wish.merchant_id,
        dialect=wish.dialect,
        shop=wish.shop,
        amount_units=wish.amount.units,
        currency=wish.amount.currency.code,
        received_units=0,
        held_units=0,
        state=State.CREATED,
        version=1,
        order_ref=wish.order_ref,
        repeat_key=wish.repeat_key,
        method=wish.method,
        email=wish.email,
        country=wish.country,
        return_url=wish.return_url,
        cancel_url=wish.cancel_url,
        meta=wish.meta,
        details=wish.details,
        txid_in=None,
        txid_out=None,
        last_error=None,
        attention=None,
        created_at=now,
        expires_at=now + wish.lasts_ms,
        paid_at=None,
        updated_at=now,
    )


async def _refresh(tx: Tx, repeats: dict[int, OpenPayment], lives: dict[int, Payment]) -> dict[int, Payment]:
    """An open payment takes the newer addresses and buyer's facts; one in progress stays as it is."""
    changed: dict[int, Payment] = {}
    for payment_id, wish in sorted(repeats.items()):
        payment = lives[payment_id]
        if payment.state not in OPEN:
            continue
        newer = replace(
            payment,
            email=wish.email or payment.email,
            country=wish.country,
            return_url=wish.return_url,
            cancel_url=wish.cancel_url,
            meta=wish.meta,
        )
        if newer != payment:
            changed[payment_id] = newer
    await tx.fetch(store.q.refresh_payments, [(p.id, p.email, p.country, p.return_url, p.cancel_url, p.meta) for p in changed.values()])
    return changed
