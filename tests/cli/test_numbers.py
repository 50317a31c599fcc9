"""Whole numbers on the command line are bounded: what no database keeps is refused in one line, and what is allowed reaches both."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from cyclopts import Parameter, validators

from paymux.cli import COMMANDS, SINGLE
from paymux.cli.run import ID_MAX, Where
from tests.cli.conftest import Here

PLACES = {
    **{name: place for name, (place, _) in SINGLE.items()},
    **{f"{group} {name}": place for group, (_, commands) in COMMANDS.items() for name, (place, _) in commands.items()},
}
TOO_LONG = 10**20


def _function(place: str) -> Callable[..., None]:
    module, _, name = place.partition(":")
    function: Callable[..., None] = getattr(import_module(f"paymux.cli.{module}"), name)
    return function


def _bare(hint: Any) -> bool:
    """Whether a number of this type could be of any length."""
    if get_origin(hint) is Annotated:
        kind, *about = get_args(hint)
        return _bare(kind) and not any(_bounds(one) for one in about)
    if get_origin(hint) is Literal:
        return False
    return hint is int or any(_bare(part) for part in get_args(hint))


def _bounds(about: Any) -> bool:
    if not isinstance(about, Parameter):
        return False
    return any(isinstance(one, validators.Number) and None not in (one.gte, one.lte) for one in about.validator)


def _numbers() -> Iterator[tuple[str, str, Any]]:
    for command, place in PLACES.items():
        for name, hint in get_type_hints(_function(place), include_extras=True).items():
            yield command, name, hint
    for name, hint in get_type_hints(Where, include_extras=True).items():
        yield "every command", name, hint


def test_no_command_takes_a_number_without_bounds() -> None:
    seen = list(_numbers())
    assert [(command, name) for command, name, hint in seen if _bare(hint)] == []
    assert sum("Number" in repr(hint) for _, _, hint in seen) > 30, "the numbers of the commands were seen"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("payment list --limit {}", "--limit. Must be <= 1000."),
        ("payment list --limit 0", "--limit. Must be >= 1."),
        ("payment list --merchant {}", f"--merchant. Must be <= {ID_MAX}."),
        ("payment list --doubt --after {}", "--after. "),
        ("payment list --before {}", "--before. "),
        ("merchant show {}", "MERCHANT_ID. "),
        ("merchant show -1", "MERCHANT_ID. Must be >= 0."),
        ("merchant list --limit {}", "--limit. "),
        ("merchant key {} --rotate", "MERCHANT_ID. "),
        ("merchant webhook 1 --rotate-secret --overlap-hours {}", "--overlap-hours. Must be <= 720."),
        ("webhook list --merchant {}", "--merchant. "),
        ("webhook show {}", "NOTICE_ID. "),
        ("route set alder --health up --priority {}", "--priority. Must be <= 1000000."),
        ("exchange show {}", "UID. "),
        ("payment show {}", "names no payment"),
        ("payment show " + 5000 * "9", "names no payment"),
    ],
)
def test_a_number_that_nothing_has_is_refused_in_one_line(command: str, says: str, database_url: str, here: Here) -> None:
    assert here("migrate", database_url=database_url).returncode == 0
    done = here(*command.format(TOO_LONG).split(), database_url=database_url)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("paymux: ")
    assert says in line


def test_the_longest_number_reaches_the_database(database_url: str, here: Here) -> None:
    assert here("migrate", database_url=database_url).returncode == 0
    for command, code in (
        ("payment list --merchant {} --before {} --limit 1000", 0),
        ("payment list --attention --after {} --limit 1000", 0),
        ("merchant list --after {} --limit 1000", 0),
        ("webhook list --merchant {} --state waiting", 0),
        ("merchant show {}", 1),
        ("merchant key {} --rotate", 1),
        ("merchant policy {} --short-tolerance {}", 1),
        ("webhook show {}", 1),
        ("webhook resend --merchant {}", 1),
        ("exchange show {}", 1),
        ("payment show {}", 1),
        ("channel list {}", 1),
        ("etpay set {}", 1),
    ):
        done = here(*command.format(ID_MAX, ID_MAX).split(), database_url=database_url)
        assert done.returncode == code, f"{command}: {done.stderr}"
