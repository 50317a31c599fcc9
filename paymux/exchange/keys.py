"""Key pairs of the exchange's own API: find them, let their `time` only grow, make and revoke them."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from paymux import ids
from paymux.exchange import store
from paymux.keyring import Keyring
from paymux.storage.query import Row, Tx

KEYS_MAX = 5  # of one merchant


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A key that counts, with its secret in clear."""

    key: str
    secret: str
    merchant_id: int
    operator: bool
    addresses: tuple[str, ...]
    last_time: str
    created_at: int
    reliable: bool = False  # its orders' notices are repeated until they are taken


class NewPair(msgspec.Struct, frozen=True, kw_only=True):
    """A key pair to be made; random by default."""

    merchant_id: int
    operator: bool = False
    addresses: tuple[str, ...] = ()
    key: str | None = None
    secret: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """The exchange's settings of a merchant."""

    reliable_ipn: bool = False
    partner_key: str | None = None  # a hash of the key of the partner's own API


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant of the exchange; `code` is what partners put into links. What is None stays as it is."""

    merchant_id: int
    code: str | None = None
    reliable_ipn: bool | None = None
    partner_key: str | None = None


class Moment(msgspec.Struct, frozen=True):
    """The `time` of a request whose hash was right."""

    key: str
    time: Decimal


class Keys:
    """The verbs, with the keyring that encrypts secrets."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def find(self, tx: Tx, keys: Sequence[str], now: int) -> list[Pair | None]:
        """Key pairs that count: known, not revoked, of an active merchant."""
        rows = await tx.fetch(store.q.find_keys, [(key,) for key in sorted(set(keys))])
        found = {row["key"]: self._pair(row) for row in rows if row["revoked_at"] is None and row["active"]}
        return [found.get(key) for key in keys]

    async def move(self, tx: Tx, moments: Sequence[Moment], now: int) -> list[bool]:
        """Whether each time is larger than every one before; those that are become the last."""
        rows = await tx.fetch(store.q.lock_keys, [(key,) for key in sorted({one.key for one in moments})])
        last = {row["key"]: Decimal(row["last_time"]) for row in rows}
        results = []
        for one in moments:
            newer = one.key in last and one.time > last[one.key]
            if newer:
                last[one.key] = one.time
            results.append(newer)
        await tx.fetch(store.q.move_times, [(key, format(time, "f")) for key, time in sorted(last.items())])
        return results

    async def of_merchant(self, tx: Tx, merchants: Sequence[int], now: int) -> list[list[Pair]]:
        """The key pairs of merchants."""
        return [[self._pair(row) for row in await tx.fetch(store.q.keys_of_merchant, merchant_id=one)] for one in merchants]

    async def add(self, tx: Tx, wishes: Sequence[NewPair], now: int) -> list[Pair | None]:
        """New key pairs; None where a merchant has as many as it may have. One that is there stays as it is."""
        results: list[Pair | None] = []
        for wish in wishes:
            await tx.fetch(store.q.lock_owner, merchant_id=wish.merchant_id)
            if len(await tx.fetch(store.q.keys_of_merchant, merchant_id=wish.merchant_id)) >= KEYS_MAX:
                results.append(None)
                continue
            key, secret = wish.key or f"EX_{ids.token(32)}", wish.secret or ids.hex_token(20)
            await tx.fetch(
                store.q.put_exchange_key,
                key=key,
                merchant_id=wish.merchant_id,
                secret=self._keyring.encrypt(secret, _about(key)),
                operator=int(wish.operator),
                addresses=msgspec.json.encode(wish.addresses).decode(),
                now=now,
            )
            results.append((await self.find(tx, [key], now))[0])
        return results

    async def revoke(self, tx: Tx, wishes: Sequence[tuple[int, str]], now: int) -> list[bool]:
        """(merchant, key): whether the key counted until now."""
        return [bool(await tx.fetch(store.q.revoke_exchange_key, merchant_id=one, key=key, now=now)) for one, key in wishes]

    def _pair(self, row: Row) -> Pair:
        return Pair(
            key=row["key"],
            secret=self._keyring.decrypt(row["secret"], _about(row["key"])),
            merchant_id=row["merchant_id"],
            operator=bool(row["operator"]),
            addresses=tuple(msgspec.json.decode(row["addresses"], type=list[str])),
            last_time=row["last_time"],
            created_at=row["created_at"],
            reliable=profile_of(row["profile"]).reliable_ipn,
        )


def profile_of(stored: str | None) -> Profile:
    """The settings of their stored JSON object."""
    return msgspec.json.decode(stored, type=Profile) if stored else Profile()


async def partners(tx: Tx, codes: Sequence[str], now: int) -> list[bool]:
    """Which partner codes are known."""
    found = {row["code"] for row in await tx.fetch(store.q.find_partners, [(code,) for code in sorted(set(codes))])}
    return [code in found for code in codes]


async def put_members(tx: Tx, wishes: Sequence[Member], now: int) -> list[str]:
    """Give merchants a partner code (the first one stays) and set their settings; the codes."""
    results = []
    for wish in wishes:
        known = await tx.fetch(store.q.member, merchant_id=wish.merchant_id)
        code = known[0]["code"] if known else wish.code or ids.token(12)
        profile = profile_of(known[0]["profile"] if known else None)
        if wish.reliable_ipn is not None:
            profile = replace(profile, reliable_ipn=wish.reliable_ipn)
        if wish.partner_key is not None:
            profile = replace(profile, partner_key=wish.partner_key)
        await tx.fetch(store.q.put_member, merchant_id=wish.merchant_id, code=code, profile=msgspec.json.encode(profile).decode())
        results.append(code)
    return results


def _about(key: str) -> str:
    return f"exchange-key:{key}"
