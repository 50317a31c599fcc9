"""The two words that ETpay's wire has for the end of a session, and the states that are one. Pure.

A running session has no word: it is not told of and not found by the status query. Source: ETpay's manual for `success`; a shop's
program for its being a text and not a boolean; `error` for every other end is ours.
"""

from paymux.payments.lifecycle import State

SUCCESS, ERROR = "success", "error"
RUNNING = "running"  # for people; never on the wire

# None: still running. A payment that comes under review after its end keeps the word it was told: nothing newer is said of it.
WORDS: dict[State, str | None] = {
    State.CREATED:   None,
    State.AWAITING:  None,
    State.PENDING:   None,
    State.UNCLEAR:   None,
    State.REVIEW:    None,
    State.PAID:      SUCCESS,
    State.SETTLED:   SUCCESS,
    State.COMPLETED: SUCCESS,
    State.EXPIRED:   ERROR,
    State.FAILED:    ERROR,
}  # fmt: skip

TOLD: dict[State, str] = {state: word for state, word in WORDS.items() if word is not None}
