"""What an ETpay shop is told: `{"payment": "<jwt>"}`, signed with the session's own signature_token; and the other tokens of a session.

Source: ETpay's SDK for claims and key, programs of real shops for the body; the repeats and the time-out are ours. A notice is frozen with
the change that it tells, and everything later (the redirect, the status query) shows that very token.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec

from paymux import ids
from paymux.clock import SECOND, Clock
from paymux.dialects.etpay import jwt
from paymux.dialects.etpay.account import DIALECT, TRIES, about, details, payer
from paymux.dialects.etpay.outgoing import TOLD as OUTGOING_TOLD
from paymux.dialects.etpay.outgoing import PayoutAnswer, RefundFacts, payout_answer, refund_answer, refund_facts
from paymux.dialects.etpay.pages import NO_PAGES, page_path, transfer_pages
from paymux.dialects.etpay.statuses import SUCCESS, TOLD
from paymux.dialects.etpay.wire import Claims, amount_number
from paymux.keyring import Keyring
from paymux.payments.dialect import Dialect, Notice
from paymux.payments.model import Payment
from paymux.payouts.model import Payout, PayoutDialect, teller
from paymux.webhooks.model import Due, NoticeForm

DELAYS_S = (60, 240, 1_500, 5_400, 36_000)  # tries 1 min, 5 min, 30 min, 2 h and 12 h after the first
PROCESS = "auto"
REFUND_TOKEN_CHARS = 20

SIGNATURE = "X-Signature"
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


def headers(due: Due, secret: str, secrets: Sequence[str], now: int) -> Mapping[str, str]:
    """None with a payment's notice, which is signed in itself. What tells of a payout is signed with the merchant's webhook secret:
    hex of HMAC-SHA256 over the body."""
    return {} if due.payment_id is not None else {SIGNATURE: hmac.new(secret.encode(), due.body.encode(), sha256).hexdigest()}


FORM = NoticeForm(headers=headers, delays_s=DELAYS_S, accepted=lambda status: 200 <= status < 300)


class RefundBody(msgspec.Struct, frozen=True):
    refund: str


class PayoutBody(msgspec.Struct, frozen=True):
    payout: PayoutAnswer


def refund_record(keyring: Keyring, wall: Callable[[], int] = Clock.wall) -> PayoutDialect:
    """Refunds for the inside. Their notice is `{"refund": "<jwt>"}`: the refund as it is read, and `iat`, signed as the payment's."""

    def details_of(payment: Payment, refund_id: str) -> str:
        assert payment.reference is not None, "a session has its token"
        assert payment.order_ref is not None, "and the shop's own number"
        assert payment.outcome_ref is not None, "and the name of its outcome"
        found = RefundFacts(
            refund_id=refund_id,
            refund_token=ids.token(REFUND_TOKEN_CHARS),
            session_token=payment.reference,
            payment_token=payment.outcome_ref,
            merchant_order_id=payment.order_ref,
            signature=details(payment).signature,
        )
        return msgspec.json.encode(found).decode()

    def notice(refund: Payout) -> tuple[str, str] | None:
        word = OUTGOING_TOLD.get(refund.state)
        if word is None:
            return None
        facts = refund_facts(refund)
        iat = min(refund.ended_at or refund.updated_at, wall()) // SECOND
        said = {**msgspec.structs.asdict(refund_answer(refund)), "iat": iat}
        token = jwt.sign(_ENCODER.encode(said), keyring.decrypt(facts.signature, about(facts.session_token)))
        return word, msgspec.json.encode(RefundBody(token)).decode()

    return PayoutDialect(name=teller(DIALECT, refund=True), notice=notice, told=OUTGOING_TOLD, endpoint=True, refund_details=details_of)


def payout_notice(payout: Payout) -> tuple[str, str] | None:
    """`{"payout": {…}}`: the payout as it is read."""
    word = OUTGOING_TOLD.get(payout.state)
    return None if word is None else (word, _ENCODER.encode(PayoutBody(payout_answer(payout))).decode())


PAYOUT_RECORD = PayoutDialect(name=teller(DIALECT, refund=False), notice=payout_notice, told=OUTGOING_TOLD, endpoint=True)


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
