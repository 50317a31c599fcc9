"""The one door: every change of an order goes through here: order, receipts, history, books and notices in one transaction.

Who may lead where stands in lifecycle.py, what moves in postings.py. The reserve is held from the moment the money is there, never before:
a wish holds nothing. What the reserve no longer covers then waits in `errorPayout`. A rate that floats is fixed at the same moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from paymux import ids
from paymux.errors import Refusal, Refused, refuse
from paymux.exchange import floating, notify, postings, store
from paymux.exchange.calculate import plain_units
from paymux.exchange.catalogue import Shelf
from paymux.exchange.lifecycle import UNPAID, Actor, Payout, Status, allowed, standing
from paymux.exchange.model import Currency, Order, secret_about
from paymux.exchange.offer import Catalogue
from paymux.exchange.postings import Cause
from paymux.exchange.store import HistoryRow
from paymux.keyring import Keyring
from paymux.ledger import book
from paymux.ledger.chart import SHARED, Account, held, in_transit, inventory
from paymux.ledger.postings import Transfer
from paymux.storage.query import Tx

S = Status
MOVES_MONEY = frozenset({S.IN_PROGRESS_PAYOUT, S.DONE, S.RETURNED})
ENDED = frozenset({S.DONE, S.RETURNED})  # money that comes now is late, and a person decides about it alone
IN_FLIGHT = frozenset({Payout.STARTED})  # only the remitter knows what becomes of it


class Receipt(msgspec.Struct, frozen=True):
    """Money that came, in units of the first currency; `reference` is the receiver's own name for it, equal in every report."""

    reference: str
    units: int


class Late(StrEnum):
    """What becomes of money that came after an order's end."""

    RETURN = "return"
    ACCEPT = "accept"  # the exchange keeps it


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Lead an order to a status (`to`), or tell of money that came (`receipt`), or of a payout (`payout` with `txid`), or decide what
    becomes of money that came after its end (`late`)."""

    uid: int
    actor: Actor
    to: Status | None = None
    why: str = ""
    receipt: Receipt | None = None
    payout: Payout | None = None
    txid: str | None = None
    late: Late | None = None


class Changed(msgspec.Struct, frozen=True):
    """The order after the step; `repeated` when it changed nothing because it was told before."""

    order: Order
    repeated: bool = False


@dataclass(slots=True)
class _Work:
    """One transaction's changes, before they are written."""

    now: int
    orders: dict[int, Order]
    currencies: Mapping[str, Currency]
    catalogue: Catalogue | None = None  # only where an order's rate floats
    balances: dict[Account, int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    history: list[HistoryRow] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    receipts: list[tuple[str, int, int, int]] = field(default_factory=list)
    told: list[Order] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)  # references of money that was counted, with their orders

    def post(self, transfers: Iterable[Transfer]) -> None:
        for one in transfers:
            self.transfers.append(one)
            for account, units in ((one.debit, -one.amount_units), (one.credit, one.amount_units)):
                if account in self.balances:
                    self.balances[account] += units

    def row(self, order: Order, to: Status, actor: Actor, why: str, happened_at: int | None = None, **changes: object) -> Order:
        """Append a history row and make its version; a change of the status is told."""
        before = order.status
        order = replace(order, status=to, version=order.version + 1, updated_at=self.now, **changes)
        at = self.now if happened_at is None else happened_at
        self.history.append(
            HistoryRow(
                order_uid=order.uid,
                version=order.version,
                merchant_id=order.merchant_id,
                from_status=before,
                to_status=to,
                actor=actor,
                why=why[:500],
                happened_at=at,
                learned_at=self.now,
            )
        )
        if before is not to:
            self.told.append(order)
        return self.keep(order)

    def seen(self, order: Order) -> Order:
        """The order as whoever reads it now sees it: an unpaid one that floats, at the rate of this moment."""
        return floating.seen(order, self.catalogue) if self.catalogue is not None else order

    def keep(self, order: Order) -> Order:
        self.orders[order.uid] = order
        self.touched.add(order.uid)
        return order


