"""Daily caps of channels that hold whatever comes at once: what a capped channel has accepted today is one row, locked while it is judged.

Days are UTC. What comes to nothing on its own day gives its units back; what comes back to life counts again, even above the cap, since the
money is there. A cap counts from the moment it is set. Whoever holds these rows waits for no other row that exists: no circle of waiting.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from paymux.clock import DAY
from paymux.merchants.channels import Cap
from paymux.storage.query import Tx, load

_q = load("paymux.merchants")


class Caps:
    """What the capped channels of one batch have left. `takes` judges in memory, `write` keeps what was taken."""

    def __init__(self, used: dict[tuple[int, str], tuple[int, int]]) -> None:
        self._used, self._taken = used, Counter[tuple[int, str]]()

    @classmethod
    async def locked(cls, tx: Tx, wanted: Iterable[Cap | None], now: int) -> "Caps":
        """Lock the channels of these caps until the transaction ends, and read what each has accepted today."""
        names = sorted({(cap.merchant_id, cap.channel, now - now % DAY) for cap in wanted if cap is not None})
        rows = await tx.fetch(_q.open_days, names) if names else []
        return cls({(row["merchant_id"], row["channel"]): (row["day"], row["units"]) for row in rows})

    def takes(self, cap: Cap | None) -> bool:
        """Whether it fits, beside what the batch took already; if it does, it is taken."""
        if cap is None:
            return True
        name = (cap.merchant_id, cap.channel)
        if self._used[name][1] + self._taken[name] + cap.units > cap.limit:
            return False
        self._taken[name] += cap.units
        return True

    async def write(self, tx: Tx) -> None:
        """Count what was taken."""
        rows = [(*name, self._used[name][0], units) for name, units in sorted(self._taken.items())]
        if rows:
            await tx.fetch(_q.count_units, rows)


class Recount(msgspec.Struct, frozen=True):
    """Units that count no longer (below zero), or again, on the day of a moment."""

    merchant_id: int
    channel: str
    units: int
    at: int


async def recount(tx: Tx, moves: Sequence[Recount]) -> None:
    """Give back or count again; a day that is over is left alone."""
    deltas = Counter[tuple[int, str, int]]()
    for move in moves:
        deltas[move.merchant_id, move.channel, move.at - move.at % DAY] += move.units
    rows = [(*name, units) for name, units in sorted(deltas.items()) if units]
    if not rows:
        return
    await tx.fetch(_q.lock_days, sorted({row[:2] for row in rows}))
    await tx.fetch(_q.count_units, rows)


async def used(tx: Tx, merchants: Sequence[int], now: int) -> list[dict[str, int]]:
    """Units that merchants' capped channels have accepted today, by channel."""
    rows = await tx.fetch(_q.days_of, sorted({(merchant_id, now - now % DAY) for merchant_id in merchants}))
    found: dict[int, dict[str, int]] = {merchant_id: {} for merchant_id in merchants}
    for row in rows:
        found[row["merchant_id"]][row["channel"]] = row["units"]
    return [found[merchant_id] for merchant_id in merchants]
