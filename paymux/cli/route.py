"""`paymux route …` and `paymux routing`: what the operator says of routes, for everybody."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from paymux.cli.run import AsJson, Declined, Where, between, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.directory import Platform

PRIORITY_MAX = 1_000_000


async def _platform(core: "Core") -> "Platform":
    async def verb(tx: Any, wishes: Any, now: int) -> "list[Platform]":
        return [await core.directory.platform(tx, now) for _ in wishes]

    return await core.reader.submit(verb, None)


def list_(*, as_json: AsJson = False, where: Where | None = None) -> None:
    """List every route with its health and priority, in the order in which they are tried."""
    from paymux.cli import show as eyes

    platform = run(where, _platform)
    routes = sorted(platform.routes, key=lambda route: (route.priority, route.slug))
    if as_json:
        return tell_json({"smart_routing": platform.smart_routing, "routes": eyes.plain(routes)})
    rows = [
        (
            route.slug,
            route.provider,
            route.health,
            route.priority,
            ", ".join(route.methods),
            ", ".join(route.currencies) or "any",
            " ".join(
                f"{word} {eyes.amount(bound, route.limit_currency)}"
                for word, bound in (("from", route.min_units), ("up to", route.max_units))
                if bound is not None
            )
            or "any",
            ", ".join(route.packages),
        )
        for route in routes
    ]
    eyes.table(("route", "provider", "health", "priority", "methods", "currencies", "amounts", "plans"), rows, empty="No routes.")
    print(f"Automatic routing is {'on' if platform.smart_routing else 'off'} for the platform.")


def set_(
    slug: str,
    /,
    *,
    health: Literal["up", "degraded", "down"],
    priority: Annotated[int | None, between(-PRIORITY_MAX, PRIORITY_MAX)] = None,
    where: Where | None = None,
) -> None:
    """Say that a route is up, degraded or down, and how early it is tried. The next request sees it.

    Parameters
    ----------
    slug
        Which; see paymux route list.
    health
        A route that is down is not used.
    priority
        Lower is tried first; it stays as it is without this option.
    """
    from msgspec import UNSET

    from paymux.merchants.change import SetRoute, set_routes
    from paymux.routing.model import Health

    async def work(core: "Core") -> None:
        known = {route.slug for route in core.registry.routes()}
        if slug not in known:
            raise Declined(f"there is no route {slug}; known: {', '.join(sorted(known)) or 'none'}")
        wish = SetRoute(slug=slug, health=Health(health), priority=UNSET if priority is None else priority)
        await core.writer.submit(set_routes, wish)

    run(where, work)
    print(f"Route {slug} is {health}" + (f", priority {priority}." if priority is not None else "."))


def routing(switch: Literal["on", "off", "default"], /, *, where: Where | None = None) -> None:
    """Switch automatic routing for the whole platform; default follows the setting PAYMUX_SMART_ROUTING.

    Parameters
    ----------
    switch
        on, off or default.
    """
    from paymux.storage import installation

    async def work(core: "Core") -> bool:
        async def verb(tx: Any, wishes: Any, now: int) -> list[None]:
            await installation.set_fact(tx, "smart_routing", switch)
            return [None for _ in wishes]

        await core.writer.submit(verb, None)
        return (await _platform(core)).smart_routing

    print(f"Automatic routing is {'on' if run(where, work) else 'off'} for the platform.")
