"""The life of a charge at a sandbox company: states, what a tester or a script can do, what is reported then. Pure.

Transfers are named `<operation key>.1`, `.2` and so on, and their hashes follow from their names, so that every report of one is equal.

>>> transfer_txid("op_1.1")[:10]
'0xca070c14'
"""

from enum import StrEnum
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from paymux.clock import HOUR
from paymux.decline import DeclineReason
from paymux.money import UNITS_MAX, Money, known

LATE_MS = 2 * HOUR  # later than a payment usually stays open


class State(StrEnum):
    """The words on the wire, too."""

    OPEN = "open"  # waits for its buyer
    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the buyer took too long
    REVIEW = "review"


class Act(StrEnum):
    """What can happen to a charge."""

    APPROVE = "approve"
    DECLINE = "decline"
    PENDING = "pending"
    TIME_OUT = "time_out"
    SHORT = "short"  # half of the amount comes
    OVER = "over"  # a tenth too much comes
    REST = "rest"  # what is missing after SHORT comes
    LATE = "late"  # the buyer leaves; the money comes two hours later
    ARRIVE = "arrive"  # and now it comes
    TWICE = "twice"  # paid, and reported two times
    DISORDER = "disorder"  # paid, and an older "pending" is reported after it
    REVIEW = "review"
    PAID_SETTLED = "paid_settled"
    SETTLE = "settle"  # what was paid is forwarded
    CANCEL = "cancel"  # by the other side


_O, _P, _R = State.OPEN, State.PENDING, State.REVIEW
_PAYING = (Act.APPROVE, Act.SHORT, Act.OVER, Act.ARRIVE, Act.TWICE, Act.DISORDER, Act.PAID_SETTLED)

MOVES: dict[tuple[State, Act], State] = {
    **{(state, act): State.PAID for state in (_O, _P) for act in _PAYING},
    (_R, Act.APPROVE):          State.PAID,
    (State.PAID, Act.SETTLE):   State.PAID,
    (State.PAID, Act.REST):     State.PAID,
    (_O, Act.DECLINE):          State.DECLINED,
    (_P, Act.DECLINE):          State.DECLINED,
    (_R, Act.DECLINE):          State.DECLINED,
    (_O, Act.PENDING):          State.PENDING,
    (_O, Act.REVIEW):           State.REVIEW,
    (_P, Act.REVIEW):           State.REVIEW,
    (_O, Act.TIME_OUT):         State.EXPIRED,
    (_O, Act.LATE):             State.OPEN,
    (_O, Act.CANCEL):           State.CANCELLED,
}  # fmt: skip
LEADS_TO: dict[Act, State] = {act: state for (_, act), state in MOVES.items() if act is not Act.LATE}


