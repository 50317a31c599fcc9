"""A buyer pays by bank transfer on our own pages: each step goes to the provider, what it means for the payment to the door.

No step but the last one moves money, and that one moves it once for each operation key, whatever is clicked twice. What the bank's answer
leaves open is a doubt, never a failure.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from paymux.clock import SECOND, Clock
from paymux.errors import Refused
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.attempt import StartAttempt, Starter
from paymux.payments.hear import heard
from paymux.payments.lifecycle import ALIVE, OPEN, AttemptState, Event
from paymux.payments.model import Attempt, LastError, Payment, Report, Source
from paymux.payments.read import Reads
from paymux.providers.bank import Bank, BankTransfers, Dialogue, Down, Step, Talk
from paymux.providers.protocol import Send, Turned, Unclear, Waiting
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

__all__ = ["Bank", "Dialogue", "Said", "Step", "Transfers", "Wish"]

METHOD = "transfer"
ASK_AGAIN_MS = 60 * SECOND


class Said(StrEnum):
    """What a step came to, where it is not a dialogue that goes on."""

    OVER = "over"  # the payment's state tells the rest
    REFUSED = "refused"  # this try is dead
    DOWN = "down"  # the bank does not serve now; nothing changed
    BROKEN = "broken"  # the line broke under the buyer: nobody knows, we keep asking
    LATER = "later"  # nothing moved; trying again is safe


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to pay, at which bank."""

    bank: str
    payer: str
    password: str


