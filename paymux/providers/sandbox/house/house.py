"""The company half: a house in which the sandbox companies live, with their calls, the buyer's page and signed callbacks.

`api` is reached only inside the process (see transport.py), `pages` by browsers at /sandbox/…; `duty` makes happen what happens by
itself and makes the callbacks. Everything that waits reads the movable clock of the batch; only a hanging call waits in real time.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paymux import ids
from paymux.decline import DeclineReason
from paymux.keyring import Keyring
from paymux.money import currency, decimal_units
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import Act, Charge, State
from paymux.providers.sandbox.dialogue import Said
from paymux.providers.sandbox.firms import BANK, FIRMS, Firm
from paymux.providers.sandbox.house import books, page, talks
from paymux.providers.sandbox.house.books import Claimed, Deed, Opening, Question, Told
from paymux.providers.sandbox.magic import ORDINARY, SCRIPTS, Manner, cents_of
from paymux.providers.sandbox.messages import Fault, StartCall
from paymux.storage.writer import Batcher

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]  # path with query, headers, body -> HTTP status

HANGS_S = 120.0  # longer than any start call waits
CALLBACK_S = 15.0
BATCH = 50
FORM_BYTES_MAX = 4096
NONSENSE = b"<html><title>Maintenance</title>Everything is fine."

_REFERENCE = re.compile(r"[A-Za-z0-9]{24}")
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_REASONS = frozenset(DeclineReason)
_CLICKS = frozenset(Act) - {Act.ARRIVE, Act.CANCEL, Act.PAID_SETTLED}


class House:
    """All sandbox companies of an installation.

    `base_url`: where browsers reach us; None: the scheme and host of each callback URL. `wake` is called after a change that somebody
    should be told of, so that a worker need not wait for its next round.
    """

    def __init__(
        self,
        writer: Batcher,
        reader: Batcher,
        keyring: Keyring,
        base_url: str | None = None,
        wake: Callable[[], None] = lambda: None,
        hangs_s: float = HANGS_S,
    ) -> None:
        self._writer, self._reader, self._keyring = writer, reader, keyring
        self._base_url, self._wake, self._hangs_s = base_url, wake, hangs_s
        self.routes = [
            Route("/sandbox/pay/{reference:path}", self._show, methods=["GET"]),
            Route("/sandbox/pay/{reference:path}", self._click, methods=["POST"]),
            Route("/sandbox/static/{name}", self._static, methods=["GET"]),
        ]
        self.pages = Starlette(routes=self.routes)
        self.api = Starlette(
            routes=[
                Route(messages.CHARGES, self._start, methods=["POST"]),
                Route(messages.CHARGES + "/{key}", self._ask, methods=["GET"]),
                Route(messages.CHARGES + "/{key}/cancel", self._cancel, methods=["POST"]),
                Route(messages.CHARGES + "/{key}/dialogue", self._talk, methods=["POST"]),
            ]
        )

    # --- calls ---

    async def _start(self, request: Request) -> Response:
        firm = self._caller(request)
        if firm is None:
            return _fault(401, "unauthorized", "the token is not genuine")
        try:
            call = msgspec.json.decode(await request.body(), type=StartCall)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _fault(400, "bad_request", "the body cannot be read")
        charge = self._charge(firm, call)
        if isinstance(charge, str):
            return _fault(422, messages.NOT_ACCEPTED, charge)
        script = ORDINARY if charge.magic is None else SCRIPTS[charge.magic]
        if script.start is Manner.REFUSED:
            raise ConnectionRefusedError
        fresh = True
        if script.kept:
            opened = await self._writer.submit(books.start, Opening(charge, firm.charges_at_start))
            if opened.clash:
                return _fault(409, messages.KEY_REUSED, "the key belongs to another operation")
            charge, fresh = opened.charge, opened.fresh
            self._wake()
        match script.start if fresh else Manner.PLAIN:
            case Manner.HANGS:
                await asyncio.sleep(self._hangs_s)
                return _fault(504, "timeout", "this one hangs")
            case Manner.NONSENSE:
                return Response(NONSENSE, 200, media_type="text/html")
            case Manner.FAILS:
                return Response(NONSENSE, 500, media_type="text/html")
        return self._standing(charge)

    async def _ask(self, request: Request) -> Response:
        return await self._answer(request, books.ask)

    async def _cancel(self, request: Request) -> Response:
        return await self._answer(request, books.cancel)

    async def _answer(self, request: Request, verb: Callable[..., Awaitable[Sequence[Charge | None]]]) -> Response:
        firm, key = self._caller(request), request.path_params["key"]
        if firm is None:
            return _fault(401, "unauthorized", "the token is not genuine")
        charge = await self._writer.submit(verb, Question(firm.name, key)) if _KEY.fullmatch(key) else None
        if charge is None:
            return _fault(404, messages.UNKNOWN, "there is no such operation")
        if verb is books.ask and charge.magic is not None and SCRIPTS[charge.magic].asked_nonsense:
            return Response(NONSENSE, 200, media_type="text/html")
        return self._standing(charge)

    async def _talk(self, request: Request) -> Response:
        """A payer's step at the bank."""
        firm, key = self._caller(request), request.path_params["key"]
        if firm is None or firm.name != BANK:
            return _fault(401, "unauthorized", "the token is not genuine")
        try:
            said = msgspec.json.decode(await request.body(), type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _fault(400, "bad_request", "the body cannot be read")
        heard = await self._writer.submit(talks.hear_payers, talks.Spoken(key, said)) if _KEY.fullmatch(key) else None
        if heard is None:
            return _fault(404, messages.UNKNOWN, "there is no such operation")
        if heard.acted is not None:
            self._wake()
        if heard.broken:
            raise ConnectionResetError
        if heard.down:
            return _fault(503, messages.DOWN, "the bank does not serve now")
        if heard.refused is not None:
            return _fault(422, messages.NOT_ACCEPTED, "the bank refused", heard.refused)
        return Response(msgspec.json.encode(heard.reply), 200, media_type="application/json")

    def _caller(self, request: Request) -> Firm | None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        owner = messages.token_owner(self._keyring, shown) if scheme == "Bearer" else None
        return FIRMS.get(owner) if owner else None

    def _charge(self, firm: Firm, call: StartCall) -> Charge | str:
        """The charge that a start call asks for, or why the company does not do that: then nothing began."""
        known = currency(call.currency)
        units = decimal_units(call.amount, known.exponent) if known else None
        if known is None or not units:
            return "the amount cannot be charged"
        if firm.route.currencies and known.code not in firm.route.currencies:
            return "the currency is not taken"
        if call.method not in firm.route.methods:
            return "the method is not served"
        if firm.route.requires_email and not call.email:
            return "the buyer's e-mail is needed"
        if not _KEY.fullmatch(call.operation_key) or page.origin(call.callback_url) is None or not page.is_url(call.return_url):
            return "the key or a URL cannot be used"
        return Charge(
            operation_key=call.operation_key,
            reference=ids.token(24),
            provider=firm.name,
            amount_units=units,
            currency=known.code,
            method=call.method,
            description=call.description.replace("\0", ""),
            return_url=call.return_url,
            callback_url=call.callback_url,
            state=State.OPEN,
            magic=cents_of(units, known.exponent),
            created_at=0,
            updated_at=0,
        )

    def _standing(self, charge: Charge) -> Response:
        base = self._base_url or page.origin(charge.callback_url)
        body = messages.standing(charge, f"{base}/sandbox/pay/{charge.reference}")
        return Response(msgspec.json.encode(body), 200, media_type="application/json")

    # --- the buyer's page ---

    async def _show(self, request: Request) -> Response:
        charge = await self._found(request)
        return page.unknown() if charge is None else page.shown(charge)

    async def _click(self, request: Request) -> Response:
        charge = await self._found(request)
        if charge is None:
            return page.unknown()
        form = await _form(request)
        wanted, reason = form.get("do", ""), form.get("decline_reason", DeclineReason.UNKNOWN)
        if wanted not in _CLICKS:
            return page.shown(charge, 400, "That button is not known here. Nothing happened.")
        if reason not in _REASONS:
            return page.shown(charge, 400, "That reason is not known here. Nothing happened.")
        done = await self._writer.submit(books.act, Deed(charge.reference, Act(wanted), DeclineReason(reason)))
        if done is None:
            return page.unknown()
        if not done.allowed:
            return page.shown(done.charge, 409, "That is no longer possible. Nothing happened.")
        self._wake()
        return RedirectResponse(done.charge.return_url, 303, headers=page.SAFETY)

    async def _found(self, request: Request) -> Charge | None:
        reference = request.path_params["reference"]
        return await self._reader.submit(books.find, reference) if _REFERENCE.fullmatch(reference) else None

    async def _static(self, request: Request) -> Response:
        return page.stylesheet(request.path_params["name"])

    # --- what happens by itself ---

    async def duty(self, post: Post, batch: int = BATCH) -> int:
        """One bounded round: scripts whose time has come, then callbacks that are due. Returns how many; 0: nothing to do.

        `post` hands a callback to the core in this process and returns the HTTP status of its answer.
        """
        if not await self._reader.submit(books.anything_due, None):
            return 0
        happened = await self._writer.submit(books.advance_scripts, batch)
        claimed = await self._writer.submit(books.claim_callbacks, batch)
        lanes: dict[str, list[Claimed]] = defaultdict(list)
        for callback in claimed:
            lanes[callback.operation_key].append(callback)
        await asyncio.gather(*(self._deliver(lane, post) for lane in lanes.values()))
        return happened + len(claimed)

    async def _deliver(self, lane: Sequence[Claimed], post: Post) -> None:
        """The callbacks of one operation, one after the other."""
        for callback in lane:
            acknowledged = await self._acknowledged(callback, post)
            await self._writer.submit(books.record_callbacks, Told(callback, acknowledged))

    async def _acknowledged(self, callback: Claimed, post: Post) -> bool:
        timestamp = str(callback.now)
        headers = {
            "content-type": "application/json",
            messages.TIMESTAMP: timestamp,
            messages.SIGNATURE: messages.sign(self._keyring, callback.provider, timestamp, callback.body),
        }
        parts = urlsplit(callback.callback_url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            async with asyncio.timeout(CALLBACK_S):
                return 200 <= await post(path, headers, callback.body.encode()) < 300
        except Exception:  # whatever went wrong over there, the callback comes again
            return False


def _fault(status: int, error: str, why: str, decline_reason: DeclineReason | None = None) -> Response:
    body = msgspec.json.encode(Fault(error=error, why=why, decline_reason=decline_reason))
    return Response(body, status, media_type="application/json")


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field of a small form; empty if it cannot be read."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                return {}
        return {name: values[0] for name, values in parse_qs(body.decode("ascii"), max_num_fields=10).items()}
    except (ClientDisconnect, ValueError):
        return {}
