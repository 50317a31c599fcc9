"""The sandbox's bank: sends money out, and keeps books of its own. It stands for a bank elsewhere.

Account numbers decide what becomes of a remittance: 00000000 fails (no such account), 00000001 is taken but answered with nothing (the
sender cannot know), 00000002 stays under way until somebody reports it, 00000003 fails (the name is not the holder's), 00000004 never
arrives and is answered with nothing, every other one is paid. A refund goes where the money came from, so its amount decides: one that
ends in 91 fails, in 92 is answered with nothing, in 93 stays under way. Outcomes come `OUTCOME_MS` later, by the sandbox's clock.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from paymux import ids
from paymux.clock import SECOND
from paymux.providers.protocol import Remittance, Remitted
from paymux.storage.query import Tx, load
from paymux.storage.writer import Batcher

_q = load("paymux.providers.sandbox.house")

OUTCOME_MS = 2 * SECOND
NO_SUCH_ACCOUNT, SILENT, ENDLESS, WRONG_NAME, LOST = "00000000", "00000001", "00000002", "00000003", "00000004"
FAILS = {NO_SUCH_ACCOUNT: "invalid_account_number", WRONG_NAME: "invalid_account_name"}
REFUND = "refund"
REFUND_ENDS = {91: NO_SUCH_ACCOUNT, 92: SILENT, 93: ENDLESS}  # by the last two digits of the minor units


class SandboxBank:
    """One bank, seen from our side and from within."""

    name = "sandbox-bank"
    not_found_final_after_s = 60

    def __init__(self, writer: Batcher) -> None:
        self._writer = writer

    async def send(self, order: Remittance) -> Remitted:
        """Take an order; the same key again is the same order."""
        account = _account(order)
        if account == LOST:
            return Remitted(known=None, why="the line to the bank broke")
        await self._writer.submit(_take, (order, account))
        if account == SILENT:
            return Remitted(known=None, why="the bank did not answer")
        found = await self.ask(order.operation_key)
        assert found is not None, "what was taken is known"
        return found

    async def ask(self, operation_key: str) -> Remitted | None:
        """How an order stands now."""
        found: Remitted | None = await self._writer.submit(_standing, operation_key)
        return found


def _account(order: Remittance) -> str:
    if order.method == REFUND:
        return REFUND_ENDS.get(order.amount.units % 100, "back")
    return str(msgspec.json.decode(order.details).get("method", {}).get("account", {}).get("accountNumber", ""))


async def _take(tx: Tx, orders: Sequence[tuple[Remittance, str]], now: int) -> list[None]:
    for order, account in orders:
        reason = FAILS.get(account)
        await tx.fetch(
            _q.take_remittance,
            operation_key=order.operation_key,
            reference="rmt_" + ids.hex_token(8),
            amount_units=order.amount.units,
            currency=order.amount.currency.code,
            account=account,
            reason=reason,
            due_at=now + OUTCOME_MS,
            ends="pending" if account == ENDLESS else "failed" if reason else "paid",
            now=now,
        )
    return [None for _ in orders]


async def _standing(tx: Tx, keys: Sequence[str], now: int) -> list[Remitted | None]:
    rows = await tx.fetch(_q.remittances_by_key, [(key,) for key in sorted(set(keys))])
    found = {row["operation_key"]: _remitted(row, now) for row in rows}
    return [found.get(key) for key in keys]


def _remitted(row: Any, now: int) -> Remitted:
    if now < row["due_at"] or row["ends"] == "pending":
        return Remitted(known="pending", reference=row["reference"], ask_after_ms=max(0, row["due_at"] - now) or None)
    known: Any = row["ends"]
    return Remitted(known=known, reference=row["reference"], reason=row["reason"], happened_at=row["due_at"])
