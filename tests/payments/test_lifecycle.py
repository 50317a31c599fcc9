"""The tables of the lives of payments and attempts, walked pair by pair."""

import itertools

import pytest

from paymux.payments.lifecycle import (
    ALIVE,
    ATTEMPT_MOVES,
    DEAD,
    ENDED,
    LIVE,
    MOVES,
    OPEN,
    SUCCESS,
    AttemptState,
    Event,
    State,
    after,
    attempt_after,
)

PAIRS = list(itertools.product(State, Event))


def reachable(*states: State) -> set[State]:
    found, todo = set(states), list(states)
    while todo:
        state = todo.pop()
        for (source, _), target in MOVES.items():
            if source is state and target not in found:
                found.add(target)
                todo.append(target)
    return found


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_pair_moves_as_the_table_says_or_not_at_all(state: State, event: Event) -> None:
    target = after(state, event)
    assert target is MOVES.get((state, event))
    assert target is not state, "a move leads elsewhere; what leads nowhere is a fact beside the state"


def test_the_groups_of_states_divide_them_all() -> None:
    assert sorted([*LIVE, *SUCCESS, *ENDED]) == sorted(State)
    assert OPEN < LIVE
    assert sorted(ENDED) == [State.EXPIRED, State.FAILED]


def test_every_state_is_reached_from_the_first() -> None:
    assert reachable(State.CREATED) == set(State)


@pytest.mark.parametrize("state", sorted(SUCCESS))
def test_success_never_goes_back(state: State) -> None:
    assert reachable(state) <= SUCCESS


def test_success_only_goes_forward() -> None:
    order = [State.PAID, State.SETTLED, State.COMPLETED]
    for (source, _), target in MOVES.items():
        if source in SUCCESS:
            assert order.index(target) > order.index(source)


def test_a_payment_is_paid_before_it_is_settled_or_completed() -> None:
    assert {source for (source, _), target in MOVES.items() if target in SUCCESS - {State.PAID}} <= SUCCESS


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_only_time_expires_and_only_what_is_open(state: State, event: Event) -> None:
    assert (after(state, event) is State.EXPIRED) == (event is Event.TIMED_OUT and state in OPEN)


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_only_money_or_a_person_makes_a_payment_paid(state: State, event: Event) -> None:
    if after(state, event) is State.PAID:
        assert event is Event.PAID or (event, state) == (Event.ACCEPTED, State.REVIEW)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_whatever_lives_can_be_paid(state: State) -> None:
    assert after(state, Event.PAID) is State.PAID


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_ended_comes_back_for_late_money_alone(state: State) -> None:
    assert {event: after(state, event) for event in Event if after(state, event)} == {Event.LATE: State.REVIEW}


def test_doubt_is_never_taken_for_failure() -> None:
    assert all(after(state, Event.DOUBTED) in (State.UNCLEAR, None) for state in State)
    assert after(State.UNCLEAR, Event.TIMED_OUT) is None
    assert after(State.PENDING, Event.TIMED_OUT) is None


@pytest.mark.parametrize(("state", "event"), list(itertools.product(AttemptState, Event)))
def test_an_attempt_moves_as_its_table_says_or_not_at_all(state: AttemptState, event: Event) -> None:
    target = attempt_after(state, event)
    assert target is ATTEMPT_MOVES.get((state, event))
    assert target is not state


def test_the_groups_of_attempt_states_divide_them_all() -> None:
    assert sorted([*ALIVE, *DEAD, AttemptState.PAID]) == sorted(AttemptState)


def test_an_attempt_that_ended_never_lives_again() -> None:
    for (source, event), target in ATTEMPT_MOVES.items():
        if source not in ALIVE:
            assert (source in DEAD, event, target) == (True, Event.PAID, AttemptState.PAID)


def test_every_living_attempt_can_be_paid_declined_and_given_up() -> None:
    for state in ALIVE:
        assert {attempt_after(state, event) for event in (Event.PAID, Event.DECLINED, Event.CANCELLED)} == {
            AttemptState.PAID,
            AttemptState.DECLINED,
            AttemptState.CANCELLED,
        }
