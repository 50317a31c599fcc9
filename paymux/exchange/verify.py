"""Prove what is stored of orders: histories, money and notices against each other and against the books.

Everything is read a page of orders at a time; all of it must be one moment: run `verify` in `storage.snapshot`.
"""

from collections import Counter, defaultdict
from typing import Any

import msgspec

from paymux.exchange.lifecycle import MOVES, UNPAID, Actor, Payout, Status
from paymux.ledger.check import Fault, Faults, Progress, silent
from paymux.ledger.postings import Why
from paymux.storage.query import Query, Tx, load

_q = load("paymux.exchange", "verify.sql")

PAGE = 500
ID_MAX = 2**63 - 1


async def verify(tx: Tx, progress: Progress = silent) -> list[Fault]:
    """Every fault of the orders; none when all holds."""
    faults = Faults()
    read, done = 0, 0
    while True:
        orders = await tx.fetch(_q.orders_after, after=done, page=PAGE)
        up_to = orders[-1]["uid"] if len(orders) == PAGE else ID_MAX
        histories: dict[int, list[Any]] = defaultdict(list)
        for row in await tx.fetch(_q.order_histories, after=done, up_to=up_to):
            histories[row["order_uid"]].append(row)
        moved: dict[int, Counter[str]] = defaultdict(Counter)
        for row in await tx.fetch(_q.order_transfers, after=done, up_to=up_to):
            moved[row["order_uid"]][row["reason"]] = row["units"]
        came, told = await _sums(tx, _q.order_receipts, done, up_to), await _sums(tx, _q.order_notices, done, up_to)
        for order in orders:
            uid = order["uid"]
            changes = _history(order, histories.pop(uid, []), faults)
            _money(order, moved.pop(uid, Counter()), came[uid], faults)
            if msgspec.json.decode(order["details"]).get("ipn_url") and told[uid] != changes:
                faults.add("untold", f"order {uid} changed its status {changes} times and has {told[uid]} notices")
        for uid in {*histories, *moved}:
            faults.add("orphan", f"there are rows of order {uid}, but no such order")
        read, done = read + len(orders), up_to
        if read:
            progress("orders", read)
        if len(orders) < PAGE:
            return list(faults)


async def _sums(tx: Tx, query: Query, after: int, up_to: int) -> Counter[int]:
    return Counter({row["order_uid"]: row["units"] for row in await tx.fetch(query, after=after, up_to=up_to)})


def _history(order: Any, rows: list[Any], faults: Faults) -> int:
    """How often the status changed."""
    name, status, changes = f"order {order['uid']}", None, 0
    for version, row in enumerate(rows, 1):
        if row["version"] != version or row["from_status"] != status:
            faults.add("order_history_torn", f"version {row['version']} of {name} begins at {row['from_status']}, not at {status}")
        if not _follows(row):
            faults.add("order_history_forbidden", f"{name}: no {row['actor']} leads {row['from_status']} to {row['to_status']}")
        changes += version > 1 and row["to_status"] != row["from_status"]
        status = row["to_status"]
    if len(rows) != order["version"] or status != order["status"]:
        faults.add("wrong_order_status", f"{name} is {order['status']} at {order['version']}, its history {status} at {len(rows)}")
    return changes


def _follows(row: Any) -> bool:
    to = Status(row["to_status"])
    if row["from_status"] is None:
        return to in UNPAID
    return row["from_status"] == to or to in MOVES[Actor(row["actor"])].get(Status(row["from_status"]), frozenset())


def _money(order: Any, moved: Counter[str], came: int, faults: Faults) -> None:
    name, done = f"order {order['uid']}", order["status"] == Status.DONE
    kept = moved[Why.ORDER_EARNED] + moved[Why.ORDER_FEE] + moved[Why.ORDER_ROUNDING] + moved[Why.ORDER_COMMISSION]
    reserved = moved[Why.ORDER_RESERVED] - moved[Why.ORDER_RELEASED] - moved[Why.ORDER_PAID_OUT]
    held, ended = order["received_units"] - kept - moved[Why.ORDER_RETURNING], order["status"] in (Status.DONE, Status.RETURNED)
    over = ended or order["status"] == Status.DELETED
    equal = (
        ("order_received", "received", order["received_units"], "in the books came", moved[Why.ORDER_RECEIVED]),
        ("order_receipts", "received", order["received_units"], "its receipts sum to", came),
        ("order_reserved", "holds of the reserve", order["reserved_units"], "in the books", reserved),
        ("order_paid_out", "owed", order["out_units"] if done else 0, "paid out", moved[Why.ORDER_PAID_OUT]),
        ("order_late", "has late", order["late_units"], "held after its end", held if over else 0),
        ("order_returned", "began to return", moved[Why.ORDER_RETURNING], "ended to return", moved[Why.ORDER_RETURNED]),
    )
    for code, left, units, right, other in equal:
        if units != other:
            faults.add(code, f"{name} {left} {units}, {right} {other}")
    if held < 0 or ((kept or moved[Why.ORDER_RETURNING]) and not ended):
        faults.add(
            "order_held", f"{name} is {order['status']}, kept {kept}, returned {moved[Why.ORDER_RETURNING]} of {order['received_units']}"
        )
    if order["reserved_units"] not in (0, order["out_units"]) or (order["payout"] == Payout.DUE and not order["reserved_units"]):
        faults.add(
            "order_payout", f"{name} has {order['reserved_units']} reserved of {order['out_units']}, its payout is {order['payout']}"
        )
