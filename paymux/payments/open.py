"""Open payments: the verb behind every dialect's "create"."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from paymux.errors import Refusal, Refused, refuse
from paymux.merchants.directory import Remembered
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import OPEN, Event, State
from paymux.payments.model import OpenPayment, Payment, Report, Source
from paymux.payments.noted import WasOpened
from paymux.storage.query import Tx
from paymux.storage.writer import LostUpdate, lone

Key = tuple[int, str | None, str]


class Opened(msgspec.Struct, frozen=True):
    """The payment of a wish; `repeated` when it lived already."""

    payment: Payment
    repeated: bool


async def open_payments(door: Door, tx: Tx, wishes: Sequence[OpenPayment], now: int) -> list[Opened | Refused]:
    """Open payments, or answer the live one with the same repeat key. Equal wishes in one batch make one payment.

    Refused with DUPLICATE_REFERENCE where the API's own name for it is taken, by an earlier payment or an earlier wish of the batch."""
    taken = {index for index, free in enumerate(await _free_references(tx, wishes)) if not free}
    opened = await _open_or_repeat(door, tx, [wish for index, wish in enumerate(wishes) if index not in taken], now)
    if door.counted:
        sorts = Counter((one.payment.dialect, one.repeated) for one in opened)
        tx.facts.extend(WasOpened(dialect, repeated, count) for (dialect, repeated), count in sorts.items())
    following = iter(opened)
    return [refuse(Refusal.DUPLICATE_REFERENCE) if index in taken else next(following) for index in range(len(wishes))]


@lone
async def open_remembered(door: Door, tx: Tx, asked: Sequence[tuple[Remembered, OpenPayment]], now: int) -> list[Opened | None]:
    """Open payments without a reference for callers who were judged by what the directory remembered of them. None where that is no longer
    true, and where one with the same repeat key lives: there `open_payments` must say."""
    wishes = [wish for _, wish in asked]
    ids = await store.insert_new(tx, wishes, now, [known.version for known, _ in asked])
    if door.counted:
        sorts = Counter(wish.dialect for wish, id in zip(wishes, ids, strict=True) if id is not None)
        tx.facts.extend(WasOpened(dialect, False, count) for dialect, count in sorts.items())
    return [None if id is None else Opened(_payment(id, wish, now), False) for wish, id in zip(wishes, ids, strict=True)]


async def taken_references(tx: Tx, wishes: Sequence[OpenPayment]) -> set[tuple[str, str | None]]:
    """Which of the wished (dialect, reference) earlier payments have."""
    asked = sorted({(wish.dialect, wish.reference) for wish in wishes if wish.reference})
    return {(row["dialect"], row["reference"]) for row in await tx.fetch(store.q.find_references, asked)} if asked else set()


async def _free_references(tx: Tx, wishes: Sequence[OpenPayment]) -> list[bool]:
    """Which wishes may have the reference they ask for."""
    seen = await taken_references(tx, wishes)
    free = []
    for wish in wishes:
        name = (wish.dialect, wish.reference)
        free.append(wish.reference is None or name not in seen)
        seen.add(name)
    return free


async def _open_or_repeat(door: Door, tx: Tx, wishes: Sequence[OpenPayment], now: int) -> list[Opened]:
    places: list[Key | int] = [_key(wish) or index for index, wish in enumerate(wishes)]
    firsts: dict[Key | int, int] = {}
    for index, place in enumerate(places):
        firsts.setdefault(place, index)
    made = await _insert(tx, {place: wishes[index] for place, index in firsts.items()}, now)
    found = dict(made)
    rest = {place: wishes[index] for place, index in firsts.items() if place not in made}
    if rest:  # repeats of live ones; or of such as only the clock has ended, which give their places away now
        found |= await _live(door, tx, list(rest.values()), now)
        made |= await _insert(tx, {place: wish for place, wish in rest.items() if place not in found}, now)
        found |= made
    if any(place not in found for place in places):
        raise LostUpdate  # what it committed has ended since, or it took the reference: the next try sees which
    repeated = [place not in made or firsts[place] != index for index, place in enumerate(places)]
    newest = {found[place].id: wish for place, wish, again in zip(places, wishes, repeated, strict=True) if again}
    refreshed = await _refresh(tx, newest, {payment.id: payment for payment in found.values()})
    payments = [found[place] for place in places]
    return [Opened(refreshed.get(p.id, p) if again else p, again) for p, again in zip(payments, repeated, strict=True)]


def _key(wish: OpenPayment) -> Key | None:
    return (wish.merchant_id, wish.order_ref, wish.repeat_key) if wish.repeat_key else None


async def _live(door: Door, tx: Tx, wishes: Sequence[OpenPayment], now: int) -> dict[Key | int, Payment]:
    """Live payments by repeat key. One whose time is over gives its place away in this very transaction."""
    keys = sorted(filter(None, map(_key, wishes)))
    found = store.read_payments(await tx.fetch(store.q.find_live, keys))
    over = [payment for payment in found if overdue(payment, now)]
    if over:
        await door.advance(
            tx,
            [Report(payment_id=p.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=p.expires_at) for p in over],
            now,
        )
    gone = {payment.id for payment in over}
    return {(p.merchant_id, p.order_ref, p.repeat_key): p for p in found if p.id not in gone and p.repeat_key}


async def _insert(tx: Tx, fresh: Mapping[Key | int, OpenPayment], now: int) -> dict[Key | int, Payment]:
    ids = await store.insert_new(tx, list(fresh.values()), now) if fresh else []
    return {place: _payment(id, wish, now) for id, (place, wish) in zip(ids, fresh.items(), strict=True) if id is not None}


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
        reference=wish.reference,
        outcome_ref=wish.outcome_ref,
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
        payer=None,
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
            country=wish.country or payment.country,
            return_url=wish.return_url or payment.return_url,
            cancel_url=wish.cancel_url or payment.cancel_url,
            meta=wish.meta or payment.meta,
        )
        if newer != payment:
            changed[payment_id] = newer
    await tx.fetch(store.q.refresh_payments, [(p.id, p.email, p.country, p.return_url, p.cancel_url, p.meta) for p in changed.values()])
    return changed
