"""The exchanger's notice (IPN): a form, sent once; its checksum covers seven fields and the order's IPN secret.

Source: the vendor's manual and an installation's page, which has the example below. That the checksum travels as the last field `hash` is
ours: the documents show how to compute it and name no field for it.

>>> checksum("5d8e6002b80b7b4cd75a6424", "inProgress", "2", "317.42", "ETH", "WMZ", "1571328406072", "SECRET123")[:8]
'af3acf94'
"""

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import quote

from paymux.exchange.model import Order, Value, trimmed
from paymux.exchange.notify import Form
from paymux.money import decimal_text
from paymux.webhooks.model import Due, NoticeForm
from paymux.webhooks.schedule import DELAYS_S

ONCE, RELIABLE = "exchanger", "exchanger_reliable"
TIMEOUT_S = 5


def checksum(*fields: str) -> str:
    """Lower-case hex SHA-256 of the fields joined by ":"."""
    return sha256(":".join(fields).encode()).hexdigest()


def amounts(order: Order) -> tuple[str, str]:
    """What is given and received, as plain decimals without trailing zeros."""
    details = order.details
    return (
        trimmed(decimal_text(order.in_units, details.from_decimals)),
        trimmed(decimal_text(order.out_units, details.to_decimals)),
    )


def form(
    uid: int,
    order_id: str,
    status: str,
    given: str,
    received: str,
    codes: tuple[str, str],
    at: int,
    values: Sequence[Value],
    secret: str | None,
) -> str:
    """The body: fields in the manual's order, percent-encoded."""
    fields = [
        ("orderUID", str(uid)),
        ("orderId", order_id),
        ("newStatus", status),
        ("inAmount", given),
        ("outAmount", received),
        ("xml_from", codes[0]),
        ("xml_to", codes[1]),
        ("timestamp", str(at)),
    ]
    for index, value in enumerate(values):
        fields += [(f"toValues[{index}][{name}]", getattr(value, name)) for name in ("key", "name", "value")]
    if secret:
        fields.append(("hash", checksum(order_id, status, given, received, *codes, str(at), secret)))
    return "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in fields)


def body(order: Order, secret: str | None, now: int) -> str:
    """What an order's change is told with; `hideOutData` hides nothing from the shop's own server."""
    codes = (order.from_code, order.to_code)
    return form(order.uid, order.id, order.status, *amounts(order), codes, now, order.details.to_values, secret)


def headers(due: Due, secret: str, secrets: Sequence[str], now: int) -> dict[str, str]:
    """The body is signed already; only its type is told."""
    return {"Content-Type": "application/x-www-form-urlencoded"}


FORM = Form(once=ONCE, reliable=RELIABLE, body=body)
FORMS = {
    ONCE: NoticeForm(headers=headers, delays_s=(), accepted=lambda status: 200 <= status < 300, timeout_s=TIMEOUT_S),
    RELIABLE: NoticeForm(headers=headers, delays_s=DELAYS_S, accepted=lambda status: 200 <= status < 300),
}
