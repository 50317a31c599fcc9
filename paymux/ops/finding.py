"""What the doctor says: a finding, how bad it is, and what a check is given to look at."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from shutil import disk_usage
from typing import TypeVar

import msgspec

from paymux.clock import Clock
from paymux.config import Settings
from paymux.http.guard import Lookup, system_lookup
from paymux.keyring import Keyring
from paymux.ledger.check import Progress, silent
from paymux.payments.lifecycle import State
from paymux.storage.connect import sqlite_file
from paymux.storage.query import Tx
from paymux.storage.writer import Storage

T = TypeVar("T")
NAMED_MAX = 5  # of a long list as many are named


class Severity(StrEnum):
    WRONG = "wrong"  # does not work as it is, or money is at stake
    LOOK = "look"  # works, and somebody should decide about it
    NOTE = "note"  # good to know


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, what it means for the money, and what to do about it, with the exact command."""

    check: str
    severity: Severity
    what: str
    means: str
    mend: str


def free_bytes(path: Path) -> int:
    """Free space where a path lies, or its nearest parent that can be seen."""
    for place in (path, *path.parents):
        try:
            return disk_usage(place).free
        except OSError:
            continue
    raise OSError(f"nothing of {path} can be seen")


@dataclass(slots=True)
class Case:
    """What checks look at. `routes`: slugs; `storage` is open where a check needs it; `offset_ms`: of the sandbox's clock."""

    settings: Settings
    told: Mapping[str, Mapping[State, str]]
    providers: frozenset[str]
    routes: frozenset[str]
    wallet: Callable[[str], str | None]  # a wallet that can be paid to, None if it is not one
    storage: Storage | None = None
    keyring: Keyring | None = None  # None: no secret key was given
    offset_ms: int = 0
    wall: Callable[[], int] = Clock.wall
    free_bytes: Callable[[Path], int] = free_bytes
    lookup: Lookup = system_lookup
    progress: Progress = silent
    file: Path | None = field(init=False)

    def __post_init__(self) -> None:
        self.file = sqlite_file(self.settings.database)

    @property
    def live(self) -> bool:
        return self.settings.mode == "live"

    def now(self) -> int:
        """The moment that rules read."""
        return self.wall() + self.offset_ms

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Read from the open database."""
        assert self.storage is not None, "the database was not opened"
        return await self.storage.read(work)


Check = Callable[[Case], Awaitable[list[Finding]]]


def several(names: Sequence[str]) -> str:
    """A list for a sentence: the first few, and how many more."""
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def lasting(ms: int) -> str:
    """How long, roughly."""
    for unit, length in (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000)):
        if ms >= 2 * length:
            return f"{ms // length} {unit}"
    return f"{ms // 1000} seconds"
