"""What a dialect keeps of merchants: the code that names each on its wire, and its settings.

Read in every batch, decoded when they changed: what a command committed is true for the very next request.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from paymux.merchants import channels
from paymux.merchants.channels import Profile
from paymux.storage.query import Tx, load

_q = load("paymux.merchants")

CACHED_MAX = 10_000


class Profiled(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant as an API with channels knows it."""

    merchant_id: int
    code: str
    active: bool
    created_at: int
    profile: Profile


class Seen(msgspec.Struct, frozen=True):
    """The answer to a look-up, and the batch's moment."""

    merchant: Profiled | None
    now: int


class Profiles:
    """Look-ups by code; what is cached carries the text it was decoded from."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[int, str], tuple[str, Profile]] = {}

    async def by_code(self, tx: Tx, asked: Sequence[tuple[str, str]], now: int) -> list[Seen]:
        """(dialect, code) -> whom it belongs to."""
        rows = await tx.fetch(_q.profiles_by_code, sorted(set(asked)))
        found = {(row["dialect"], row["code"]): self._profiled(row) for row in rows}
        return [Seen(found.get(key), now) for key in asked]

    async def by_merchant(self, tx: Tx, asked: Sequence[tuple[int, str]], now: int) -> list[Seen]:
        """(merchant, dialect) -> its profile there."""
        rows = await tx.fetch(_q.profiles_by_merchant, sorted(set(asked)))
        found = {(row["merchant_id"], row["dialect"]): self._profiled(row) for row in rows}
        return [Seen(found.get(key), now) for key in asked]

    def _profiled(self, row: Any) -> Profiled:
        key = (row["merchant_id"], row["dialect"])
        cached = self._decoded.get(key)
        if cached is None or cached[0] != row["profile"]:
            if len(self._decoded) >= CACHED_MAX:
                self._decoded.clear()
            cached = self._decoded[key] = (row["profile"], channels.decode(row["profile"]))
        return Profiled(
            merchant_id=row["merchant_id"],
            code=row["code"],
            active=bool(row["active"]),
            created_at=row["created_at"],
            profile=cached[1],
        )


class PutProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's code and settings in one dialect, new or instead of what was there."""

    merchant_id: int
    dialect: str
    code: str
    profile: Profile


async def put_profiles(tx: Tx, wishes: Sequence[PutProfile], now: int) -> list[None]:
    """Write profiles; they are true for the very next request."""
    rows = [(wish.merchant_id, wish.dialect, wish.code, channels.encode(wish.profile)) for wish in wishes]
    await tx.fetch(_q.put_profiles, rows)
    return [None for _ in wishes]


class EditProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a merchant's settings in one dialect: what they are -> what they shall be."""

    merchant_id: int
    dialect: str
    edit: Callable[[Profile], Profile]


async def edit_profiles(tx: Tx, edits: Sequence[EditProfile], now: int) -> list[Profile | None]:
    """Change profiles; None where the merchant has none. The merchant's row is locked, so two changes at once do not undo each other."""
    results: list[Profile | None] = []
    for wish in edits:
        await tx.fetch(_q.touch_merchant, id=wish.merchant_id, updated_at=now)
        found = (await Profiles().by_merchant(tx, [(wish.merchant_id, wish.dialect)], now))[0].merchant
        if found is None:
            results.append(None)
            continue
        profile = wish.edit(found.profile)
        put = PutProfile(merchant_id=wish.merchant_id, dialect=wish.dialect, code=found.code, profile=profile)
        await put_profiles(tx, [put], now)
        results.append(profile)
    return results
