"""The bytes of the requests that are sent: what a shop and a provider would send, built ahead so that sending costs next to nothing.

A source hands out one request after the other, for ever or until its supply ends. Amounts are minor units of EUR.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from paymux.keyring import Keyring
from paymux.money import decimal_text
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import transfer_txid

Kind = Literal["create", "status", "settle", "order", "rates", "plain"]

PROVIDER = "sandbox-alder"
SHOP = "shop.example.com"
CURRENCY = "EUR"
ORDER_ROUTE = "5d8e5f7c1c9d440000a1e7cc"  # of the exchange's fixtures: BTC to USDTTRC20


class Sending(msgspec.Struct, kw_only=True):
    """What one measured stretch sends. `keys`: one API key a merchant, the first for merchant 1.

    `first_id` and `count`: the payments to read or to settle; payment `id` belongs to merchant `1 + id % len(keys)`.
    `run` makes order numbers unique among stretches.
    """

    kind: Kind
    keys: list[str] = []
    first_id: int = 1
    count: int = 1
    run: int = 0
    secret_key: str = ""


def operation_key(payment_id: int) -> str:
    """The operation key of a prepared payment's attempt; `fill` writes the same."""
    return f"op_bench_{payment_id}"


def amount_units(payment_id: int) -> int:
    """The amount of a prepared payment; `fill` writes the same."""
    return 1000 + payment_id % 90_000


def merchant_of(payment_id: int, merchants: int) -> int:
    """Whose prepared payment it is; `fill` writes the same."""
    return 1 + payment_id % merchants


def source(sending: Sending) -> Iterator[bytes]:
    """The requests of a stretch."""
    match sending.kind:
        case "create":
            return _creates(sending)
        case "status":
            return _reads(sending)
        case "settle":
            return iter(_settles(sending))
        case "order":
            return itertools.repeat(_order())
        case "rates":
            return itertools.repeat(b"GET /service/api/v1/public/exchanger/route/get HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        case "plain":
            return itertools.repeat(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n")


def _creates(sending: Sending) -> Iterator[bytes]:
    """The manual's own example; every request is another order."""
    heads = [
        f"POST /gateway/session.php HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        "Accept: application/json\r\n"
        for key in sending.keys
    ]
    templates = []
    for number in range(500):
        body = msgspec.json.encode(
            {
                "amount": decimal_text(1000 + number * 137, 2),
                "currency": CURRENCY,
                "domain": SHOP,
                "order_id": f"ORD-{sending.run:06d}-#########",
                "email": "buyer@example.com",
                "country": "DE",
                "return_url": "https://shop.example.com/order/success",
                "cancel_url": "https://shop.example.com/checkout",
                "meta": {"source": "woocommerce"},
            }
        ).decode()
        text = f"{heads[number % len(heads)]}Content-Length: {len(body)}\r\n\r\n{body}"
        templates.append(text.replace("#########", "%09d").encode())
    for number in itertools.count():
        yield templates[number % 500] % number


def _order() -> bytes:
    """An order of the exchange, as an anonymous client makes it; two equal ones are two orders."""
    values = {"toValues": [{"key": "wallet", "value": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"}]}
    body = msgspec.json.encode({"routeId": ORDER_ROUTE, "amount": "0.1", "agreement": True, **values}).decode()
    path = "/service/api/v1/public/exchanger/order/create"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _reads(sending: Sending) -> Iterator[bytes]:
    """Prepared payments in random order, each by its own merchant."""
    chance = random.Random(sending.run)
    heads = [
        f"GET /gateway/session_status.php?session_id=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        "Accept: application/json\r\n\r\n".encode()
        for key in sending.keys
    ]
    while True:
        payment_id = sending.first_id + int(chance.random() * sending.count)
        yield heads[merchant_of(payment_id, len(heads)) - 1] % payment_id


def _settles(sending: Sending) -> Sequence[bytes]:
    """A provider's signed reports: the whole amount came. Each payment once."""
    keyring = Keyring(sending.secret_key)
    return [_settle(keyring, payment_id) for payment_id in range(sending.first_id, sending.first_id + sending.count)]


def _settle(keyring: Keyring, payment_id: int) -> bytes:
    key = operation_key(payment_id)
    reference = f"{key}.1"
    report = messages.Standing(
        operation_key=key,
        reference=f"ch_{payment_id:024x}",
        status="paid",
        transfers=[
            messages.SentTransfer(
                reference=reference,
                amount=decimal_text(amount_units(payment_id), 2),
                currency=CURRENCY,
                at=1_790_000_000_000 + payment_id,
                txid=transfer_txid(reference),
            )
        ],
    )
    body = msgspec.json.encode(report).decode()
    timestamp = str(1_790_000_000_000 + payment_id)
    signature = messages.sign(keyring, PROVIDER, timestamp, body)
    return (
        f"POST /callbacks/{PROVIDER} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"{messages.TIMESTAMP}: {timestamp}\r\n{messages.SIGNATURE}: {signature}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
