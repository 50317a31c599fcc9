"""What the sandbox makes of an amount: the contract's rule (51 and more succeed) and the table for the amounts below it. Pure.

Source: Echelon's sandbox page for `51` and for OFFLINE's other required amount; the rest of the table is ours, and a merchant's profile
may have another one (`magic`).
"""

from collections.abc import Sequence
from decimal import Decimal

from paymux.payments.turn import Turn

# (amounts above this up to the next, in major units, outcome); amounts below the first succeed (small-unit currencies).
TABLE: Sequence[tuple[Decimal, Decimal, Turn]] = (
    (Decimal(1), Decimal(10), Turn.DECLINED),
    (Decimal(10), Decimal(20), Turn.EXPIRED),
    (Decimal(20), Decimal(30), Turn.SHORT),
    (Decimal(30), Decimal(40), Turn.NOTHING),
)
OFFLINE_FROM, OFFLINE_TO = Decimal(40), Decimal(51)  # both excluded: the required amount is one more than asked


def turn(amount: Decimal, magic: Sequence[tuple[Decimal, str]] = ()) -> Turn:
    """The outcome of an amount. `magic`: (amounts up to and including, outcome), instead of the table."""
    if magic:
        return next((Turn(outcome) for limit, outcome in magic if amount <= limit), Turn.PAID)
    for above, up_to, outcome in TABLE:
        if above < amount <= up_to or amount == above == 1:
            return outcome
    return Turn.PAID


def required(method: str, amount: Decimal) -> Decimal | None:
    """What the customer must pay instead of the requested amount, if that differs."""
    return amount + 1 if method == "OFFLINE" and OFFLINE_FROM < amount < OFFLINE_TO else None
