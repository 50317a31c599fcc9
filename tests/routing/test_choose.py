"""Routing is pure: tables for each step, properties for what must hold whatever the routes are."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from paymux.routing.choose import bank_currencies, choose, methods_available
from paymux.routing.model import METHODS, Choice, Health, Reason, Route, Wish

RATES = {"EUR": Decimal("1.10"), "JPY": Decimal("0.0067"), "INR": Decimal("0.012")}


def route(slug: str = "a", **facts: Any) -> Route:
    return Route(**({"slug": slug, "provider": "p", "methods": ("card",)} | facts))


def wish(**facts: Any) -> Wish:
    usual: dict[str, Any] = {
        "package": "pro",
        "amount_units": 5000,
        "currency": "EUR",
        "method": "card",
        "country": "DE",
        "has_email": True,
    }
    return Wish(**(usual | facts))


def reason(asked: Wish, *routes: Route) -> Reason:
    """The verdict on the first of the routes."""
    return next(c.reason for c in choose(asked, routes, RATES).candidates if c.slug == routes[0].slug)


@pytest.mark.parametrize(
    ("asked", "facts", "verdict"),
    [
        ({}, {}, Reason.KEPT),
        ({}, {"health": Health.DEGRADED}, Reason.KEPT),
        ({}, {"health": Health.DOWN}, Reason.DOWN),
        ({}, {"packages": ("unlimited",)}, Reason.PACKAGE),
        ({"routes_off": frozenset({"a"})}, {}, Reason.SWITCHED_OFF),
        ({"method": "ideal"}, {}, Reason.METHOD),
        ({"methods_off": frozenset({"card"})}, {}, Reason.METHOD_OFF),
        ({"methods_off": frozenset({"card"}), "method": None}, {"methods": ("card", "bank")}, Reason.KEPT),
        ({"methods_off": frozenset({"card"}), "method": None}, {}, Reason.METHOD_OFF),
        ({}, {"currencies": ("EUR", "USD")}, Reason.KEPT),
        ({}, {"currencies": ("USD",)}, Reason.CURRENCY),
        ({"method": "bank", "bank_currency": "USD"}, {"methods": ("bank",), "currencies": ("USD",)}, Reason.KEPT),
        ({"method": "bank", "bank_currency": "USD"}, {"methods": ("bank",), "currencies": ("EUR",)}, Reason.CURRENCY),
        ({"method": "bank"}, {"methods": ("bank",), "currencies": ("EUR",)}, Reason.KEPT),
        ({"bank_currency": "USD"}, {"currencies": ("USD",)}, Reason.CURRENCY),
        ({}, {"countries_allow": ("DE", "AT")}, Reason.KEPT),
        ({}, {"countries_allow": ("AT",)}, Reason.COUNTRY),
        ({}, {"countries_deny": ("DE",)}, Reason.COUNTRY),
        ({}, {"countries_allow": ("DE",), "countries_deny": ("DE",)}, Reason.COUNTRY),
        ({"country": None}, {"countries_deny": ("DE",)}, Reason.KEPT),
        ({}, {"requires_email": True}, Reason.KEPT),
        ({"has_email": False}, {"requires_email": True}, Reason.NEEDS_EMAIL),
        ({"tried": frozenset({"a"})}, {}, Reason.TRIED),
    ],
)
def test_each_step_gives_its_reason(asked: dict[str, Any], facts: dict[str, Any], verdict: Reason) -> None:
    assert reason(wish(**asked), route(**facts)) is verdict


@pytest.mark.parametrize(
    ("asked", "limits", "verdict"),
    [
        ({"amount_units": 2000, "currency": "USD"}, {"min_units": 2000}, Reason.KEPT),
        ({"amount_units": 1999, "currency": "USD"}, {"min_units": 2000}, Reason.TOO_SMALL),
        ({"amount_units": 2000, "currency": "USD"}, {"max_units": 2000}, Reason.KEPT),
        ({"amount_units": 2001, "currency": "USD"}, {"max_units": 2000}, Reason.TOO_LARGE),
        ({"amount_units": 2000, "currency": "EUR"}, {"min_units": 2200}, Reason.KEPT),  # 20.00 EUR are 22.00 USD
        ({"amount_units": 2000, "currency": "EUR"}, {"min_units": 2201}, Reason.TOO_SMALL),
        ({"amount_units": 2000, "currency": "EUR"}, {"max_units": 2199}, Reason.TOO_LARGE),
        ({"amount_units": 10000, "currency": "JPY"}, {"min_units": 6700}, Reason.KEPT),  # no decimals: 10000 JPY are 67.00 USD
        ({"amount_units": 9999, "currency": "JPY"}, {"min_units": 6700}, Reason.TOO_SMALL),
        ({"amount_units": 2200, "currency": "USD"}, {"min_units": 2000, "limit_currency": "EUR"}, Reason.KEPT),
        ({"amount_units": 2199, "currency": "USD"}, {"min_units": 2000, "limit_currency": "EUR"}, Reason.TOO_SMALL),
        ({"amount_units": 2000, "currency": "GBP"}, {"min_units": 1}, Reason.NO_RATE),
        ({"amount_units": 2000, "currency": "EUR"}, {"max_units": 1, "limit_currency": "GBP"}, Reason.NO_RATE),
        ({"amount_units": 2000, "currency": "GBP"}, {}, Reason.KEPT),  # nothing to compare with
        ({"amount_units": 2000, "currency": "GBP"}, {"min_units": 2000, "limit_currency": "GBP"}, Reason.KEPT),
        ({"amount_units": None, "currency": None}, {"min_units": 2000}, Reason.KEPT),
    ],
)
def test_a_bound_is_inside_and_amounts_are_compared_exactly(asked: dict[str, Any], limits: dict[str, Any], verdict: Reason) -> None:
    assert reason(wish(**asked), route(**limits)) is verdict


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity"])
def test_a_senseless_rate_counts_as_none(rate: str) -> None:
    choice = choose(wish(currency="GBP"), [route(min_units=1)], {"GBP": Decimal(rate)})
    assert choice.candidates[0].reason is Reason.NO_RATE


def test_an_unknown_country_keeps_routes_without_an_allow_list() -> None:
    listed, free = route("listed", countries_allow=("DE",)), route("free")
    asked = wish(country=None)
    assert reason(asked, listed, free) is Reason.COUNTRY_UNKNOWN
    assert reason(asked, free, listed) is Reason.KEPT


def test_an_unknown_country_keeps_all_when_each_has_an_allow_list() -> None:
    asked, listed = wish(country=None), route("listed", countries_allow=("DE",))
    assert reason(asked, listed, route("other", countries_allow=("AT",))) is Reason.KEPT
    assert reason(asked, listed, route("other", health=Health.DOWN)) is Reason.KEPT  # the free one was gone before


def test_the_order_is_health_then_merchant_then_platform_then_slug() -> None:
    routes = [
        route("f", priority=1, health=Health.DEGRADED),
        route("e", priority=9),
        route("d", priority=5),
        route("c", priority=5),
        route("b", priority=99),
        route("a", priority=99, health=Health.DEGRADED),
    ]
    choice = choose(wish(route_priority={"b": 2, "e": 1, "a": 0}), routes, RATES)
    assert [found.slug for found in choice.routes] == ["e", "b", "c", "d", "a", "f"]


def test_only_the_email_is_missing_when_it_alone_empties_the_choice() -> None:
    needs, small = route("needs", requires_email=True), route("small", max_units=1)
    assert choose(wish(has_email=False), [needs, small], RATES).only_email_missing
    assert not choose(wish(has_email=False), [small], RATES).only_email_missing
    assert not choose(wish(has_email=False), [needs, route("free")], RATES).only_email_missing
    assert not choose(wish(has_email=False), [route("both", requires_email=True, max_units=1)], RATES).only_email_missing
    assert not choose(wish(has_email=False, tried=frozenset({"needs"})), [needs], RATES).only_email_missing
    assert not choose(wish(), [], RATES).only_email_missing


def test_methods_are_available_where_a_route_is_kept() -> None:
    routes = [route("a", methods=("card", "paypal")), route("b", methods=("ideal",), health=Health.DOWN), route("c", methods=("bank",))]
    found = methods_available(wish(method="klarna", methods_off=frozenset({"paypal"})), routes, RATES)
    assert list(found) == list(METHODS)
    assert [method for method, is_available in found.items() if is_available] == ["card", "bank"]


def test_bank_currencies_are_those_of_bank_routes_that_are_not_down() -> None:
    routes = [
        route("a", methods=("bank",), currencies=("USD", "EUR")),
        route("b", methods=("bank", "card"), currencies=("EUR", "PLN"), health=Health.DEGRADED),
        route("c", methods=("bank",), currencies=("CHF",), health=Health.DOWN),
        route("d", currencies=("SEK",)),
    ]
    assert bank_currencies(routes) == ["EUR", "PLN", "USD"]
    assert bank_currencies(routes, wish(routes_off=frozenset({"b"}), currency="GBP")) == ["EUR", "USD"]
    assert bank_currencies(routes, wish(methods_off=frozenset({"bank"}))) == []


def test_a_bank_route_that_names_no_currency_takes_every_fiat_one() -> None:
    found = bank_currencies([route(methods=("bank",))])
    assert {"EUR", "INR", "JPY"} < set(found)
    assert not {"XXX", "XAU", "BTC"} & set(found)


# ---- properties

CODES = st.sampled_from(["EUR", "USD", "JPY", "GBP"])
COUNTRIES = st.lists(st.sampled_from(["DE", "AT", "US"]), max_size=2, unique=True).map(tuple)
ROUTES = st.lists(
    st.builds(
        Route,
        slug=st.sampled_from("abcdefgh"),
        provider=st.just("p"),
        methods=st.lists(st.sampled_from(METHODS[:3]), min_size=1, max_size=2, unique=True).map(tuple),
        currencies=st.lists(CODES, max_size=2, unique=True).map(tuple),
        countries_allow=COUNTRIES,
        countries_deny=COUNTRIES,
        min_units=st.none() | st.integers(1, 6000),
        max_units=st.none() | st.integers(3000, 9000),
        limit_currency=CODES,
        requires_email=st.booleans(),
        packages=st.sampled_from([("free", "pro"), ("pro",), ("free",)]),
        priority=st.integers(1, 3),
        health=st.sampled_from(Health),
    ),
    max_size=8,
    unique_by=lambda found: found.slug,
)
SLUGS = st.frozensets(st.sampled_from("abcdefgh"), max_size=2)
WISHES = st.builds(
    Wish,
    package=st.sampled_from(["free", "pro"]),
    amount_units=st.integers(1, 10_000),
    currency=CODES,
    method=st.none() | st.sampled_from(METHODS[:3]),
    country=st.none() | st.sampled_from(["DE", "US", "FR"]),
    has_email=st.booleans(),
    methods_off=st.frozensets(st.sampled_from(METHODS[:3]), max_size=1),
    routes_off=SLUGS,
    route_priority=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2), max_size=3),
    tried=SLUGS,
)


def slugs(choice: Choice) -> list[str]:
    return [found.slug for found in choice.routes]


@settings(deadline=None)
@given(WISHES, ROUTES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(asked: Wish, routes: list[Route], shuffler: Any) -> None:
    shuffled = routes.copy()
    shuffler.shuffle(shuffled)
    assert choose(asked, shuffled, RATES) == choose(asked, routes, RATES)


@settings(deadline=None)
@given(WISHES, ROUTES)
def test_every_route_appears_once_and_the_chain_is_what_is_kept(asked: Wish, routes: list[Route]) -> None:
    choice = choose(asked, routes, RATES)
    assert sorted(c.slug for c in choice.candidates) == sorted(found.slug for found in routes)
    assert [c.slug for c in choice.candidates if c.kept] == slugs(choice) == [c.slug for c in choice.candidates][: len(choice.routes)]


@settings(deadline=None)
@given(WISHES, ROUTES)
def test_every_route_of_the_chain_would_be_kept_alone(asked: Wish, routes: list[Route]) -> None:
    for found in choose(asked, routes, RATES).routes:
        assert slugs(choose(asked, [found], RATES)) == [found.slug]
        assert found.health is not Health.DOWN
        assert asked.has_email or not found.requires_email
        assert asked.package in found.packages


@settings(deadline=None)
@given(WISHES, ROUTES)
def test_what_follows_a_dead_attempt_is_the_rest_of_the_same_chain(asked: Wish, routes: list[Route]) -> None:
    chain = slugs(choose(asked, routes, RATES))
    if chain:
        assert slugs(choose(replace(asked, tried=asked.tried | {chain[0]}), routes, RATES)) == chain[1:]


@settings(deadline=None)
@given(WISHES, ROUTES)
def test_an_email_never_takes_a_route_away(asked: Wish, routes: list[Route]) -> None:
    without, with_email = (choose(replace(asked, has_email=has), routes, RATES) for has in (False, True))
    assert set(slugs(without)) <= set(slugs(with_email))
    assert without.only_email_missing == (not without.routes and bool(with_email.routes))


@settings(deadline=None)
@given(WISHES, ROUTES)
def test_lifting_limits_never_takes_a_route_away(asked: Wish, routes: list[Route]) -> None:
    unlimited = [replace(found, min_units=None, max_units=None) for found in routes]
    assert set(slugs(choose(asked, routes, RATES))) <= set(slugs(choose(asked, unlimited, RATES)))


@given(st.integers(1, 10**12), st.decimals("0.000001", "99999", places=9))
def test_the_exact_worth_of_an_amount_is_inside_its_own_bounds(units: int, rate: Decimal) -> None:
    worth = Decimal(units) * rate * 10**9  # in pence, a hundred of which are worth 1E-9 USD
    rates = {"EUR": rate, "GBP": Decimal("1E-9")}
    bound = int(worth)
    assert Decimal(bound) == worth
    kept = route(min_units=bound, max_units=bound, limit_currency="GBP")
    asked = wish(amount_units=units, currency="EUR")
    assert choose(asked, [kept], rates).routes
    assert not choose(asked, [replace(kept, min_units=bound + 1, max_units=None)], rates).routes
    assert not choose(asked, [replace(kept, min_units=None, max_units=bound - 1)], rates).routes


def test_a_route_that_wants_to_be_asked_for_is_left_out_where_no_method_is_named() -> None:
    transfer = Route(slug="transfer", provider="p", methods=("transfer",), asked_only=True)
    assert choose(Wish(package="pro"), [transfer], {}).candidates[0].reason is Reason.NOT_ASKED
    assert choose(Wish(package="pro", method="transfer"), [transfer], {}).routes == (transfer,)
    assert choose(Wish(package="pro", method="card"), [transfer], {}).candidates[0].reason is Reason.METHOD
