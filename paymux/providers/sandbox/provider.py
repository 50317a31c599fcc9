"""The client half: builds calls to a sandbox company and reads its replies, as an adapter to a real company would.

Whatever is not exactly what the company promises is `Unclear`; only its own words say that no money moved.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from paymux.decline import DeclineReason
from paymux.http.call import Call, Reply, Unreachable
from paymux.keyring import Keyring
from paymux.money import Money, currency, decimal_text, decimal_units
from paymux.providers.protocol import (
    Callback,
    Cancelled,
    Flagged,
    NotFound,
    NotSent,
    Order,
    Pending,
    Provider,
    Received,
    Send,
    StartAnswer,
    Started,
    Status,
    Transfer,
    Turned,
    Unclear,
    Waiting,
)
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import State
from paymux.providers.sandbox.firms import FIRMS, Firm
from paymux.providers.sandbox.messages import Fault, SentTransfer, Standing, StartCall

TIMEOUT_S = 10.0
NAME_CHARS_MAX = 200
AT_MAX = 253_402_300_799_999  # the end of the year 9999

S = TypeVar("S", bound=msgspec.Struct)

_TXID = re.compile(r"0x[0-9a-f]{64}")
_DIGITS = re.compile(r"[0-9]{1,15}")
_HEX = re.compile(r"[0-9a-f]{64}")


class SandboxProvider:
    """One sandbox company, seen from our side."""

    def __init__(self, firm: Firm, keyring: Keyring, timeout_s: float = TIMEOUT_S) -> None:
        self.name, self.abilities = firm.name, firm.abilities
        self._keyring, self._timeout_s = keyring, timeout_s

    async def start(self, order: Order, route: str, send: Send) -> StartAnswer:
        """Begin a charge; the same operation key again answers how the first one stands."""
        assert route in {each.slug for each in self.abilities.routes}, f"{self.name} has no route {route}"
        body = StartCall(
            operation_key=order.operation_key,
            amount=decimal_text(order.amount.units, order.amount.currency.exponent),
            currency=order.amount.currency.code,
            method=order.method,
            description=order.description,
            return_url=order.return_url,
            callback_url=order.callback_url,
            email=order.email,
        )
        reply = await send(self._call("POST", messages.CHARGES, msgspec.json.encode(body)))
        if isinstance(reply, Unreachable):
            return Unclear(why=reply.detail) if reply.sent else NotSent(why=reply.detail)
        if reply.status == 422 and (fault := _read(reply.body, Fault)) and fault.error == messages.NOT_ACCEPTED:
            return Turned(why=fault.why, decline_reason=DeclineReason.of(fault.decline_reason))
        found = self._standing(reply, order.operation_key)
        if isinstance(found, Unclear):
            return found
        match status := _status(found):
            case Waiting():
                if not _is_page(found.url) or found.url is None:
                    return _odd("no page for the buyer")
                return Started(reference=found.reference, url=found.url)
            case Cancelled():
                return Turned(why="the operation ended before")
            case Flagged() | NotFound():
                return Unclear(why="a person is to decide")
            case _:
                return status

    async def ask(self, operation_key: str, send: Send) -> Status:
        """How a charge stands."""
        return self._heard(await send(self._call("GET", _path(operation_key))), operation_key)

    async def cancel(self, operation_key: str, send: Send) -> Status:
        """End a charge that waits for its buyer; every other one stays as it is."""
        return self._heard(await send(self._call("POST", f"{_path(operation_key)}/cancel")), operation_key)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback | None:
        """Check and read a report. Its age is not judged: the sandbox's clock may be moved."""
        lower = {name.lower(): value for name, value in headers.items()}
        timestamp, signature = lower.get(messages.TIMESTAMP, ""), lower.get(messages.SIGNATURE, "")
        if not _DIGITS.fullmatch(timestamp) or not _HEX.fullmatch(signature):
            return None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return None
        if not messages.signature_ok(self._keyring, self.name, timestamp, text, signature):
            return None
        found = _read(body, Standing)
        return None if found is None else Callback(operation_key=found.operation_key, status=_status(found))

    def _call(self, method: str, path: str, body: bytes = b"") -> Call:
        headers = {"Authorization": f"Bearer {messages.token(self._keyring, self.name)}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        return Call(method, messages.HOST + path, headers, body, timeout_s=self._timeout_s)

    def _heard(self, reply: Reply | Unreachable, operation_key: str) -> Status:
        if isinstance(reply, Unreachable):
            return Unclear(why=reply.detail)
        # A 404 by itself may come from anything on the way; only the company's own word says that it knows no such key.
        if reply.status == 404 and (fault := _read(reply.body, Fault)) and fault.error == messages.UNKNOWN:
            return NotFound()
        found = self._standing(reply, operation_key)
        return found if isinstance(found, Unclear) else _status(found)

    def _standing(self, reply: Reply, operation_key: str) -> Standing | Unclear:
        """The company's answer about this very operation."""
        if reply.status != 200:
            return _odd(f"HTTP {reply.status}")
        found = _read(reply.body, Standing)
        if found is None:
            return _odd("a body that cannot be read")
        if found.operation_key != operation_key or not 0 < len(found.reference) <= NAME_CHARS_MAX:
            return _odd("an answer about something else")
        return found


def sandbox_providers(keyring: Keyring, timeout_s: float = TIMEOUT_S) -> dict[str, Provider]:
    """Every sandbox provider by its name. `timeout_s`: how long each call may take."""
    return {name: SandboxProvider(firm, keyring, timeout_s) for name, firm in FIRMS.items()}


def _path(operation_key: str) -> str:
    return f"{messages.CHARGES}/{quote(operation_key, safe='')}"


def _read(body: bytes, kind: type[S]) -> S | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _odd(what: str) -> Unclear:
    return Unclear(why=f"the provider's answer makes no sense: {what}", odd=True)


def _status(found: Standing) -> Status:
    """The protocol's word; `Unclear` for words, amounts and combinations that we do not know."""
    try:
        state = State(found.status)
    except ValueError:
        return _odd("an unknown status")
    if state is State.PAID:
        return _received(found)
    if found.transfers or found.settled_txid is not None:
        return _odd(f"money with the status {state}")
    match state:
        case State.OPEN:
            return Waiting()
        case State.PENDING:
            return Pending()
        case State.DECLINED:
            return Turned(why="declined by the provider", decline_reason=DeclineReason.of(found.decline_reason))
        case State.REVIEW:
            return Flagged()
        case State.CANCELLED | State.EXPIRED:
            return Cancelled()


def _received(found: Standing) -> Status:
    transfers = _transfers(found.transfers)
    if transfers is None:
        return _odd("a transfer that cannot be read")
    if found.settled_txid is not None and not _TXID.fullmatch(found.settled_txid):
        return _odd("a settlement that cannot be read")
    return Received(transfers=transfers, settled_txid=found.settled_txid)


def _transfers(sent: Sequence[SentTransfer]) -> tuple[Transfer, ...] | None:
    """Every transfer, or None if there is none or one of them is wrong."""
    found: dict[str, Transfer] = {}
    for one in sent:
        known = currency(one.currency)
        units = decimal_units(one.amount, known.exponent) if known else None
        named = 0 < len(one.reference) <= NAME_CHARS_MAX and one.reference not in found
        if not known or not units or not named or not 0 <= one.at <= AT_MAX or not _TXID.fullmatch(one.txid):
            return None
        found[one.reference] = Transfer(reference=one.reference, amount=Money(units, known), happened_at=one.at, txid=one.txid)
    return tuple(found.values()) or None


def _is_page(url: str | None) -> bool:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
