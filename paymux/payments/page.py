"""What a payment page shows of an API whose buyers choose and pay on a page of ours: values between the dialect and the checkout. Pure."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from paymux.http.serve import Request
from paymux.money import Money
from paymux.payments.model import Payment


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to pay: `code` goes back with the form, `kind` names it in the checkout's own words, `name` is the operator's."""

    code: str
    kind: str
    name: str | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the buyer types in: `name` is the method's field."""

    name: str
    required: bool
    value: str = ""
    wrong: bool = False


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that can be begun. `inputs`: of the choice that was made, empty while none was."""

    shop: str
    reference: str
    amount: Money
    return_url: str
    choices: tuple[Choice, ...]
    chosen: str | None = None
    inputs: tuple[Input, ...] = ()
    failed: bool = False  # the last try was refused: another choice may do


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was begun: where the money goes. `lines`: (label in the checkout's words, value)."""

    shop: str
    reference: str
    amount: Money  # what the buyer pays
    lines: tuple[tuple[str, str], ...]
    payload: str | None  # drawn as a QR code
    wants_reference: bool  # the buyer types in the bank's reference
    known_reference: str | None


class PaymentPages(Protocol):
    """What a dialect does behind its payment page."""

    async def offer(self, request: Request, typed: Mapping[str, str]) -> Offer | Payment | None:
        """What can be chosen; the payment if it was begun before; None for a link that shows nothing."""
        ...

    async def pay(self, request: Request, typed: Mapping[str, str]) -> Offer | Payment | None:
        """Begin the payment by what was typed in, or the offer again with what was wrong."""
        ...

    async def find(self, name: str) -> tuple[Payment, int] | None:
        """A payment by the random name of its page, and the moment of the look."""
        ...

    def shown(self, payment: Payment) -> Shown:
        """Where the money goes."""
        ...

    def path(self, payment: Payment) -> str:
        """The page of a payment that was begun."""
        ...

    async def note(self, payment: Payment, reference: str) -> None:
        """Keep the bank's reference."""
        ...
