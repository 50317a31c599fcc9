"""Claim an order that was created without a key: who holds its secret may take it into an account, once."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from paymux.exchange import store
from paymux.exchange.create import NOBODY
from paymux.exchange.lifecycle import Actor
from paymux.exchange.store import HistoryRow
from paymux.storage.query import Tx


class Claim(msgspec.Struct, frozen=True):
    """The order's secret was checked before."""

    uid: int
    merchant_id: int


async def claim_orders(tx: Tx, claims: Sequence[Claim], now: int) -> list[bool]:
    """Whether each order is the merchant's now; another's stays another's."""
    orders = await store.lock(tx, [one.uid for one in claims])
    changed, rows, results = {}, [], []
    for one in claims:
        order = orders.get(one.uid)
        if order is not None and order.merchant_id == NOBODY:
            order = orders[one.uid] = replace(order, merchant_id=one.merchant_id, version=order.version + 1)
            changed[order.uid] = order
            rows.append(
                HistoryRow(
                    order_uid=order.uid,
                    version=order.version,
                    merchant_id=order.merchant_id,
                    from_status=order.status,
                    to_status=order.status,
                    actor=Actor.CLIENT,
                    why="claimed",
                    happened_at=now,
                    learned_at=now,
                )
            )
        results.append(order is not None and order.merchant_id == one.merchant_id)
    await store.change(tx, list(changed.values()), now)
    await store.insert_history(tx, rows)
    return results
