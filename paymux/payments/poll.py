"""Ask providers about attempts that are not over: every open doubt has a next time to ask, and a deadline after which a person looks."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from paymux.clock import SECOND
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.hear import heard
from paymux.payments.lifecycle import ENDED, AttemptState, Event
from paymux.payments.model import Attempt, Payment, Report, Source
from paymux.providers.protocol import Cancelled, NotFound, Registry, Send, Status, Unclear, Waiting
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

CLAIMED_MS = 30 * SECOND  # who claims an attempt has this long before somebody else asks, too


class Polling(msgspec.Struct, frozen=True):
    """How often and how long."""

    first_s: int
    max_s: int
    deadline_s: int


class Poller:
    """One duty: claim a bounded batch of attempts, ask, report."""

    def __init__(
        self, writer: Batcher, door: Door, registry: Registry, sends: Mapping[str, Send], polling: Polling, batch: int = 50
    ) -> None:
        self._writer, self._door, self._registry, self._sends = writer, door, registry, sends
        self._polling, self._batch = polling, batch

    async def duty(self) -> int:
        """Ask about what is due; returns how many."""
        found: tuple[list[Attempt], int] = await self._writer.submit(self._claim, self._batch)
        claimed, now = found
        await asyncio.gather(*(self._ask(attempt, now) for attempt in claimed))
        return len(claimed)

    async def _claim(self, tx: Tx, commands: Sequence[int], now: int) -> list[tuple[list[Attempt], int]]:
        results = []
        for batch in commands:
            rows = await tx.fetch(store.q.claim_asks, now=now, again_at=now + CLAIMED_MS, batch=batch)
            results.append((store.read_attempts(rows), now))
        return results

    def again_at(self, attempt: Attempt, now: int) -> int:
        """Twice the time between two questions each time, up to the longest."""
        return now + SECOND * min(self._polling.max_s, self._polling.first_s << min(attempt.asked - 1, 20))

    async def _ask(self, attempt: Attempt, now: int) -> None:
        if attempt.state is AttemptState.STARTED:  # its answer never came to us, and nobody waits for it any more
            await self._report([_doubt(attempt, "no answer to the start was stored", self.again_at(attempt, now))])
        status = await self._status(attempt, now)
        reports = heard(attempt, status, Source.POLL, now, self.again_at(attempt, now))
        deadline = (attempt.doubted_at or now) + self._polling.deadline_s * SECOND
        if now >= deadline:
            reports = [msgspec.structs.replace(report, alarm=True) if report.event is Event.DOUBTED else report for report in reports]
        await self._report(reports)

    async def _status(self, attempt: Attempt, now: int) -> Status:
        """How it stands; an operation that only waits for a buyer who cannot come is ended at the provider."""
        provider, send = self._registry.providers.get(attempt.provider), self._sends.get(attempt.provider)
        if provider is None or send is None:  # it was served once; who is in doubt there is still a person's case in time
            return Unclear(why=f"there is no provider {attempt.provider} here to ask")
        try:
            status = await provider.ask(attempt.operation_key, send)
            if isinstance(status, Waiting) and await self._pointless(attempt):
                status = await provider.cancel(attempt.operation_key, send)
        except Exception as error:  # an adapter's bug must not become a guess about money
            return Unclear(why=f"the provider's adapter failed: {type(error).__name__}", odd=True)
        if isinstance(status, NotFound) and now >= attempt.started_at + provider.abilities.not_found_final_after_s * SECOND:
            return Cancelled()
        return status

    async def _pointless(self, attempt: Attempt) -> bool:
        """Whether nobody can pay it any more: its buyer was never handed over, or its payment has ended."""
        if attempt.handed_url is None:
            return True
        payment = await self._writer.submit(_payment, attempt.payment_id)
        return payment.state in ENDED

    async def _report(self, reports: Sequence[Report]) -> None:
        for report in reports:
            await self._writer.submit(self._door.advance, report)


async def _payment(tx: Tx, ids: Sequence[int], now: int) -> list[Payment]:
    rows = await tx.fetch(store.q.find_payments, [(payment_id,) for payment_id in sorted(set(ids))])
    found = {payment.id: payment for payment in store.read_payments(rows)}
    return [found[payment_id] for payment_id in ids]


def _doubt(attempt: Attempt, why: str, ask_at: int) -> Report:
    return Report(
        payment_id=attempt.payment_id,
        attempt_id=attempt.id,
        event=Event.DOUBTED,
        source=Source.CLOCK,
        happened_at=0,
        why=why,
        ask_at=ask_at,
    )
