"""What moves in the books when something happens to an order. Pure: each function returns the transfers to post.

What comes in waits in `held` until the order is decided, so that it can always go back; then it is the inventory's, but for the fee, the
rounding and the partner's commission. What goes out leaves the inventory when the order's money is there, and waits in transit.
The exchange's books are nobody's in particular: they stand under merchant 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from paymux.exchange.model import Order
from paymux.ledger.chart import SHARED, Account, clearing, commission, fees, held, in_transit, inventory, rounding
from paymux.ledger.postings import Transfer, Why

HOUSE = "exchange"  # the clearing account of whoever receives and pays for the exchange


@dataclass(frozen=True, slots=True)
class Cause:
    """An order in the version that moves the money."""

    order: Order
    version: int
    at: int

    def move(self, debit: Account, credit: Account, units: int, why: Why) -> Iterator[Transfer]:
        if units:
            key = f"exchange:{self.order.uid}:{self.version}:{why}"
            yield Transfer(key, SHARED, None, debit, credit, units, why, self.at, order_uid=self.order.uid)

    @property
    def held(self) -> Account:
        return held(SHARED, self.order.from_code)

    @property
    def out_transit(self) -> Account:
        return in_transit(SHARED, self.order.to_code)


def received(cause: Cause, units: int) -> Iterator[Transfer]:
    """Money came."""
    yield from cause.move(clearing(SHARED, HOUSE, cause.order.from_code), cause.held, units, Why.ORDER_RECEIVED)


def reserved(cause: Cause) -> Iterator[Transfer]:
    """The payout's amount leaves the inventory."""
    yield from cause.move(inventory(cause.order.to_code), cause.out_transit, cause.order.out_units, Why.ORDER_RESERVED)


def released(cause: Cause) -> Iterator[Transfer]:
    """There will be no payout: its amount goes back."""
    yield from cause.move(cause.out_transit, inventory(cause.order.to_code), cause.order.reserved_units, Why.ORDER_RELEASED)


def paid_out(cause: Cause) -> Iterator[Transfer]:
    """The payout left, and what came in is the exchange's own. Money that is missing is missing in what it earns."""
    order = cause.order
    yield from cause.move(cause.out_transit, clearing(SHARED, HOUSE, order.to_code), order.reserved_units, Why.ORDER_PAID_OUT)
    left = order.received_units
    partner = order.details.partner
    parts = (
        (commission(SHARED, partner, order.from_code) if partner else None, order.commission_units, Why.ORDER_COMMISSION),
        (fees(SHARED, order.from_code), order.fee_units, Why.ORDER_FEE),
        (rounding(SHARED, order.from_code), order.rounding_units, Why.ORDER_ROUNDING),
    )
    for account, units, why in parts:
        part = min(units, left) if account else 0
        left -= part
        if account is not None:
            yield from cause.move(cause.held, account, part, why)
    yield from cause.move(cause.held, inventory(order.from_code), left, Why.ORDER_EARNED)


def accepted(cause: Cause, units: int) -> Iterator[Transfer]:
    """Money that came after the end is the exchange's own."""
    yield from cause.move(cause.held, inventory(cause.order.from_code), units, Why.ORDER_EARNED)


def returned(cause: Cause, units: int) -> Iterator[Transfer]:
    """What came went back to whoever sent it."""
    order, transit = cause.order, in_transit(SHARED, cause.order.from_code)
    yield from cause.move(cause.held, transit, units, Why.ORDER_RETURNING)
    yield from cause.move(transit, clearing(SHARED, HOUSE, order.from_code), units, Why.ORDER_RETURNED)


def rewarded(key: str, partner: str, code: str, units: int, at: int) -> Transfer:
    """A partner was paid."""
    return Transfer(key, SHARED, None, commission(SHARED, partner, code), clearing(SHARED, HOUSE, code), units, Why.REWARDED, at)


def stocked(key: str, code: str, units: int, at: int) -> Transfer:
    """An operator puts money into the inventory, or (units < 0) takes it out."""
    house, stock = clearing(SHARED, HOUSE, code), inventory(code)
    if units > 0:
        return Transfer(key, SHARED, None, house, stock, units, Why.STOCKED, at)
    return Transfer(key, SHARED, None, stock, house, -units, Why.UNSTOCKED, at)
