"""Change merchants, their shops and keys, and the platform's switches. Each verb is a batch, and every change is logged.

Each change grows a version that requests compare in their own batch, so it is true for the very next request.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from paymux import ids
from paymux.keyring import Keyring
from paymux.merchants.create import add_key
from paymux.merchants.directory import load_merchants
from paymux.merchants.model import Late, Merchant, Plan, Policy, ShopStatus
from paymux.routing.model import Health
from paymux.storage.query import Tx, load

_q = load("paymux.merchants")
_platform = load("paymux.storage")

log = structlog.get_logger()


class ChangePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """New terms of a merchant's policy; what is unset stays."""

    short_tolerance_units: int | UnsetType = UNSET
    late: Late | UnsetType = UNSET
    routes_off: tuple[str, ...] = ()  # to be added
    routes_on: tuple[str, ...] = ()  # to be taken out again


class ChangeMerchant(msgspec.Struct, frozen=True, kw_only=True):
    """New values of a merchant's own fields; what is unset stays."""

    id: int
    active: bool | UnsetType = UNSET
    plan: Plan | UnsetType = UNSET
    country: str | UnsetType | None = UNSET
    wallet: str | UnsetType | None = UNSET  # as given; the dialect judges it
    smart_routing: bool | UnsetType = UNSET
    methods: dict[str, bool] = {}  # buyer-facing method -> on or off
    policy: ChangePolicy = ChangePolicy()


class SetShop(msgspec.Struct, frozen=True, kw_only=True):
    """Register a shop, or change its status; `domain` is normalised."""

    merchant_id: int
    domain: str
    status: ShopStatus


class RotateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new API key; every earlier one of that dialect stops counting at once, or after a grace."""

    merchant_id: int
    dialect: str
    key: str | None = None  # in the form of that API; default: an API key of ours
    grace_ms: int = 0


class SetRoute(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a route. A priority that is unset stays."""

    slug: str
    health: Health
    priority: int | UnsetType = UNSET


async def change_merchants(tx: Tx, changes: Sequence[ChangeMerchant], now: int) -> list[Merchant | None]:
    """Change merchants; the merchant as it is then, None where there is no such merchant."""
    return [await _change(tx, change, now) for change in changes]


async def set_shops(tx: Tx, wishes: Sequence[SetShop], now: int) -> list[Merchant | None]:
    """Register shops or change their status; None where there is no such merchant."""
    results: list[Merchant | None] = []
    for wish in wishes:
        merchant = await _locked(tx, wish.merchant_id, now)
        if merchant is not None:
            await tx.fetch(_q.put_shop, merchant_id=wish.merchant_id, domain=wish.domain, status=wish.status, created_at=now)
            before = merchant.shops.get(wish.domain)
            log.info("merchant.shop_set", merchant=wish.merchant_id, domain=wish.domain, before=before, after=wish.status)
            merchant = await _load(tx, wish.merchant_id)
        results.append(merchant)
    return results


class Keys:
    """The verb that replaces API keys, with the keyring that hashes them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def rotate(self, tx: Tx, wishes: Sequence[RotateKey], now: int) -> list[str | None]:
        """New keys, shown this once; None where there is no such merchant."""
        results: list[str | None] = []
        for wish in wishes:
            if await _locked(tx, wish.merchant_id, now) is None:
                results.append(None)
                continue
            await tx.fetch(_q.revoke_keys, merchant_id=wish.merchant_id, dialect=wish.dialect, revoked_at=now + wish.grace_ms)
            api_key = wish.key or ids.api_key()
            await add_key(self._keyring, wish.dialect, tx, wish.merchant_id, api_key, now)
            log.info("merchant.credential_rotated", merchant=wish.merchant_id, dialect=wish.dialect)
            results.append(api_key)
        return results


async def set_routes(tx: Tx, wishes: Sequence[SetRoute], now: int) -> list[None]:
    """Write what an operator says of routes; every node sees it in its next batch."""
    known = {row["slug"]: row["priority"] for row in await tx.fetch(_q.route_settings)}
    for wish in wishes:
        priority = known.get(wish.slug) if wish.priority is UNSET else wish.priority
        await tx.fetch(_q.set_route, slug=wish.slug, health=wish.health, priority=priority, updated_at=now)
        await tx.fetch(_platform.grow_version)
        log.info("route.set", route=wish.slug, health=wish.health, priority=priority)
    return [None for _ in wishes]


async def _load(tx: Tx, merchant_id: int) -> Merchant | None:
    loaded = await load_merchants(tx, [merchant_id])
    return loaded[0][1] if loaded else None


async def _locked(tx: Tx, merchant_id: int, now: int) -> Merchant | None:
    """The merchant, its row locked by the growth of its version: two changes at once do not undo each other."""
    await tx.fetch(_q.touch_merchant, id=merchant_id, updated_at=now)
    return await _load(tx, merchant_id)


async def _change(tx: Tx, change: ChangeMerchant, now: int) -> Merchant | None:
    before = await _locked(tx, change.id, now)
    if before is None:
        return None
    given: dict[str, Any] = {
        name: value for name in ("active", "plan", "country", "wallet", "smart_routing") if (value := getattr(change, name)) is not UNSET
    }
    off = {method for method, on in change.methods.items() if not on}
    given["methods_off"] = (before.methods_off | off) - (change.methods.keys() - off)
    given["policy"] = _policy(before.policy, change.policy)
    after = msgspec.structs.replace(before, **given)
    await tx.fetch(
        _q.change_merchant,
        id=after.id,
        plan=after.plan,
        active=int(after.active),
        country=after.country,
        wallet=after.wallet,
        smart_routing=int(after.smart_routing),
        methods_off=msgspec.json.encode(sorted(after.methods_off)).decode(),
        policy=msgspec.json.encode(after.policy).decode(),
        updated_at=now,
    )
    changed = {name: getattr(after, name) for name in given if getattr(after, name) != getattr(before, name)}
    log.info("merchant.changed", merchant=after.id, changed=msgspec.to_builtins(changed, order="deterministic"))
    return after


def _policy(before: Policy, change: ChangePolicy) -> Policy:
    given = {name: value for name in ("short_tolerance_units", "late") if (value := getattr(change, name)) is not UNSET}
    routes = (set(before.routes_off) | set(change.routes_off)) - set(change.routes_on)
    return msgspec.structs.replace(before, routes_off=tuple(sorted(routes)), **given)
