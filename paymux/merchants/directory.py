"""Find the merchant behind a key or an id, and the platform's switches: cached, and checked against the database in every batch.

What a command committed is true for the very next request: each look-up reads the versions, and only what changed is read again.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from paymux.keyring import Keyring
from paymux.merchants.model import Merchant, Plan, Profile, ShopStatus, policy_from
from paymux.routing.model import Health, Route
from paymux.storage import installation
from paymux.storage.query import Tx, load

_q = load("paymux.merchants")

CACHED_MAX = 10_000


class Platform(msgspec.Struct, frozen=True):
    """What an operator switched for everybody, as of `version`."""

    version: str
    smart_routing: bool
    routes: tuple[Route, ...]


class Found(msgspec.Struct, frozen=True):
    """The answer to a look-up: no merchant for an unknown or revoked key. `now` is the batch's moment."""

    merchant: Merchant | None
    platform: Platform
    now: int


class Remembered(msgspec.Struct, frozen=True):
    """What a look-up found a while ago. Whoever acts on it asks `still_true` in the transaction in which it acts."""

    found: Found
    place: tuple[str, str]  # the key's hash, and its dialect
    version: int  # of the merchant


Overlay = Callable[[Sequence[Route], int], tuple[Route, ...]]


class Directory:
    """`shipped` are the providers' routes as they come; settings in the database lie over them, and over those `health`: what this
    process learned of the routes."""

    def __init__(self, keyring: Keyring, shipped: Sequence[Route], smart_routing: bool, health: Overlay) -> None:
        self._health = health
        self._keyring, self._shipped, self._smart_routing = keyring, tuple(shipped), smart_routing
        self._merchants: dict[int, tuple[int, Merchant]] = {}
        self._platform: Platform | None = None
        self._keys: dict[tuple[str, str], tuple[str, int]] = {}  # (dialect, key in clear) -> its hash and its merchant

    async def by_key(self, tx: Tx, keys: Sequence[tuple[str, str]], now: int) -> list[Found]:
        """(dialect, key in clear) -> whom it belongs to. One query for the batch, one more for what is not cached."""
        hashes = {place: self._hashes(place) for place in set(keys)}
        asked = sorted({(candidate, dialect) for (dialect, _), candidates in hashes.items() for candidate in candidates})
        rows = await tx.fetch(_q.find_by_key, asked)
        platform = await self.platform(tx, now, rows[0]["platform"] if rows else None)
        counting = [row for row in rows if row["revoked_at"] is None]
        merchants = await self._current(tx, {row["id"]: row["version"] for row in counting})
        by_hash = {(row["hash"], row["dialect"]): merchants[row["id"]] for row in counting}
        found: dict[tuple[str, str], Found] = {}
        for place, candidates in hashes.items():
            used = next((candidate for candidate in candidates if (candidate, place[0]) in by_hash), None)
            owner = by_hash[used, place[0]] if used is not None else None
            found[place] = Found(owner, platform, now)
            self._remember(place, used, owner)
        return [found[place] for place in keys]

    def _hashes(self, place: tuple[str, str]) -> list[str]:
        known = self._keys.get(place)
        return [known[0]] if known else self._keyring.hashes(place[1])

    def _remember(self, place: tuple[str, str], used: str | None, owner: Merchant | None) -> None:
        if used is None or owner is None:
            self._keys.pop(place, None)
        elif place not in self._keys:
            if len(self._keys) >= CACHED_MAX:
                self._keys.clear()
            self._keys[place] = (used, owner.id)

    def remembered(self, dialect: str, key: str, now: int) -> Remembered | None:
        """Whom a key belonged to when it was last looked up, and the platform as it was then; None if it was not, or is forgotten."""
        known = self._keys.get((dialect, key))
        cached = self._merchants.get(known[1]) if known else None
        if known is None or cached is None or self._platform is None:
            return None
        version, merchant = cached
        return Remembered(Found(merchant, self._overlaid(self._platform, now), now), (known[0], dialect), version)

    async def still_true(self, tx: Tx, remembered: Sequence[Remembered]) -> list[bool]:
        """Whether the key still counts, and the merchant and the platform have not changed. One query for the batch."""
        rows = await tx.fetch(_q.find_by_key, sorted({one.place for one in remembered}))
        true = {(row["hash"], row["dialect"]): (row["version"], row["platform"]) for row in rows if row["revoked_at"] is None}
        return [true.get(one.place) == (one.version, one.found.platform.version) for one in remembered]

    async def by_id(self, tx: Tx, ids: Sequence[int], now: int) -> list[Found]:
        """Merchants by id, as current as the batch."""
        rows = await tx.fetch(_q.find_by_id, [(merchant_id,) for merchant_id in sorted(set(ids))])
        platform = await self.platform(tx, now, rows[0]["platform"] if rows else None)
        merchants = await self._current(tx, {row["id"]: row["version"] for row in rows})
        return [Found(merchants.get(merchant_id), platform, now) for merchant_id in ids]

    async def _current(self, tx: Tx, versions: Mapping[int, int]) -> dict[int, Merchant]:
        current, stale = {}, []
        for merchant_id, version in versions.items():
            cached = self._merchants.get(merchant_id)
            if cached is not None and cached[0] == version:
                current[merchant_id] = cached[1]
            else:
                stale.append(merchant_id)
        if stale:
            if len(self._merchants) + len(stale) > CACHED_MAX:
                self._merchants.clear()
            for version, merchant in await load_merchants(tx, stale):
                self._merchants[merchant.id] = (version, merchant)
                current[merchant.id] = merchant
        return current

    async def platform(self, tx: Tx, now: int, version: str | None = None) -> Platform:
        """The platform's switches and routes as of `now`."""
        return self._overlaid(await self._stored(tx, version), now)

    def _overlaid(self, stored: Platform, now: int) -> Platform:
        routes = self._health(stored.routes, now)
        return stored if routes is stored.routes else msgspec.structs.replace(stored, routes=routes)

    async def _stored(self, tx: Tx, version: str | None) -> Platform:
        """What an operator set, read again when its version grew."""
        if version is None or self._platform is None or self._platform.version != version:
            facts = await installation.facts(tx)
            if self._platform is None or self._platform.version != facts["version"]:
                switch = facts.get("smart_routing", "default")
                routes = await self._routes(tx)
                self._platform = Platform(facts["version"], self._smart_routing if switch == "default" else switch == "on", routes)
        return self._platform

    async def _routes(self, tx: Tx) -> tuple[Route, ...]:
        settings = {row["slug"]: row for row in await tx.fetch(_q.route_settings)}
        routes = []
        for route in self._shipped:
            setting = settings.get(route.slug)
            if setting is not None:
                priority = route.priority if setting["priority"] is None else setting["priority"]
                route = msgspec.structs.replace(route, health=Health(setting["health"]), priority=priority)
            routes.append(route)
        return tuple(routes)


