"""The sandbox's cashier: sends out what the exchange pays, at once, and keeps a book of its own. It stands for a company elsewhere.

Magic: an amount whose last two digits (of its smallest units) are 13 fails for sure, 17 is taken but answered with nothing (the sender
cannot know). Everything else is paid.
"""

from collections.abc import Sequence

import msgspec

from paymux import ids, seams
from paymux.providers.protocol import Remittance, Remitted
from paymux.storage.query import Row, Tx, load
from paymux.storage.writer import Batcher

FAILS, SILENT = 13, 17

_q = load("paymux.providers.sandbox.house")


class Cashier:
    """A remitter; its book is in the same database only because this is a sandbox."""

    name = "sandbox-cashier"
    not_found_final_after_s = 0  # its book is written before it answers

    def __init__(self, writer: Batcher, reader: Batcher) -> None:
        self._writer, self._reader = writer, reader

    async def send(self, order: Remittance) -> Remitted:
        """Pay; a key that is known already is not paid again."""
        seams.pass_by("exchange.before_send")
        told = await self._writer.submit(disburse, order)
        seams.pass_by("exchange.after_send")
        if order.amount.units % 100 == SILENT:
            return Remitted(known=None, why="the cashier did not answer")
        return told

    async def ask(self, operation_key: str) -> Remitted | None:
        """What became of a payment."""
        return await self._reader.submit(look, operation_key)


async def disburse(tx: Tx, orders: Sequence[Remittance], now: int) -> list[Remitted]:
    """Pay; what its book says then."""
    for order in orders:
        await tx.fetch(
            _q.add_disbursement,
            operation_key=order.operation_key,
            amount_units=order.amount.units,
            currency=order.amount.currency.code,
            account=_account(order.details),
            txid="0x" + ids.hex_token(32),
            ends="failed" if order.amount.units % 100 == FAILS else "paid",
            now=now,
        )
    return [told for told in await look(tx, [order.operation_key for order in orders], now) if told is not None]


def _account(details: str) -> str:
    return " ".join(one["value"] for one in msgspec.json.decode(details)["values"])


async def look(tx: Tx, keys: Sequence[str], now: int) -> list[Remitted | None]:
    """What became of payments."""
    found = {row["operation_key"]: _told(row) for row in await tx.fetch(_q.disbursements, [(key,) for key in sorted(set(keys))])}
    return [found.get(key) for key in keys]


def _told(row: Row) -> Remitted:
    if row["ends"] == "paid":
        return Remitted(known="paid", reference=row["txid"])
    return Remitted(known="failed", reason="refused", why="the cashier refused it")
