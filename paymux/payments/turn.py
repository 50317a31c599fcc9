"""The sandbox's channels: what they report of a payment by themselves, a while after it was opened.

The outcome is stored in the transaction that opens the payment, and reported in the transaction that takes it, through the one door: a
crash in between loses nothing and reports nothing twice. It stands for channels elsewhere; live installations have none of it.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import compress

import msgspec

from paymux import ids
from paymux.errors import Refusal, Refused, refuse
from paymux.merchants.caps import Caps
from paymux.merchants.channels import Cap
from paymux.money import Money, known
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.decide import overdue
from paymux.payments.lifecycle import LIVE, Event
from paymux.payments.model import LastError, OpenPayment, Payment, Receipt, Report, Source
from paymux.payments.open import Opened, open_payments, taken_references
from paymux.payouts.onward import Onward, keep
from paymux.storage.query import Tx

PROVIDER = "sandbox-channels"


class Turn(StrEnum):
    """What a channel reports."""

    PAID = "paid"
    DECLINED = "declined"
    EXPIRED = "expired"  # at once
    SHORT = "short"  # one unit less than asked came
    BROKEN = "broken"  # what is behind the channel has trouble
    NOTHING = "nothing"  # stays as it is until its time is over


class OpenOnChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A payment to be opened, and what its channel will report `after_ms` later."""

    wish: OpenPayment
    turn: Turn | None = None
    after_ms: int = 0
    cap: Cap | None = None  # of the channel, if it has one
    onward: Onward | None = None  # where its money goes on to


class Channels:
    """The verbs, with the one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def open(self, tx: Tx, commands: Sequence[OpenOnChannel], now: int) -> list[Opened | Refused]:
        """Open payments, each with the turn that is to come. Refused with DUPLICATE_REFERENCE first, then with DAILY_CAP."""
        wishes = [command.wish for command in commands]
        if not any(command.cap for command in commands):
            results = await open_payments(self._door, tx, wishes, now)
        else:
            caps = await Caps.locked(tx, [command.cap for command in commands], now)
            fits = _fitting(commands, await taken_references(tx, wishes), caps)
            opened = iter(await open_payments(self._door, tx, list(compress(wishes, fits)), now))
            results = [next(opened) if fit else refuse(Refusal.DAILY_CAP) for fit in fits]
            await caps.write(tx)
        made = [
            (result.payment.id, command)
            for command, result in zip(commands, results, strict=True)
            if isinstance(result, Opened) and not result.repeated
        ]
        await keep(tx, [(number, command.onward) for number, command in made if command.onward is not None])
        turns = [(number, command.turn, now + command.after_ms) for number, command in made if command.turn not in (None, Turn.NOTHING)]
        await tx.fetch(store.q.put_turns, turns)
        return results

    async def take_turns(self, tx: Tx, batches: Sequence[int], now: int) -> list[int]:
        """Report what is due, at most so many; how many there were."""
        results = []
        for batch in batches:
            rows = await tx.fetch(store.q.due_turns, now=now, batch=batch)
            locked = await store.lock(tx, [row["payment_id"] for row in rows])
            reports = [
                self._report(payment, Turn(row["outcome"]), now)
                for row in rows
                if (payment := locked[row["payment_id"]][0]).state in LIVE and not overdue(payment, now)
            ]
            await self._door.advance(tx, reports, now)
            await tx.fetch(store.q.drop_turns, [(row["payment_id"],) for row in rows])
            results.append(len(rows))
        return results

    @staticmethod
    async def any_due(tx: Tx, batches: Sequence[int], now: int) -> list[bool]:
        """Whether there is anything to report: looked at often, so that it must not cost a write."""
        due = bool(await tx.fetch(store.q.any_turn, now=now))
        return [due for _ in batches]

    def _report(self, payment: Payment, turn: Turn, now: int) -> Report:
        base = Report(payment_id=payment.id, event=Event.PAID, source=Source.PROVIDER, happened_at=now, provider=PROVIDER)
        if turn is Turn.DECLINED:
            return msgspec.structs.replace(base, event=Event.DECLINED, final=True, why="declined by the sandbox's channel")
        if turn is Turn.BROKEN:
            why = "the sandbox's channel has trouble"
            return msgspec.structs.replace(base, event=Event.DECLINED, final=True, why=why, error=LastError.PROVIDER_UNAVAILABLE)
        if turn is Turn.EXPIRED:
            return msgspec.structs.replace(base, event=Event.TIMED_OUT, why="ended by the sandbox's channel")
        units = payment.amount_units - (1 if turn is Turn.SHORT else 0)
        receipt = Receipt(reference=f"channel:{payment.id}", amount=Money(units, known(payment.currency)), txid="0x" + ids.hex_token(32))
        return msgspec.structs.replace(base, receipt=receipt, payer=_payer(payment))


def _fitting(commands: Sequence[OpenOnChannel], taken: set[tuple[str, str | None]], caps: Caps) -> list[bool]:
    """Which commands the caps let pass, in their order. A reference that is taken is refused for that, and takes nothing of a cap; what
    the cap refuses takes no reference, so that the same wish beside it is judged as well."""
    fits = []
    for command in commands:
        name = (command.wish.dialect, command.wish.reference)
        fit = name in taken or caps.takes(command.cap)
        if fit and command.wish.reference is not None:
            taken.add(name)
        fits.append(fit)
    return fits


def _payer(payment: Payment) -> str | None:
    """Who paid, as the channel saw it: here the account that the request named."""
    learned = msgspec.json.decode(payment.payer) if payment.payer else {}
    account = msgspec.json.decode(payment.details).get("method", {}).get("account")
    return msgspec.json.encode({**learned, "account": account}).decode() if account else payment.payer


class NotePayer(msgspec.Struct, frozen=True):
    """What a buyer tells of the transfer: the bank's reference."""

    payment_id: int
    reference: str


async def note_payer(tx: Tx, notes: Sequence[NotePayer], now: int) -> list[None]:
    """Keep what buyers tell, beside the state; the newest counts, and what has ended stays as it is."""
    locked = await store.lock(tx, [note.payment_id for note in notes])
    rows: dict[int, str] = {}
    for note in notes:
        payment = locked[note.payment_id][0]
        if payment.state in LIVE and not overdue(payment, now):
            learned = msgspec.json.decode(rows.get(payment.id) or payment.payer or "{}")
            rows[payment.id] = msgspec.json.encode({**learned, "reference": note.reference}).decode()
    await tx.fetch(store.q.set_payer, sorted(rows.items()))
    return [None for _ in notes]
