"""Send accepted payouts, and ask about those that were sent: each at most once, and until it is known.

SENDING is committed before the call. A payout that is found in it later was perhaps sent and perhaps not: it is never sent again, only
asked about by its key. "Not found" is dead for sure only so long after the call as the provider says.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from paymux.clock import SECOND
from paymux.payments.lifecycle import AttemptState
from paymux.payments.model import Source
from paymux.payments.poll import Polling
from paymux.payments.read import with_attempts
from paymux.payouts import store
from paymux.payouts.advance import PayoutDoor
from paymux.payouts.lifecycle import PayoutEvent, PayoutState
from paymux.payouts.model import Payout, PayoutReport
from paymux.providers.protocol import Remittance, Remitted, Remitter
from paymux.seams import pass_by
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

CLAIMED_MS = 30 * SECOND  # who claims a payout has this long before somebody else asks about it, too

log = structlog.get_logger()


class Outbound:
    """One duty: claim a bounded batch of payouts, send or ask, report."""

    def __init__(
        self, reader: Batcher, writer: Batcher, door: PayoutDoor, remitters: Mapping[str, Remitter], polling: Polling, batch: int = 50
    ) -> None:
        self._reader, self._writer, self._door, self._remitters = reader, writer, door, remitters
        self._polling, self._batch = polling, batch

    async def duty(self) -> int:
        """Act on what is due; returns how many."""
        if not await self._reader.submit(_any_due, None):  # looked at often, so that it must not cost a write
            return 0
        claimed: list[tuple[Payout, bool]]
        claimed, now = await self._writer.submit(self._claim, self._batch)
        pass_by("payout.claimed")
        await asyncio.gather(*(self._act(payout, fresh, now) for payout, fresh in claimed))
        return len(claimed)

    async def _claim(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[tuple[Payout, bool]], int]]:
        """Take what is due. Accepted ones are SENDING from here on, in this very transaction."""
        results = []
        for batch in commands:
            again_at = now + CLAIMED_MS
            rows = await tx.fetch(store.q.claim_acts, now=now, again_at=again_at, batch=batch)
            payouts = store.read_payouts(rows)
            fresh = [payout for payout in payouts if payout.state is PayoutState.ACCEPTED]
            reports = [
                PayoutReport(payout_id=payout.id, event=PayoutEvent.SENDING, source=Source.CLOCK, act_at=again_at) for payout in fresh
            ]
            await self._door.advance(tx, reports, now)
            sending = {payout.id for payout in fresh}
            results.append(([(payout, payout.id in sending) for payout in payouts], now))
        return results

    async def _act(self, payout: Payout, fresh: bool, now: int) -> None:
        remitter = self._remitters.get(payout.provider)
        if remitter is None:
            log.error("payout.no_remitter", payout=payout.id, provider=payout.provider)
            return
        again_at = now + SECOND * min(self._polling.max_s, self._polling.first_s << min(max(payout.asked - 2, 0), 20))
        if fresh:
            answer = await self._send(remitter, payout)
            pass_by("payout.sent")
            report = _heard(payout, answer, Source.ANSWER, again_at if answer.ask_after_ms is None else now + answer.ask_after_ms)
        else:
            if payout.state is PayoutState.SENDING:  # its answer never came to us
                await self._report(_doubt(payout, "no answer to the sending was stored", again_at))
            report = _heard(payout, await self._ask(remitter, payout, now), Source.POLL, again_at)
        await self._report(report)
        if report.event in (PayoutEvent.PENDING, PayoutEvent.DOUBTED):
            await self._writer.submit(_put_off, (payout.id, report.act_at or again_at))

    async def _send(self, remitter: Remitter, payout: Payout) -> Remitted:
        order = Remittance(
            operation_key=payout.operation_key,
            amount=payout.amount,
            method=payout.method,
            details=payout.details,
            undoes=await self._undone(payout),
        )
        try:
            return await remitter.send(order)
        except Exception as error:  # an adapter's bug must not become a guess about money
            return Remitted(known=None, why=f"the provider's adapter failed: {type(error).__name__}")

    async def _undone(self, payout: Payout) -> tuple[str, ...]:
        """The operation keys of a refund's payment by which money came."""
        found = await self._reader.submit(with_attempts, payout.payment_id) if payout.payment_id is not None else None
        return tuple(attempt.operation_key for attempt in found[1] if attempt.state is AttemptState.PAID) if found is not None else ()

    async def _ask(self, remitter: Remitter, payout: Payout, now: int) -> Remitted:
        try:
            found = await remitter.ask(payout.operation_key)
        except Exception as error:
            return Remitted(known=None, why=f"the provider's adapter failed: {type(error).__name__}")
        if found is not None:
            return found
        if now >= (payout.sent_at or payout.created_at) + remitter.not_found_final_after_s * SECOND:
            return Remitted(known="failed", reason="never_sent", why="the provider never heard of it")
        return Remitted(known=None, why="the provider does not know it yet")

    async def _report(self, report: PayoutReport) -> None:
        await self._writer.submit(self._door.advance, report)


async def _any_due(tx: Tx, commands: Sequence[None], now: int) -> list[bool]:
    due = bool(await tx.fetch(store.q.any_act, now=now))
    return [due for _ in commands]


async def _put_off(tx: Tx, rows: Sequence[tuple[int, int]], now: int) -> list[None]:
    await tx.fetch(store.q.put_off, sorted(rows))
    return [None for _ in rows]


def _heard(payout: Payout, answer: Remitted, source: Source, ask_at: int) -> PayoutReport:
    events = {"paid": PayoutEvent.PAID, "failed": PayoutEvent.FAILED, "pending": PayoutEvent.PENDING, None: PayoutEvent.DOUBTED}
    return PayoutReport(
        payout_id=payout.id,
        event=events[answer.known],
        source=source,
        happened_at=answer.happened_at,
        provider_ref=answer.reference,
        reason=answer.reason,
        act_at=ask_at,
        why=answer.why,
    )


def _doubt(payout: Payout, why: str, ask_at: int) -> PayoutReport:
    return PayoutReport(payout_id=payout.id, event=PayoutEvent.DOUBTED, source=Source.CLOCK, act_at=ask_at, why=why)
