"""What the exchanger's methods do: parameters in, one verb, the answer's data or an error out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paymux.clock import MINUTE
from paymux.dialects.exchanger import wire
from paymux.dialects.exchanger.errors import REFUSALS, Code
from paymux.dialects.exchanger.params import text_of, texts_of, whole_of
from paymux.dialects.exchanger.wishes import Fail, wish
from paymux.errors import Refused
from paymux.exchange.catalogue import Shelf
from paymux.exchange.change import Exchange, Step
from paymux.exchange.claim import Claim, claim_orders
from paymux.exchange.create import Opener
from paymux.exchange.keys import Keys, NewPair, Pair, partners
from paymux.exchange.lifecycle import Actor, Status
from paymux.exchange.model import Direction
from paymux.exchange.offer import Catalogue, Opened
from paymux.exchange.read import Ask, Page, Reads
from paymux.http.limits import Window, seconds
from paymux.storage.writer import Batcher

HISTORY_MAX, LATEST_MAX, LATEST = 100, 20, 3
SECRET_CHARS_MAX = 50


@dataclass(frozen=True, slots=True)
class Call:
    """A method's call: who signed it (None: nobody), from where, and its parameters."""

    params: Mapping[str, Any]
    pair: Pair | None
    client: str
    language: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the methods work with."""

    reader: Batcher
    writer: Batcher
    shelf: Shelf
    reads: Reads
    opener: Opener
    exchange: Exchange
    keys: Keys
    per_minute: tuple[int, int] | None  # orders that may be created from one address, with one key; None: any number


Data = dict[str, Any]
Method = Callable[[Call], Awaitable[Data | Fail]]


class Methods:
    """Every method, by what it is called."""

    def __init__(self, parts: Parts) -> None:
        self._ = parts
        self._minute = Window(MINUTE)

    async def catalogue(self) -> Catalogue:
        return await self._.reader.submit(self._.shelf.read, None)

    async def routes(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        give, get = (
            catalogue.currency_by_id(text_of(call.params.get(name))) if call.params.get(name) else None
            for name in ("fromCurrencyId", "toCurrencyId")
        )
        if (call.params.get("fromCurrencyId") and give is None) or (call.params.get("toCurrencyId") and get is None):
            return {"routes": []}
        found = [
            wire.listed(catalogue, one)
            for one in _open(catalogue)
            if (give is None or one.from_code == give.code) and (get is None or one.to_code == get.code)
        ]
        return {"routes": found}

    async def routes_v2(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        give, get = (set(texts_of(call.params.get(name))) for name in ("fromCurrencyIds", "toCurrencyIds"))
        currencies = catalogue.currencies
        found = [
            one
            for one in _open(catalogue)
            if (not give or currencies[one.from_code].id in give) and (not get or currencies[one.to_code].id in get)
        ]
        return wire.second_list(catalogue, found)

    async def route(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        return _one(catalogue, catalogue.directions.get(text_of(call.params.get("id"))))

    async def route_by_xml(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        codes = text_of(call.params.get("xmlIn"))[:50], text_of(call.params.get("xmlOut"))[:50]
        return _one(catalogue, catalogue.by_codes.get(codes))

    async def route_by_url(self, call: Call) -> Data | Fail:
        catalogue, url = await self.catalogue(), text_of(call.params.get("friendlyURL"))[:90]
        found = (one for one in catalogue.directions.values() if one.friendly_url and one.friendly_url == url)
        return _one(catalogue, next(found, None))

    async def create(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        if wait := self._too_fast(call, catalogue.now):
            return Fail(Code.TOO_MANY, {"time": seconds(wait)})
        params = dict(call.params)
        partner = text_of(params.get("partner"))[:100]
        if partner and not await self._.reader.submit(partners, partner):
            params["partner"] = ""
        merchant_id = call.pair.merchant_id if call.pair else 0
        wanted = wish(params, catalogue, merchant_id, bool(call.pair and call.pair.reliable), call.language)
        if isinstance(wanted, Fail):
            return wanted
        made = await self._.writer.submit(self._.opener.create, wanted)
        return wire.created(made.order, made.secret, catalogue)

    def _too_fast(self, call: Call, now: int) -> int:
        if self._.per_minute is None:
            return 0
        who, limit = (call.pair.key, self._.per_minute[1]) if call.pair else (call.client, self._.per_minute[0])
        return self._minute.hit(who, limit, now)

    async def order(self, call: Call) -> Data | Fail:
        opened = await self._opened(call.params)
        if opened is None:
            return Fail(Code.NOT_FOUND)
        kind = "payment" if text_of(call.params.get("type")) == "payment" else "order"
        return self._shown(opened, kind, call.pair)

    def _shown(self, opened: Opened, kind: str, pair: Pair | None) -> Data:
        owner = pair is not None and (pair.operator or pair.merchant_id == opened.order.merchant_id)
        return {
            "order": wire.order(opened, kind, opened.catalogue.now, owner=owner),
            "verifications": dict.fromkeys(("verificationCurrency", "verificationCurrencyPayout", "verificationUser")),
        }

    async def _opened(self, params: Mapping[str, Any]) -> Opened | None:
        """The order of a link; None for a wrong number and a wrong secret alike."""
        uid, secret = whole_of(params.get("orderUID")), text_of(params.get("orderSecret"))
        return await self._.reader.submit(self._.reads.orders, Ask(uid or 0, secret[: SECRET_CHARS_MAX + 1]))

    async def update_status(self, call: Call) -> Data | Fail:
        opened = await self._opened(call.params)
        if opened is None:
            return Fail(Code.NOT_FOUND)
        return await self._lead(opened.order.uid, Actor.CLIENT, call)

    async def _lead(self, uid: int, actor: Actor, call: Call) -> Data | Fail:
        try:
            to = Status(text_of(call.params.get("status")))
        except ValueError:
            return Fail(Code.NOT_ALLOWED)
        why = f"key {call.pair.key[:10]}" if call.pair else ""
        changed = await self._.writer.submit(self._.exchange.change, Step(uid=uid, actor=actor, to=to, why=why))
        if isinstance(changed, Refused):
            return Fail(REFUSALS[next(iter(changed.reasons))])
        return {}

    async def latest(self, call: Call) -> Data | Fail:
        limit = min(whole_of(call.params.get("limit")) or LATEST, LATEST_MAX)
        found = await self._.reader.submit(self._.reads.latest, limit)
        return {"orders": [wire.latest(one) for one in found], "disable": False}

    async def favourites(self, call: Call) -> Data | Fail:
        catalogue = await self.catalogue()
        found = [one for one in _open(catalogue) if one.web][:10]
        return {"rates": [{"name": f"{one.from_code} - {one.to_code}", "rate": wire.number(one.rate_out)} for one in found]}

    async def site_status(self, call: Call) -> Data | Fail:
        return {"offlineStatus": False, "jivosite": "", "requiredCaptchaCreateOrder": False, "captcha_public": "", "captcha_module": ""}

    async def history(self, call: Call) -> Data | Fail:
        assert call.pair is not None, "the door asked for a key"
        asked = call.params.get("statuses")
        statuses = None if asked is None else tuple(texts_of(asked)) or None
        limit = min(max(whole_of(call.params.get("limit")) or 10, 1), HISTORY_MAX)
        number = max(whole_of(call.params.get("page")) or 1, 1)
        page = Page(merchant_id=call.pair.merchant_id, statuses=statuses, limit=limit, skip=(number - 1) * limit)
        listed = await self._.reader.submit(self._.reads.pages, page)
        count = {"total": listed.total, "pages": -(-listed.total // limit), "select_page": number, "limit": limit, "offset": page.skip}
        return {"orders": [wire.in_list(one, one.catalogue.now) for one in listed.orders], "count": count}

    async def claim(self, call: Call) -> Data | Fail:
        assert call.pair is not None, "the door asked for a key"
        listed = call.params.get("orders")
        wanted = [one for one in listed if isinstance(one, dict)][:100] if isinstance(listed, list) else [call.params]
        for one in wanted:
            opened = await self._opened(
                {"orderUID": one.get("orderUID", one.get("uid")), "orderSecret": one.get("orderSecret", one.get("secret"))}
            )
            if opened is None:
                return Fail(Code.NOT_FOUND)
            if opened.order.details.hide_out:  # its link is for payers, who must not become its owners
                return Fail(Code.NOT_ALLOWED)
            if not await self._.writer.submit(claim_orders, Claim(opened.order.uid, call.pair.merchant_id)):
                return Fail(Code.NOT_ALLOWED)
        return {}

    async def make_key(self, call: Call) -> Data | Fail:
        assert call.pair is not None, "the door asked for a key"
        made = await self._.writer.submit(self._.keys.add, NewPair(merchant_id=call.pair.merchant_id, addresses=call.pair.addresses))
        return Fail(Code.TOO_MANY_KEYS) if made is None else {"access": {**_key(made), "secret": made.secret}}

    async def list_keys(self, call: Call) -> Data | Fail:
        assert call.pair is not None, "the door asked for a key"
        return {"keys": [_key(one) for one in await self._.reader.submit(self._.keys.of_merchant, call.pair.merchant_id)]}

    async def delete_key(self, call: Call) -> Data | Fail:
        assert call.pair is not None, "the door asked for a key"
        key = text_of(call.params.get("apiKey"))
        pair = await self._.reader.submit(self._.keys.find, key)
        if pair is not None and pair.operator and not call.pair.operator:
            return Fail(Code.NOT_FOUND)  # an operator's key is not a merchant's to revoke
        gone = await self._.writer.submit(self._.keys.revoke, (call.pair.merchant_id, key))
        return {} if gone else Fail(Code.NOT_FOUND)

    async def session(self, call: Call) -> Data | Fail:
        """There are no sessions: a key signs each request."""
        return Fail(Code.UNAUTHORISED)

    async def operate(self, call: Call) -> Data | Fail:
        uid = await self._uid(call.params.get("orderId") or call.params.get("uid"))
        return Fail(Code.NOT_FOUND) if uid is None else await self._lead(uid, Actor.OPERATOR, call)

    async def inspect(self, call: Call) -> Data | Fail:
        uid = await self._uid(call.params.get("uid") or call.params.get("orderId"))
        opened = await self._.reader.submit(self._.reads.orders, Ask(uid, None)) if uid is not None else None
        return Fail(Code.NOT_FOUND) if opened is None else self._shown(opened, "order", call.pair)

    async def _uid(self, given: Any) -> int | None:
        text = text_of(given).strip().lower()
        if len(text) == 24:
            return await self._.reader.submit(self._.reads.uid_of, text)
        return whole_of(text)


def _open(catalogue: Catalogue) -> list[Direction]:
    return [found for one in catalogue.directions.values() if (found := catalogue.usable(one)) is not None]


def _one(catalogue: Catalogue, direction: Direction | None) -> Data | Fail:
    found = catalogue.usable(direction) if direction is not None else None
    return Fail(Code.NO_ROUTE) if found is None else {"route": wire.whole(catalogue, found)}


def _key(pair: Pair) -> Data:
    return {
        "key": pair.key,
        "isActive": True,
        "permissions": [],
        "permission": {"DEPRECATED": True, "base": True, "withdrawal": False},
        "whitelistIPs": list(pair.addresses),
        "lastUse": pair.last_time,
        "createdAt": wire.moment(pair.created_at),
        "updatedAt": wire.moment(pair.created_at),
    }
