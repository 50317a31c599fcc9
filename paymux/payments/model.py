"""The words of a payment: what a dialect asks for, what is stored, what is reported. Pure."""

from enum import StrEnum

import msgspec

from paymux.decline import DeclineReason
from paymux.ledger.postings import Foreign
from paymux.money import Money, known
from paymux.payments.lifecycle import SUCCESS, AttemptState, Event, State


class OpenPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A dialect's wish for a new payment, already checked by the dialect's rules."""

    merchant_id: int
    dialect: str
    shop: str  # the shop's domain, normalised
    amount: Money
    lasts_ms: int  # from creation to expiry
    order_ref: str | None = None  # the shop's own order number
    reference: str | None = None  # the name that the API gives it: unique within the dialect, a second one is refused
    outcome_ref: str | None = None  # the name that the API gives its outcome: unique within the dialect, shown only when it has ended
    repeat_key: str | None = None  # a live payment of this order with the same key is answered instead of a new one
    method: str | None = None  # buyer-facing method that the shop asked for
    email: str | None = None
    country: str | None = None  # 2 letters, upper case
    return_url: str | None = None
    cancel_url: str | None = None
    meta: str | None = None  # the shop's JSON object, compact
    details: str = "{}"  # JSON object: the dialect's own facts, frozen at creation
    note: str = ""  # for the history, e.g. which forbidden fields were dropped

    def __post_init__(self) -> None:
        if self.repeat_key is not None and self.order_ref is None:
            raise ValueError("only a payment with an order number can be asked for again")


class Payment(msgspec.Struct, frozen=True):
    """One stored payment. Amounts are minor units of `currency`; times are Unix milliseconds."""

    id: int  # dense, from 1; EcomTrade24's session_id
    merchant_id: int
    dialect: str
    shop: str
    amount_units: int
    currency: str
    received_units: int  # all money that came for it, by any attempt
    held_units: int  # of it, what waits for a person
    state: State
    version: int  # grows with every change; the history's sequence number
    order_ref: str | None
    repeat_key: str | None
    reference: str | None  # unique within its dialect
    method: str | None
    email: str | None
    country: str | None
    return_url: str | None
    cancel_url: str | None
    meta: str | None
    details: str
    txid_in: str | None  # provider's transfer into the gateway's wallet
    txid_out: str | None  # forwarding to the merchant's wallet
    last_error: str | None  # one of LastError
    payer: str | None  # JSON object: what was learned of who paid
    attention: str | None  # why a person must look, one of Attention; None when nobody must
    created_at: int
    expires_at: int
    paid_at: int | None
    updated_at: int
    outcome_ref: str | None = None  # unique within its dialect, like `reference`
    payable_units: int = 0  # of what was received, what the merchant is owed for it: without the fee, until it was forwarded
    refunded_units: int = 0  # of what was received, what went back to the buyer by refunds or is on its way back

    @property
    def amount(self) -> Money:
        return Money(self.amount_units, known(self.currency))

    @property
    def settled_txid(self) -> str | None:
        """The forwarding, once it counts: what was forwarded while a person has to decide may still be rejected."""
        return self.txid_out if self.state in SUCCESS else None

    @property
    def refundable_units(self) -> int:
        """What may still be refunded, if it succeeded, as far as the row says: surplus is held and goes back by `returned`.

        It may be less, since what was returned is in `received_units`, too: whoever refunds asks `payouts.refund.left_of`."""
        return min(self.amount_units, self.received_units) - self.refunded_units


class LastError(StrEnum):
    NO_ROUTE = "no_route_available"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_DECLINED = "provider_declined"
    WALLET_ERROR = "wallet_error"
    SETTLEMENT_FAILED = "settlement_failed"


class Attention(StrEnum):
    """Why a payment is on the list of a person."""

    LATE = "money came after the end"
    SHORT = "less money came than asked"
    SURPLUS = "more money came than asked"
    DEAD_ATTEMPT = "money came on an attempt that had ended"
    CURRENCY = "money came in another currency"  # stands as long as any of it is held, and goes only with its return
    FLAGGED = "the provider wants a decision"
    DOUBT = "nobody could say for too long whether it was paid"
    TO_RETURN = "held money must go back to the buyer"
    FORWARDED = "the provider forwarded money that the merchant had been paid or refunded already"


class Attempt(msgspec.Struct, frozen=True):
    """One try to have a payment paid by one route."""

    id: int
    payment_id: int
    merchant_id: int
    number: int  # 1 for the first of its payment
    route: str  # slug
    provider: str
    method: str
    state: AttemptState
    operation_key: str  # the money move's one key, sent to the provider, kept over retries
    provider_ref: str | None  # the provider's own name for it
    handed_url: str | None  # where the buyer was sent
    amount_units: int
    currency: str
    choice: str  # JSON: every route with whether it was kept and why
    reason: str | None  # why it ended, in the core's words
    asked: int  # how often the poller asked
    ask_at: int | None  # when to ask next; None when there is nothing to ask
    started_at: int
    doubted_at: int | None  # since when it is unclear
    ended_at: int | None
    decline_reason: str | None = None  # one of DeclineReason; None if it was not declined, and where it was before reasons were kept


class Source(StrEnum):
    """Who told us."""

    SHOP = "shop"
    BUYER = "buyer"
    PROVIDER = "provider"  # a signed callback
    ANSWER = "answer"  # the answer to our own start call
    POLL = "poll"
    OPERATOR = "operator"
    CLOCK = "clock"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Money that a provider says it received: `reference` names the transfer and is counted once."""

    reference: str
    amount: Money
    txid: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Something learned about a payment; the only way to change one is `advance` with reports."""

    payment_id: int
    event: Event
    source: Source
    happened_at: int  # 0: now
    attempt_id: int | None = None
    receipt: Receipt | None = None  # with PAID: the money; how much decides whether it is PAID, SHORT or LATE
    foreign: tuple[Foreign, ...] = ()  # with RETURNED: what is held in other currencies, and went back with the rest
    provider: str = ""  # who holds the money; the attempt's provider where there is an attempt
    refund_units: int = 0  # with REFUNDED and REFUND_FAILED
    final: bool = False  # with DECLINED: no other attempt is allowed
    decline_reason: DeclineReason = DeclineReason.UNKNOWN  # with DECLINED
    provider_ref: str | None = None  # with HANDED_OVER
    handed_url: str | None = None  # with HANDED_OVER
    ask_at: int | None = None  # when to ask the provider next
    alarm: bool = False  # with DOUBTED: it has lasted too long, a person must look
    txid_out: str | None = None  # with SETTLED
    error: LastError | None = None
    payer: str | None = None  # JSON object: what is known of who pays
    why: str = ""


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a payment: what, when it happened, when we learned it, who told us, why."""

    payment_id: int
    version: int
    merchant_id: int
    event: Event
    from_state: State | None
    to_state: State
    source: Source
    attempt_id: int | None
    why: str
    happened_at: int
    learned_at: int


class Outcome(StrEnum):
    """What a report did."""

    CHANGED = "changed"
    REPEATED = "repeated"  # known already; nothing was written
    RECORDED = "recorded"  # the table has no such move; noted in the history, nothing else


class Advanced(msgspec.Struct, frozen=True):
    """The payment after a report."""

    payment: Payment
    outcome: Outcome


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Which payments of a merchant: by any of their names, all given ones must fit."""

    merchant_id: int
    dialect: str
    reference: str | None = None
    order_ref: str | None = None
    outcome_ref: str | None = None


class ToldOf(msgspec.Struct, frozen=True):
    """What a shop was last told (notices' frozen bodies, newest payment first), and which payments are over by the clock alone."""

    bodies: list[str]
    overdue: list[tuple[int, int]]  # id, since when
