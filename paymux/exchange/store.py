"""Rows of orders, their histories and receipts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from paymux.exchange.lifecycle import Actor, Payout, Status
from paymux.exchange.model import Details, Order
from paymux.storage.query import Tx, load

q = load("paymux.exchange")

_FIELDS = Order.__struct_fields__
_details = msgspec.json.Decoder(Details)


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an order; `from_status` equal to `to_status`: a fact beside the status."""

    order_uid: int
    version: int
    merchant_id: int
    from_status: Status | None
    to_status: Status
    actor: Actor
    why: str
    happened_at: int
    learned_at: int


def order_of(row: Mapping[str, Any]) -> Order:
    """A stored order."""
    fields = {name: row[name] for name in _FIELDS}
    fields["status"], fields["payout"] = Status(fields["status"]), Payout(fields["payout"])
    fields["details"] = _details.decode(fields["details"])
    return Order(**fields)


async def next_uids(tx: Tx, count: int) -> list[int]:
    """The next order numbers."""
    rows = await tx.fetch(q.next_uids, count=count)
    if tx.engine == "sqlite":
        return [rows[0]["last"] + step for step in range(1, count + 1)]
    return [row["uid"] for row in rows]


async def insert(tx: Tx, orders: Sequence[Order]) -> None:
    """Write new orders."""
    await tx.fetch(
        q.insert_orders,
        [
            (
                o.uid,
                o.id,
                o.rid,
                o.secret,
                o.merchant_id,
                o.direction_id,
                o.from_code,
                o.to_code,
                o.in_units,
                o.out_units,
                o.fee_units,
                o.rounding_units,
                o.commission_units,
                o.status,
                msgspec.json.encode(o.details).decode(),
                o.ipn_secret,
                o.created_at,
                o.expires_at,
                o.details.partner,
            )
            for o in orders
        ],
    )


async def change(tx: Tx, orders: Sequence[Order], now: int) -> None:
    """Write what changes left of orders."""
    await tx.fetch(
        q.change_orders,
        [
            (
                o.uid,
                o.in_units,
                o.out_units,
                o.fee_units,
                o.rounding_units,
                o.commission_units,
                o.received_units,
                o.reserved_units,
                o.late_units,
                o.status,
                o.version,
                o.payout,
                o.operation_key,
                o.asked,
                o.act_at,
                o.txid,
                msgspec.json.encode(o.details).decode(),
                o.merchant_id,
                o.expires_at,
            )
            for o in orders
        ],
        now=now,
    )


async def insert_history(tx: Tx, rows: Sequence[HistoryRow]) -> None:
    """Append to histories."""
    await tx.fetch(q.insert_histories, [msgspec.structs.astuple(row) for row in rows])


async def find(tx: Tx, uids: Iterable[int]) -> dict[int, Order]:
    """Orders by their numbers."""
    rows = await tx.fetch(q.find_orders, [(uid,) for uid in sorted(set(uids))])
    return {row["uid"]: order_of(row) for row in rows}


async def lock(tx: Tx, uids: Iterable[int]) -> dict[int, Order]:
    """Orders, locked until the transaction ends."""
    rows = await tx.fetch(q.lock_exchange_orders, [(uid,) for uid in sorted(set(uids))])
    return {row["uid"]: order_of(row) for row in rows}
