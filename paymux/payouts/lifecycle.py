"""The life of a payout: one table, pure. What is not in it changes nothing.

A payout is sent at most once: SENDING is committed before the provider is called, and nothing leads back to ACCEPTED. After that it is
only asked about. Not knowing is a state of its own; funds stay held until the outcome is known.
"""

from enum import StrEnum


class PayoutState(StrEnum):
    ACCEPTED = "accepted"  # stored, its funds held
    SENDING = "sending"  # the provider is being called, or was and we did not hear
    PENDING = "pending"  # the provider has it
    UNCLEAR = "unclear"  # nobody can say; asked again until known
    PAID = "paid"  # the money left
    FAILED = "failed"  # dead for sure; the funds are back


class PayoutEvent(StrEnum):
    CREATED = "created"  # the first row of every history
    SENDING = "sending"
    PENDING = "pending"
    DOUBTED = "doubted"
    PAID = "paid"
    FAILED = "failed"


_A, _S, _P, _U = PayoutState.ACCEPTED, PayoutState.SENDING, PayoutState.PENDING, PayoutState.UNCLEAR

MOVES: dict[tuple[PayoutState, PayoutEvent], PayoutState] = {
    (_A, PayoutEvent.SENDING): _S,
    (_S, PayoutEvent.PENDING): _P,
    (_U, PayoutEvent.PENDING): _P,
    (_S, PayoutEvent.DOUBTED): _U,
    (_P, PayoutEvent.DOUBTED): _U,
    (_A, PayoutEvent.PAID):    PayoutState.PAID,  # a person or the sandbox was faster than the duty that sends
    (_S, PayoutEvent.PAID):    PayoutState.PAID,
    (_P, PayoutEvent.PAID):    PayoutState.PAID,
    (_U, PayoutEvent.PAID):    PayoutState.PAID,
    (_A, PayoutEvent.FAILED):  PayoutState.FAILED,
    (_S, PayoutEvent.FAILED):  PayoutState.FAILED,
    (_P, PayoutEvent.FAILED):  PayoutState.FAILED,
    (_U, PayoutEvent.FAILED):  PayoutState.FAILED,
}  # fmt: skip

FINAL = frozenset(PayoutState) - {source for source, _ in MOVES}


def after(state: PayoutState, event: PayoutEvent) -> PayoutState | None:
    """The state that follows, or None if the table has no such move."""
    return MOVES.get((state, event))
