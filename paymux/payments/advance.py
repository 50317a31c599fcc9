"""The one door through which a payment changes: payment, attempt, ledger, history and outbox in one transaction.

A provider's callback, the answer to our own start call, the poller, the clock and people all enter here, as reports.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger import book
from paymux.ledger.chart import Account, payable
from paymux.merchants.caps import Recount, recount
from paymux.payments import store
from paymux.payments.decide import Decision, Rules, decide
from paymux.payments.dialect import Dialect
from paymux.payments.lifecycle import ENDED, Event
from paymux.payments.model import Advanced, Attempt, Payment, Report
from paymux.payments.noted import noted
from paymux.storage.query import Tx
from paymux.webhooks import outbox
from paymux.webhooks.model import NewNotice


class Door:
    """`advance` with what it needs of the outside: the dialects' records and the platform's fee."""

    def __init__(self, dialects: Mapping[str, Dialect], fee_percent: Decimal) -> None:
        self.dialects = dialects
        self._fee_percent = fee_percent
        self.counted = False  # whether somebody counts what changes: `tx.facts` is then told
        self.told = False  # a notice was written since somebody last looked; the deliverer is woken after the commit

    async def advance(self, tx: Tx, reports: Sequence[Report], now: int) -> list[Advanced | Refused]:
        """Apply reports in their order; each sees what the earlier ones of its batch did."""
        locked = await store.lock(tx, [report.payment_id for report in reports])
        before = {payment_id: payment for payment_id, (payment, _) in locked.items()}
        after = dict(before)
        attempts = await store.attempts(tx, [report.attempt_id for report in reports if report.attempt_id is not None])
        read_attempts = dict(attempts)
        named = [(self._holder(report, attempts), report.receipt.reference) for report in reports if report.receipt]
        receipts = await store.known_receipts(tx, named)
        spendable = await self._spendable(tx, reports, before)
        decisions: list[Decision] = []
        results: list[Advanced | Refused] = []
        for report in reports:
            if report.payment_id not in after:
                results.append(refuse(Refusal.UNKNOWN_PAYMENT, f"there is no payment {report.payment_id}"))
                continue
            payment = after[report.payment_id]
            attempt = attempts.get(report.attempt_id) if report.attempt_id is not None else None
            assert report.attempt_id is None or (attempt and attempt.payment_id == payment.id), "an attempt belongs to its payment"
            key = (self._holder(report, attempts), report.receipt.reference) if report.receipt else None
            dialect = self.dialects[payment.dialect]
            policy = locked[payment.id][1]
            fee_percent = self._fee_percent if dialect.fee_percent is None else dialect.fee_percent(payment)
            decision = decide(
                payment, attempt, report, Rules(now, policy, fee_percent, dialect.tries, key in receipts, spendable.get(_payable(payment)))
            )
            if isinstance(decision, Refused):
                results.append(decision)
                continue
            after[payment.id] = decision.payment
            for transfer in decision.transfers if spendable else ():
                for account, units in ((transfer.debit, -transfer.amount_units), (transfer.credit, transfer.amount_units)):
                    if account in spendable:
                        spendable[account] += units
            if decision.attempt is not None:
                attempts[decision.attempt.id] = decision.attempt
            receipts |= {(provider, receipt.reference) for provider, receipt in decision.receipts}
            decisions.append(decision)
            results.append(Advanced(decision.payment, decision.outcome))
        changing = [d for d in decisions if d.history or (d.attempt is not None and d.attempt is not read_attempts[d.attempt.id])]
        transfers = await book.posting(tx, [transfer for decision in changing for transfer in decision.transfers], now)
        await store.give_way(tx, before, after)
        await store.save(tx, before, after, changing, transfers)
        await self.tell(tx, [payment for decision in changing for payment in decision.told], now)
        await self._recount(tx, before, after)
        if self.counted:
            tx.facts.extend(noted(changing, read_attempts))
        return results

    async def _recount(self, tx: Tx, before: Mapping[int, Payment], after: Mapping[int, Payment]) -> None:
        """What came to nothing counts no longer towards its channel's cap; what comes back to life counts again."""
        moves = []
        for payment_id, payment in after.items():
            was, capped = before[payment_id], self.dialects[payment.dialect].capped
            sign = (payment.state not in ENDED) - (was.state not in ENDED)
            counted = capped(payment) if sign and capped else None
            if counted is not None:
                moves.append(Recount(payment.merchant_id, counted[0], sign * counted[1], payment.created_at))
        await recount(tx, moves)

    @staticmethod
    async def _spendable(tx: Tx, reports: Sequence[Report], payments: Mapping[int, Payment]) -> dict[Account, int]:
        """What the merchants have whose payments are reported forwarded; locked, because it is about to be spent."""
        settling = {report.payment_id for report in reports if report.event is Event.SETTLED}
        wanted = {_payable(payments[payment_id]) for payment_id in settling if payment_id in payments}
        return dict(await book.available(tx, sorted(wanted))) if wanted else {}

    @staticmethod
    def _holder(report: Report, attempts: Mapping[int, Attempt]) -> str:
        attempt = attempts.get(report.attempt_id) if report.attempt_id is not None else None
        return attempt.provider if attempt else report.provider

    async def tell(self, tx: Tx, payments: Sequence[Payment], now: int) -> None:
        """Write the notices of new states; the bodies are frozen here."""
        notices = []
        for payment in payments:
            told = self.dialects[payment.dialect].notice(payment, now)
            if told is not None:
                notices.append(
                    NewNotice(
                        merchant_id=payment.merchant_id,
                        payment_id=payment.id,
                        dialect=payment.dialect,
                        word=told.word,
                        shop=payment.shop,
                        url=told.url,
                        delivery=f"{payment.dialect}-{payment.id}-{told.word}",
                        body=told.body,
                    )
                )
        await outbox.put(tx, notices, now)
        self.told |= bool(notices)


def _payable(payment: Payment) -> Account:
    return payable(payment.merchant_id, payment.currency)
