"""The words of a payout: what a dialect asks for, what is stored, what is reported. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from paymux.merchants.channels import Cap
from paymux.money import Money, known
from paymux.payments.model import Payment
from paymux.payouts.lifecycle import PayoutEvent, PayoutState


class OpenPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A dialect's wish for a payout, already checked by the dialect's rules. `fee_units` is held with the amount."""

    merchant_id: int
    dialect: str
    reference: str  # the name that the API gives it: unique within the dialect, a second one is refused
    amount: Money
    fee_units: int
    method: str
    provider: str  # who will send it
    details: str  # JSON object: the dialect's own facts, frozen
    callback_url: str | None = None
    payment_id: int | None = None  # the payment that it undoes, where it is a refund
    cap: Cap | None = None  # of the channel, if it has one


class Payout(msgspec.Struct, frozen=True):
    """One stored payout. Amounts are minor units of `currency`; times are Unix milliseconds."""

    id: int
    merchant_id: int
    dialect: str
    reference: str
    amount_units: int
    fee_units: int
    currency: str
    method: str
    state: PayoutState
    version: int  # grows with every change; the history's sequence number
    operation_key: str  # the money move's one key
    provider: str
    provider_ref: str | None
    reason: str | None  # why it failed
    details: str
    callback_url: str | None
    asked: int  # how often the provider was asked
    act_at: int | None  # when to send it, or to ask next
    doubted_at: int | None
    created_at: int
    sent_at: int | None
    ended_at: int | None
    updated_at: int
    payment_id: int | None = None  # the payment that it undoes, where it is a refund

    @property
    def amount(self) -> Money:
        return Money(self.amount_units, known(self.currency))

    @property
    def teller(self) -> str:
        """Under which name the record stands that says how it is told."""
        return teller(self.dialect, refund=self.payment_id is not None)


class PayoutReport(msgspec.Struct, frozen=True, kw_only=True):
    """Something learned about a payout; the only way to change one is `advance` with reports."""

    payout_id: int
    event: PayoutEvent
    source: str  # who told us, one of payments.model.Source
    happened_at: int = 0  # 0: now
    provider_ref: str | None = None
    reason: str | None = None  # with FAILED
    act_at: int | None = None  # when to ask next
    why: str = ""


class PayoutHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a payout: what, when it happened, when we learned it, who told us, why."""

    payout_id: int
    version: int
    merchant_id: int
    event: PayoutEvent
    from_state: PayoutState | None
    to_state: PayoutState
    source: str
    why: str
    happened_at: int
    learned_at: int


class PayoutAdvanced(msgspec.Struct, frozen=True):
    """The payout after a report; `changed` is False for a repeat."""

    payout: Payout
    changed: bool


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to give a successful payment back, all of it or a part. The same wish again is the same refund."""

    payment_id: int
    refund_id: str  # the shop's own name for it: unique among the merchant's refunds
    units: int | None  # minor units of the payment's currency; None: all that is left
    source: str  # who wants it, one of payments.model.Source
    callback_url: str | None = None


def teller(dialect: str, *, refund: bool) -> str:
    """The name of the record that says how payouts, or refunds, of a dialect are told."""
    return f"{dialect}:refund" if refund else dialect


@dataclass(frozen=True, slots=True)
class PayoutDialect:
    """What the inside needs of a dialect with payouts, or with refunds (then under a name of its own, see `teller`). `notice(payout)`: the
    word and the body that its state is told with, None if it is not told of it. `told`: every state with the word that must have been told
    (the ledger check asks). `capped(payout)`: the channel whose daily cap it counts towards, and with how many units. `endpoint`: whether
    the merchant's endpoint is told where the payout has no address of its own. `refund_details(payment, refund_id)`: the dialect's own
    facts of a refund."""

    name: str
    notice: Callable[[Payout], tuple[str, str] | None]
    told: Mapping[PayoutState, str]
    capped: Callable[[Payout], tuple[str, int] | None] = lambda payout: None
    endpoint: bool = False
    refund_details: Callable[[Payment, str], str] | None = None
