"""Prove the books: every currency sums to zero, every stored balance is the sum of its entries, every transfer went where its reason says.

Reads everything once, a page at a time, in the order of the ids, so that memory stays small whatever the books hold. All of it must be
one moment: run it in `storage.snapshot`. What payments say of their own money is compared in `payments/verify.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from paymux.ledger.chart import GUARDED, SHARED, Kind
from paymux.ledger.postings import Why
from paymux.storage.query import Query, Tx, load

_q = load("paymux.ledger")

PAGE = 1000
SHOWN_MAX = 20  # of one kind of fault; the number of them all is told

# Which account each reason debits and which one it credits.
SIDES: dict[Why, tuple[Kind, Kind]] = {
    Why.PAID:              (Kind.CLEARING,   Kind.PAYABLE),
    Why.FEE:               (Kind.PAYABLE,    Kind.FEES),
    Why.HELD:              (Kind.CLEARING,   Kind.HELD),
    Why.FOREIGN:           (Kind.CLEARING,   Kind.HELD),
    Why.RELEASED:          (Kind.HELD,       Kind.PAYABLE),
    Why.RETURNING:         (Kind.HELD,       Kind.IN_TRANSIT),
    Why.RETURNED:          (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.FOREIGN_RETURNING: (Kind.HELD,       Kind.IN_TRANSIT),
    Why.FOREIGN_RETURNED:  (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.SETTLING:          (Kind.PAYABLE,    Kind.IN_TRANSIT),
    Why.SETTLED:           (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.PAYOUT_HELD:       (Kind.PAYABLE,    Kind.IN_TRANSIT),
    Why.PAYOUT_SENT:       (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.PAYOUT_FEE:        (Kind.IN_TRANSIT, Kind.FEES),
    Why.PAYOUT_RELEASED:   (Kind.IN_TRANSIT, Kind.PAYABLE),
    Why.OPENING:           (Kind.CLEARING,   Kind.PAYABLE),
    Why.STOCKED:   (Kind.CLEARING,   Kind.INVENTORY),
    Why.UNSTOCKED: (Kind.INVENTORY,  Kind.CLEARING),
    Why.ORDER_RECEIVED:   (Kind.CLEARING,   Kind.HELD),
    Why.ORDER_RESERVED:   (Kind.INVENTORY,  Kind.IN_TRANSIT),
    Why.ORDER_RELEASED:   (Kind.IN_TRANSIT, Kind.INVENTORY),
    Why.ORDER_PAID_OUT:   (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.ORDER_EARNED:     (Kind.HELD,       Kind.INVENTORY),
    Why.ORDER_FEE:        (Kind.HELD,       Kind.FEES),
    Why.ORDER_ROUNDING:   (Kind.HELD,       Kind.ROUNDING),
    Why.ORDER_COMMISSION: (Kind.HELD,       Kind.COMMISSION),
    Why.ORDER_RETURNING:  (Kind.HELD,       Kind.IN_TRANSIT),
    Why.ORDER_RETURNED:   (Kind.IN_TRANSIT, Kind.CLEARING),
    Why.REWARDED:         (Kind.COMMISSION, Kind.CLEARING),
}  # fmt: skip

Progress = Callable[[str, int], None]  # (what is being read, how many rows so far)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not hold: `code` names the rule, the sentence has the ids."""

    code: str
    sentence: str


class Faults:
    """The faults found so far, at most so many of a kind."""

    def __init__(self) -> None:
        self._found: dict[str, list[Fault]] = defaultdict(list)
        self._count: Counter[str] = Counter()

    def add(self, code: str, sentence: str) -> None:
        self._count[code] += 1
        if len(self._found[code]) < SHOWN_MAX:
            self._found[code].append(Fault(code, sentence))

    def __iter__(self) -> Iterator[Fault]:
        for code, found in self._found.items():
            yield from found
            if self._count[code] > len(found):
                yield Fault(code, f"and {self._count[code] - len(found)} more of this kind")


def silent(what: str, rows: int) -> None:
    """Progress that nobody watches."""


async def check(tx: Tx, progress: Progress = silent) -> list[Fault]:
    """Every fault of the books; none when they hold."""
    faults = Faults()
    await _accounts(tx, faults, progress)
    await _transfers(tx, faults, progress)
    return list(faults)


async def _accounts(tx: Tx, faults: Faults, progress: Progress) -> None:
    totals: Counter[str] = Counter()
    read, after = 0, -1
    while rows := await _page(tx, _q.accounts_after, after):
        for row in rows:
            balance, name = row["credits"] - row["debits"], f"account {row['id']} ({row['merchant_id']} {row['kind']} {row['currency']})"
            totals[row["currency"]] += balance
            if (row["kind"] in GUARDED) is (row["balance"] is None):
                faults.add("unguarded_account", f"{name} {'lacks its' if row['balance'] is None else 'keeps a'} guarded balance")
            if row["balance"] is not None and row["balance"] != balance:
                faults.add("wrong_balance", f"{name} says {row['balance']}, its entries sum to {balance}")
            if row["balance"] is not None and balance < 0:
                faults.add("negative_balance", f"the entries of {name} sum to {balance}: below zero")
        read, after = read + len(rows), rows[-1]["id"]
        progress("accounts", read)
    for currency, total in sorted(totals.items()):
        if total:
            faults.add("unbalanced_currency", f"the entries in {currency} sum to {total}, not to zero")


async def _transfers(tx: Tx, faults: Faults, progress: Progress) -> None:
    read, after = 0, -1
    while rows := await _page(tx, _q.transfers_after, after):
        for row in rows:
            name = f"transfer {row['id']} ({row['reason']})"
            if row["debit_currency"] != row["credit_currency"]:
                faults.add("mixed_currencies", f"{name} goes from {row['debit_currency']} to {row['credit_currency']}")
            if not {row["debit_merchant"], row["credit_merchant"]} <= {row["merchant_id"], SHARED}:
                faults.add("foreign_account", f"{name} of merchant {row['merchant_id']} moves another merchant's money")
            sides = tuple(str(row[side]).partition(":")[0] for side in ("debit_kind", "credit_kind"))
            if row["reason"] not in SIDES or SIDES[Why(row["reason"])] != sides:
                faults.add("wrong_accounts", f"{name} goes from {row['debit_kind']} to {row['credit_kind']}")
        read, after = read + len(rows), rows[-1]["id"]
        progress("transfers", read)


async def _page(tx: Tx, query: Query, after: int) -> Any:
    return await tx.fetch(query, after=after, page=PAGE)