class Exchange:
    """The door. `told` is set when a commit may have written notices; whoever delivers looks and clears it."""

    def __init__(self, keyring: Keyring, shelf: Shelf, form: notify.Form) -> None:
        self._keyring, self._shelf, self._form = keyring, shelf, form
        self.told = False

    async def change(self, tx: Tx, steps: Sequence[Step], now: int) -> list[Changed | Refused]:
        """Take steps, one after the other; a refused one changes nothing."""
        orders = await store.lock(tx, [step.uid for step in steps])
        work = _Work(now, orders, await self._shelf.currencies(tx))
        if any(order.details.floating for order in orders.values()):
            work.catalogue = (await self._shelf.read(tx, [None], now))[0]
        work.balances = await _lock_money(tx, steps, orders)
        references = {step.receipt.reference for step in steps if step.receipt}
        work.known = {
            row["reference"]: row["order_uid"] for row in await tx.fetch(store.q.known_references, [(one,) for one in sorted(references)])
        }
        results = [_step(work, step) for step in steps]
        await self._write(tx, work)
        return results

    async def _write(self, tx: Tx, work: _Work) -> None:
        if not work.touched:
            return
        await store.change(tx, [work.orders[uid] for uid in sorted(work.touched)], work.now)
        await store.insert_history(tx, work.history)
        await tx.fetch(store.q.insert_receipts, work.receipts)
        told = [notify.Told(work.seen(order), self._ipn_secret(order)) for order in work.told]
        self.told |= await notify.put(self._keyring, self._form, tx, told, work.now)
        await book.post(tx, work.transfers, work.now)

    def _ipn_secret(self, order: Order) -> str | None:
        return self._keyring.decrypt(order.ipn_secret, secret_about(order.id)) if order.ipn_secret else None


async def _lock_money(tx: Tx, steps: Sequence[Step], orders: Mapping[int, Order]) -> dict[Account, int]:
    """The guarded balances that the steps may move, locked in one go, after the orders."""
    wanted: set[Account] = set()
    for step in steps:
        order = orders.get(step.uid)
        if order is not None and (step.to in MOVES_MONEY or step.receipt or step.payout or step.late):
            for code in (order.from_code, order.to_code):
                wanted |= {inventory(code), held(SHARED, code), in_transit(SHARED, code)}
    return await book.available(tx, sorted(wanted)) if wanted else {}


def _step(work: _Work, step: Step) -> Changed | Refused:
    order = work.orders.get(step.uid)
    if order is None:
        return refuse(Refusal.UNKNOWN_PAYMENT, f"there is no order {step.uid}")
    order = _expire(work, order)
    if step.receipt is not None:
        return _receive(work, order, step, step.receipt)
    if step.payout is not None:
        return _paid(work, order, step, step.payout)
    if step.late is not None:
        return _decide_late(work, order, step, step.late)
    assert step.to is not None, "a step leads somewhere"
    if step.actor is Actor.CLOCK:  # the sweep: done above, or somebody was faster
        return Changed(order, repeated=order.uid not in work.touched)
    if not allowed(step.actor, order.status, step.to):
        return refuse(Refusal.STATE_FORBIDS, f"order {order.uid} is {order.status}: no {step.actor} leads it to {step.to}")
    return _lead(work, order, step)


def _expire(work: _Work, order: Order) -> Order:
    """Whose time is over is deleted in the same transaction, whatever is asked of it."""
    if standing(order.status, order.expires_at, work.now) is order.status:
        return order
    return work.row(order, S.DELETED, Actor.CLOCK, "not paid in time", order.expires_at, late_units=order.received_units)


