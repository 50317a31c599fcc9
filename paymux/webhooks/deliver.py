"""Deliver notices: claim what is due, send it, record the answer, until asked to stop.

A try is one POST of the stored body's exact bytes; accepted is what the dialect's form accepts (never a redirect), within
`timeout_s`. While two secrets sign, the current one signs first; a receiver that answers 400, 401 or 403 gets the same
delivery at once again, signed by the one before. At least once, not exactly once: a crash or a lost answer means that the
same delivery id is sent again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from paymux import seams
from paymux.clock import Clock
from paymux.errors import PaymuxError
from paymux.http.call import Call, Reply, Unreachable
from paymux.http.client import Client
from paymux.keyring import Keyring
from paymux.storage.writer import Batcher
from paymux.webhooks import store
from paymux.webhooks.lanes import Lanes
from paymux.webhooks.model import ANSWER_BYTES_MAX, Answered, Claimed, Due, NoticeForm, kept, secret_about
from paymux.webhooks.schedule import DELAYS_S, next_try
from paymux.webhooks.sign import standard_headers

IDLE_S = 0.5  # how long a commit of another process may stay unnoticed
RECORD_PAUSE_S = 0.5  # between two efforts to record an answer
STOP_SENDING_S = 5.0  # what sendings get to end by themselves
STOP_RECORDING_S = 2.0
LEASE_MARGIN_S = 1.0  # kept for recording
_REFUSES_SIGNATURE = frozenset({400, 401, 403})
_SILENCE = frozenset({"timeout", "refused", "dns", "tls", "protocol"})  # the receiver's silence; other kinds are our own refusals

log = structlog.get_logger()


class CannotSend(PaymuxError):
    """A notice cannot become a request; the text says why, for the merchant's log of answers."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A claimed notice on its way. While `sending`, nothing of it is in the database yet."""

    claimed: Claimed
    sending: bool = True


