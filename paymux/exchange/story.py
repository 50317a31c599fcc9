"""Read orders for people: everything of one, and those that wait."""

from typing import Any

from paymux import clock
from paymux.exchange import store
from paymux.exchange.model import Order
from paymux.money import decimal_text
from paymux.storage.query import Tx


async def story(tx: Tx, uid: int) -> dict[str, Any] | None:
    """An order with its history, what it moved, and its notices; secrets stay where they are."""
    order = (await store.find(tx, [uid])).get(uid)
    if order is None:
        return None
    history = [dict(row) for row in await tx.fetch(store.q.history_of_order, uid=uid)]
    transfers = [dict(row) for row in await tx.fetch(store.q.transfers_of_order, uid=uid)]
    notices = [dict(row) for row in await tx.fetch(store.q.notices_of_order, uid=uid)]
    return {"order": _facts(order), "history": history, "transfers": transfers, "notices": notices}


async def waiting(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """Orders that wait for a person or for a payout."""
    return [_facts(store.order_of(row)) for row in await tx.fetch(store.q.waiting_orders, page=limit)]


def _facts(order: Order) -> dict[str, Any]:
    details = order.details
    return {
        "uid": order.uid,
        "id": order.id,
        "rid": order.rid,
        "status": order.status,
        "merchant_id": order.merchant_id,
        "from_code": order.from_code,
        "to_code": order.to_code,
        "in_amount": decimal_text(order.in_units, details.from_decimals),
        "out_amount": decimal_text(order.out_units, details.to_decimals),
        "received": decimal_text(order.received_units, details.from_decimals),
        "late": decimal_text(order.late_units, details.from_decimals),
        "rate": f"{details.rate_in} = {details.rate_out}{' and floats' if details.floating and not details.floating.fixed else ''}",
        "reserved": decimal_text(order.reserved_units, details.to_decimals),
        "payout": order.payout,
        "txid": order.txid,
        "partner": details.partner,
        "ipn_url": details.ipn_url,
        "created_at": clock.iso(order.created_at),
        "expires_at": clock.iso(order.expires_at),
    }
