"""Create merchants: their shops, keys and the place their notices go to."""

from typing import Any

import msgspec

from paymux import ids
from paymux.errors import StorageError
from paymux.keyring import Keyring
from paymux.merchants.model import Plan, ShopStatus
from paymux.storage.query import Tx, load

_q = load("paymux.merchants")


class NewMerchant(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a merchant at the start. `shops` are normalised domains; `id` only for a contract's fixtures."""

    name: str
    email: str
    plan: Plan
    country: str | None = None
    currency: str | None = None
    wallet: str | None = None
    shops: tuple[str, ...] = ()
    webhook_url: str | None = None
    webhook_secret: str | None = None
    api_key: str | None = None  # default: a new random one
    id: int | None = None


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """The new merchant; the secrets are shown this once."""

    merchant_id: int
    api_key: str
    webhook_secret: str


def endpoint_about(merchant_id: int) -> str:
    """What an endpoint's encrypted secret is bound to: it cannot be moved to another merchant's row."""
    return f"endpoint:{merchant_id}"


async def create_merchant(keyring: Keyring, dialect: str, tx: Tx, new: NewMerchant, now: int) -> Created:
    """Write a merchant with everything it needs to be paid. A webhook secret is made in any case."""
    fields: dict[str, Any] = {
        "name": new.name,
        "email": new.email,
        "plan": new.plan,
        "country": new.country,
        "currency": new.currency,
        "wallet": new.wallet,
        "created_at": now,
    }
    if new.id is None:
        merchant_id: int = (await tx.fetch(_q.insert_merchant, **fields))[0]["id"]
    else:
        merchant_id = new.id
        await tx.fetch(_q.insert_merchant_as, id=new.id, **fields)
        await tx.fetch(_q.raise_merchant_ids)
    for domain in new.shops:
        await tx.fetch(_q.put_shop, merchant_id=merchant_id, domain=domain, status=ShopStatus.APPROVED, created_at=now)
    api_key = new.api_key or ids.api_key()
    await add_key(keyring, dialect, tx, merchant_id, api_key, now)
    secret = new.webhook_secret or ids.hex_token(32)
    await put_endpoint(keyring, tx, merchant_id, "", new.webhook_url or "", secret, now)
    await tx.fetch(_q.touch_merchant, id=merchant_id, updated_at=now)
    return Created(merchant_id=merchant_id, api_key=api_key, webhook_secret=secret)


async def ensure_house(tx: Tx, now: int) -> None:
    """The row of merchant 0: endpoints of what belongs to no merchant stand under it. It has no key and is in no list."""
    nothing = {"country": None, "currency": None, "wallet": None}
    await tx.fetch(_q.insert_merchant_as, id=0, name="The exchange", email="", plan=Plan.FREE, created_at=now, **nothing)


async def add_key(keyring: Keyring, dialect: str, tx: Tx, merchant_id: int, api_key: str, now: int) -> None:
    """Store a key as its keyed hash."""
    stored = keyring.hash_key(api_key)
    if not await tx.fetch(_q.insert_key, hash=stored, merchant_id=merchant_id, dialect=dialect, created_at=now):
        raise StorageError(f"this key is in use already, by another merchant or for another API than {dialect}")


async def put_profile(tx: Tx, merchant_id: int, dialect: str, code: str, facts: str, now: int) -> None:
    """Set what a dialect keeps of a merchant; true for the next request. A code that is another merchant's is an error of the database."""
    await tx.fetch(_q.put_profile, merchant_id=merchant_id, dialect=dialect, code=code, profile=facts)
    await tx.fetch(_q.touch_merchant, id=merchant_id, updated_at=now)


async def put_endpoint(keyring: Keyring, tx: Tx, merchant_id: int, shop: str, url: str, secret: str, now: int) -> int:
    """Set where notices of a merchant (or, with `shop`, of one shop) go; returns the endpoint's id."""
    stored = keyring.encrypt(secret, endpoint_about(merchant_id))
    rows = await tx.fetch(_q.put_endpoint, merchant_id=merchant_id, shop=shop, url=url, secret=stored, now=now)
    return int(rows[0]["id"])