def _lead(work: _Work, order: Order, step: Step) -> Changed | Refused:
    to = step.to
    if order.payout in IN_FLIGHT and to is not S.HOLD and step.actor is Actor.OPERATOR:
        return refuse(Refusal.STATE_FORBIDS, f"the payout of order {order.uid} is under way: nobody knows yet whether it arrived")
    if to is S.DELETED and order.received_units:
        return refuse(Refusal.STATE_FORBIDS, f"money came for order {order.uid}: return it, or pay it out")
    order = _fix_rate(work, order, step.actor) if to not in {*UNPAID, S.DELETED} else order
    if to is S.IN_PROGRESS_PAYOUT:
        return Changed(_queue(work, _arrived(work, order, step), step))
    if to is S.DONE:
        return _finish(work, order, step)
    if to is S.RETURNED:
        return Changed(_return(work, order, step))
    changes: dict[str, object] = {"expires_at": _new_end(order, work.now)} if to in UNPAID and order.status not in UNPAID else {}
    if order.status is S.DELETED:  # taken up again: what came counts as any money does
        changes["late_units"] = 0
    if to is S.WAIT_PAYMENT and not order.received_units:
        order = floating.fixed(order, yes=False)
    if to in (S.HOLD, S.ERROR_PAYOUT) and order.payout is Payout.DUE:
        changes |= {"payout": Payout.DEAD, "operation_key": None, "act_at": None}
    assert to is not None
    return Changed(work.row(order, to, step.actor, step.why, None, **changes))


def _return(work: _Work, order: Order, step: Step) -> Order:
    changes: dict[str, object] = {"reserved_units": 0, "act_at": None, "payout": Payout.NONE, "operation_key": None}
    after = work.row(order, S.RETURNED, step.actor, step.why, None, **changes)
    cause = Cause(order, after.version, work.now)
    work.post(postings.released(cause))
    work.post(postings.returned(cause, order.received_units))
    return after


def _fix_rate(work: _Work, order: Order, actor: Actor) -> Order:
    """The order with the rate of this moment, for good; a change of what it pays is a fact of its own in the history."""
    if work.catalogue is None or order.details.floating is None:
        return order
    now = floating.fixed(floating.priced(order, work.catalogue))
    if now.out_units == order.out_units and now.details.rate_out == order.details.rate_out and now.details.rate_in == order.details.rate_in:
        return work.keep(now) if now is not order else order
    rate = f"{now.details.rate_in} {now.from_code} = {now.details.rate_out} {now.to_code}"
    return work.row(now, order.status, actor, f"the rate is fixed at {rate}: {plain_units(now.out_units, work.currencies[now.to_code])}")


def _new_end(order: Order, now: int) -> int:
    """An order that waits for its payment again gets its whole time again."""
    return now + (order.details.lasts_ms or order.expires_at - order.created_at)


def _arrived(work: _Work, order: Order, step: Step) -> Order:
    """Who says that the payout may go says that the money is there; what was counted before is not counted again."""
    if order.received_units:
        return order
    reference = f"{step.actor}:{order.uid}:{order.version}"
    work.receipts.append((reference, order.uid, order.in_units, work.now))
    work.post(postings.received(Cause(order, order.version + 1, work.now), order.in_units))
    return work.keep(replace(order, received_units=order.in_units))


def _reserve(work: _Work, order: Order, version: int) -> Order | None:
    """The order with its payout's amount out of the inventory; None if the inventory does not cover it."""
    if order.reserved_units:
        return order
    if work.balances[inventory(order.to_code)] < order.out_units:
        return None
    work.post(postings.reserved(Cause(order, version, work.now)))
    return replace(order, reserved_units=order.out_units)


def _queue(work: _Work, order: Order, step: Step) -> Order:
    """The money is there: hold the reserve, and let the payout go by itself where a module pays."""
    held_order = _reserve(work, order, order.version + 1)
    if held_order is None:
        queued = work.row(order, S.IN_PROGRESS_PAYOUT, step.actor, step.why)
        return work.row(queued, S.ERROR_PAYOUT, Actor.PROVIDER, "the reserve does not cover it")
    changes: dict[str, object] = {}
    if work.currencies[order.to_code].payout == "automatic":
        changes = {"payout": Payout.DUE, "operation_key": ids.operation_key(), "act_at": work.now, "asked": 0}
    return work.row(held_order, S.IN_PROGRESS_PAYOUT, step.actor, step.why, None, **changes)


