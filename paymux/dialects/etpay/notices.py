"""What an ETpay shop is told: `{"payment": "<jwt>"}`, signed with the session's own signature_token; and the other tokens of a session.

Source: ETpay's SDK for claims and key, programs of real shops for the body; the repeats and the time-out are ours. A notice is frozen with
the change that it tells, and everything later (the redirect, the status query) shows that very token.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from paymux.clock import SECOND, Clock
from paymux.dialects.etpay import jwt
from paymux.dialects.etpay.account import DIALECT, TRIES, about, details, payer
from paymux.dialects.etpay.pages import NO_PAGES, page_path, transfer_pages
from paymux.dialects.etpay.statuses import SUCCESS, TOLD
from paymux.dialects.etpay.wire import Claims
from paymux.keyring import Keyring
from paymux.money import Money, decimal_text
from paymux.payments.dialect import Dialect, Notice
from paymux.payments.model import Payment
from paymux.webhooks.model import NoticeForm

DELAYS_S = (60, 240, 1_500, 5_400, 36_000)  # tries 1 min, 5 min, 30 min, 2 h and 12 h after the first
PROCESS = "auto"

FORM = NoticeForm(headers=lambda due, secret, secrets, now: {}, delays_s=DELAYS_S, accepted=lambda status: 200 <= status < 300)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Body(msgspec.Struct, frozen=True):
    payment: str


class SystemError(msgspec.Struct, frozen=True):
    """The claims of the token that a browser carries when something broke under it."""

    session_token: str
    system_error: bool
    iat: int


def claims(payment: Payment, word: str, iat: int) -> Claims:
    """What is said of an ended payment. `iat` in seconds."""
    facts, who = details(payment), payer(payment)
    assert payment.reference is not None, "a session has its token"
    assert payment.order_ref is not None, "and the shop's own number"
    assert payment.outcome_ref is not None, "and the name of its outcome"
    return Claims(
        session_token=payment.reference,
        merchant_account_bank=facts.account_bank,
        merchant_account_type=facts.account_type,
        merchant_account=facts.account,
        merchant_name=facts.merchant_name,
        merchant_currency=payment.currency,
        merchant_order_id=payment.order_ref,
        merchant_amount=amount_number(payment.amount),
        user_bank=who.bank,
        user_rut=who.rut,
        user_account=who.account,
        payment_token=payment.outcome_ref,
        payment_status=(word == SUCCESS) if facts.boolean_status else word,
        payment_process=PROCESS,
        iat=iat,
    )


def amount_number(amount: Money) -> Decimal | int:
    """Whole currency units as a JSON number: 50000, 39, 39.5."""
    number = Decimal(decimal_text(amount.units, amount.currency.exponent))
    return int(number) if number == number.to_integral_value() else number.normalize()


def record(keyring: Keyring, wall: Callable[[], int] = Clock.wall) -> Dialect:
    """This dialect for the inside. `wall`: a token is never dated later than the clock on the wall, whatever the sandbox's clock says,
    because receivers refuse tokens of the future."""

    def notice(payment: Payment, now: int) -> Notice | None:
        word = TOLD.get(payment.state)
        if word is None:
            return None
        token = jwt.sign(_ENCODER.encode(claims(payment, word, min(now, wall()) // SECOND)), signature_of(keyring, payment))
        return Notice(word, msgspec.json.encode(Body(token)).decode(), details(payment).webhook_url)

    return Dialect(
        name=DIALECT,
        tries=TRIES,
        notice=notice,
        told=TOLD,
        form=FORM,
        page_path=page_path,
        pages=NO_PAGES,
        transfer=transfer_pages(token_of, lambda payment: system_error(payment, wall())),
    )


def signature_of(keyring: Keyring, payment: Payment) -> str:
    """The session's signature_token."""
    assert payment.reference is not None, "a session has its token"
    return keyring.decrypt(details(payment).signature, about(payment.reference))


def system_error(payment: Payment, now: int) -> str:
    """The token that says that something broke: signed with the session's token instead of its signature_token."""
    assert payment.reference is not None, "a session has its token"
    return jwt.sign(msgspec.json.encode(SystemError(payment.reference, True, now // SECOND)), payment.reference)


def token_of(body: str) -> str:
    """The token in a notice's body."""
    return msgspec.json.decode(body, type=Body).payment
