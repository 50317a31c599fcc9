"""Start an attempt: choose a route, commit its row, call the provider outside any transaction, let the answer in by the one door.

The row is committed before the call, so whatever happens to us, the operation key is known. A route that turned the payment down,
or that never moved anything, is followed by the next; an answer that leaves a doubt is not, nor is a decline after which card networks
forbid it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from paymux import ids
from paymux.clock import SECOND, ticks
from paymux.decline import NEVER_AGAIN
from paymux.errors import Refusal, Refused, refuse
from paymux.merchants.directory import Directory
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.decide import overdue
from paymux.payments.hear import heard
from paymux.payments.lifecycle import ALIVE, OPEN, AttemptState, Event
from paymux.payments.model import Attempt, LastError, Payment, Report, Source
from paymux.payments.noted import AttemptMoved
from paymux.providers.protocol import NotSent, Order, Registry, Send, StartAnswer, Started, Status, Turned, Unclear
from paymux.routing.choose import choose
from paymux.routing.health import HealthBook
from paymux.routing.model import Choice, Reason, Wish
from paymux.seams import pass_by
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

ORPHANED_AFTER_MS = 20 * SECOND  # beyond the start call's own time-out: then nobody waits for its answer any more
HANDED_ASK_MS = 60 * SECOND
FALLBACKS_MAX = 10


class StartAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's wish to pay: the method, an e-mail typed on the page, and the routes that this chain tried already."""

    payment_id: int
    method: str | None = None
    email: str | None = None
    tried: frozenset[str] = frozenset()
    error: LastError | None = None  # of the last route of this chain
    hand_over_only: bool = False  # nobody clicked: a route whose start alone may charge is not for now


class Begun(msgspec.Struct, frozen=True):
    """The attempt to go on with. `fresh`: its provider is still to be called."""

    payment: Payment
    attempt: Attempt
    fresh: bool


