"""Partners who send clients: visits by their links, what their clients' orders earned them, and what they were paid.

A partner is a merchant with a code. Its key for the partners' own API reads and nothing else; only a hash of it is stored. Of a visit
nothing is kept that names a person: the address without its end, and a hash that is the same for the same visitor.
"""

import hmac
from collections.abc import Sequence

import msgspec

from paymux import ids
from paymux.errors import Refusal, Refused, refuse
from paymux.exchange import store
from paymux.exchange.keys import Member, partners, profile_of, put_members
from paymux.exchange.model import Order
from paymux.exchange.postings import rewarded
from paymux.keyring import Keyring
from paymux.ledger import book
from paymux.ledger.chart import SHARED, commission
from paymux.storage.query import Tx

LISTED_MAX = 1000
PREFIX = "PP_"
EVER = 2**62


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """A visit by a partner's link."""

    code: str
    browser: str
    network: str
    referrer: str
    query: str
    visitor: str


class Span(msgspec.Struct, frozen=True):
    """A partner's newest things between two moments (Unix milliseconds, the end not included)."""

    code: str
    since: int = 0
    until: int = EVER


class Earned(msgspec.Struct, frozen=True):
    """In one currency, in units."""

    currency: str
    earned: int
    paid: int


class Brought(msgspec.Struct, frozen=True):
    """An order of a partner's client, and what it earned the partner so far."""

    order: Order
    units: int


class Clicked(msgspec.Struct, frozen=True, kw_only=True):
    """A stored visit."""

    id: int
    browser: str
    network: str
    referrer: str
    query: str
    visitor: str
    clicked_at: int


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """A partner was paid by hand; one reference is booked once."""

    code: str
    currency: str
    units: int
    reference: str


class Partners:
    """The verbs, with the keyring that hashes keys."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def make_key(self, tx: Tx, merchants: Sequence[int], now: int) -> list[str]:
        """A new key for each partner, in clear this once; the one before stops counting."""
        made = [f"{PREFIX}{merchant_id}_{ids.token(32)}" for merchant_id in merchants]
        hashed = [self._keyring.hash_key(key) for key in made]
        await put_members(tx, [Member(merchant_id=one, partner_key=key) for one, key in zip(merchants, hashed, strict=True)], now)
        return made

    async def find(self, tx: Tx, keys: Sequence[str], now: int) -> list[str | None]:
        """The codes of the partners whose keys these are."""
        return [await self._code(tx, key) for key in keys]

    async def _code(self, tx: Tx, key: str) -> str | None:
        number = key.removeprefix(PREFIX).partition("_")[0]
        if not key.startswith(PREFIX) or not (number.isascii() and number.isdigit() and len(number) <= 18):
            return None
        rows = await tx.fetch(store.q.active_member, merchant_id=int(number))
        kept = profile_of(rows[0]["profile"]).partner_key if rows else None
        right = [hmac.compare_digest(one, kept or "") for one in self._keyring.hashes(key)]
        code: str | None = rows[0]["code"] if any(right) else None
        return code

    async def click(self, tx: Tx, clicks: Sequence[Click], now: int) -> list[bool]:
        """Note visits; whether each one's partner is known."""
        known = await partners(tx, [one.code for one in clicks], now)
        rows = [(*msgspec.structs.astuple(one), now) for one, yes in zip(clicks, known, strict=True) if yes]
        await tx.fetch(store.q.insert_clicks, rows)
        return known

    async def money(self, tx: Tx, codes: Sequence[str], now: int) -> list[list[Earned]]:
        """What partners earned and were paid, by currency."""
        return [await _money(tx, code) for code in codes]

    async def orders(self, tx: Tx, spans: Sequence[Span], now: int) -> list[list[Brought]]:
        """The newest orders of partners' clients."""
        results = []
        for span in spans:
            since, until = span.since, span.until
            found = await tx.fetch(store.q.orders_of_partner, code=span.code, since=since, until=until, page=LISTED_MAX)
            orders = [store.order_of(row) for row in found]
            rows = await tx.fetch(store.q.earned_by_orders, [(order.uid,) for order in orders])
            units = {row["order_uid"]: row["units"] for row in rows}
            results.append([Brought(order, units.get(order.uid, 0)) for order in orders])
        return results

    async def clicks(self, tx: Tx, spans: Sequence[Span], now: int) -> list[list[Clicked]]:
        """The newest visits that partners' links brought."""
        names = Clicked.__struct_fields__
        results = []
        for span in spans:
            rows = await tx.fetch(store.q.clicks_of_partner, code=span.code, since=span.since, until=span.until, page=LISTED_MAX)
            results.append([Clicked(**{name: row[name] for name in names}) for row in rows])
        return results

    async def reward(self, tx: Tx, wishes: Sequence[Reward], now: int) -> list[Earned | Refused]:
        """Book what partners were paid; more than they earned is refused, a reference that is booked changes nothing."""
        results: list[Earned | Refused] = []
        for wish in wishes:
            if not await tx.fetch(store.q.lock_partner, code=wish.code):
                results.append(refuse(Refusal.STATE_FORBIDS, f"there is no partner {wish.code}"))
                continue
            has = next((one for one in await _money(tx, wish.code) if one.currency == wish.currency), Earned(wish.currency, 0, 0))
            key = f"reward:{wish.code}:{wish.reference}"
            if (await tx.fetch(store.q.used_transfer, key=key))[0]["found"]:
                results.append(has)
            elif has.paid + wish.units > has.earned:
                results.append(refuse(Refusal.INSUFFICIENT_BALANCE, f"{wish.code} has earned less than that in {wish.currency}"))
            else:
                await book.post(tx, [rewarded(key, wish.code, wish.currency, wish.units, now)], now)
                results.append(Earned(wish.currency, has.earned, has.paid + wish.units))
        return results


async def _money(tx: Tx, code: str) -> list[Earned]:
    kind = commission(SHARED, code, "").kind
    return [Earned(row["currency"], row["earned"], row["paid"]) for row in await tx.fetch(store.q.partner_money, kind=kind)]
