"""The exchanger's words for an order's status: the core's own, since the manual named them first. Pure."""

from paymux.exchange.lifecycle import Status, standing

WORDS: dict[Status, str] = {status: status.value for status in Status}
SUCCESS, ERROR = "success", "error"  # what the return button tells

RETURNS: dict[Status, str] = {Status.DONE: SUCCESS, Status.DELETED: ERROR, Status.RETURNED: ERROR}


def word(status: Status, expires_at: int, now: int) -> str:
    """The word of a status as it counts now."""
    return WORDS[standing(status, expires_at, now)]
