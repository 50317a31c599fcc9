"""Rate limits: an exact moving window a key, in this process's memory. The clock is handed in, so a test can move it.

Several nodes each hold their own windows: behind a balancer the limits are that many times wider.
"""

from collections import OrderedDict, deque

KEYS_MAX = 100_000  # a flood of made-up keys pushes out the oldest windows, never grows the memory


class Window:
    """At most `limit` hits within `window_ms` for each key."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._hits: OrderedDict[object, deque[int]] = OrderedDict()

    def hit(self, key: object, limit: int, now: int) -> int:
        """Count a hit; 0 if it fits, else in how many milliseconds the next one will (and this one is not counted)."""
        hits = self._hits.get(key)
        if hits is None:
            hits = self._hits[key] = deque()
            if len(self._hits) > KEYS_MAX:
                self._hits.popitem(last=False)
        else:
            self._hits.move_to_end(key)
        while hits and (hits[0] <= now - self._window_ms or hits[0] > now):  # a clock that was put back forgets the future
            hits.popleft()
        if len(hits) >= limit:
            return hits[0] + self._window_ms - now
        hits.append(now)
        return 0


def seconds(wait_ms: int) -> int:
    """Whole seconds to wait, at least one."""
    return max(1, -(-wait_ms // 1000))
