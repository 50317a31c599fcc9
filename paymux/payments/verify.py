"""Prove what is stored of payments: histories, money, attempts and notices against each other and against the books.

The state is rebuilt from the history by the table of lifecycle.py; the money from the transfers and the receipts. Everything is read a
page of payments at a time, so that memory stays small. All of it must be one moment: run `verify` in `storage.snapshot`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paymux.exchange.verify import verify as verify_orders
from paymux.ledger import check
from paymux.ledger.check import Fault, Faults, Progress, silent
from paymux.ledger.postings import Why
from paymux.payments.lifecycle import ALIVE, SUCCESS, AttemptState, Event, State, after
from paymux.payments.model import Attention
from paymux.storage.query import Tx, load

_q = load("paymux.payments", "verify.sql")

PAGE = 500
FOREIGN = (Why.FOREIGN, Why.FOREIGN_RETURNING, Why.FOREIGN_RETURNED)  # what moves money in other currencies than the payment's
ID_MAX = 2**63 - 1

Told = Mapping[str, Mapping[State, str]]  # dialect -> the states that a shop must have been told of, with the word of each


@dataclass(slots=True)
class _Case:
    """One payment with everything that belongs to it."""

    history: list[Any] = field(default_factory=list)
    transfers: list[Any] = field(default_factory=list)
    receipts: list[Any] = field(default_factory=list)
    attempts: list[Any] = field(default_factory=list)
    notices: list[Any] = field(default_factory=list)
    refunds: list[Any] = field(default_factory=list)  # by merchant and currency

    def rows(self) -> list[Any]:
        return [*self.history, *self.transfers, *self.receipts, *self.attempts, *self.notices, *self.refunds]


async def verify(tx: Tx, told: Told, progress: Progress = silent) -> list[Fault]:
    """Every fault of the books and of the payments; none when all holds."""
    faults = Faults()
    read, done = 0, -1
    while True:
        payments = await tx.fetch(_q.payments_after, after=done, page=PAGE)
        up_to = payments[-1]["id"] if len(payments) == PAGE else ID_MAX
        cases = await _cases(tx, done, up_to)
        for payment in payments:
            _payment(payment, cases.pop(payment["id"], _Case()), told.get(payment["dialect"], {}), faults)
        for payment_id in cases:
            faults.add("orphan", f"there are rows of payment {payment_id}, but no such payment")
        read, done = read + len(payments), up_to
        progress("payments", read)
        if len(payments) < PAGE:
            return [*await check.check(tx, progress), *faults, *await verify_orders(tx, progress)]


async def _cases(tx: Tx, done: int, up_to: int) -> dict[int, _Case]:
    cases: dict[int, _Case] = {}
    kinds = {
        "history": _q.histories_between,
        "transfers": _q.transfers_between,
        "receipts": _q.receipts_between,
        "attempts": _q.attempts_between,
        "notices": _q.notices_between,
        "refunds": _q.refunds_between,
    }
    for name, query in kinds.items():
        for row in await tx.fetch(query, after=done, up_to=up_to):
            getattr(cases.setdefault(row["payment_id"], _Case()), name).append(row)
    return cases


def _payment(payment: Any, case: _Case, told: Mapping[State, str], faults: Faults) -> None:
    name = f"payment {payment['id']}"
    if any(row["merchant_id"] != payment["merchant_id"] for row in case.rows()):
        faults.add("foreign_row", f"{name} of merchant {payment['merchant_id']} has rows of another merchant")
    _history(name, payment, case.history, faults)
    _money(name, payment, case, faults)
    _attempts(name, case.attempts, {row["attempt_id"] for row in case.receipts}, faults)
    words = {row["word"] for row in case.notices}
    for state in sorted({row["to_state"] for row in case.history} | {payment["state"]}):
        if state in told and told[State(state)] not in words:
            faults.add("untold", f"the shop was not told that {name} was {state}: there is no notice {told[State(state)]}")


def _history(name: str, payment: Any, history: Sequence[Any], faults: Faults) -> None:
    state: str | None = None
    for version, row in enumerate(history, 1):
        if row["version"] != version:
            faults.add("history_gap", f"the history of {name} has version {row['version']} where {version} should be")
            return
        if row["from_state"] != state:
            faults.add("history_torn", f"version {version} of {name} begins at {row['from_state']}, the one before ended at {state}")
        if not _follows(row):
            faults.add(
                "history_forbidden", f"version {version} of {name}: no {row['event']} leads {row['from_state']} to {row['to_state']}"
            )
        state = row["to_state"]
    if len(history) != payment["version"]:
        faults.add("wrong_version", f"{name} is at version {payment['version']}, its history at {len(history)}")
    if state != payment["state"]:
        faults.add("wrong_state", f"{name} is {payment['state']}, its history says {state}")


def _follows(row: Any) -> bool:
    if row["version"] == 1:
        return (row["event"], row["to_state"]) == (Event.CREATED, State.CREATED)
    if row["to_state"] == row["from_state"]:  # a fact beside the state
        return True
    try:
        return after(State(row["from_state"]), Event(row["event"])) is State(row["to_state"])
    except ValueError:  # no state or event of ours
        return False


def _money(name: str, payment: Any, case: _Case, faults: Faults) -> None:
    own: Counter[str] = Counter()
    foreign = {why: Counter[str]() for why in FOREIGN}
    for row in case.transfers:
        if row["reason"] in foreign:
            foreign[row["reason"]][row["currency"]] += row["units"]
        elif row["currency"] != payment["currency"]:
            faults.add("wrong_currency", f"{name} in {payment['currency']} has a transfer {row['reason']} in {row['currency']}")
        else:
            own[row["reason"]] += row["units"]
    came: Counter[str] = Counter()
    for row in case.receipts:
        came[row["currency"]] += row["units"]
    receipts = came.pop(payment["currency"], 0)
    given = own[Why.PAID] + own[Why.RELEASED]
    success = payment["state"] in SUCCESS
    ever = sum(row["ever"] for row in case.refunds)
    equal = (
        ("wrong_received", "received", payment["received_units"], "in the books came", own[Why.PAID] + own[Why.HELD]),
        ("wrong_receipts", "received", payment["received_units"], "its receipts sum to", receipts),
        ("wrong_held", "holds", payment["held_units"], "in the books", own[Why.HELD] - own[Why.RELEASED] - own[Why.RETURNING]),
        ("wrong_refunded", "gave back", payment["refunded_units"], "its refunds sum to", sum(row["units"] for row in case.refunds)),
        ("half_returned", "began to return", own[Why.RETURNING], "ended to return", own[Why.RETURNED]),
        ("half_settled", "began to settle", own[Why.SETTLING], "ended to settle", own[Why.SETTLED]),
    )
    for code, left, units, right, other in equal:
        if units != other:
            faults.add(code, f"{name} {left} {units}, {right} {other}")
    kept_back = given - own[Why.FEE] - own[Why.SETTLING] - payment["payable_units"]  # of a forwarded payment: what was refunded before
    if (kept_back and not (own[Why.SETTLING] or payment["state"] == State.SETTLED)) or not 0 <= kept_back <= ever:
        faults.add("wrong_payable", f"{name} owes {payment['payable_units']}, in the books {payment['payable_units'] + kept_back}")
    if payment["refunded_units"] > given or (ever and not success):
        faults.add(
            "wrong_refunded", f"{name} is {payment['state']}, its merchant was given {given}, and gave back {payment['refunded_units']}"
        )
    if any(row["currency"] != payment["currency"] for row in case.refunds):
        faults.add("wrong_currency", f"{name} in {payment['currency']} has refunds in another currency")
    _foreign(name, payment, foreign, came, faults)
    if success != (given > 0):
        faults.add("wrong_paid", f"{name} is {payment['state']}, and its merchant was given {given}")
    if given > payment["amount_units"]:
        faults.add("paid_too_much", f"{name} asked {payment['amount_units']}, and its merchant was given {given}")
    settled = payment["state"] == State.SETTLED
    if (settled and payment["payable_units"]) or (own[Why.SETTLING] and payment["state"] not in (State.SETTLED, State.COMPLETED)):
        faults.add("wrong_settled", f"{name} is {payment['state']}, settled {own[Why.SETTLING]}, and still owes {payment['payable_units']}")


def _foreign(name: str, payment: Any, foreign: Mapping[Why, Counter[str]], came: Counter[str], faults: Faults) -> None:
    """Money in other currencies; `came`: what its receipts sum to."""
    booked, began, ended = (foreign[why] for why in FOREIGN)
    if came != booked:
        faults.add("wrong_foreign", f"{name} received {dict(came)} in other currencies, in the books came {dict(booked)}")
    if began != ended:
        faults.add("half_returned", f"{name} began to return {dict(began)} in other currencies, ended to return {dict(ended)}")
    for currency in sorted(booked | began):
        if began[currency] > booked[currency]:
            faults.add("foreign_below_zero", f"{name} returned {began[currency]} in {currency}, of {booked[currency]} that came")
    held = +(booked - began)
    if bool(held) is not (payment["attention"] == Attention.CURRENCY):
        faults.add("unwatched_foreign", f"{name} holds {dict(held)} in other currencies, and a person is told: {payment['attention']}")


def _attempts(name: str, attempts: Sequence[Any], paid: set[int | None], faults: Faults) -> None:
    alive = [row["id"] for row in attempts if row["state"] in ALIVE]
    if len(alive) > 1:
        faults.add("two_alive", f"{name} has more than one attempt alive: {', '.join(map(str, alive))}")
    if [row["number"] for row in attempts] != list(range(1, len(attempts) + 1)):
        faults.add("attempt_gap", f"the attempts of {name} are not numbered from 1 without gaps")
    for row in attempts:
        if row["state"] == AttemptState.PAID and row["id"] not in paid:
            faults.add("unpaid_attempt", f"attempt {row['id']} of {name} is paid, but no money came for it")
        if (row["state"] in ALIVE) is (row["ended_at"] is not None) or (row["ended_at"] is not None and row["ask_at"] is not None):
            faults.add("wrong_attempt", f"attempt {row['id']} of {name} is {row['state']}, and its times say otherwise")
    if missing := paid - {row["id"] for row in attempts} - {None}:
        faults.add("lost_attempt", f"money came for {name} on attempts that it does not have: {sorted(missing, key=str)}")
