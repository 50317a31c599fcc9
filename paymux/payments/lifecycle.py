"""The life of a payment and of an attempt: two tables, pure. What is not in a table changes nothing.

Other code asks these tables; it does not compare states by hand.
"""

from enum import StrEnum


class State(StrEnum):
    CREATED = "created"  # stored; the buyer was not here yet
    AWAITING = "awaiting"  # the buyer opened the checkout or was handed to a provider
    PENDING = "pending"  # a provider reports a payment in progress
    UNCLEAR = "unclear"  # we do not know; asked again until known
    REVIEW = "review"  # a person decides
    PAID = "paid"  # the money is there
    SETTLED = "settled"  # and was forwarded to the merchant
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"


class Event(StrEnum):
    CREATED = "created"  # the first row of every history
    OPENED = "opened"  # the buyer looked at the checkout, or was handed over
    PENDING = "pending"
    DOUBTED = "doubted"  # a provider's answer is missing, odd or unknown
    CALMED = "calmed"  # the doubtful attempt is known to be dead: the buyer may choose again
    PAID = "paid"  # the whole amount was received
    SHORT = "short"  # money came, but less than asked
    LATE = "late"  # money came after the end
    FLAGGED = "flagged"  # a provider wants a person to decide
    ACCEPTED = "accepted"  # a person decided: paid
    REJECTED = "rejected"  # a person decided: not paid
    DIED = "died"  # dead for sure
    TIMED_OUT = "timed_out"
    SETTLED = "settled"
    COMPLETED = "completed"
    # What happens to an attempt or to held money; decide() says what that means for the payment.
    HANDED_OVER = "handed_over"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    RETURNED = "returned"  # held money went back to the buyer
    REFUNDED = "refunded"  # a refund was accepted; what becomes of it is the payout's story
    REFUND_FAILED = "refund_failed"  # a refund came to nothing


_C, _A, _P, _U, _R = State.CREATED, State.AWAITING, State.PENDING, State.UNCLEAR, State.REVIEW

MOVES: dict[tuple[State, Event], State] = {
    (_C, Event.OPENED):               State.AWAITING,
    (_C, Event.PENDING):              State.PENDING,
    (_A, Event.PENDING):              State.PENDING,
    (_U, Event.PENDING):              State.PENDING,
    (_C, Event.DOUBTED):              State.UNCLEAR,
    (_A, Event.DOUBTED):              State.UNCLEAR,
    (_P, Event.DOUBTED):              State.UNCLEAR,
    (_P, Event.CALMED):               State.AWAITING,
    (_U, Event.CALMED):               State.AWAITING,
    (_C, Event.PAID):                 State.PAID,
    (_A, Event.PAID):                 State.PAID,
    (_P, Event.PAID):                 State.PAID,
    (_U, Event.PAID):                 State.PAID,
    (_R, Event.PAID):                 State.PAID,
    (_C, Event.SHORT):                State.REVIEW,
    (_A, Event.SHORT):                State.REVIEW,
    (_P, Event.SHORT):                State.REVIEW,
    (_U, Event.SHORT):                State.REVIEW,
    (_C, Event.FLAGGED):              State.REVIEW,
    (_A, Event.FLAGGED):              State.REVIEW,
    (_P, Event.FLAGGED):              State.REVIEW,
    (_U, Event.FLAGGED):              State.REVIEW,
    (State.EXPIRED, Event.LATE):      State.REVIEW,
    (State.FAILED, Event.LATE):       State.REVIEW,
    (_R, Event.ACCEPTED):             State.PAID,
    (_R, Event.REJECTED):             State.FAILED,
    (_C, Event.DIED):                 State.FAILED,
    (_A, Event.DIED):                 State.FAILED,
    (_P, Event.DIED):                 State.FAILED,
    (_U, Event.DIED):                 State.FAILED,
    (_R, Event.DIED):                 State.FAILED,
    (_C, Event.TIMED_OUT):            State.EXPIRED,
    (_A, Event.TIMED_OUT):            State.EXPIRED,
    (State.PAID, Event.SETTLED):      State.SETTLED,
    (State.PAID, Event.COMPLETED):    State.COMPLETED,
    (State.SETTLED, Event.COMPLETED): State.COMPLETED,
}  # fmt: skip

OPEN = frozenset({State.CREATED, State.AWAITING})  # the clock may end these, and a buyer may start an attempt
LIVE = OPEN | {State.PENDING, State.UNCLEAR, State.REVIEW}  # money may still come by itself
SUCCESS = frozenset({State.PAID, State.SETTLED, State.COMPLETED})
ENDED = frozenset(State) - LIVE - SUCCESS


class AttemptState(StrEnum):
    STARTED = "started"  # the row is committed; the provider may or may not know of it
    HANDED_OVER = "handed_over"  # the buyer was sent to the provider
    PENDING = "pending"
    UNCLEAR = "unclear"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"  # given up before money could move; its key stays known


ALIVE = frozenset({AttemptState.STARTED, AttemptState.HANDED_OVER, AttemptState.PENDING, AttemptState.UNCLEAR})
DEAD = frozenset({AttemptState.DECLINED, AttemptState.CANCELLED})  # money that comes on one all the same waits for a person


_STARTED, _HANDED, _PENDING, _UNCLEAR = AttemptState.STARTED, AttemptState.HANDED_OVER, AttemptState.PENDING, AttemptState.UNCLEAR

ATTEMPT_MOVES: dict[tuple[AttemptState, Event], AttemptState] = {
    (_STARTED, Event.HANDED_OVER): _HANDED,
    (_UNCLEAR, Event.HANDED_OVER): _HANDED,  # asked: the provider waits for the buyer
    **{(state, Event.PENDING): _PENDING for state in (_STARTED, _HANDED, _UNCLEAR)},
    **{(state, Event.FLAGGED): _PENDING for state in (_STARTED, _HANDED, _UNCLEAR)},
    **{(state, Event.DOUBTED): _UNCLEAR for state in (_STARTED, _HANDED, _PENDING)},
    **{(state, Event.DECLINED): AttemptState.DECLINED for state in ALIVE},
    **{(state, Event.DIED): AttemptState.DECLINED for state in ALIVE},
    **{(state, Event.CANCELLED): AttemptState.CANCELLED for state in ALIVE},
    **{(state, Event.PAID): AttemptState.PAID for state in sorted(ALIVE | DEAD)},  # money may come on a dead one, too
}


def attempt_after(state: AttemptState, event: Event) -> AttemptState | None:
    """The attempt's state that follows, or None if nothing does."""
    return ATTEMPT_MOVES.get((state, event))


def after(state: State, event: Event) -> State | None:
    """The state that follows, or None if the table has no such move."""
    return MOVES.get((state, event))
