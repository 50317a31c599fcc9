"""Put notices into the outbox, in the transaction of the change that they tell."""

from collections.abc import Iterable, Sequence

from paymux.storage.query import Tx, load
from paymux.webhooks import order
from paymux.webhooks.model import NewNotice, NoticeState

_q = load("paymux.webhooks")


class Addresses:
    """The endpoints that count for some shops."""

    def __init__(self, rows: Iterable[tuple[int, str, str, int, str]]) -> None:
        self._own: dict[tuple[int, str], tuple[int, str]] = {}
        self._general: dict[int, tuple[int, str]] = {}
        for merchant_id, shop, level, endpoint_id, url in rows:
            if level:
                self._own[merchant_id, shop] = (endpoint_id, url)
            else:
                self._general[merchant_id] = (endpoint_id, url)

    def of(self, merchant_id: int, shop: str, url: str | None) -> tuple[int | None, bool]:
        """The endpoint for a notice that may bring its own URL, and whether it leads anywhere.

        It is the shop's own if that leads anywhere, else the merchant's."""
        found: tuple[int | None, bool] = (None, False)
        for endpoint in (self._own.get((merchant_id, shop)), self._general.get(merchant_id)):
            if endpoint is not None:
                if url or (url is None and endpoint[1]):
                    return endpoint[0], True
                found = (endpoint[0], False)
        return found


async def addresses(tx: Tx, shops: Iterable[tuple[int, str]]) -> Addresses:
    """Look up the endpoints of (merchant, shop)."""
    rows = await tx.fetch(_q.find_endpoints, sorted(set(shops)))
    return Addresses((row["merchant_id"], row["shop"], row["level"], row["id"], row["url"]) for row in rows)


async def put(tx: Tx, notices: Sequence[NewNotice], now: int) -> dict[str, int]:
    """Write notices, in the order in which their receivers shall learn of them; the ids of the new ones by delivery.

    Without an endpoint a notice is kept unaddressed: it can be sent again once there is one."""
    if not notices:
        return {}
    found = await addresses(tx, [(notice.merchant_id, notice.shop) for notice in notices])
    seen: set[order.Subject] = set()
    rows = []
    for place, notice in enumerate(notices):
        endpoint, addressed = found.of(notice.merchant_id, notice.shop, notice.url)
        subject = (notice.payment_id, notice.order_uid)
        first = subject not in seen or subject == order.NOTHING
        seen.add(subject)
        rows.append(
            (
                place,
                notice.merchant_id,
                notice.payment_id,
                notice.dialect,
                notice.word,
                notice.delivery,
                endpoint,
                notice.url or None,
                notice.body,
                NoticeState.WAITING if addressed else NoticeState.UNADDRESSED,
                now if addressed and first else None,
                now,
                notice.payout_id,
                notice.order_uid,
            )
        )
    written = await tx.fetch(_q.put_notices, rows)
    behind = {order.subject(row) for row in written if row["due_at"] is None and row["state"] == NoticeState.WAITING}
    if behind:
        payments, uids = [payment for payment, _ in behind], [uid for _, uid in behind]
        await order.lock(tx, payments, (), uids)
        await order.arrange(tx, payments, now, uids)
    return {row["delivery"]: row["id"] for row in written}
