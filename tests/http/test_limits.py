"""The moving window: exact, forgiving of moments that come a little out of step, and of a clock that was put back."""

from paymux.http.limits import KEYS_MAX, Window, seconds

MINUTE = 60_000


def test_so_many_fit_and_the_next_waits_for_the_first_to_leave() -> None:
    window = Window(MINUTE)
    assert [window.hit("a", 3, at) for at in (0, 10, 20)] == [0, 0, 0]
    assert window.hit("a", 3, 30) == MINUTE - 30
    assert window.hit("a", 3, MINUTE) == 0  # the first has left


def test_keys_do_not_share() -> None:
    window = Window(MINUTE)
    assert (window.hit("a", 1, 0), window.hit("b", 1, 0)) == (0, 0)


def test_moments_a_little_out_of_step_lose_no_hit() -> None:
    window = Window(MINUTE)
    for at in (100, 90, 105, 95, 80):
        assert window.hit("a", 5, at) == 0
    assert window.hit("a", 5, 85) > 0


def test_a_clock_that_was_put_back_forgets_the_future() -> None:
    window = Window(MINUTE)
    assert window.hit("a", 1, 10 * MINUTE) == 0
    assert window.hit("a", 1, 0) == 0


def test_a_flood_of_keys_never_grows_the_memory() -> None:
    window = Window(MINUTE)
    for key in range(KEYS_MAX + 50):
        assert window.hit(key, 1, 0) == 0
    assert len(window._hits) + len(window._older) <= KEYS_MAX
    assert window.hit(KEYS_MAX + 49, 1, 0) > 0


def test_a_key_is_remembered_for_a_whole_window_and_not_for_ever() -> None:
    window = Window(MINUTE)
    window.hit("a", 1, 50)
    for at in range(0, MINUTE + 50, 1000):
        window.hit("b", 100, at)
        assert window.hit("a", 1, max(at, 50)) > 0
    for at in (2 * MINUTE, 3 * MINUTE + 1):
        window.hit("b", 100, at)
    assert "a" not in window._hits | window._older


def test_a_wait_is_told_in_whole_seconds_and_never_as_none() -> None:
    assert [seconds(wait) for wait in (1, 1000, 1001, 59_999)] == [1, 1, 2, 60]
