"""How much may be sent to whom at once: a lane per endpoint, so that a receiver that hangs keeps its own waiting and nobody else.

After `DOUBTS_MAX` tries in a row without any answer (refused, broken, timed out) an endpoint is doubtful: one probe at a time
until something answers again. Doubtful endpoints together never take more than half of all places. This is one process's
memory: after a restart every endpoint is trusted again.
"""

from collections import Counter

DOUBTS_MAX = 3


class Lanes:
    """Counts what is on its way. Every `take` is followed by one `leave`."""

    def __init__(self, places: int, places_each: int) -> None:
        self._places, self.places_each = places, places_each
        self._busy: Counter[int] = Counter()  # by endpoint
        self._silent: dict[int, int] = {}  # tries in a row without an answer, by endpoint; who was offered a probe last stands last

    def free(self) -> int:
        """Places left over all endpoints."""
        return self._places - self._busy.total()

    def take(self, endpoint_id: int) -> None:
        self._busy[endpoint_id] += 1

    def leave(self, endpoint_id: int) -> None:
        self._busy[endpoint_id] -= 1
        if not self._busy[endpoint_id]:
            del self._busy[endpoint_id]

    def answered(self, endpoint_id: int) -> None:
        """Something answered, whatever it said."""
        self._silent.pop(endpoint_id, None)

    def stayed_silent(self, endpoint_id: int) -> None:
        """No usable answer came."""
        self._silent[endpoint_id] = self._silent.get(endpoint_id, 0) + 1

    def doubtful(self, endpoint_id: int) -> bool:
        return self._silent.get(endpoint_id, 0) >= DOUBTS_MAX

    def rooms(self) -> tuple[tuple[int, int], ...]:
        """(endpoint, room) of those that have less room than `places_each`."""
        rooms = {endpoint: max(0, self.places_each - busy) for endpoint, busy in self._busy.items()}
        doubtful = [endpoint for endpoint in self._silent if self.doubtful(endpoint)]
        probes = max(1, self._places // 2) - sum(self._busy[endpoint] for endpoint in doubtful)
        for endpoint in doubtful:
            rooms[endpoint] = 1 if probes > 0 and not self._busy[endpoint] else 0
            if rooms[endpoint]:
                probes -= 1
                self._silent[endpoint] = self._silent.pop(endpoint)  # one without anything due must not keep the place for ever
        return tuple(sorted(rooms.items()))
