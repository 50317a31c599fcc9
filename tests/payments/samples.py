"""Payments, attempts and reports as tests begin with them, and a player that applies reports in memory as the one door does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from paymux.errors import Refused
from paymux.ledger.postings import Foreign, Transfer, Why
from paymux.merchants.model import Late, Policy
from paymux.money import Money, known
from paymux.payments.decide import Decision, Rules, decide
from paymux.payments.lifecycle import ALIVE, AttemptState, Event, State
from paymux.payments.model import Attempt, HistoryRow, OpenPayment, Payment, Receipt, Report, Source

NOW = 1_777_464_600_000
HOUR = 3_600_000
EUR, USD = known("EUR"), known("USD")
ACCEPT_LATE = Policy(late=Late.ACCEPT)


def payment(**changes: Any) -> Payment:
    """100.00 EUR, awaited, an hour left."""
    base = Payment(
        id=1, merchant_id=7, dialect="stub", shop="shop.example.com", amount_units=10_000, currency="EUR", received_units=0, held_units=0,
        state=State.AWAITING, version=2, order_ref="A-1", repeat_key=None, method=None, email=None, country=None, return_url=None,
        cancel_url=None, meta=None, details="{}", txid_in=None, txid_out=None, last_error=None, payer=None, reference=None,
        attention=None, created_at=NOW - HOUR, expires_at=NOW + HOUR, paid_at=None, updated_at=NOW - HOUR,
    )  # fmt: skip
    return replace(base, **changes)


def attempt(number: int = 1, **changes: Any) -> Attempt:
    """An attempt whose buyer was handed over."""
    base = Attempt(
        id=number, payment_id=1, merchant_id=7, number=number, route="r", provider="bank", method="card", state=AttemptState.HANDED_OVER,
        operation_key=f"op_{number}", provider_ref=f"P-{number}", handed_url="https://bank.example", amount_units=10_000, currency="EUR",
        choice="[]", reason=None, asked=0, ask_at=NOW, started_at=NOW, doubted_at=None, ended_at=None,
    )  # fmt: skip
    return replace(base, **changes)


def wish(**changes: Any) -> OpenPayment:
    """A shop's wish for 100.00 EUR."""
    base = OpenPayment(merchant_id=1, dialect="stub", shop="shop.example.com", amount=Money(10_000, EUR), lasts_ms=HOUR)
    return replace(base, **changes)


def report(event: Event, number: int | None = 1, source: Source = Source.PROVIDER, **facts: Any) -> Report:
    """Something learned about payment 1, by default from the provider of its attempt `number`."""
    return Report(payment_id=1, attempt_id=number, event=event, source=source, happened_at=facts.pop("happened_at", 0), **facts)


def receipt(units: int, reference: str = "T-1", code: str = "EUR") -> Receipt:
    return Receipt(reference=reference, amount=Money(units, known(code)), txid=f"0x{reference}")


def paid(units: int, reference: str = "T-1", number: int | None = 1, code: str = "EUR", **facts: Any) -> Report:
    """Money came on an attempt."""
    return report(Event.PAID, number, receipt=receipt(units, reference, code), **facts)


def by_operator(event: Event, **facts: Any) -> Report:
    return report(event, facts.pop("number", None), Source.OPERATOR, provider="bank", **facts)


@dataclass
class Player:
    """One payment in memory, and everything that its decisions wrote."""

    payment: Payment = field(default_factory=payment)
    attempts: dict[int, Attempt] = field(default_factory=lambda: {1: attempt()})
    policy: Policy = field(default_factory=Policy)
    fee_percent: Decimal = Decimal(0)
    tries: int | None = None
    now: int = NOW
    history: list[HistoryRow] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)
    told: list[State] = field(default_factory=list)
    results: list[Decision | Refused] = field(default_factory=list)

    def hear(self, *reports: Report) -> "Player":
        """Apply reports, one after the other."""
        for one in reports:
            tried = self.attempts.get(one.attempt_id) if one.attempt_id is not None else None
            key = (tried.provider if tried else one.provider, one.receipt.reference) if one.receipt else None
            rules = Rules(self.now, self.policy, self.fee_percent, self.tries, key in self.receipts)
            result = decide(self.payment, tried, one, rules)
            self.results.append(result)
            if isinstance(result, Decision):
                self.payment = result.payment
                if result.attempt is not None:
                    self.attempts[result.attempt.id] = result.attempt
                self.history += result.history
                self.transfers += result.transfers
                self.receipts |= {(provider, found.reference): found for provider, found in result.receipts}
                self.told += [one.state for one in result.told]
        return self

    @property
    def last(self) -> Decision | Refused:
        return self.results[-1]

    def begin(self, number: int) -> "Player":
        """Another attempt, as long as none is alive."""
        assert not any(one.state in ALIVE for one in self.attempts.values())
        self.attempts[number] = attempt(number)
        return self

    def moved(self, why: Why) -> int:
        return sum(transfer.amount_units for transfer in self.transfers if transfer.reason is why)

    def balances(self) -> Counter[tuple[str, str]]:
        """(kind of account, currency) -> credits minus debits; providers' clearing accounts taken together."""
        found: Counter[tuple[str, str]] = Counter()
        for transfer in self.transfers:
            for account, units in ((transfer.debit, -transfer.amount_units), (transfer.credit, transfer.amount_units)):
                found[account.kind.partition(":")[0], account.currency] += units
        return found

    def foreign(self) -> tuple[Foreign, ...]:
        """What is held in other currencies, as the judge finds it in the books."""
        held: Counter[tuple[str, str]] = Counter()
        for transfer in self.transfers:
            if transfer.reason is Why.FOREIGN:
                held[transfer.debit.kind.partition(":")[2], transfer.debit.currency] += transfer.amount_units
            elif transfer.reason is Why.FOREIGN_RETURNED:
                held[transfer.credit.kind.partition(":")[2], transfer.credit.currency] -= transfer.amount_units
        return tuple(Foreign(provider, code, units) for (provider, code), units in sorted(held.items()) if units)

    def states(self) -> Sequence[State]:
        return [row.to_state for row in self.history]
