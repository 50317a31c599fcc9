"""When a notice that was not accepted is sent again. Pure.

>>> next_try(1, DELAYS_S, Decimal(1), 0), next_try(2, DELAYS_S, Decimal(1), 60_000)
(60000, 300000)
>>> next_try(9, DELAYS_S, Decimal(1), 0) is None
True
"""

from collections.abc import Sequence
from decimal import Decimal

# Tries at 0, 1 min, 5 min, 15 min, 1 h, 6 h and 24 h after the first, then daily until 72 h.
DELAYS_S = (60, 240, 600, 2_700, 18_000, 64_800, 86_400, 86_400)


def next_try(tries: int, delays_s: Sequence[int], scale: Decimal, now: int) -> int | None:
    """When to try again after `tries` failed tries, `now` being the end of the last; None: give up."""
    assert tries >= 1, "the first try is not scheduled: it is due at once"
    if tries > len(delays_s):
        return None
    return now + int(delays_s[tries - 1] * 1000 * scale)
