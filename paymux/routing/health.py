"""Provider health as this process sees it: what start calls come to, per route. It lies over what an operator set; the worse counts.

A decline is a healthy answer. Failures in a row make a route degraded (tried after healthy ones), then down for a while; after that it
is degraded until it succeeds.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from paymux.clock import SECOND
from paymux.routing.model import Health, Route

DEGRADED_AFTER = 5
DOWN_AFTER = 10
DOWN_MS = 30 * SECOND
FORGOTTEN_MS = 600 * SECOND  # a failure so long ago says nothing about now

_RANK = {Health.UP: 0, Health.DEGRADED: 1, Health.DOWN: 2}


class HealthBook:
    """Counts failures in a row; `now` is handed in."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, int]] = {}  # slug -> (failures in a row, when the last one was)

    def failed(self, slug: str, now: int) -> None:
        count, last = self._failures.get(slug, (0, now))
        self._failures[slug] = (1 if now - last > FORGOTTEN_MS else count + 1, now)

    def succeeded(self, slug: str) -> None:
        self._failures.pop(slug, None)

    def of(self, slug: str, now: int) -> Health:
        count, last = self._failures.get(slug, (0, now))
        if now - last > FORGOTTEN_MS or count < DEGRADED_AFTER:
            return Health.UP
        return Health.DOWN if count >= DOWN_AFTER and now - last < DOWN_MS else Health.DEGRADED

    def over(self, routes: Sequence[Route], now: int) -> tuple[Route, ...]:
        """The routes with the worse of their own health and ours."""
        if not self._failures:
            return tuple(routes)
        seen = [(route, self.of(route.slug, now)) for route in routes]
        return tuple(replace(route, health=health) if _RANK[health] > _RANK[route.health] else route for route, health in seen)
