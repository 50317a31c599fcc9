"""The words that EcomTrade24's wire has for the states of a payment, and which notice tells which word. Pure.

Source: EcomTrade24's manual (words, and that polling stops at paid, settled, completed, expired, failed); the event
`payment.session` was seen in live deliveries; which event goes with which word is ours.
"""

from paymux.payments.lifecycle import OPEN, State

WORDS: dict[State, str] = {
    State.CREATED:   "created",
    State.AWAITING:  "awaiting_payment",
    State.PENDING:   "pending",
    State.UNCLEAR:   "pending",  # the wire has no word for doubt, and "failed" could make a buyer pay twice
    State.REVIEW:    "manual_review",
    State.PAID:      "paid",
    State.SETTLED:   "settled",
    State.COMPLETED: "completed",
    State.EXPIRED:   "expired",
    State.FAILED:    "failed",
}  # fmt: skip

TEST = "test"  # the word of a test notice; no payment has it

FINAL = frozenset({"paid", "settled", "completed", "expired", "failed"})

# Word -> event of its notice. What is not here is not told: a shop learns nothing from a buyer who looks at a page.
EVENTS: dict[str, str] = {
    "pending":       "payment.session",
    "manual_review": "payment.session",
    "paid":          "payment.completed",
    "settled":       "payment.completed",
    "completed":     "payment.completed",
    "expired":       "payment.session",
    "failed":        "payment.session",
    TEST:            "payment.session",
}  # fmt: skip


def word(state: State, expires_at: int, now: int) -> str:
    """The word at this moment: an open payment whose time is over is expired, whether or not the clock's sweep has run."""
    return WORDS[State.EXPIRED] if overdue(state, expires_at, now) else WORDS[state]


def overdue(state: State, expires_at: int, now: int) -> bool:
    """Open, and its time is over. Payments in progress, in doubt or under review do not expire by time."""
    return state in OPEN and now >= expires_at


def event_name(status: str) -> str | None:
    """The event of the notice that tells this word; None if the word is not told."""
    return EVENTS.get(status)