class Deliverer:
    """The delivery of notices by one process. `writer` is best its own: recording locks notices that a payment's change also
    locks, and in one transaction with other payments' changes the two could wait for each other."""

    def __init__(
        self,
        *,
        writer: Batcher,
        client: Client,
        keyring: Keyring,
        forms: Mapping[str, NoticeForm],
        clock: Clock,
        retry_scale: Decimal = Decimal(1),
        timeout_s: float = 10.0,
        lease_s: float = 20.0,
        concurrency: int = 256,
        per_endpoint: int = 8,
    ) -> None:
        self._writer, self._client, self._keyring, self._forms, self._clock = writer, client, keyring, forms, clock
        self._retry_scale, self._timeout_s, self._lease_s = retry_scale, timeout_s, lease_s
        self._lanes = Lanes(concurrency, per_endpoint)
        self._flights: dict[asyncio.Task[None], _Flight] = {}
        self._woken = asyncio.Event()
        self.observe: Callable[[str, float], None] | None = None  # (outcome, seconds) of each try, once it is recorded

    def wake(self) -> None:
        """Something was committed that may be due: look now."""
        self._woken.set()

    @property
    def in_flight(self) -> int:
        """Notices on their way."""
        return len(self._flights)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; returns when nothing is on its way any more, within about seven seconds."""
        waker = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set():
                self._woken.clear()
                if not await self._take():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(IDLE_S):
                            await self._woken.wait()
            await self._land()
        finally:
            waker.cancel()
            for task in self._flights:
                task.cancel()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.wake()

    async def _take(self) -> bool:
        """Claim and start sending; whether there may be more."""
        limit = self._lanes.free()
        if limit <= 0:
            return False
        wish = store.Claim(limit=limit, room_each=self._lanes.places_each, rooms=self._lanes.rooms(), lease_ms=round(self._lease_s * 1000))
        try:
            claimed = await self._writer.submit(store.claim, wish)
        except Exception:  # whatever it is: what was claimed falls free with its lease, and the next look comes soon
            log.warning("notice.claim_failed", exc_info=True)
            return False
        for one in claimed:
            flight = _Flight(one)
            task = asyncio.create_task(self._fly(flight))
            self._flights[task] = flight
            self._lanes.take(one.endpoint_id)
            task.add_done_callback(self._left)
        return bool(claimed)

    def _left(self, task: asyncio.Task[None]) -> None:
        flight = self._flights.pop(task)
        self._lanes.leave(flight.claimed.endpoint_id)
        if not task.cancelled() and (error := task.exception()):
            log.error("notice.delivery_broke", notice=flight.claimed.id, exc_info=error)
        self.wake()  # a place is free, and perhaps the payment's next notice is due

    async def _fly(self, flight: _Flight) -> None:
        answered = await self._try(flight.claimed)
        flight.sending = False
        recorded = await self._record(answered)
        if self.observe is not None:
            self.observe(_outcome(flight.claimed, answered) if recorded else "lost", answered.took_ms / 1000)

    async def _record(self, answered: Answered) -> bool:
        """Recording is safe to repeat: the lease it ends is its guard. False if the lease was lost."""
        while True:
            try:
                recorded = await self._writer.submit(store.record, answered)
            except Exception:
                log.warning("notice.record_failed", notice=answered.id, exc_info=True)
                if Clock.wall() >= answered.leased_until:
                    return False
                await asyncio.sleep(RECORD_PAUSE_S)
            else:
                if not recorded:
                    log.warning("notice.lease_lost", notice=answered.id)
                return recorded

    async def _try(self, claimed: Claimed) -> Answered:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        outcome: Reply | Unreachable | None = None
        form = self._forms.get(claimed.dialect)
        try:
            calls = self._calls(claimed, form)
        except PaymuxError as fault:
            error: str | None = str(fault)
        else:
            seams.pass_by("notice.before_send")
            timeout_s = min(self._timeout_s, form.timeout_s) if form and form.timeout_s else self._timeout_s
            outcome = await self._send(claimed.endpoint_id, calls[0], timeout_s)
            repeated = False
            for call in calls[1:]:
                left_s = self._lease_s - LEASE_MARGIN_S - (loop.time() - started_s)
                if isinstance(outcome, Reply) and outcome.status in _REFUSES_SIGNATURE and left_s > 0:
                    outcome, repeated = await self._send(claimed.endpoint_id, call, min(timeout_s, left_s)), True
            seams.pass_by("notice.after_send")
            error = _fault(outcome, form, repeated)
        reply = outcome if isinstance(outcome, Reply) else None
        return Answered(
            id=claimed.id,
            payment_id=claimed.payment_id,
            leased_until=claimed.leased_until,
            url=claimed.url,
            accepted=error is None,
            status=reply.status if reply else None,
            answer=kept(reply.body) if reply else "",
            error=error,
            took_ms=round((loop.time() - started_s) * 1000),
            delays_s=form.delays_s if form else DELAYS_S,
            scale=self._retry_scale,
            order_uid=claimed.order_uid,
        )

    async def _send(self, endpoint_id: int, call: Call, timeout_s: float) -> Reply | Unreachable:
        outcome = await self._client.send(replace(call, timeout_s=timeout_s))
        if isinstance(outcome, Reply):
            self._lanes.answered(endpoint_id)
        elif outcome.kind in _SILENCE:
            self._lanes.stayed_silent(endpoint_id)
        return outcome

    def _calls(self, claimed: Claimed, form: NoticeForm | None) -> list[Call]:
        """The request, once per secret where the dialect signs with it; `CannotSend`, or the keyring's own reason."""
        if form is None:
            raise CannotSend(f"this server has no dialect {claimed.dialect}")
        if not claimed.url:
            raise CannotSend("the endpoint has no URL")
        due = Due(
            id=claimed.id,
            merchant_id=claimed.merchant_id,
            payment_id=claimed.payment_id,
            dialect=claimed.dialect,
            word=claimed.word,
            delivery=claimed.delivery,
            body=claimed.body,
            tries=claimed.tries,
            endpoint_id=claimed.endpoint_id,
            url=claimed.url,
            secrets=self._secrets(claimed),
            created_at=claimed.created_at,
        )
        try:
            standard = standard_headers(due.delivery, due.body, due.secrets, Clock.wall())
            now = self._clock.now()
            calls = [self._call(due, form.headers(due, secret, due.secrets, now), standard) for secret in due.secrets]
            return [calls[0], *(one for one in calls[1:] if one != calls[0])]  # the same bytes again would only be a second try
        except Exception as error:  # a fault of ours must not turn into a loop of leases that run out
            log.exception("notice.unsignable", notice=due.id)
            raise CannotSend(f"the request could not be built ({type(error).__name__})") from error

    @staticmethod
    def _call(due: Due, own: Mapping[str, str], standard: Mapping[str, str]) -> Call:
        headers = {"Content-Type": "application/json", **standard, **own}
        return Call("POST", due.url, headers, due.body.encode(), body_max_bytes=ANSWER_BYTES_MAX, keep_first=True)

    def _secrets(self, claimed: Claimed) -> tuple[str, ...]:
        about = secret_about(claimed.merchant_id)
        secrets = [self._keyring.decrypt(claimed.sealed[0], about)]
        for sealed in claimed.sealed[1:]:
            try:
                secrets.append(self._keyring.decrypt(sealed, about))
            except PaymuxError as fault:  # the current one signs; the one before was only a courtesy
                log.warning("notice.previous_unreadable", notice=claimed.id, fault=str(fault))
        return tuple(secrets)

    async def _land(self) -> None:
        """Let sendings end; those that do not are let go, and their leases with them, so that they are sent again at once."""
        if self._flights:
            await asyncio.wait(list(self._flights), timeout=STOP_SENDING_S)
        hanging = {task: flight.claimed for task, flight in self._flights.items() if flight.sending}
        for task in hanging:
            task.cancel()
        if hanging:
            await asyncio.wait(list(hanging))
            await self._release(list(hanging.values()))
        if self._flights:
            await asyncio.wait(list(self._flights), timeout=STOP_RECORDING_S)

    async def _release(self, claims: Sequence[Claimed]) -> None:
        leases = [store.Lease(claimed.id, claimed.leased_until) for claimed in claims]
        done = asyncio.gather(*(self._writer.submit(store.release, lease) for lease in leases), return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_RECORDING_S):
                for outcome in await done:
                    if isinstance(outcome, BaseException):
                        log.warning("notice.release_failed", fault=str(outcome))


def _outcome(claimed: Claimed, answered: Answered) -> str:
    """What a recorded try came to, in the words of whoever counts."""
    if answered.accepted:
        return "delivered"
    return "given_up" if next_try(claimed.tries + 1, answered.delays_s, answered.scale, 0) is None else "failed"


def _fault(outcome: Reply | Unreachable, form: NoticeForm | None, repeated: bool) -> str | None:
    """Why a try was not accepted; None if it was."""
    if isinstance(outcome, Unreachable):
        return outcome.detail
    redirect = 300 <= outcome.status < 400
    if form is not None and form.accepted(outcome.status) and not redirect:
        return None
    notes = (["redirects are not followed"] if redirect else []) + (["signed with both secrets in turn"] if repeated else [])
    return f"HTTP {outcome.status}" + "".join(f"; {note}" for note in notes)