class Beginner:
    """The verb that writes an attempt's row."""

    def __init__(self, door: Door, directory: Directory, registry: Registry, rates: Mapping[str, Decimal], start_timeout_s: int) -> None:
        self._door, self._directory, self._rates = door, directory, rates
        charging = [p.abilities.routes for p in registry.providers.values() if p.abilities.start_moves_money]
        self._charging = frozenset(route.slug for routes in charging for route in routes)
        self._orphaned_ms = start_timeout_s * SECOND + ORPHANED_AFTER_MS

    async def begin(self, tx: Tx, commands: Sequence[StartAttempt], now: int) -> list[Begun | Refused]:
        """Choose routes and write attempts. A second click gets the attempt of the first."""
        locked = await store.lock(tx, [command.payment_id for command in commands])
        payments = {payment_id: payment for payment_id, (payment, _) in locked.items()}
        results: list[Begun | Refused] = []
        for command in commands:
            result = await self._begin(tx, payments.get(command.payment_id), command, now)
            if isinstance(result, Begun):
                payments[command.payment_id] = result.payment
            results.append(result)
        return results

    async def _begin(self, tx: Tx, payment: Payment | None, command: StartAttempt, now: int) -> Begun | Refused:
        if payment is None:
            return refuse(Refusal.UNKNOWN_PAYMENT)
        if payment.state not in OPEN or overdue(payment, now):
            return refuse(Refusal.PAYMENT_NOT_OPEN, "this payment can no longer be started")
        earlier = await store.attempts_of(tx, payment.id)
        alive = next((attempt for attempt in earlier if attempt.state in ALIVE), None)
        if alive is not None:
            same = command.method in (None, alive.method)
            if alive.state is AttemptState.HANDED_OVER and alive.handed_url and same:
                return Begun(payment, alive, False)
            return refuse(Refusal.ATTEMPT_ALIVE, "the attempt before may still succeed")
        email = command.email or payment.email
        need_click: frozenset[str] = self._charging if command.hand_over_only else frozenset()
        choice = await self.choice(tx, payment, command.method, email, command.tried, now, need_click)
        if not choice.routes and any(candidate.reason is Reason.NEEDS_CLICK for candidate in choice.candidates):
            return refuse(Refusal.NO_ROUTE, "what is left needs the buyer's click")  # the page offers it; nothing is wrong
        if not choice.routes:
            error = None if choice.only_email_missing else command.error or LastError.NO_ROUTE
            await tx.fetch(store.q.set_facts, [(payment.id, email, error)])
            reason = Refusal.EMAIL_REQUIRED if choice.only_email_missing else Refusal.NO_ROUTE
            return refuse(reason, "no route is left for this payment")
        if email != payment.email:
            await tx.fetch(store.q.set_facts, [(payment.id, email, payment.last_error)])
            payment = msgspec.structs.replace(payment, email=email)
        return Begun(payment, await self.insert(tx, payment, choice, command.method, earlier, now), True)

    async def choice(
        self,
        tx: Tx,
        payment: Payment,
        method: str | None,
        email: str | None,
        tried: frozenset[str],
        now: int,
        need_click: frozenset[str] = frozenset(),
    ) -> Choice:
        """The routes for a payment as of this batch."""
        found = (await self._directory.by_id(tx, [payment.merchant_id], now))[0]
        assert found.merchant is not None, "a payment has a merchant"
        wish = Wish(
            package=found.merchant.plan,
            amount_units=payment.amount_units,
            currency=payment.currency,
            method=method,
            bank_currency=bank_currency(payment),
            country=payment.country,
            has_email=email is not None,
            methods_off=found.merchant.methods_off,
            routes_off=frozenset(found.merchant.policy.routes_off),
            need_click=need_click,
            route_priority=found.merchant.policy.route_priority,
            tried=tried,
        )
        return choose(wish, found.platform.routes, self._rates)

    async def insert(self, tx: Tx, payment: Payment, choice: Choice, method: str | None, earlier: Sequence[Attempt], now: int) -> Attempt:
        """Write the row of an attempt by the first route of a choice."""
        route = choice.routes[0]
        attempt = Attempt(
            id=0,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            number=len(earlier) + 1,
            route=route.slug,
            provider=route.provider,
            method=method or route.methods[0],
            state=AttemptState.STARTED,
            operation_key=ids.operation_key(),
            provider_ref=None,
            handed_url=None,
            amount_units=payment.amount_units,
            currency=payment.currency,
            choice=msgspec.json.encode(choice.candidates).decode(),
            reason=None,
            asked=0,
            ask_at=now + self._orphaned_ms,
            started_at=now,
            doubted_at=None,
            ended_at=None,
        )
        written = {name: getattr(attempt, name) for name in store.q.insert_attempt.sqlite.params}
        rows = await tx.fetch(store.q.insert_attempt, **written)
        if self._door.counted:
            tx.facts.append(AttemptMoved(attempt.route, attempt.provider, attempt.state))
        return msgspec.structs.replace(attempt, id=rows[0]["id"])


def bank_currency(payment: Payment) -> str | None:
    """The currency that the shop asked a bank payment to be made in, if it did."""
    value = msgspec.json.decode(payment.details).get("bank_currency")
    return value if isinstance(value, str) else None


class Handed(msgspec.Struct, frozen=True):
    """The buyer goes on at `url`; None: there is nowhere to go, our page says how it stands."""

    url: str | None


