"""What an EcomTrade24 shop is told: the body of a notice, its signatures, its event. Pure.

Source: EcomTrade24's manual for the fields, the two signature headers and HMAC-SHA256 over the raw bytes; a live delivery for the
rest of the fields and their order; the third header, the event's and the delivery's are ours.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from paymux import clock
from paymux.dialects.ecomtrade24.answers import amount_text
from paymux.dialects.ecomtrade24.mode import DIALECT, details
from paymux.dialects.ecomtrade24.pages import PAGES, page_path
from paymux.dialects.ecomtrade24.statuses import EVENTS, TEST, WORDS
from paymux.payments.dialect import Dialect, Notice
from paymux.payments.model import Payment
from paymux.webhooks.model import Due, NoticeForm
from paymux.webhooks.schedule import DELAYS_S


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One notice; the field order is the wire's."""

    event: str
    session_id: int
    order_id: str | None
    status: str
    amount: str
    currency: str
    email: str | None
    txid: str | None
    merchant_id: int
    shop_domain: str
    sent_at: str
    provider: str = DIALECT  # the gateway's own name, never a provider's
    test: bool
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def notice(payment: Payment, now: int) -> Notice | None:
    """The notice of a payment's state, frozen as it is now; None if shops are not told of it."""
    word = WORDS[payment.state]
    if word not in EVENTS:
        return None
    body = Body(
        event=EVENTS[word],
        session_id=payment.id,
        order_id=payment.order_ref,
        status=word,
        amount=amount_text(payment.amount),
        currency=payment.currency,
        email=payment.email,
        txid=payment.settled_txid or payment.txid_in,
        merchant_id=payment.merchant_id,
        shop_domain=payment.shop,
        sent_at=clock.iso(now),
        test=False,
        meta=msgspec.UNSET if payment.meta is None else msgspec.Raw(payment.meta.encode()),
    )
    return Notice(word, msgspec.json.encode(body).decode(), details(payment).webhook_url)


def test_body(merchant_id: int, shop: str, order_id: str, now: int) -> str:
    """The body of a test delivery, as one was seen live."""
    body = Body(
        event=EVENTS[TEST],
        session_id=0,
        order_id=order_id,
        status=TEST,
        amount="0.00",
        currency="USD",
        email=None,
        txid=None,
        merchant_id=merchant_id,
        shop_domain=shop,
        sent_at=clock.iso(now),
        test=True,
    )
    return msgspec.json.encode(body).decode()


def signature(body: bytes, secret: str) -> str:
    """Bare lower-case hex HMAC-SHA256 of the raw bytes; the key is the secret's UTF-8 text, even where it looks like hex."""
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def headers(due: Due, secret: str, secrets: Sequence[str], now: int) -> Mapping[str, str]:
    """The documented headers, signed by one secret."""
    signed = signature(due.body.encode(), secret)
    return {
        "X-EcomTrade24-Signature": signed,
        "X-Signature": signed,
        "X-Webhook-Signature": signed,
        "X-EcomTrade24-Event": EVENTS[due.word],
        "X-EcomTrade24-Delivery": due.delivery,
    }


FORM = NoticeForm(headers=headers, delays_s=DELAYS_S, accepted=lambda status: 200 <= status < 300)


RECORD = Dialect(
    name=DIALECT,
    tries=None,
    notice=notice,
    told={state: word for state, word in WORDS.items() if word in EVENTS},
    form=FORM,
    page_path=page_path,
    pages=PAGES,
)
