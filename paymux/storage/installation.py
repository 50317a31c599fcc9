"""Facts of the whole installation: the mode it was first started in, the sandbox's clock, the platform's switches."""

from paymux.clock import Clock
from paymux.errors import StorageError
from paymux.storage.query import Tx, load
from paymux.storage.writer import Now

_q = load("paymux.storage")


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


async def clock_offset(tx: Tx) -> int:
    """Milliseconds by which the sandbox's clock is ahead."""
    rows = await tx.fetch(_q.clock_offset)
    return int(rows[0]["value"]) if rows else 0


def moving_now(clock: Clock, movable: bool) -> Now:
    """The `now` that every batch reads: the clock, plus the offset in the database where the clock may be moved."""

    async def fixed(_: Tx) -> int:
        return clock.now()

    async def moved(tx: Tx) -> int:
        clock.offset = await clock_offset(tx)
        return clock.now()

    return moved if movable else fixed
