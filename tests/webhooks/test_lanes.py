"""Who may have how many deliveries on their way."""

from paymux.webhooks.lanes import Lanes


def silenced(lanes: Lanes, endpoint: int, times: int = 3) -> None:
    for _ in range(times):
        lanes.stayed_silent(endpoint)


def test_a_busy_endpoint_has_less_room() -> None:
    lanes = Lanes(10, 4)
    for _ in range(3):
        lanes.take(7)
    assert (lanes.rooms(), lanes.free()) == (((7, 1),), 7)
    for _ in range(3):
        lanes.leave(7)
    assert (lanes.rooms(), lanes.free()) == ((), 10)


def test_three_silences_in_a_row_leave_one_place_until_something_answers() -> None:
    lanes = Lanes(10, 4)
    silenced(lanes, 7, 2)
    assert lanes.rooms() == ()
    lanes.stayed_silent(7)
    assert lanes.rooms() == ((7, 1),)
    lanes.take(7)
    assert lanes.rooms() == ((7, 0),)
    lanes.leave(7)
    lanes.answered(7)
    assert lanes.rooms() == ()


def test_doubtful_endpoints_together_take_half_of_the_places_and_take_turns() -> None:
    lanes = Lanes(4, 2)
    for endpoint in range(1, 6):
        silenced(lanes, endpoint)
    offered = [{endpoint for endpoint, room in lanes.rooms() if room} for _ in range(5)]
    assert [len(some) for some in offered] == [2] * 5
    assert set.union(*offered[:3]) == {1, 2, 3, 4, 5}


def test_probes_that_hang_leave_the_other_half_alone() -> None:
    lanes = Lanes(4, 2)
    for endpoint in range(1, 4):
        silenced(lanes, endpoint)
        lanes.take(endpoint)
    assert [room for _, room in lanes.rooms()] == [0, 0, 0]
    assert lanes.free() == 1