def _finish(work: _Work, order: Order, step: Step, txid: str | None = None) -> Changed | Refused:
    """Paid out: by a person who says so, or by the remitter."""
    if not order.reserved_units and work.balances[inventory(order.to_code)] < order.out_units:
        return refuse(Refusal.INSUFFICIENT_BALANCE, f"the inventory of {order.to_code} does not cover order {order.uid}: fill it up first")
    order = _arrived(work, order, step)
    ready = _reserve(work, order, order.version + 1)
    assert ready is not None, "looked at above"
    work.post(postings.paid_out(Cause(ready, order.version + 1, work.now)))
    changes = {"reserved_units": 0, "payout": Payout.SENT, "act_at": None, "txid": txid or step.txid or order.txid}
    return Changed(work.row(ready, S.DONE, step.actor, step.why, None, **changes))


def _receive(work: _Work, order: Order, step: Step, receipt: Receipt) -> Changed | Refused:
    """Money came: exactly what was asked goes on to the payout, anything else waits for a person."""
    counted = work.known.get(receipt.reference)
    if counted == order.uid:
        return Changed(order, repeated=True)
    if counted is not None:
        return refuse(Refusal.DUPLICATE_REFERENCE, f"money of this name was counted for order {counted}: give that of {order.uid} another")
    work.known[receipt.reference] = order.uid
    work.receipts.append((receipt.reference, order.uid, receipt.units, work.now))
    if not order.received_units:
        order = _fix_rate(work, order, step.actor)
    waits = order.status in {S.NEW, S.WAIT_PAYMENT, S.IN_PROGRESS, S.ERROR_PAYMENT}
    if order.status is S.NEW:
        order = work.row(order, S.WAIT_PAYMENT, Actor.PROVIDER, "paid before it was confirmed")
    work.post(postings.received(Cause(order, order.version + 1, work.now), receipt.units))
    order = work.keep(replace(order, received_units=order.received_units + receipt.units))
    currency = work.currencies[order.from_code]
    came, asked = plain_units(order.received_units, currency), plain_units(order.in_units, currency)
    if waits and order.received_units == order.in_units:
        return Changed(_queue(work, order, replace(step, why=step.why or "paid")))
    if waits:
        return Changed(work.row(order, S.ERROR_PAYMENT, step.actor, f"{came} of {asked} {currency.code} came"))
    if order.status in {*ENDED, S.DELETED}:
        order = replace(order, late_units=order.late_units + receipt.units)
    return Changed(work.row(order, order.status, step.actor, f"more money: {came} of {asked} {currency.code} in all"))


def _decide_late(work: _Work, order: Order, step: Step, late: Late) -> Changed | Refused:
    """A person decides about money that came after the end; the order stays ended, and nothing is told."""
    if order.status is S.DELETED:
        return refuse(Refusal.STATE_FORBIDS, f"order {order.uid} is deleted: reopen it, then return its money or pay it out")
    if not order.late_units or order.status not in ENDED:
        return refuse(Refusal.STATE_FORBIDS, f"order {order.uid} has no money that came after its end")
    amount = f"{plain_units(order.late_units, work.currencies[order.from_code])} {order.from_code}"
    after = work.row(order, order.status, step.actor, f"late money, {late}: {amount}. {step.why}".strip(), None, late_units=0)
    moved = postings.returned if late is Late.RETURN else postings.accepted
    work.post(moved(Cause(order, after.version, work.now), order.late_units))
    return Changed(after)


def _paid(work: _Work, order: Order, step: Step, payout: Payout) -> Changed | Refused:
    """What the remitter says of a payout that was started; a second telling changes nothing."""
    if order.payout is not Payout.STARTED:
        return Changed(order, repeated=True)
    if payout is Payout.SENT:
        return _finish(work, order, replace(step, why=step.why or "paid out"), step.txid)
    dead = replace(order, payout=Payout.DEAD, operation_key=None, act_at=None)
    if order.status is S.HOLD:
        return Changed(work.row(dead, S.HOLD, step.actor, step.why or "the payout failed"))
    return Changed(work.row(dead, S.ERROR_PAYOUT, step.actor, step.why or "the payout failed"))