class Starter:
    """Carries a buyer's choice to a provider."""

    def __init__(
        self, writer: Batcher, door: Door, beginner: Beginner, registry: Registry, sends: Mapping[str, Send], health: HealthBook
    ) -> None:
        self._writer, self._door, self._beginner, self._health = writer, door, beginner, health
        self._registry, self._sends = registry, sends
        self._running: set[asyncio.Task[None]] = set()
        self.observe: Callable[[str, str, int], None] | None = None  # (provider, kind of answer, milliseconds) of each start call

    async def start(self, command: StartAttempt, return_url: Callable[[Payment], str], callback_base: str) -> Handed | Refused:
        """Start, and go on to the next route as long as nothing can have been charged and nobody forbids it."""
        for _ in range(FALLBACKS_MAX):
            begun = await self._writer.submit(self._beginner.begin, command)
            if isinstance(begun, Refused):
                return begun
            if not begun.fresh:
                return Handed(begun.attempt.handed_url)
            pass_by("attempt.row_written")
            began_s = ticks()
            answer = await self._call(begun, return_url(begun.payment), callback_base)
            if self.observe is not None:
                self.observe(begun.attempt.provider, type(answer).__name__, round((ticks() - began_s) * 1000))
            pass_by("attempt.answered")
            if isinstance(answer, Unclear | NotSent):
                self._health.failed(begun.attempt.route, begun.attempt.started_at)
            else:
                self._health.succeeded(begun.attempt.route)
            given_up = await self._let_in(begun, answer)
            if isinstance(answer, Started):
                return Handed(answer.url)
            if not given_up or (isinstance(answer, Turned) and answer.decline_reason in NEVER_AGAIN):
                return Handed(None)
            error = LastError.PROVIDER_DECLINED if isinstance(answer, Turned) else LastError.PROVIDER_UNAVAILABLE
            command = msgspec.structs.replace(command, tried=command.tried | {begun.attempt.route}, error=error)
        return refuse(Refusal.NO_ROUTE)

    async def _call(self, begun: Begun, return_url: str, callback_base: str) -> StartAnswer:
        attempt, payment = begun.attempt, begun.payment
        order = Order(
            operation_key=attempt.operation_key,
            amount=payment.amount,
            method=attempt.method,
            return_url=return_url,
            callback_url=f"{callback_base}/callbacks/{attempt.provider}",
            email=payment.email,
            country=payment.country,
            description=payment.order_ref or payment.shop,
        )
        provider = self._registry.providers[attempt.provider]
        try:
            return await provider.start(order, attempt.route, self._sends[attempt.provider])
        except Exception as error:  # a provider's bug must not become a guess about money
            return Unclear(why=f"the provider's adapter failed: {type(error).__name__}", odd=True)

    async def _let_in(self, begun: Begun, answer: StartAnswer) -> bool:
        """Report the answer; True if the attempt is dead and the next route may be tried."""
        attempt = begun.attempt
        provider = self._registry.providers[attempt.provider]
        now_ask = HANDED_ASK_MS
        reports: list[Report]
        given_up = False
        base = Report(payment_id=attempt.payment_id, attempt_id=attempt.id, event=Event.DOUBTED, source=Source.ANSWER, happened_at=0)
        match answer:
            case Started():
                started = msgspec.structs.replace(base, event=Event.HANDED_OVER, provider_ref=answer.reference, handed_url=answer.url)
                reports = [msgspec.structs.replace(started, ask_at=attempt.started_at + now_ask)]
            case Turned():
                declined = msgspec.structs.replace(base, event=Event.DECLINED, why=answer.why, decline_reason=answer.decline_reason)
                reports, given_up = [declined], True
            case NotSent():
                reports, given_up = [_unavailable(base, answer.why)], True
            case Unclear() if not provider.abilities.start_moves_money and not answer.odd:
                # The buyer was not handed over, so nobody can pay it; its key stays known, money that still comes goes to review.
                reports, given_up = [_unavailable(base, answer.why)], True
                self._forget(provider.cancel(attempt.operation_key, self._sends[attempt.provider]))
            case _:
                reports = heard(attempt, answer, Source.ANSWER, attempt.started_at, 0)
        for report in reports:
            await self._writer.submit(self._door.advance, report)
        return given_up

    async def give_up(self, attempt: Attempt, now: int, *, final: bool = False) -> None:
        """The buyer wants another method: the attempt ends only if its provider confirms that it is dead. `final`: and with it
        the payment."""
        status: Status
        try:
            status = await self._registry.providers[attempt.provider].cancel(attempt.operation_key, self._sends[attempt.provider])
        except Exception as error:  # as in `_call`; the attempt stays, and is asked about when its time comes
            status = Unclear(why=f"the provider's adapter failed: {type(error).__name__}")
        for report in heard(attempt, status, Source.ANSWER, now, attempt.ask_at):
            if final and report.event in (Event.DECLINED, Event.CANCELLED):
                report = msgspec.structs.replace(report, final=True)
            await self._writer.submit(self._door.advance, report)

    def _forget(self, ending: Awaitable[object]) -> None:
        """Tell the provider that it may forget the operation; whatever it answers changes nothing for us."""

        async def end() -> None:
            try:
                await ending
            except Exception:
                return

        task = asyncio.get_running_loop().create_task(end())
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _unavailable(base: Report, why: str) -> Report:
    return msgspec.structs.replace(base, event=Event.CANCELLED, why=why, error=LastError.PROVIDER_UNAVAILABLE)
