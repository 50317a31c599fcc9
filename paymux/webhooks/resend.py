"""Send notices again: one, or a range of a merchant's; the same body, the same delivery id, order per payment kept.

A notice starts again with all the tries of its schedule; its answers go on being numbered. One whose endpoint cannot be used
(it had none, or that was switched off) takes the one that counts now; where there is none it stays as it is.
"""

from collections.abc import Sequence

import msgspec

from paymux.storage.query import Tx, load
from paymux.storage.writer import Batcher
from paymux.webhooks import order
from paymux.webhooks.model import NoticeState
from paymux.webhooks.outbox import addresses

_q = load("paymux.webhooks")

PAGE = 500  # notices in one transaction
WINDOW = 20_000  # ids that one transaction looks at
_LAST = 2**63 - 1
ENDED = (NoticeState.DELIVERED, NoticeState.GIVEN_UP, NoticeState.UNADDRESSED)


class Resend(msgspec.Struct, frozen=True, kw_only=True):
    """Which notices. Ids are inclusive; `from_at` is, `until_at` (of their writing) is not. With `notice_id` its state does not matter."""

    merchant_id: int
    notice_id: int | None = None
    first_id: int = 0
    last_id: int = _LAST
    from_at: int = 0
    until_at: int = _LAST
    states: tuple[NoticeState, ...] = ENDED


class Resent(msgspec.Struct, frozen=True):
    """How many are sent again; `next_id` is where the next page begins, None after the last."""

    count: int
    next_id: int | None


async def resend_page(tx: Tx, wishes: Sequence[Resend], now: int) -> list[Resent]:
    """The verb: for each wish its first `PAGE` notices."""
    return [await _resend(tx, wish, now) for wish in wishes]


async def resend(writer: Batcher, wish: Resend) -> int:
    """Send all of a range again, a page in each transaction; how many. None looks at more than `WINDOW` ids: others wait."""
    if wish.notice_id is not None:
        return (await writer.submit(resend_page, wish)).count
    oldest, newest = await writer.submit(_span, wish.merchant_id)
    count, first, last = 0, max(wish.first_id, oldest), min(wish.last_id, newest)
    while first <= last:
        up_to = min(last, first + WINDOW - 1)
        done = await writer.submit(resend_page, msgspec.structs.replace(wish, first_id=first, last_id=up_to))
        count += done.count
        first = up_to + 1 if done.next_id is None else done.next_id
    return count


async def _span(tx: Tx, merchant_ids: Sequence[int], now: int) -> list[tuple[int, int]]:
    """The first and the last notice of merchants; nothing lies between (1, 0)."""
    rows = [(await tx.fetch(_q.span_of_merchant, merchant_id=merchant_id))[0] for merchant_id in merchant_ids]
    return [(row["oldest"], row["newest"]) for row in rows]


async def _resend(tx: Tx, wish: Resend, now: int) -> Resent:
    one = wish.notice_id
    rows = await tx.fetch(
        _q.find_resend,
        [(state,) for state in (wish.states if one is None else NoticeState)],
        merchant_id=wish.merchant_id,
        first_id=wish.first_id if one is None else one,
        last_id=wish.last_id if one is None else one,
        from_at=wish.from_at,
        until_at=wish.until_at,
        page=PAGE,
    )
    lost = [row for row in rows if not row["addressed"]]
    found = await addresses(tx, [(row["merchant_id"], row["shop"]) for row in lost])
    endpoints = {row["id"]: row["endpoint_id"] for row in rows if row["addressed"]}
    for row in lost:
        endpoint, addressed = found.of(row["merchant_id"], row["shop"], row["url"])
        if addressed:
            endpoints[row["id"]] = endpoint
    chosen = [row for row in rows if row["id"] in endpoints]
    payments = [row["payment_id"] for row in chosen]
    orders = [row["order_uid"] for row in chosen]
    tests = [row["id"] for row in chosen if row["payment_id"] is None and row["order_uid"] is None]
    await order.lock(tx, payments, tests, orders)
    await tx.fetch(_q.wait_again, sorted(endpoints.items()), now=now)
    await order.arrange(tx, payments, now, orders)
    return Resent(len(chosen), rows[-1]["id"] + 1 if len(rows) == PAGE else None)
