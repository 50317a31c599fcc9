"""The one door through which a payout changes: payout, history, ledger and outbox in one transaction.

The answer to our own sending, the answers of the poller and people all enter here, as reports.
"""

from collections.abc import Mapping, Sequence

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger import book
from paymux.merchants.caps import Recount, recount
from paymux.payments.advance import Door
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.payouts import store
from paymux.payouts.decide import Decision, decide
from paymux.payouts.lifecycle import PayoutState
from paymux.payouts.model import Payout, PayoutAdvanced, PayoutDialect, PayoutReport
from paymux.storage.query import Tx
from paymux.webhooks import outbox
from paymux.webhooks.model import NewNotice


class PayoutDoor:
    """`advance`, with what the dialects tell their shops (by `Payout.teller`), and the door of the payments that refunds undo."""

    def __init__(self, dialects: Mapping[str, PayoutDialect], payments: Door) -> None:
        self._dialects, self._payments = dialects, payments
        self.told = False  # a notice was written since somebody last looked; the deliverer is woken after the commit

    async def advance(self, tx: Tx, reports: Sequence[PayoutReport], now: int) -> list[PayoutAdvanced | Refused]:
        """Apply reports in their order; each sees what the earlier ones of its batch did."""
        before = await store.lock(tx, [report.payout_id for report in reports])
        after = dict(before)
        decisions: list[Decision] = []
        results: list[PayoutAdvanced | Refused] = []
        for report in reports:
            payout = after.get(report.payout_id)
            if payout is None:
                results.append(refuse(Refusal.UNKNOWN_PAYMENT, f"there is no payout {report.payout_id}"))
                continue
            decision = decide(payout, report, now)
            if isinstance(decision, Refused):
                results.append(decision)
                continue
            after[payout.id] = decision.payout
            decisions.append(decision)
            results.append(PayoutAdvanced(decision.payout, decision.changed))
        changing = [decision for decision in decisions if decision.changed]
        await store.save(tx, before, after, [row for decision in changing for row in decision.history])
        await self._undo(tx, [decision for decision in changing if decision.payout.state is PayoutState.FAILED], now)
        await book.post(tx, [transfer for decision in changing for transfer in decision.transfers], now)
        await self._tell(tx, [decision.payout for decision in changing], now)
        await self._give_back(tx, [decision.payout for decision in changing if decision.payout.state is PayoutState.FAILED])
        return results

    async def _undo(self, tx: Tx, failed: Sequence[Decision], now: int) -> None:
        """What could not be given back can be refunded again. Payments are locked before balances, here as everywhere."""
        reports = [
            Report(
                payment_id=decision.payout.payment_id,
                event=Event.REFUND_FAILED,
                source=Source(decision.history[-1].source),
                happened_at=decision.history[-1].happened_at,
                refund_units=decision.payout.amount_units,
                why=f"could not be given back: {decision.payout.reason or 'no reason was given'}",
            )
            for decision in failed
            if decision.payout.payment_id is not None
        ]
        if reports:
            await self._payments.advance(tx, reports, now)

    async def _give_back(self, tx: Tx, payouts: Sequence[Payout]) -> None:
        """What failed counts no longer towards its channel's cap. A refund of a dialect that tells of none has no channel either."""
        known = [(payout, self._dialects[payout.teller]) for payout in payouts if payout.teller in self._dialects]
        counted = [(payout, found) for payout, record in known if (found := record.capped(payout)) is not None]
        await recount(tx, [Recount(payout.merchant_id, channel, -units, payout.created_at) for payout, (channel, units) in counted])

    async def _tell(self, tx: Tx, payouts: Sequence[Payout], now: int) -> None:
        notices = []
        for payout in payouts:
            record = self._dialects.get(payout.teller)
            told = record.notice(payout) if record is not None else None
            if record is not None and told is not None:
                word, body = told
                notices.append(
                    NewNotice(
                        merchant_id=payout.merchant_id,
                        payment_id=None,
                        payout_id=payout.id,
                        dialect=payout.dialect,
                        word=word,
                        shop="",
                        url=payout.callback_url if record.endpoint else payout.callback_url or "",
                        delivery=f"{payout.dialect}-payout-{payout.id}-{word}",
                        body=body,
                    )
                )
        await outbox.put(tx, notices, now)
        self.told |= bool(notices)
