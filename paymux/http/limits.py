"""Rate limits: an exact moving window a key, in this process's memory. The clock is handed in, so a test can move it.

Several nodes each hold their own windows: behind a balancer the limits are that many times wider.
"""

from array import array
from bisect import bisect_right

KEYS_MAX = 40_000  # a flood of made-up keys pushes out the oldest windows, never grows the memory


class Window:
    """At most `limit` hits within `window_ms` for each key."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._hits: dict[object, array[int] | int] = {}  # of keys used since the last turn; most have one hit, which stands for itself
        self._older: dict[object, array[int] | int] = {}  # of the others; what is here at the next turn has left every window
        self._turns_at = 0

    def hit(self, key: object, limit: int, now: int) -> int:
        """Count a hit; 0 if it fits, else in how many milliseconds the next one will (and this one is not counted)."""
        if now >= self._turns_at or len(self._hits) >= KEYS_MAX // 2:
            self._hits, self._older, self._turns_at = {}, self._hits, now + self._window_ms
        hits = self._hits.get(key)
        if hits is None:
            hits = self._older.pop(key, None)
        if hits is None:
            if limit < 1:
                return self._window_ms
            self._hits[key] = now
            return 0
        if isinstance(hits, int):
            hits = array("q", (hits,))  # a fifth of what a list and its numbers take
        self._hits[key] = hits
        if hits[-1] > now:
            if hits[-1] - now > self._window_ms:
                del hits[:]  # a clock that was put back forgets the future
            else:
                now = hits[-1]  # two batches read their moments out of step by a little
        if hits and hits[0] <= now - self._window_ms:
            del hits[: bisect_right(hits, now - self._window_ms)]
        if len(hits) >= limit:
            return (hits[0] if hits else now) + self._window_ms - now
        hits.append(now)
        return 0


def seconds(wait_ms: int) -> int:
    """Whole seconds to wait, at least one."""
    return max(1, -(-wait_ms // 1000))
