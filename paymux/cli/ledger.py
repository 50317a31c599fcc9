"""`paymux ledger check`: prove the books and the histories."""

import sys
from typing import TYPE_CHECKING, Any

from paymux.cli.run import AsJson, Declined, Where, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core

SILENT_MS = 2000  # a short check says nothing on the way
STEP_MS = 1000


def check(*, as_json: AsJson = False, where: Where | None = None) -> None:
    """Prove that the books add up and that every payment's state follows from its history. Reads one moment, writes nothing."""
    faults, counted = run(where, _check)
    if as_json:
        tell_json({"ok": not faults, "faults": [{"code": fault.code, "fault": fault.sentence} for fault in faults], "read": counted})
    else:
        for fault in faults:
            print(f"{fault.code}: {fault.sentence}")
    if faults:
        raise Declined(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}: the books or the histories do not hold")
    if not as_json:
        print(f"All holds: {', '.join(f'{rows} {what}' for what, rows in counted.items()) or 'nothing is written yet'}.")


async def _check(core: "Core") -> tuple[list[Any], dict[str, int]]:
    from paymux.app.core import PAYOUTS_TOLD, TOLD
    from paymux.clock import Clock
    from paymux.payments.verify import verify
    from paymux.payouts.verify import verify_payouts
    from paymux.storage.query import Tx

    counted: dict[str, int] = {}
    said_at = Clock.wall() + SILENT_MS - STEP_MS

    def progress(what: str, rows: int) -> None:
        nonlocal said_at
        counted[what] = rows
        if Clock.wall() - said_at >= STEP_MS:
            said_at = Clock.wall()
            print(f"paymux: read {rows} {what}", file=sys.stderr)

    async def work(tx: Tx) -> list[Any]:
        paid_out = await verify_payouts(tx, PAYOUTS_TOLD, progress)
        return [*await verify(tx, TOLD, progress), *paid_out]

    return await core.storage.snapshot(work), counted
