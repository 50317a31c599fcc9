"""What a provider is: small, typed, does no I/O of its own, and may say "I don't know".

A provider builds a `Call`, gets `send` handed in and reads the `Reply`. Whatever it cannot read for sure is `Unclear`, never a
failure: "failed" on a time-out makes a buyer pay twice. The operation key names the money move; it is sent with every call
about it, so that starting twice with one key is one start.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from paymux.decline import DeclineReason
from paymux.http.call import Call, Reply, Unreachable
from paymux.money import Money
from paymux.routing.model import Route

Send = Callable[[Call], Awaitable[Reply | Unreachable]]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid, as a provider needs to know it."""

    operation_key: str
    amount: Money
    method: str
    return_url: str  # where the provider sends the buyer back to, whatever happened
    callback_url: str  # where it reports to
    email: str | None
    country: str | None
    description: str  # for the buyer's statement


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """Plain data about a provider, read by routing and by the poller."""

    routes: tuple[Route, ...]
    start_moves_money: bool  # whether a start call alone may charge; if not, one without an answer may be given up
    not_found_final_after_s: int  # an unknown operation key is dead for sure only so long after the start
    sandbox: bool = False


# --- answers: closed unions ---


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The provider waits for the buyer at `url`."""

    reference: str
    url: str


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """Declined for sure: no money moved by this operation key and none will. `why`: for people who run the gateway."""

    why: str
    decline_reason: DeclineReason = DeclineReason.UNKNOWN


class NotSent(msgspec.Struct, frozen=True, kw_only=True):
    """The call never reached the provider (refused connection, no such host): nothing began."""

    why: str


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """No answer, or one that cannot be read for sure. `odd`: there was an answer, and it makes no sense."""

    why: str
    odd: bool = False


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer that the provider received; `reference` is its own name for it, equal in every report of it."""

    reference: str
    amount: Money
    happened_at: int
    txid: str | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The provider knows the operation and the buyer has not paid. It can still be cancelled."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A payment is in progress."""


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """The provider wants a person to decide."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Money came: every transfer so far. `settled_txid` when it was forwarded to the merchant."""

    transfers: tuple[Transfer, ...]
    settled_txid: str | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The operation is dead: no money moved and none will."""


class NotFound(msgspec.Struct, frozen=True, kw_only=True):
    """The provider does not know the operation key (yet)."""


StartAnswer = Started | Turned | NotSent | Received | Pending | Unclear
Status = Waiting | Pending | Flagged | Received | Turned | Cancelled | NotFound | Unclear


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's own report, its signature checked: which operation, and how it stands."""

    operation_key: str
    status: Status


class Provider(Protocol):
    """One company or chain that moves money."""

    name: str
    abilities: Abilities

    async def start(self, order: Order, route: str, send: Send) -> StartAnswer:
        """Begin a money move."""
        ...

    async def ask(self, operation_key: str, send: Send) -> Status:
        """How an operation stands, by its key alone."""
        ...

    async def cancel(self, operation_key: str, send: Send) -> Status:
        """End an operation that waits for its buyer; `Cancelled` or `Turned` only if that is certain, else how it stands."""
        ...

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback | None:
        """Check and read a report; None if its signature or form is wrong."""
        ...


class Remittance(msgspec.Struct, frozen=True, kw_only=True):
    """Money to be sent to somebody. `details`: the dialect's JSON object, with the account.

    A refund has the method "refund", and `undoes`: the operation keys by which the payment's money came; it goes back there."""

    operation_key: str
    amount: Money
    method: str
    details: str
    undoes: tuple[str, ...] = ()


class Remitted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a remittance. `known` None: nobody can say; a time-out, an odd answer or an unknown word is that, never a failure."""

    known: Literal["pending", "paid", "failed"] | None
    why: str = ""
    reference: str | None = None  # the provider's own name for it
    reason: str | None = None  # with "failed"
    happened_at: int = 0
    ask_after_ms: int | None = None  # with "pending": when asking makes sense


class Remitter(Protocol):
    """A company that sends money out. The operation key names the move: sending twice with one key is one sending."""

    name: str
    not_found_final_after_s: int  # an unknown operation key is dead for sure only so long after it was sent

    async def send(self, order: Remittance) -> Remitted:
        """Send money."""
        ...

    async def ask(self, operation_key: str) -> Remitted | None:
        """How a remittance stands, by its key alone; None if the company does not know the key (yet)."""
        ...


@dataclass(frozen=True, slots=True)
class Registry:
    """The providers of an installation, by name."""

    providers: Mapping[str, Provider]

    def routes(self) -> tuple[Route, ...]:
        return tuple(route for provider in self.providers.values() for route in provider.abilities.routes)
