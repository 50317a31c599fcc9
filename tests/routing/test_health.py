"""Failures in a row degrade a route, then close it for a while; a success forgives."""

from paymux.routing.health import DEGRADED_AFTER, DOWN_AFTER, DOWN_MS, FORGOTTEN_MS, HealthBook
from paymux.routing.model import Health, Route

ROUTE = Route(slug="oak", provider="p", methods=("card",))


def after_failures(count: int) -> HealthBook:
    book = HealthBook()
    for at in range(count):
        book.failed("oak", at)
    return book


def test_a_few_failures_change_nothing() -> None:
    assert after_failures(DEGRADED_AFTER - 1).of("oak", 100) is Health.UP


def test_failures_in_a_row_degrade_then_close_a_route() -> None:
    assert after_failures(DEGRADED_AFTER).of("oak", 100) is Health.DEGRADED
    assert after_failures(DOWN_AFTER).of("oak", 100) is Health.DOWN


def test_a_closed_route_is_tried_again_after_a_while() -> None:
    assert after_failures(DOWN_AFTER).of("oak", DOWN_AFTER + DOWN_MS) is Health.DEGRADED


def test_a_success_forgives_everything() -> None:
    book = after_failures(DOWN_AFTER)
    book.succeeded("oak")
    assert book.of("oak", 100) is Health.UP


def test_old_failures_are_forgotten() -> None:
    book = after_failures(DOWN_AFTER)
    assert book.of("oak", FORGOTTEN_MS * 2) is Health.UP
    book.failed("oak", FORGOTTEN_MS * 2)
    assert book.of("oak", FORGOTTEN_MS * 2) is Health.UP


def test_the_worse_of_operator_and_experience_counts() -> None:
    book = after_failures(DEGRADED_AFTER)
    assert book.over([ROUTE], 100)[0].health is Health.DEGRADED
    down = Route(slug="oak", provider="p", methods=("card",), health=Health.DOWN)
    assert book.over([down], 100)[0].health is Health.DOWN
    assert HealthBook().over([ROUTE], 100) == (ROUTE,)