class Paid(msgspec.Struct, frozen=True):
    """Money that came."""

    reference: str
    units: int
    at: int


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One operation as the company knows it. Amounts are minor units of `currency`."""

    operation_key: str
    reference: str  # in the address of the buyer's page; cannot be guessed
    provider: str
    amount_units: int
    currency: str
    method: str
    description: str
    return_url: str
    callback_url: str
    state: State
    transfers: tuple[Paid, ...] = ()
    settled: bool = False
    magic: int | None = None  # cents of a magic amount
    next_act: Act | None = None  # what happens by itself
    due_at: int | None = None
    when_asked: bool = False  # it happens only when somebody asks
    decline_reason: DeclineReason | None = None  # why it was declined; before that, what a decline by itself will say
    created_at: int
    updated_at: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_units, known(self.currency))

    @property
    def received_units(self) -> int:
        return sum(transfer.units for transfer in self.transfers)

    @property
    def settled_txid(self) -> str | None:
        return transfer_txid(f"{self.operation_key}.settled") if self.settled else None


class Acted(msgspec.Struct, frozen=True):
    """A charge after an act, and the charge as each callback describes it, in order."""

    charge: Charge
    told: tuple[Charge, ...] = ()


def transfer_txid(reference: str) -> str:
    """The hash of a transfer on its chain."""
    return "0x" + sha256(reference.encode()).hexdigest()


def short_units(amount_units: int) -> int:
    """Half, rounded down; 0 if there is no smaller amount."""
    return amount_units // 2


def over_units(amount_units: int) -> int:
    """A tenth more, at least one unit."""
    return min(amount_units + max(amount_units // 10, 1), UNITS_MAX)


def act_on(charge: Charge, act: Act, now: int, decline_reason: DeclineReason | None = None) -> Acted | None:
    """What an act does; None if the charge's life has no such move. `decline_reason`: with DECLINE."""
    state = MOVES.get((charge.state, act))
    if state is None or not _sensible(charge, act):
        return None
    after = replace(charge, state=state, next_act=None, due_at=None, when_asked=False, updated_at=now)
    if act is Act.LATE:
        return Acted(replace(after, next_act=Act.ARRIVE, due_at=now + LATE_MS))
    if act is Act.CANCEL:
        return Acted(after)  # who cancels knows it from the answer
    if act is Act.DECLINE:
        after = replace(after, decline_reason=decline_reason or charge.decline_reason)
    units = _incoming(charge, act)
    if units:
        name = f"{charge.operation_key}.{len(charge.transfers) + 1}"
        after = replace(after, transfers=(*charge.transfers, Paid(name, units, now)))
    if act in (Act.SETTLE, Act.PAID_SETTLED):
        after = replace(after, settled=True)
    if act is Act.TWICE:
        return Acted(after, (after, after))
    if act is Act.DISORDER:
        return Acted(after, (after, replace(after, state=State.PENDING, transfers=())))
    return Acted(after, (after,))


def passed(charge: Charge, now: int, asked: bool) -> Acted | None:
    """What has happened by itself up to `now`, whether or not anybody looked; None if nothing."""
    if charge.next_act is None or charge.due_at is None or charge.due_at > now or (charge.when_asked and not asked):
        return None
    done = act_on(charge, charge.next_act, now)
    if done is None:  # cannot happen any more
        return Acted(replace(charge, next_act=None, due_at=None, when_asked=False, updated_at=now))
    return Acted(done.charge) if charge.when_asked else done


def is_repeat(charge: Charge, act: Act) -> bool:
    """Whether an act that is no move any more has already had its effect: a second click."""
    if act is Act.LATE:
        return charge.next_act is Act.ARRIVE
    if act is Act.SETTLE:
        return charge.settled
    return LEADS_TO[act] is charge.state


def marked(charge: Charge, word: str, now: int) -> Charge:
    """A charge after an operator told the core by command how it ended; the money is named as that command names it.

    Money that came is never taken back: a word that would is ignored.
    """
    after = replace(charge, next_act=None, due_at=None, when_asked=False, updated_at=now)
    if word in ("paid", "settled"):
        if charge.received_units < charge.amount_units:
            came = Paid(f"report:{charge.operation_key}", charge.amount_units, now)
            after = replace(after, transfers=(*charge.transfers, came))
        return replace(after, state=State.PAID, settled=charge.settled or word == "settled")
    return charge if charge.transfers else replace(after, state=State(word))


def _sensible(charge: Charge, act: Act) -> bool:
    """What the table of moves cannot say."""
    match act:
        case Act.SETTLE:
            return not charge.settled
        case Act.REST:
            return charge.received_units < charge.amount_units
        case Act.SHORT:
            return short_units(charge.amount_units) > 0
        case Act.CANCEL | Act.LATE:
            return charge.next_act is not Act.ARRIVE  # that money is on its way
        case _:
            return True


def _incoming(charge: Charge, act: Act) -> int:
    match act:
        case Act.SHORT:
            return short_units(charge.amount_units)
        case Act.OVER:
            return over_units(charge.amount_units)
        case Act.REST:
            return charge.amount_units - charge.received_units
        case _:
            return charge.amount_units if act in _PAYING else 0
