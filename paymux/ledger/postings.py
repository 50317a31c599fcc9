"""What moves in the books when something happens to a payment or a payout. Pure: each function returns the transfers to post.

The key of a transfer names what caused it, the reason and its version at that moment, so that posting twice is impossible.
Where one version gives back money of several providers or currencies, the key names those too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from paymux.ledger.chart import Account, clearing, fees, held, in_transit, payable


class Why(StrEnum):
    """The reason of a transfer; the ledger check reads it."""

    PAID = "payment.paid"
    FEE = "payment.fee"
    HELD = "payment.held"
    FOREIGN = "payment.foreign"  # money in another currency than the payment's, held
    RELEASED = "payment.released"
    RETURNING = "payment.returning"
    RETURNED = "payment.returned"
    FOREIGN_RETURNING = "payment.foreign_returning"
    FOREIGN_RETURNED = "payment.foreign_returned"
    SETTLING = "payment.settling"
    SETTLED = "payment.settled"
    PAYOUT_HELD = "payout.held"
    PAYOUT_SENT = "payout.sent"
    PAYOUT_FEE = "payout.fee"
    PAYOUT_RELEASED = "payout.released"
    OPENING = "opening"  # what the merchant brought along
    STOCKED = "exchange.stocked"  # an operator put money into the inventory
    UNSTOCKED = "exchange.unstocked"  # an operator took money out of the inventory
    ORDER_RECEIVED = "exchange.received"
    ORDER_RESERVED = "exchange.reserved"
    ORDER_RELEASED = "exchange.released"
    ORDER_PAID_OUT = "exchange.paid_out"
    ORDER_EARNED = "exchange.earned"  # what came in is the exchange's own now
    ORDER_FEE = "exchange.fee"
    ORDER_ROUNDING = "exchange.rounding"
    ORDER_COMMISSION = "exchange.commission"
    ORDER_RETURNING = "exchange.returning"
    ORDER_RETURNED = "exchange.returned"
    REWARDED = "exchange.rewarded"  # a partner was paid what it earned


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount_units` > 0 from the debit account to the credit account, in the currency of both."""

    key: str
    merchant_id: int
    payment_id: int | None
    debit: Account
    credit: Account
    amount_units: int
    reason: Why
    event_at: int
    payout_id: int | None = None
    order_uid: int | None = None

    def __post_init__(self) -> None:
        assert self.amount_units > 0, "a transfer moves something"
        assert self.debit.currency == self.credit.currency, "a transfer has one currency"


@dataclass(frozen=True, slots=True)
class Foreign:
    """What is still held of the money that came for a payment in another currency, by the provider that received it."""

    provider: str
    currency: str
    amount_units: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Which payment (or, with `payment_id` None, payout), in which version, moved money when, through which provider, in which currency."""

    payment_id: int | None
    version: int
    merchant_id: int
    provider: str
    currency: str
    event_at: int
    payout_id: int | None = None

    def transfer(self, debit: Account, credit: Account, units: int, why: Why, part: str = "") -> Transfer:
        subject = f"payment:{self.payment_id}" if self.payment_id is not None else f"payout:{self.payout_id}"
        key = f"{subject}:{self.version}:{why}{part}"
        return Transfer(key, self.merchant_id, self.payment_id, debit, credit, units, why, self.event_at, self.payout_id)

    @property
    def payable(self) -> Account:
        return payable(self.merchant_id, self.currency)

    @property
    def held(self) -> Account:
        return held(self.merchant_id, self.currency)

    @property
    def transit(self) -> Account:
        return in_transit(self.merchant_id, self.currency)

    @property
    def clearing(self) -> Account:
        return clearing(self.merchant_id, self.provider, self.currency)


def received(cause: Cause, paid_units: int, held_units: int, released_units: int, fee_units: int) -> Iterator[Transfer]:
    """Money came: `paid_units` of it are the merchant's, `held_units` wait; `released_units` held earlier are the merchant's now."""
    if paid_units:
        yield cause.transfer(cause.clearing, cause.payable, paid_units, Why.PAID)
    if held_units:
        yield cause.transfer(cause.clearing, cause.held, held_units, Why.HELD)
    if released_units:
        yield cause.transfer(cause.held, cause.payable, released_units, Why.RELEASED)
    if fee_units:
        yield cause.transfer(cause.payable, fees(cause.merchant_id, cause.currency), fee_units, Why.FEE)


def foreign(cause: Cause, units: int) -> Iterator[Transfer]:
    """Money came in another currency than asked: `cause.currency` is the one that came."""
    yield cause.transfer(cause.clearing, cause.held, units, Why.FOREIGN)


def returned(cause: Cause, units: int) -> Iterator[Transfer]:
    """Held money went back to the buyer through the provider that received it."""
    yield cause.transfer(cause.held, cause.transit, units, Why.RETURNING)
    yield cause.transfer(cause.transit, cause.clearing, units, Why.RETURNED)


def foreign_returned(cause: Cause, units: int) -> Iterator[Transfer]:
    """Held money in another currency went back: `cause` names the currency and the provider that received it."""
    part = f":{cause.provider}:{cause.currency}"
    yield cause.transfer(cause.held, cause.transit, units, Why.FOREIGN_RETURNING, part)
    yield cause.transfer(cause.transit, cause.clearing, units, Why.FOREIGN_RETURNED, part)


def settled(cause: Cause, units: int) -> Iterator[Transfer]:
    """The provider forwarded the merchant's money to the merchant; a fee can have taken all of it."""
    if not units:
        return
    yield cause.transfer(cause.payable, cause.transit, units, Why.SETTLING)
    yield cause.transfer(cause.transit, cause.clearing, units, Why.SETTLED)


def payout_held(cause: Cause, units: int, fee_units: int) -> Iterator[Transfer]:
    """A payout was accepted: what it takes, with its fee, is not the merchant's to spend any more."""
    yield cause.transfer(cause.payable, cause.transit, units + fee_units, Why.PAYOUT_HELD)


def payout_sent(cause: Cause, units: int, fee_units: int) -> Iterator[Transfer]:
    """The provider sent the money; the fee is earned."""
    yield cause.transfer(cause.transit, cause.clearing, units, Why.PAYOUT_SENT)
    if fee_units:
        yield cause.transfer(cause.transit, fees(cause.merchant_id, cause.currency), fee_units, Why.PAYOUT_FEE)


def payout_released(cause: Cause, units: int) -> Iterator[Transfer]:
    """A payout is dead: all that was held is the merchant's again."""
    yield cause.transfer(cause.transit, cause.payable, units, Why.PAYOUT_RELEASED)


def opening(merchant_id: int, provider: str, currency: str, units: int, at: int) -> Transfer:
    """What a merchant brings along, once per currency."""
    debit, credit = clearing(merchant_id, provider, currency), payable(merchant_id, currency)
    return Transfer(f"opening:{merchant_id}:{currency}", merchant_id, None, debit, credit, units, Why.OPENING, at)
