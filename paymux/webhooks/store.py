"""Claim due notices and record what came of them: the rows behind `deliver`.

A claim is a lease: `leased_until`, by the clock on the wall, says until when nobody else may send the notice, and proves who
holds it. Whether a notice is due is asked of the clock that an operator may move. Order per payment is held by `order`: what
has a `due_at` may be sent.
"""

from collections.abc import Sequence

import msgspec

from paymux.clock import Clock
from paymux.storage.query import Tx, load
from paymux.webhooks import order
from paymux.webhooks.model import Answered, Claimed, NoticeState
from paymux.webhooks.schedule import next_try

_q = load("paymux.webhooks")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be taken. `rooms`: the endpoints that have less room than the others."""

    limit: int
    room_each: int
    rooms: tuple[tuple[int, int], ...] = ()
    lease_ms: int


class Lease(msgspec.Struct, frozen=True):
    """A claim to be given back."""

    notice_id: int
    leased_until: int


async def claim(tx: Tx, claims: Sequence[Claim], now: int) -> list[list[Claimed]]:
    """Take due notices: of every endpoint its oldest, no more than it has room for."""
    return [await _claim(tx, one, now) for one in claims]


async def _claim(tx: Tx, wish: Claim, now: int) -> list[Claimed]:
    wall = Clock.wall()
    rooms = list(wish.rooms) or [(0, 0)]  # there is no endpoint 0; a batch without rows would not be asked at all
    found = await tx.fetch(_q.find_due, rooms, room_each=wish.room_each, limit=wish.limit, now=now, wall=wall)
    until = wall + wish.lease_ms
    leased = await tx.fetch(_q.lease, [(row["id"],) for row in found], until=until, now=now, wall=wall)
    tries = {row["id"]: row["tries"] for row in leased}
    return [
        Claimed(
            id=row["id"],
            merchant_id=row["merchant_id"],
            payment_id=row["payment_id"],
            dialect=row["dialect"],
            word=row["word"],
            delivery=row["delivery"],
            body=row["body"],
            tries=tries[row["id"]],
            endpoint_id=row["endpoint_id"],
            url=row["url"],
            sealed=(row["secret"], *([row["previous_secret"]] if row["previous_secret"] else [])),
            created_at=row["created_at"],
            leased_until=until,
            order_uid=row["order_uid"],
        )
        for row in found
        if row["id"] in tries
    ]


async def record(tx: Tx, answers: Sequence[Answered], now: int) -> list[bool]:
    """Keep answers, end notices or say when they are tried again, and release their successors.

    False for a claim that is no longer held: it ran out and another node sends the notice, or this was recorded before."""
    tests = [answered.id for answered in answers if answered.payment_id is None and answered.order_uid is None]
    payments = [answered.payment_id for answered in answers]
    orders = [answered.order_uid for answered in answers]
    held = {row["id"]: row for row in await order.lock(tx, payments, tests, orders) if row["state"] == NoticeState.WAITING}
    ended, kept, results = [], [], []
    for answered in answers:
        row = held.get(answered.id)
        mine = row is not None and row["leased_until"] == answered.leased_until
        results.append(mine)
        if row is None or not mine:
            continue
        del held[answered.id]
        tries = row["tries"] + 1
        due_at = None if answered.accepted else next_try(tries, answered.delays_s, answered.scale, now)
        if answered.accepted:
            state = NoticeState.DELIVERED
        else:
            state = NoticeState.GIVEN_UP if due_at is None else NoticeState.WAITING
        ended.append((answered.id, state, tries, due_at, now if due_at is None else None))
        kept.append((answered.id, answered.url, answered.status, answered.answer, answered.error, answered.took_ms))
    await tx.fetch(_q.end_tries, ended)
    await tx.fetch(_q.keep_answers, kept, now=now)
    await order.arrange(tx, payments, now, orders)
    return results


async def release(tx: Tx, leases: Sequence[Lease], now: int) -> list[None]:
    """Give claims back unused, so that anybody may send the notices at once."""
    await tx.fetch(_q.release, sorted((lease.notice_id, lease.leased_until) for lease in leases))
    return [None] * len(leases)


async def tried(tx: Tx, payment_ids: Sequence[int], now: int) -> list[bool]:
    """Whether every notice of a payment that is to be sent was tried at least once."""
    rows = await tx.fetch(_q.untried, [(payment_id,) for payment_id in sorted(set(payment_ids))])
    waiting = {row["payment_id"] for row in rows}
    return [payment_id not in waiting for payment_id in payment_ids]
