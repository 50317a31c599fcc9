"""Orders' notices into the outbox. An order brings its own URL; who owns it has an endpoint, nobody's orders share a few lanes."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec

from paymux import ids
from paymux.exchange.model import Order
from paymux.keyring import Keyring
from paymux.ledger.chart import SHARED
from paymux.merchants.create import ensure_house, put_endpoint
from paymux.storage.query import Tx
from paymux.webhooks import outbox
from paymux.webhooks.model import NewNotice

LANES = 64  # endpoints for the orders that belong to nobody: one dead receiver slows a sixty-fourth of them

Body = Callable[[Order, str | None, int], str]  # (order after the change, its IPN secret in clear, now) -> the frozen body


class Form(msgspec.Struct, frozen=True):
    """What a dialect says of orders' notices: the names of its two forms of delivery, and the body."""

    once: str
    reliable: str
    body: Body


class Told(msgspec.Struct, frozen=True):
    """One change to be told."""

    order: Order
    ipn_secret: str | None


async def put(keyring: Keyring, form: Form, tx: Tx, told: Sequence[Told], now: int) -> bool:
    """Write the notices of changes whose orders have an IPN URL; whether there were any."""
    addressed = [one for one in told if one.order.details.ipn_url]
    if not addressed:
        return False
    lanes = {one.order.uid: "" if one.order.merchant_id else _lane(one.order.details.ipn_url or "") for one in addressed}
    await _ensure(keyring, tx, {lane for lane in lanes.values() if lane}, now)
    notices = [_notice(form, one, lanes, now) for one in addressed]
    await outbox.put(tx, notices, now)
    return True


def _notice(form: Form, told: Told, lanes: Mapping[int, str], now: int) -> NewNotice:
    order = told.order
    return NewNotice(
        merchant_id=order.merchant_id,
        payment_id=None,
        dialect=form.reliable if order.details.reliable else form.once,
        word=order.status,
        shop=lanes[order.uid],
        url=order.details.ipn_url,
        delivery=f"exchanger-{order.uid}-{order.version}",
        body=form.body(order, told.ipn_secret, now),
        order_uid=order.uid,
    )


def _lane(url: str) -> str:
    return f"ipn-{sha256((urlsplit(url).hostname or '').encode()).digest()[0] % LANES}"


async def _ensure(keyring: Keyring, tx: Tx, lanes: set[str], now: int) -> None:
    if not lanes:
        return
    found = await outbox.addresses(tx, [(SHARED, lane) for lane in lanes])
    missing = sorted(lane for lane in lanes if found.of(SHARED, lane, "x")[0] is None)
    if missing:
        await ensure_house(tx, now)
    for lane in missing:
        await put_endpoint(keyring, tx, SHARED, lane, "", ids.hex_token(32), now)
