"""What pays out for the exchange: one call that sends, one that asks. Sending twice with one operation key must be one payout.

The answer is a closed union; what cannot be read for sure is `Unclear`: it is asked again, never guessed.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Disbursement:
    """One payout: units of a currency to an account (with a memo tag where the chain has one)."""

    operation_key: str
    amount_units: int
    currency: str
    account: str


@dataclass(frozen=True, slots=True)
class Sent:
    txid: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Dead for sure: nothing left and nothing will."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    why: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The key was never seen: sending with it again is safe."""


class Payer(Protocol):
    async def send(self, wish: Disbursement) -> Sent | Failed | Unclear: ...

    async def ask(self, operation_key: str) -> Sent | Failed | Unclear | NotFound: ...
