"""A test delivery: a notice that tells of no payment, so that a merchant sees whether the receiver works."""

from collections.abc import Sequence

import msgspec

from paymux.storage.query import Tx
from paymux.webhooks.model import NewNotice
from paymux.webhooks.outbox import addresses, put


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The dialect makes `word` and `body`; `delivery` is a fresh id. It goes where a notice of `shop` would go."""

    merchant_id: int
    shop: str
    dialect: str
    word: str
    delivery: str
    body: str


async def send_trials(tx: Tx, trials: Sequence[Trial], now: int) -> list[int | None]:
    """Write test deliveries, due at once; their notices' ids, None where there is no URL to send one to."""
    found = await addresses(tx, [(trial.merchant_id, trial.shop) for trial in trials])
    notices = [
        NewNotice(
            merchant_id=trial.merchant_id,
            payment_id=None,
            dialect=trial.dialect,
            word=trial.word,
            shop=trial.shop,
            url=None,
            delivery=trial.delivery,
            body=trial.body,
        )
        for trial in trials
        if found.of(trial.merchant_id, trial.shop, None)[1]
    ]
    ids = await put(tx, notices, now)
    return [ids.get(trial.delivery) for trial in trials]
