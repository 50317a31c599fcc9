"""When notices are tried again, as tables."""

from decimal import Decimal

import pytest

from paymux.clock import HOUR, MINUTE
from paymux.webhooks.schedule import DELAYS_S, next_try


def test_tries_spread_over_three_days() -> None:
    at, moments = 0, [0]
    for tries in range(1, len(DELAYS_S) + 1):
        next_at = next_try(tries, DELAYS_S, Decimal(1), at)
        assert next_at is not None
        at = next_at
        moments.append(at)
    assert moments == [0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR]


@pytest.mark.parametrize(
    ("tries", "scale", "expected"),
    [
        (1, "1", 1_060_000),
        (4, "1", 3_700_000),
        (1, "0.5", 1_030_000),
        (1, "0.00001", 1_000_000),  # less than a millisecond is at once
        (3, "2", 2_200_000),
        (8, "1", 87_400_000),
        (9, "1", None),
        (40, "1", None),
    ],
)
def test_a_failed_try_says_when_the_next_one_is(tries: int, scale: str, expected: int | None) -> None:
    assert next_try(tries, DELAYS_S, Decimal(scale), 1_000_000) == expected


def test_without_delays_the_first_try_is_the_last() -> None:
    assert next_try(1, (), Decimal(1), 0) is None
