"""Find the merchant behind a key or an id, and the platform's switches: cached, and checked against the database in every batch.

What a command committed is true for the very next request: each look-up reads the versions, and only what changed is read again.
The installation's version grows with every change of any merchant (triggers see to it), so most batches compare that one number.
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
    """What a look-up found a while ago. It is true as long as the installation has this `version`: whoever acts on it compares."""

    found: Found
    version: str


class _Kept(msgspec.Struct, frozen=True):
    """A key that counted when the installation had this `version`, and whose it was."""

    hash: str
    merchant: Merchant
    revoked_at: int | None  # from then on it counts no more
    version: str


Overlay = Callable[[Sequence[Route], int], tuple[Route, ...]]


class Directory:
    """`shipped` are the providers' routes as they come; settings in the database lie over them, and over those `health`: what this
    process learned of the routes."""

    def __init__(self, keyring: Keyring, shipped: Sequence[Route], smart_routing: bool, health: Overlay) -> None:
        self._health = health
        self._keyring, self._shipped, self._smart_routing = keyring, tuple(shipped), smart_routing
        self._merchants: dict[int, tuple[int, Merchant]] = {}
        self._platform: Platform | None = None
        self._keys: dict[tuple[str, str], _Kept] = {}  # by dialect and key in clear

    async def by_key(self, tx: Tx, keys: Sequence[tuple[str, str]], now: int, version: str | None = None) -> list[Found]:
        """(dialect, key in clear) -> whom it belongs to. One query for the batch, one more for what is not cached; none for what is
        remembered as of the installation's `version`, where the caller has just read that."""
        found = {} if version is None else self._still_known(keys, now, version)
        unsure = {place: self._hashes(place) for place in set(keys) if place not in found}
        if unsure:
            owners, platform = await self._owners(tx, [(dialect, candidates) for (dialect, _), candidates in unsure.items()], now)
            for place, candidates in unsure.items():
                kept = next((owners[candidate, place[0]] for candidate in candidates if (candidate, place[0]) in owners), None)
                found[place] = Found(kept.merchant if kept else None, platform, now)
                self._remember(place, kept)
        return [found[place] for place in keys]

    async def by_hashes(self, tx: Tx, keys: Sequence[tuple[str, tuple[str, ...]]], now: int) -> list[Found]:
        """The same for (dialect, what could have been stored for a key)."""
        owners, platform = await self._owners(tx, keys, now)
        found = []
        for dialect, candidates in keys:
            kept = next((owners[candidate, dialect] for candidate in candidates if (candidate, dialect) in owners), None)
            found.append(Found(kept.merchant if kept else None, platform, now))
        return found

    async def _owners(self, tx: Tx, keys: Sequence[tuple[str, Sequence[str]]], now: int) -> tuple[dict[tuple[str, str], _Kept], Platform]:
        """(hash, dialect) -> those keys that count."""
        asked = sorted({(candidate, dialect) for dialect, candidates in keys for candidate in candidates})
        rows = await tx.fetch(_q.find_by_key, asked)
        platform = await self.platform(tx, now, rows[0]["platform"] if rows else None)
        counting = [row for row in rows if row["revoked_at"] is None or now < row["revoked_at"]]
        merchants = await self._current(tx, {row["id"]: row["version"] for row in counting})
        return {
            (row["hash"], row["dialect"]): _Kept(row["hash"], merchants[row["id"]], row["revoked_at"], row["platform"]) for row in counting
        }, platform

    def _hashes(self, place: tuple[str, str]) -> list[str]:
        known = self._keys.get(place)
        return [known.hash] if known else self._keyring.hashes(place[1])

    def _remember(self, place: tuple[str, str], kept: _Kept | None) -> None:
        if kept is None:
            self._keys.pop(place, None)
            return
        if len(self._keys) >= CACHED_MAX and place not in self._keys:
            self._keys.clear()
        self._keys[place] = kept

    def _still_known(self, keys: Sequence[tuple[str, str]], now: int, version: str) -> dict[tuple[str, str], Found]:
        """What is remembered as of this version. It grows in the very transaction that changes a merchant, a key or the platform."""
        if self._platform is None or self._platform.version != version:
            return {}
        platform = self._overlaid(self._platform, now)
        found = {}
        for place in keys:
            kept = self._keys.get(place)
            if kept is not None and kept.version == version and (kept.revoked_at is None or now < kept.revoked_at):
                found[place] = Found(kept.merchant, platform, now)
        return found

    def remembered(self, dialect: str, key: str, now: int) -> Remembered | None:
        """Whom a key belonged to when it was last looked up, and the platform as it was then; None if it was not, or is forgotten."""
        version = self._platform.version if self._platform is not None else ""
        found = self._still_known([(dialect, key)], now, version)
        return Remembered(found[dialect, key], version) if found else None

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
                logo=row["logo"],
            ),
        )
        for row in merchants
    ]
