"""The table of moves, and what a moment that has passed means."""

import pytest

from paymux.exchange.lifecycle import MOVES, OVER, UNPAID, Actor, Status, allowed, standing

S = Status
CLIENT = {(S.NEW, S.WAIT_PAYMENT), (S.NEW, S.DELETED), (S.WAIT_PAYMENT, S.IN_PROGRESS), (S.WAIT_PAYMENT, S.DELETED)}


def test_a_client_confirms_says_that_it_paid_and_cancels_nothing_else() -> None:
    assert {(at, to) for at in S for to in S if allowed(Actor.CLIENT, at, to)} == CLIENT


@pytest.mark.parametrize("status", list(S))
def test_every_status_is_reached(status: Status) -> None:
    assert status is S.NEW or any(status in targets for moves in MOVES.values() for targets in moves.values())


def test_done_and_returned_are_final_and_nothing_leads_to_itself() -> None:
    for moves in MOVES.values():
        assert not moves.get(S.DONE)
        assert not moves.get(S.RETURNED)
        assert all(at not in targets and S.NEW not in targets for at, targets in moves.items())
    assert {S.DONE, S.RETURNED, S.DELETED} == OVER


def test_the_clock_only_ends_what_is_unpaid() -> None:
    assert set(MOVES[Actor.CLOCK]) == UNPAID


@pytest.mark.parametrize("status", list(S))
def test_a_moment_that_has_passed_counts_before_the_sweep(status: Status) -> None:
    assert standing(status, 1000, 999) is status
    assert standing(status, 1000, 1000) is (S.DELETED if status in UNPAID else status)
