"""Choose the way a payment goes: every route gets a verdict, the kept ones an order. Pure and deterministic.

`rates`: currency code -> value of one major unit in USD (USD itself is 1). Amounts are compared with limits as exact
fractions, never rounded; a bound itself is inside. The order of `routes` does not matter; their slugs are unique.
Source of the steps: EcomTrade24's manual names the inputs (package, country, amount, currency, method availability,
fallback rules, provider status); the order of the steps is ours.

>>> card = Route(slug="card", provider="p", methods=("card",), min_units=2000)
>>> choose(Wish(package="pro", amount_units=1999, currency="USD"), [card], {}).candidates[0].reason.value
'amount below its minimum'
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache

from iso4217 import Currency as Iso
from msgspec.structs import replace

from paymux.money import currency as currency_of
from paymux.money import fiat
from paymux.routing.model import METHODS, Candidate, Choice, Health, Reason, Route, Wish


def choose(wish: Wish, routes: Sequence[Route], rates: Mapping[str, Decimal]) -> Choice:
    """Judge every route and order the kept ones; the first is selected, the rest is the fallback chain."""
    reasons = {route.slug: _unfit(wish, route) for route in routes}
    assert len(reasons) == len(routes), "slugs of routes are unique"
    left = [route for route in routes if reasons[route.slug] is None]
    some_open = any(not route.countries_allow for route in left)
    for route in left:
        reasons[route.slug] = (
            _unfit_country(wish, route, some_open)
            or _unfit_amount(wish, route, rates)
            # Tried routes leave only here, so that what follows a dead attempt is the rest of the same chain.
            or (Reason.TRIED if route.slug in wish.tried else None)
            or (Reason.NEEDS_CLICK if route.slug in wish.need_click else None)
            or (Reason.NEEDS_EMAIL if route.requires_email and not wish.has_email else None)
        )
    kept = sorted((route for route in routes if reasons[route.slug] is None), key=lambda route: _rank(wish, route))
    dropped = sorted((slug, reason) for slug, reason in reasons.items() if reason is not None)
    return Choice(
        routes=tuple(kept),
        candidates=(
            *(Candidate(slug=route.slug, reason=Reason.KEPT) for route in kept),
            *(Candidate(slug=slug, reason=reason) for slug, reason in dropped),
        ),
        only_email_missing=not kept and any(reason is Reason.NEEDS_EMAIL for _, reason in dropped),
    )


def methods_available(wish: Wish, routes: Sequence[Route], rates: Mapping[str, Decimal]) -> dict[str, bool]:
    """For each buyer-facing method, in their usual order: is any route kept for it? The wish's own method is not looked at."""
    return {method: bool(choose(replace(wish, method=method), routes, rates).routes) for method in METHODS}


def bank_currencies(routes: Sequence[Route], wish: Wish | None = None) -> list[str]:
    """Currencies, sorted, that bank routes take which are not down; with a wish only routes that its merchant may use.

    A bank route that names no currency takes every fiat currency.
    """
    asker = replace(wish, method="bank", currency=None, bank_currency=None) if wish else None
    found: set[str] = set()
    for route in routes:
        usable = _unfit(asker, route) is None if asker else route.health is not Health.DOWN
        if usable and "bank" in route.methods:
            found.update(route.currencies or _every_fiat())
    return sorted(found)


@cache
def _every_fiat() -> frozenset[str]:
    return frozenset(iso.code for iso in Iso if fiat(iso.code))


def _unfit(wish: Wish, route: Route) -> Reason | None:
    """What rules a route out whatever the other routes are: state, plan, switches, method, currency."""
    if route.health is Health.DOWN:
        return Reason.DOWN
    if wish.package not in route.packages:
        return Reason.PACKAGE
    if route.slug in wish.routes_off:
        return Reason.SWITCHED_OFF
    if wish.method is None and route.asked_only:
        return Reason.NOT_ASKED
    if wish.method is not None and wish.method not in route.methods:
        return Reason.METHOD
    if wish.methods_off.issuperset(route.methods if wish.method is None else (wish.method,)):
        return Reason.METHOD_OFF
    currency = (wish.method == "bank" and wish.bank_currency) or wish.currency
    if currency is not None and route.currencies and currency not in route.currencies:
        return Reason.CURRENCY
    return None


def _unfit_country(wish: Wish, route: Route, some_open: bool) -> Reason | None:
    """An unknown country rules out routes with an allow list, unless there are no others (`some_open` is false)."""
    if wish.country is None:
        return Reason.COUNTRY_UNKNOWN if route.countries_allow and some_open else None
    allowed = not route.countries_allow or wish.country in route.countries_allow
    return None if allowed and wish.country not in route.countries_deny else Reason.COUNTRY


def _unfit_amount(wish: Wish, route: Route, rates: Mapping[str, Decimal]) -> Reason | None:
    if wish.amount_units is None or (route.min_units is None and route.max_units is None):
        return None
    assert wish.currency is not None, "an amount has a currency"
    if wish.currency == route.limit_currency:
        asked_unit = limit_unit = Fraction(1)
    else:
        asked, limit = _unit_value(wish.currency, rates), _unit_value(route.limit_currency, rates)
        if asked is None or limit is None:
            return Reason.NO_RATE
        asked_unit, limit_unit = asked, limit
    amount = wish.amount_units * asked_unit
    if route.min_units is not None and amount < route.min_units * limit_unit:
        return Reason.TOO_SMALL
    if route.max_units is not None and amount > route.max_units * limit_unit:
        return Reason.TOO_LARGE
    return None


def _unit_value(code: str, rates: Mapping[str, Decimal]) -> Fraction | None:
    """USD that one minor unit is worth, exact; None if the currency or its rate is unknown."""
    currency, rate = currency_of(code), Decimal(1) if code == "USD" else rates.get(code)
    if currency is None or rate is None or not rate.is_finite() or rate <= 0:
        return None
    return Fraction(rate) / int(10**currency.exponent)


def _rank(wish: Wish, route: Route) -> tuple[bool, bool, int, int, str]:
    """Sorts `up` before `degraded`, then the merchant's priority, the platform's, the slug."""
    rank = wish.route_priority.get(route.slug)
    return (route.health is not Health.UP, rank is None, rank or 0, route.priority, route.slug)
