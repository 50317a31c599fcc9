"""How the work stands in the database: what waits, what is in doubt, what a person must look at. Read by metrics and by the doctor.

One indexed query each; none reads what has ended.
"""

from collections.abc import Mapping

import msgspec

from paymux.payments.model import Attention
from paymux.storage.query import Tx, load

_q = load("paymux.ops")


class Heap(msgspec.Struct, frozen=True):
    """So many of something, the oldest since `oldest` (Unix milliseconds; None: there is none)."""

    found: int
    oldest: int | None

    def age_s(self, now: int) -> float:
        """How old the oldest is; 0 if there is none."""
        return max(0, now - self.oldest) / 1000 if self.oldest is not None else 0.0


class Standing(msgspec.Struct, frozen=True):
    """`attention`: by the name of its reason."""

    notices: Heap
    doubts: Heap
    attention: Mapping[str, Heap]


async def standing(tx: Tx) -> Standing:
    """How the work stands now."""
    notices = (await tx.fetch(_q.waiting_notices))[0]
    doubts = (await tx.fetch(_q.open_doubts))[0]
    attention = {_why(row["why"]): Heap(row["found"], row["oldest"]) for row in await tx.fetch(_q.attention)}
    return Standing(Heap(notices["found"], notices["oldest"]), Heap(doubts["found"], doubts["oldest"]), attention)


def _why(sentence: str) -> str:
    try:
        return Attention(sentence).name.lower()
    except ValueError:  # written by another version
        return "other"
