"""That the books and the histories add up: the product's own ledger check, and beside it a few sums of our own."""

from paymux.app.core import TOLD, Core
from paymux.payments.verify import verify
from paymux.storage.query import Tx, load

_q = load("tests.stage")
SUMS = ("unbalanced", "unlike_history", "unlike_receipts", "unlike_books", "untold")


async def prove(core: Core) -> None:
    """Fails with what does not add up."""

    async def work(tx: Tx) -> list[str]:
        faults = [f"{fault.code}: {fault.sentence}" for fault in await verify(tx, TOLD)]
        for name in SUMS:
            faults += [f"{name}: {dict(row)}" for row in await tx.fetch(getattr(_q, name))]
        return faults

    faults = await core.storage.snapshot(work)
    assert not faults, "\n".join(["the books do not add up:", *faults])


async def balance(core: Core, merchant_id: int, kind: str, currency: str = "EUR") -> int:
    """Credits minus debits of a merchant's account."""

    async def work(tx: Tx) -> int:
        rows = await tx.fetch(_q.balance, merchant_id=merchant_id, kind=kind, currency=currency)
        return int(rows[0]["units"])

    return await core.storage.read(work)