class Transfers:
    """The verbs of the pages. `provider` and its `send`; None where no provider of bank transfers is set up."""

    def __init__(
        self,
        provider: BankTransfers | None,
        send: Send | None,
        starter: Starter,
        writer: Batcher,
        door: Door,
        reads: Reads,
        clock: Clock,
    ) -> None:
        self._provider, self._send, self._clock = provider, send, clock
        self._starter, self._writer, self._door, self._reads = starter, writer, door, reads

    def banks(self, country: str, sandbox: bool) -> Sequence[Bank]:
        """The banks of a country; test banks in the sandbox only."""
        known = self._provider.banks if self._provider is not None else ()
        return [bank for bank in known if bank.country == country and (sandbox or not bank.test)]

    async def look(self, attempt: Attempt) -> Dialogue | Said:
        """Where the payer of an attempt stands."""
        provider, send = self._line()
        talk = await self._spoken(provider.look(attempt.operation_key, send))
        return await self._over(attempt) if isinstance(talk, Turned) or _is_over(talk) else _plain(talk)

    async def identify(
        self, payment: Payment, wish: Wish, return_url: Callable[[Payment], str], callback_base: str
    ) -> tuple[Attempt | None, Dialogue | Said]:
        """Begin, or go on with, the attempt of a payment and log the payer in."""
        started = await self._starter.start(StartAttempt(payment_id=payment.id, method=METHOD), return_url, callback_base)
        found = await self._reads.with_attempts(payment.id)
        assert found is not None, "it was just there"
        attempt = next((one for one in found[1] if one.state in ALIVE), None)
        if isinstance(started, Refused) or attempt is None or attempt.state is not AttemptState.HANDED_OVER:
            return None, Said.OVER if found[0].state not in OPEN or attempt is not None else Said.DOWN
        provider, send = self._line()
        talk = await self._spoken(provider.identify(attempt.operation_key, wish.bank, wish.payer, wish.password, send))
        if isinstance(talk, Turned):
            await self._report(attempt, Event.DECLINED, why="the bank refused the login", decline_reason=talk.decline_reason)
            return attempt, Said.REFUSED
        return attempt, await self._over(attempt) if _is_over(talk) else _plain(talk)

    async def choose(self, attempt: Attempt, account: str, who: Callable[[str, str, str], str]) -> Dialogue | Said:
        """Pay from an account. Who pays is stored before any money can move."""
        provider, send = self._line()
        talk = await self._spoken(provider.choose(attempt.operation_key, account, send))
        if isinstance(talk, Dialogue) and talk.bank and talk.account:
            name = next((bank.name for bank in provider.banks if bank.code == talk.bank), talk.bank)
            payer = who(name, talk.payer or "", talk.account)
            await self._report(attempt, Event.OPENED, source=Source.BUYER, payer=payer, why="the payer chose an account")
        return await self._over(attempt) if isinstance(talk, Turned) or _is_over(talk) else _plain(talk)

    async def answer(self, attempt: Attempt, number: int, value: str) -> Dialogue | Said:
        """Answer the bank's question. After the last one the money moves; a doubt about that is stored as one."""
        provider, send = self._line()
        talk = await self._spoken(provider.answer(attempt.operation_key, number, value, send))
        if isinstance(talk, Turned):
            why = "the bank rejected the transfer"
            await self._report(attempt, Event.DECLINED, final=True, why=why, decline_reason=talk.decline_reason)
            return Said.REFUSED
        if isinstance(talk, Unclear):
            ask_at = self._clock.now() + ASK_AGAIN_MS
            error = LastError.PROVIDER_UNAVAILABLE
            await self._report(attempt, Event.DOUBTED, why=talk.why, ask_at=ask_at, error=error)
            return Said.BROKEN
        return await self._over(attempt) if _is_over(talk) else _plain(talk)

    async def cancel(self, payment: Payment, attempt: Attempt | None, now: int) -> bool:
        """The buyer gives up: the payment ends if no money can come any more; else it stays, and we keep asking. True where the provider
        did not confirm it, so that the buyer stands where it was."""
        if attempt is None:
            await self._writer.submit(self._end_unbegun, payment.id)
        elif attempt.state is AttemptState.HANDED_OVER:
            await self._starter.give_up(attempt, now, final=True)
            found = await self._reads.with_attempts(payment.id)
            return found is not None and any(one.id == attempt.id and one.state is attempt.state for one in found[1])
        return False

    async def _end_unbegun(self, tx: Tx, payment_ids: Sequence[int], now: int) -> list[None]:
        """End payments that no attempt can pay; one that was begun meanwhile, as in another tab, goes on."""
        await store.lock(tx, payment_ids)
        rows = await tx.fetch(store.q.attempts_of_payments, [(payment_id,) for payment_id in sorted(set(payment_ids))])
        begun = {attempt.payment_id for attempt in store.read_attempts(rows) if attempt.state in ALIVE}
        ending = [payment_id for payment_id in payment_ids if payment_id not in begun]
        why = "the buyer cancelled"
        reports = [Report(payment_id=one, event=Event.DIED, source=Source.BUYER, happened_at=0, why=why) for one in ending]
        await self._door.advance(tx, reports, now)
        return [None for _ in payment_ids]

    async def broke(self, payment: Payment) -> None:
        """Note that something broke under the buyer, before anything could move."""
        error = LastError.PROVIDER_UNAVAILABLE
        report = Report(payment_id=payment.id, event=Event.OPENED, source=Source.BUYER, happened_at=0, error=error, why="the line broke")
        await self._writer.submit(self._door.advance, report)

    def _line(self) -> tuple[BankTransfers, Send]:
        assert self._provider is not None, "an attempt by transfer has its provider"
        assert self._send is not None, "and the way to it"
        return self._provider, self._send

    @staticmethod
    async def _spoken(step: "object") -> Talk:
        try:
            return await step  # type: ignore[misc, no-any-return]
        except Exception as error:  # an adapter's bug must not become a guess about money
            return Unclear(why=f"the provider's adapter failed: {type(error).__name__}", odd=True)

    async def _over(self, attempt: Attempt) -> Said:
        """The order was taken or refused: ask what came of it."""
        provider, send = self._line()
        try:
            status = await provider.ask(attempt.operation_key, send)
        except Exception as error:
            status = Unclear(why=f"the provider's adapter failed: {type(error).__name__}")
        if isinstance(status, Unclear | Waiting):  # the order left the payer's hands: not to know what came of it is a doubt, silence too
            why = status.why if isinstance(status, Unclear) else "the bank has the order, and the provider still waits for the payer"
            status = Unclear(why=why, odd=True)
        now = self._clock.now()
        for report in heard(attempt, status, Source.ANSWER, now, now + ASK_AGAIN_MS):
            await self._writer.submit(self._door.advance, report)
        return Said.OVER

    async def _report(self, attempt: Attempt, event: Event, source: Source = Source.ANSWER, **facts: object) -> None:
        report = Report(
            payment_id=attempt.payment_id,
            attempt_id=attempt.id,
            event=event,
            source=source,
            happened_at=0,
            **facts,  # type: ignore[arg-type]
        )
        await self._writer.submit(self._door.advance, report)


def _is_over(talk: Talk) -> bool:
    return isinstance(talk, Dialogue) and talk.step is Step.OVER


def _plain(talk: Talk) -> Dialogue | Said:
    """A dialogue that goes on, or why it does not: nothing moved."""
    if isinstance(talk, Dialogue):
        return talk
    return Said.DOWN if isinstance(talk, Down) else Said.LATER
