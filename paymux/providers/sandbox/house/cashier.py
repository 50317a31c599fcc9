"""The sandbox's cashier: pays out at once, in a book of its own. It stands for a company elsewhere.

Magic: an amount whose last two digits (of its smallest units) are 13 fails for sure. Everything else is paid.
"""

from collections.abc import Sequence

from paymux import ids, seams
from paymux.providers.disburse import Disbursement, Failed, NotFound, Sent, Unclear
from paymux.storage.query import Row, Tx, load
from paymux.storage.writer import Batcher

FAILS = 13

_q = load("paymux.providers.sandbox.house")


class Cashier:
    """A payer; its book is in the same database only because this is a sandbox."""

    def __init__(self, writer: Batcher, reader: Batcher) -> None:
        self._writer, self._reader = writer, reader

    async def send(self, wish: Disbursement) -> Sent | Failed | Unclear:
        seams.pass_by("exchange.before_send")
        told = await self._writer.submit(disburse, wish)
        seams.pass_by("exchange.after_send")
        return told

    async def ask(self, operation_key: str) -> Sent | Failed | Unclear | NotFound:
        return await self._reader.submit(look, operation_key)


async def disburse(tx: Tx, wishes: Sequence[Disbursement], now: int) -> list[Sent | Failed]:
    """Pay; a key that is known already is not paid again."""
    for wish in wishes:
        await tx.fetch(
            _q.add_disbursement,
            operation_key=wish.operation_key,
            amount_units=wish.amount_units,
            currency=wish.currency,
            account=wish.account,
            txid="0x" + ids.hex_token(32),
            ends="failed" if wish.amount_units % 100 == FAILS else "paid",
            now=now,
        )
    found = {row["operation_key"]: _told(row) for row in await tx.fetch(_q.disbursements, [(wish.operation_key,) for wish in wishes])}
    return [found[wish.operation_key] for wish in wishes]


async def look(tx: Tx, keys: Sequence[str], now: int) -> list[Sent | Failed | NotFound]:
    """What became of payouts."""
    found = {row["operation_key"]: _told(row) for row in await tx.fetch(_q.disbursements, [(key,) for key in keys])}
    return [found.get(key, NotFound()) for key in keys]


def _told(row: Row) -> Sent | Failed:
    return Sent(row["txid"]) if row["ends"] == "paid" else Failed("the cashier refused it")
