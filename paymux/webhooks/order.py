"""Order per payment (or order of the exchange): of a payment's waiting notices only the first is due, so nothing else can be claimed.

Whoever ends or revives notices of a payment locks all of its notices first (`lock`), changes them, and lets `arrange` say which
is due; whoever writes a further one writes it as not due, and then does the same. Proof for two nodes on PostgreSQL: two such
transactions of one payment share at least one committed notice, so the second waits for the first at `lock`; `arrange` is a later
statement and sees what the first committed. A payment's first notice is due as it is written: it has one writer only, since its
changes hold the payment's own lock.
Test deliveries belong to no payment and wait for nobody.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from paymux.storage.query import Tx, load

_q = load("paymux.webhooks")


Subject = tuple[int | None, int | None]  # a payment, or an order of the exchange
NOTHING: Subject = (None, None)  # what a test delivery tells of


def subject(row: Any) -> Subject:
    """What a notice tells of."""
    return row["payment_id"], row["order_uid"]


async def lock(tx: Tx, payments: Iterable[int | None], tests: Iterable[int] = (), orders: Iterable[int | None] = ()) -> Sequence[Any]:
    """Lock the notices of payments and of orders, and test deliveries by their own id; the rows as they are now."""
    rows = list(await tx.fetch(_q.lock_payments, [(payment,) for payment in _sorted(payments)]))
    rows += await tx.fetch(_q.lock_orders, [(order,) for order in _sorted(orders)])
    return rows + list(await tx.fetch(_q.lock_tests, [(notice,) for notice in sorted(set(tests))]))


async def arrange(tx: Tx, payments: Iterable[int | None], now: int, orders: Iterable[int | None] = ()) -> None:
    """Make the first waiting notice of each payment and order due (now, unless it has its time already) and no other."""
    await tx.fetch(_q.arrange, [(payment,) for payment in _sorted(payments)], now=now)
    await tx.fetch(_q.arrange_orders, [(order,) for order in _sorted(orders)], now=now)


def _sorted(payments: Iterable[int | None]) -> list[int]:
    return sorted({payment for payment in payments if payment is not None})
