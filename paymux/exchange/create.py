"""Open orders: amounts were computed and fields judged before; here they get their numbers and become durable."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from paymux import ids
from paymux.clock import MINUTE
from paymux.exchange import store
from paymux.exchange.calculate import Quote
from paymux.exchange.lifecycle import Actor, Payout, Status
from paymux.exchange.model import Details, Direction, Order, secret_about
from paymux.exchange.store import HistoryRow
from paymux.keyring import Keyring
from paymux.ledger.chart import SHARED
from paymux.storage.query import Tx

NOBODY = SHARED  # the merchant id of orders that were created without a key


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A wish that passed every check. `ipn_secret` in clear."""

    merchant_id: int
    direction: Direction
    quote: Quote
    details: Details
    status: Status = Status.NEW
    ipn_secret: str | None = None


class Created(msgspec.Struct, frozen=True):
    """The order and its secret, in clear."""

    order: Order
    secret: str


class Opener:
    """The verb, with the keyring that encrypts secrets."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def create(self, tx: Tx, wishes: Sequence[NewOrder], now: int) -> list[Created]:
        """Write orders; two equal wishes are two orders."""
        uids = await store.next_uids(tx, len(wishes))
        made = [self._order(uid, wish, now) for uid, wish in zip(uids, wishes, strict=True)]
        await store.insert(tx, [one.order for one in made])
        await store.insert_history(tx, [_creation(one.order) for one in made])
        return made

    def _order(self, uid: int, wish: NewOrder, now: int) -> Created:
        secret, quote, lasts_ms = ids.token(24), wish.quote, wish.direction.ttl_minutes * MINUTE
        order_id = f"{now // 1000:08x}{ids.hex_token(8)}"
        about = secret_about(order_id)
        order = Order(
            uid=uid,
            id=order_id,
            rid=ids.capitals(11),
            secret=self._keyring.encrypt(secret, about),
            merchant_id=wish.merchant_id,
            direction_id=wish.direction.id,
            from_code=wish.direction.from_code,
            to_code=wish.direction.to_code,
            in_units=quote.in_units,
            out_units=quote.out_units,
            fee_units=quote.fee_units,
            rounding_units=quote.rounding_units,
            commission_units=quote.commission_units,
            received_units=0,
            reserved_units=0,
            late_units=0,
            status=wish.status,
            version=1,
            payout=Payout.NONE,
            operation_key=None,
            asked=0,
            act_at=None,
            txid=None,
            details=replace(wish.details, lasts_ms=lasts_ms),
            ipn_secret=self._keyring.encrypt(wish.ipn_secret, about) if wish.ipn_secret else None,
            created_at=now,
            expires_at=now + lasts_ms,
            updated_at=now,
        )
        return Created(order, secret)


def _creation(order: Order) -> HistoryRow:
    return HistoryRow(
        order_uid=order.uid,
        version=1,
        merchant_id=order.merchant_id,
        from_status=None,
        to_status=order.status,
        actor=Actor.CLIENT,
        why="created",
        happened_at=order.created_at,
        learned_at=order.created_at,
    )