async def load_merchants(tx: Tx, ids: Sequence[int]) -> list[tuple[int, Merchant]]:
    """Merchants with their versions, from the database. The versions first: what changes meanwhile is then read again."""
    wanted = [(merchant_id,) for merchant_id in sorted(set(ids))]
    merchants = await tx.fetch(_q.load_merchants, wanted)
    shops: dict[int, dict[str, ShopStatus]] = {}
    for row in await tx.fetch(_q.load_shops, wanted):
        shops.setdefault(row["merchant_id"], {})[row["domain"]] = ShopStatus(row["status"])
    profiles: dict[int, dict[str, Profile]] = {}
    for row in await tx.fetch(_q.load_profiles, wanted):
        profiles.setdefault(row["merchant_id"], {})[row["dialect"]] = Profile(row["code"], row["profile"])
    return [
        (
            row["version"],
            Merchant(
                id=row["id"],
                name=row["name"],
                email=row["email"],
                plan=Plan(row["plan"]),
                active=bool(row["active"]),
                country=row["country"],
                wallet=row["wallet"],
                smart_routing=bool(row["smart_routing"]),
                methods_off=frozenset(msgspec.json.decode(row["methods_off"], type=list[str])),
                shops=shops.get(row["id"], {}),
                policy=policy_from(row["policy"]),
                profiles=profiles.get(row["id"], {}),
            ),
        )
        for row in merchants
    ]
