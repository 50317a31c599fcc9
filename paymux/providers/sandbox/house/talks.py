"""The bank's own notes of its payers, as a verb over batches. A step and what it does to the money are one transaction."""

from collections.abc import Sequence

import msgspec

from paymux.providers.sandbox.dialogue import Heard, Kept, Said, hear
from paymux.providers.sandbox.house import books
from paymux.storage.query import Tx, load

_q = load("paymux.providers.sandbox.house")


class Spoken(msgspec.Struct, frozen=True):
    """A step of the payer of one operation."""

    operation_key: str
    said: Said


async def hear_payers(tx: Tx, steps: Sequence[Spoken], now: int) -> list[Heard | None]:
    """Hear payers in order; each step sees what the one before did. None: no such operation."""
    keys = sorted({step.operation_key for step in steps})
    charges = await books.locked(tx, keys)
    rows = await tx.fetch(_q.dialogues, [(key,) for key in keys])
    kept = {row["operation_key"]: Kept(**{name: row[name] for name in Kept.__struct_fields__}) for row in rows}
    results: list[Heard | None] = []
    acted = []
    for step in steps:
        charge = charges.get(step.operation_key)
        if charge is None:
            results.append(None)
            continue
        heard = hear(charge, kept.get(step.operation_key), step.said, now)
        if heard.acted is not None:
            acted.append(heard.acted)
            charges[step.operation_key] = heard.acted.charge
        if heard.kept is not None:
            kept[step.operation_key] = heard.kept
        results.append(heard)
    await books.save(tx, acted, now)
    noted = [one for _, one in sorted(kept.items())]
    await tx.fetch(_q.put_dialogues, [(d.operation_key, d.bank, d.payer, d.account, d.answered, d.wrong, now) for d in noted])
    return results
