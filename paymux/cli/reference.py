"""How people name a payment on the command line: a dialect's own words behind its name, such as `ecomtrade24:1459`.

A bare number is the payment's id inside. Each dialect of the table says how its part is read.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paymux.cli.run import ID_MAX, Declined, bad_option

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.payments.model import Payment


@dataclass(frozen=True, slots=True)
class Reference:
    """`shape` for people; `find`: the payment's id, None if the text is not of that shape; `word`: the wire's word for a state."""

    shape: str
    find: "Callable[[Core, str], Awaitable[int | None]]"
    word: "Callable[[Payment, int], str]"
    name: "Callable[[Payment], str]"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 and 1 <= int(text) <= ID_MAX else None


async def _session(core: "Core", text: str) -> int | None:
    return _number(text)


def _session_word(payment: "Payment", now: int) -> str:
    from paymux.dialects.ecomtrade24 import statuses

    return statuses.word(payment.state, payment.expires_at, now)


async def _payin(core: "Core", text: str) -> int | None:
    """`<merchantCode>/<idPayin>`; 0 names no payment."""
    from paymux.payments.read import by_reference

    name = await echelon_reference(core, text)
    if name is None:
        return 0 if "/" in text else None
    payment = await core.reader.submit(by_reference, ("echelon", name))
    return payment.id if payment is not None else 0


async def echelon_reference(core: "Core", text: str) -> str | None:
    """The core's name behind `<merchantCode>/<id>` (or the merchant's number instead of its code); None if there is no such merchant."""
    from paymux.merchants.profiles import Profiles

    code, _, entity = text.partition("/")
    seen = await core.reader.submit(Profiles().by_code, ("echelon", code))
    merchant_id = _number(code) if seen.merchant is None else seen.merchant.merchant_id
    return f"{merchant_id}/{entity}" if merchant_id is not None and entity else None


def _payin_word(payment: "Payment", now: int) -> str:
    from paymux.dialects.echelon import statuses

    return statuses.word(payment, now)


async def _token(core: "Core", text: str) -> int | None:
    found = await core.reads.by_reference("etpay", text) if text.isascii() and text.isalnum() and len(text) <= 128 else None
    return None if found is None else found.id


def _end_word(payment: "Payment", now: int) -> str:
    from paymux.dialects.etpay.statuses import ERROR, RUNNING, WORDS
    from paymux.payments.decide import overdue

    return ERROR if overdue(payment, now) else WORDS[payment.state] or RUNNING


REFERENCES: Mapping[str, Reference] = {
    "ecomtrade24": Reference("ecomtrade24:1459", _session, _session_word, lambda payment: f"ecomtrade24:{payment.id}"),
    "echelon": Reference("echelon:M000001/ORDER-1", _payin, _payin_word, lambda payment: f"echelon:{payment.reference}"),
    "etpay": Reference("etpay:<session token>", _token, _end_word, lambda payment: f"etpay:{payment.reference}"),
}


async def payment_named(core: "Core", text: str, option: str = "payment") -> "Payment":
    """The payment of a reference, or the end of the command."""
    dialect, colon, rest = text.partition(":")
    shapes = ", ".join(reference.shape for reference in REFERENCES.values())
    if colon:
        if dialect not in REFERENCES:
            raise bad_option(option, f"{dialect!r} is no API of this gateway; write {shapes}")
        payment_id = await REFERENCES[dialect].find(core, rest)
    else:
        payment_id = _number(text)
    if payment_id is None:
        raise bad_option(option, f"{text!r} names no payment; write {shapes}")
    payment = await core.reads.by_id(payment_id)
    if payment is None or (colon and payment.dialect != dialect):
        raise Declined(f"there is no payment {text}")
    return payment


def name_of(payment: "Payment") -> str:
    """The reference of a payment."""
    return REFERENCES[payment.dialect].name(payment)


def word_of(payment: "Payment", now: int) -> str:
    """What the payment's shop calls its state."""
    return REFERENCES[payment.dialect].word(payment, now)
