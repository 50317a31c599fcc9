"""`paymux sandbox report` for payouts: as if the sandbox's bank had reported an outcome, through the same door."""

from collections.abc import Sequence

import msgspec

from paymux.errors import Refused
from paymux.payments.model import Source
from paymux.payouts.advance import PayoutDoor
from paymux.payouts.lifecycle import PayoutEvent
from paymux.payouts.model import PayoutAdvanced, PayoutReport
from paymux.storage.query import Tx


class SandboxPayoutReport(msgspec.Struct, frozen=True):
    payout_id: int
    event: PayoutEvent


class PayoutReporter:
    """The verb behind the command."""

    def __init__(self, door: PayoutDoor) -> None:
        self._door = door

    async def report(self, tx: Tx, commands: Sequence[SandboxPayoutReport], now: int) -> list[PayoutAdvanced | Refused]:
        """Apply outcomes; a repeat changes nothing, refused where the state forbids it."""
        return await self._door.advance(
            tx,
            [
                PayoutReport(
                    payout_id=command.payout_id, event=command.event, source=Source.OPERATOR, why="reported by command", reason="reported"
                )
                for command in commands
            ],
            now,
        )
