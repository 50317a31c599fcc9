"""Facts of the whole installation: the mode and the secret key it was first started with, the sandbox's clock, the platform's switches."""

import asyncio
from collections.abc import Callable, Sequence

from paymux.clock import Clock, ticks
from paymux.errors import StorageError
from paymux.storage.query import Row, Tx, load
from paymux.storage.writer import Now, Storage

_q = load("paymux.storage")

CLOCK_LEASE_S = 0.02


async def facts(tx: Tx) -> dict[str, str]:
    """Every fact by name."""
    return {row["name"]: row["value"] for row in await tx.fetch(_q.facts)}


async def set_fact(tx: Tx, name: str, value: str) -> None:
    """Write a fact; every node sees it in its next batch."""
    await tx.fetch(_q.set_fact, name=name, value=value)
    await tx.fetch(_q.grow_version)


async def claim_mode(tx: Tx, mode: str) -> None:
    """Record the mode at the first start; a mismatch later does not start."""
    await tx.fetch(_q.claim_fact, name="mode", value=mode)
    recorded = (await facts(tx))["mode"]
    if recorded != mode:
        raise StorageError(
            f"this database was first started in {recorded} mode and is now asked to serve {mode}: "
            f"set PAYMUX_MODE={recorded}, or use another database"
        )


async def claim_key(tx: Tx, key_ids: Sequence[str]) -> None:
    """Record the id of the current secret key (the first) at the first start; without the recorded key nothing starts later.

    After a rotation the recorded key is among the old ones, and the current one is recorded instead.
    """
    await tx.fetch(_q.claim_fact, name="key_id", value=key_ids[0])
    recorded = await check_key(tx, key_ids)
    if recorded != key_ids[0]:
        # Only what was judged is replaced: of two nodes that rotate to different keys at once, one finds the other's here.
        await tx.fetch(_q.replace_fact, name="key_id", value=key_ids[0], expected=recorded)
        await check_key(tx, key_ids)


async def check_key(tx: Tx, key_ids: Sequence[str]) -> str | None:
    """The recorded id, if one is recorded; a `StorageError` if its key is none of those that were given."""
    recorded = (await facts(tx)).get("key_id")
    if recorded is not None and recorded not in key_ids:
        raise StorageError(
            f"this database needs the secret key with the id {recorded}; the keys that were given have the ids {', '.join(key_ids)}: "
            "put that key into PAYMUX_SECRET_KEY, or, if it was replaced on purpose, into PAYMUX_SECRET_KEYS_OLD. "
            "If it is lost: paymux migrate --new-secret-key, then give every merchant new credentials"
        )
    return recorded


async def adopt_key(tx: Tx, key_ids: Sequence[str]) -> None:
    """Record the current secret key's id in place of one whose key is lost."""
    await tx.fetch(_q.set_fact, name="key_id", value=key_ids[0])


async def skip_ids(tx: Tx, count: int) -> int:
    """Let new payments, payouts and orders take ids that lie so far behind the highest there is; returns behind which."""
    return int((await tx.fetch(_q.skip_ids, count=count))[0]["value"])


async def clock_offset(tx: Tx) -> int:
    """Milliseconds by which the sandbox's clock is ahead."""
    return _offset(await tx.fetch(_q.clock_offset))


def _offset(rows: Sequence[Row]) -> int:
    return int(rows[0]["value"]) if rows else 0


class MovingNow:
    """The `now` of every batch where the clock may be moved: the clock, plus the offset in the database.

    The offset is read at most every `CLOCK_LEASE_S`. Whoever moves the clock waits as long before saying that it is moved,
    so that every node reads it anew for whatever comes after.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = -CLOCK_LEASE_S

    async def __call__(self, tx: Tx) -> int:
        asked = ticks()
        if asked >= self._asked + CLOCK_LEASE_S:
            offset = _offset(await tx.glance(_q.clock_offset))
            if asked > self._asked:  # else another batch asked later and knows better
                self._asked, self._clock.offset = asked, offset
        return self._clock.now()


async def move_clock(storage: Storage, new_offset: Callable[[int], int]) -> int:
    """Set the sandbox's clock ahead by `new_offset(old one)` milliseconds; returns that, once no node goes by the old one."""

    async def work(tx: Tx) -> int:
        old = await clock_offset(tx)
        new = new_offset(old)
        if new != old:
            await set_fact(tx, "clock_offset_ms", str(new))
        return new

    offset = await storage.write(work)
    await asyncio.sleep(CLOCK_LEASE_S)
    return offset


def moving_now(clock: Clock, movable: bool) -> Now:
    """The `now` that every batch reads."""

    async def fixed(_: Tx) -> int:
        return clock.now()

    return MovingNow(clock) if movable else fixed
