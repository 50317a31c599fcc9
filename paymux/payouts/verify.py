"""Prove what is stored of payouts: histories, money and notices against each other and against the books.

Everything is read a page of payouts at a time. All of it must be one moment: run it in `storage.snapshot`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from paymux.ledger.check import Fault, Faults, Progress, silent
from paymux.ledger.postings import Why
from paymux.payouts.lifecycle import FINAL, PayoutEvent, PayoutState, after
from paymux.payouts.model import teller
from paymux.payouts.store import q
from paymux.storage.query import Tx

PAGE = 500
ID_MAX = 2**63 - 1

PayoutsTold = Mapping[str, Mapping[PayoutState, str]]  # by `teller`


async def verify_payouts(tx: Tx, told: PayoutsTold, progress: Progress = silent) -> list[Fault]:
    """Every fault of the payouts; none when all holds."""
    faults = Faults()
    read, done = 0, 0
    while True:
        payouts = await tx.fetch(q.payouts_after, after=done, page=PAGE)
        up_to = payouts[-1]["id"] if len(payouts) == PAGE else ID_MAX
        history: dict[int, list[Any]] = defaultdict(list)
        for row in await tx.fetch(q.histories_between, after=done, up_to=up_to):
            history[row["payout_id"]].append(row)
        moved: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
        for row in await tx.fetch(q.transfers_between, after=done, up_to=up_to):
            moved[row["payout_id"]][row["reason"], row["currency"]] += row["units"]
        words: dict[int, set[str]] = defaultdict(set)
        for row in await tx.fetch(q.notices_between, after=done, up_to=up_to):
            words[row["payout_id"]].add(row["word"])
        for payout in payouts:
            name = f"payout {payout['id']}"
            _history(name, payout, history.pop(payout["id"], []), faults)
            _money(name, payout, moved.pop(payout["id"], Counter()), faults)
            word = told.get(teller(payout["dialect"], refund=payout["payment_id"] is not None), {}).get(PayoutState(payout["state"]))
            if word is not None and word not in words.pop(payout["id"], set()):
                faults.add("untold", f"the shop was not told that {name} was {payout['state']}: there is no notice {word}")
            if (payout["state"] in FINAL) is (payout["ended_at"] is None) or (payout["state"] in FINAL and payout["act_at"] is not None):
                faults.add("wrong_payout", f"{name} is {payout['state']}, and its times say otherwise")
        for payout_id in sorted(history.keys() | moved.keys()):
            faults.add("orphan", f"there are rows of payout {payout_id}, but no such payout")
        read, done = read + len(payouts), up_to
        if read:
            progress("payouts", read)
        if len(payouts) < PAGE:
            return list(faults)


def _history(name: str, payout: Any, history: list[Any], faults: Faults) -> None:
    state: str | None = None
    for version, row in enumerate(history, 1):
        if row["version"] != version or row["merchant_id"] != payout["merchant_id"]:
            faults.add("history_gap", f"the history of {name} has a wrong row where version {version} should be")
            return
        if row["from_state"] != state or not _follows(row):
            faults.add("history_forbidden", f"version {version} of {name}: no {row['event']} leads {state} to {row['to_state']}")
        state = row["to_state"]
    if len(history) != payout["version"] or state != payout["state"]:
        faults.add("wrong_state", f"{name} is {payout['state']} at version {payout['version']}, its history says {state} at {len(history)}")


def _follows(row: Any) -> bool:
    if row["version"] == 1:
        return (row["event"], row["to_state"]) == (PayoutEvent.CREATED, PayoutState.ACCEPTED)
    try:
        return after(PayoutState(row["from_state"]), PayoutEvent(row["event"])) is PayoutState(row["to_state"])
    except ValueError:  # no state or event of ours
        return False


def _money(name: str, payout: Any, moved: Counter[tuple[str, str]], faults: Faults) -> None:
    """Amount and fee were held; they left when it was paid, came back when it failed, and lie there still otherwise."""
    amount, fee, code = payout["amount_units"], payout["fee_units"], payout["currency"]
    expected: Counter[tuple[str, str]] = Counter({(Why.PAYOUT_HELD, code): amount + fee})
    if payout["state"] == PayoutState.PAID:
        expected += Counter({(Why.PAYOUT_SENT, code): amount, (Why.PAYOUT_FEE, code): fee})
    elif payout["state"] == PayoutState.FAILED:
        expected += Counter({(Why.PAYOUT_RELEASED, code): amount + fee})
    if +moved != +expected:
        faults.add("wrong_payout_money", f"{name} is {payout['state']}: its transfers are {dict(moved)}, they should be {dict(+expected)}")
