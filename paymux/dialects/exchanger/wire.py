"""What the exchanger's methods answer: directions and orders as its web client reads them. Pure.

Numbers are written digit by digit from units, never through binary fractions. Limits, reserves and full rates are texts, as the vendor
has them.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Any

import msgspec

from paymux import clock
from paymux.exchange.calculate import full_number, plain_units, rate_of
from paymux.exchange.lifecycle import standing
from paymux.exchange.model import Currency, Direction, Field, Order, Value, trimmed
from paymux.exchange.offer import Catalogue, Opened
from paymux.money import decimal_text

Json = dict[str, Any]


def number(text: str) -> msgspec.Raw:
    """A decimal text as a JSON number."""
    return msgspec.Raw(trimmed(text).encode())


def amount(units: int, decimals: int) -> msgspec.Raw:
    return number(decimal_text(units, decimals))


def moment(at: int) -> str:
    """ISO 8601, UTC, milliseconds."""
    return f"{clock.iso(at)[:19]}.{at % 1000:03d}Z"


def image() -> Json:
    return {"files": []}


def _short(currency: Currency) -> Json:
    return {
        "_id": currency.id,
        "name": currency.name,
        "symbol": currency.symbol,
        "xml": currency.code,
        "decimal": currency.decimals,
        "image": image(),
    }


def field(one: Field) -> Json:
    found: Json = {
        "_id": one.id,
        "name": one.name,
        "placeholder": one.placeholder or one.name,
        "regexp": one.regexp,
        "regexp_error": one.regexp_error,
        "required": one.required,
    }
    if one.options:
        found["options"] = [{"name": option.name, "value": option.value} for option in one.options]
    return found


def rate(direction: Direction, reserve: str) -> Json:
    return {
        "in": number(direction.rate_in),
        "out": number(direction.rate_out),
        "rateFullNumber": full_number(rate_of(direction)),
        "amount": reserve,
        "outFeeAmount": number(direction.fee),
        "typeCalculate": "float" if direction.floating else "fix",
        **({"changePercentReCalculate": number(direction.floating.down_percent)} if direction.floating else {}),
        "sourceType": "source" if direction.source else "manual",
        "specialReserve": bool(direction.reserve),
    }


def reserve(catalogue: Catalogue, currency: Currency) -> str:
    return plain_units(catalogue.reserves.get(currency.code, 0), currency)


def offered(catalogue: Catalogue, direction: Direction) -> str:
    """What a direction can pay out at most: the reserve, or the part of it that the direction offers."""
    return plain_units(catalogue.offered(direction), catalogue.currencies[direction.to_code])


def _beside(catalogue: Catalogue, direction: Direction) -> str:
    """What is added to the currency's reserve for a direction: less than nothing where it offers only a part."""
    get = catalogue.currencies[direction.to_code]
    less = catalogue.reserves.get(get.code, 0) - catalogue.offered(direction)
    return "-" * bool(less) + plain_units(less, get)


def listed(catalogue: Catalogue, direction: Direction) -> Json:
    """A direction of the first version's list."""
    give, get = catalogue.pair(direction)
    left = offered(catalogue, direction)
    limits = {"min": direction.min, "max": direction.max}
    return {
        "routeId": direction.id,
        "from": {**_short(give), "verification": False, "positionIn": give.position_in, **limits},
        "to": {**_short(get), "verification": False, "positionOut": get.position_out},
        "rate": rate(direction, left),
        "seo": {"friendlyURL": direction.friendly_url},
        "isShowWeb": direction.web,
        "isShowBot": direction.bot,
        "in": number(direction.rate_in),
        "out": number(direction.rate_out),
        "amount": left,
        "minamount": direction.min,
        "maxamount": direction.max,
    }


def second_list(catalogue: Catalogue, directions: Sequence[Direction]) -> Json:
    """The second version's list: currencies by id, directions by their ids."""
    codes = {code for one in directions for code in (one.from_code, one.to_code)}
    return {
        "isUpdated": True,
        "currencies": {
            one.id: {
                "id": one.id,
                "xml": one.code,
                "name": one.name,
                "symbol": one.symbol,
                "image": "",
                "positionIn": one.position_in,
                "positionOut": one.position_out,
                "reserveAmount": number(reserve(catalogue, one)),
                "isActive": one.active,
            }
            for code, one in catalogue.currencies.items()
            if code in codes
        },
        "routes": [
            {
                "routeId": one.id,
                "from": catalogue.currencies[one.from_code].id,
                "to": catalogue.currencies[one.to_code].id,
                "isShowWeb": one.web,
                "isShowBot": one.bot,
                "reserveAmountAdditional": number(_beside(catalogue, one)),
                "seoFriendlyURL": one.friendly_url,
            }
            for one in directions
        ],
    }


def whole(catalogue: Catalogue, direction: Direction) -> Json:
    """One direction with everything that a form needs."""
    give, get = catalogue.pair(direction)
    return {
        "routeId": direction.id,
        "from": {
            **_short(give),
            "discounts": [{"amountMoreThan": number(one.more_than), "discountPercent": number(one.percent)} for one in direction.discounts],
            "verification": False,
            "verificationText": "",
            "fields": [field(one) for one in direction.from_fields],
            "paymentDetails": {"merchantEnabled": False, "merchant": None, "amlEnabled": False, "aml": None},
            "min": direction.min,
            "max": direction.max,
            "usdRate": give.usd_rate,
        },
        "to": {
            **_short(get),
            "verificationPayout": False,
            "verificationPayoutText": "",
            "payoutEnabled": get.payout == "automatic",
            "payout": None,
            "fields": [field(one) for one in direction.to_fields],
            "usdRate": get.usd_rate,
            "minFee": 0,
            "amlPayoutEnabled": False,
            "amlPayout": None,
        },
        "fields": [field(one) for one in direction.route_fields],
        "rate": rate(direction, offered(catalogue, direction)),
        "instructions": [],
        "additionalServices": [],
        "verification": False,
        "verificationText": "",
        "verificationRequiredImagesCount": 0,
        "requiredVerificationUser": {"enable": False, "currency": "in", "minAmount": 0},
        "requiredVerificationPhone": {"enable": False, "currency": "in", "minAmount": 0},
        "requiredOnlyForAuthed": {"enable": False},
        "isAutoPayout": get.payout == "automatic",
        "seo": dict.fromkeys(("title", "subtitle", "description", "instruction", "keyword", "h1", "h2"), "")
        | {"friendlyURL": direction.friendly_url},
        "orderTTL": direction.ttl_minutes,
        "disableUserDiscounts": False,
    }


def created(order: Order, secret: str, catalogue: Catalogue) -> Json:
    """The answer to a new order."""
    give, get = catalogue.currencies[order.from_code], catalogue.currencies[order.to_code]
    given, received = amount(order.in_units, give.decimals), amount(order.out_units, get.decimals)
    return {
        "_id": order.id,
        "uid": order.uid,
        "rid": order.rid,
        "secret": secret,
        "status": order.status,
        "expiresAt": moment(order.expires_at),
        "inAmount": given,
        "outAmount": received,
        "route": {
            "from": {"name": give.name, "symbol": give.symbol},
            "to": {"name": get.name, "symbol": get.symbol},
            "inAmount": given,
            "outAmount": received,
        },
    }


def _values(values: Sequence[Value]) -> list[Json]:
    return [{"_id": one.key, "field": one.key, "key": one.key, "name": one.name, "value": one.value} for one in values]


def order(opened: Opened, kind: str, now: int, *, owner: bool) -> Json:
    """An order as who holds its secret sees it; `owner` (and an operator) sees what the others may not."""
    one, catalogue, details = opened.order, opened.catalogue, opened.order.details
    give, get = catalogue.currencies[one.from_code], catalogue.currencies[one.to_code]
    open_to_link = kind == "order" and not details.hide_out
    return {
        "TYPE": kind,
        "_id": one.id,
        "uid": one.uid,
        "rid": one.rid,
        "partner": details.partner,
        "status": standing(one.status, one.expires_at, now),
        "inAmount": amount(one.in_units, give.decimals),
        "outAmount": amount(one.out_units, get.decimals),
        "rate": number(_out_per_in(details.rate_in, details.rate_out)),
        "rateTypeCalculate": "float" if details.floating else "fix",
        "feeToAmount": number(details.fee),
        "fromValues": _values(details.from_values),
        "toValues": _values(details.to_values) if owner or open_to_link else [],
        "routeValues": _values(details.route_values) if owner or kind == "order" else [],
        "createdAt": moment(one.created_at),
        "expiresAt": moment(one.expires_at),
        "clientCallbackUrl": details.callback_url,
        "comment": details.comment,
        "route": {
            "routeId": one.direction_id,
            "instructions": [],
            "requiredDocuments": [],
            "from": {
                **_short(give),
                "verification": False,
                "verificationText": "",
                "paymentDetails": payment_details(give),
            },
            "to": {**_short(get), "verificationPayout": False, "verificationPayoutText": ""},
            "verification": False,
            "verificationText": "",
            "verificationRequiredImagesCount": 0,
        },
        "telegram": {"id": "", "username": "", "name": ""},
        "additionalParams": [],
        **({"extraData": details.extra} if owner and details.extra is not msgspec.UNSET else {}),
    }


def payment_details(give: Currency) -> Json:
    """How the client pays, with the vendor's placeholders left to whoever shows it."""
    return {
        "merchantEnabled": False,
        "merchant": None,
        "manualPaymentTextEnabled": bool(give.payment_text),
        "manualPaymentText": give.payment_text,
        "account": give.account,
        "commentTemplate": "",
        "linkPS": "",
        "showStepLink": False,
        "showStepComment": True,
        "showIPaidBtn": give.payment == "manual",
        "amlEnabled": False,
        "aml": None,
    }


def in_list(opened: Opened, now: int) -> Json:
    """An order of the owner's history."""
    one, catalogue = opened.order, opened.catalogue
    give, get = catalogue.currencies[one.from_code], catalogue.currencies[one.to_code]
    return {
        "_id": one.id,
        "uid": one.uid,
        "rid": one.rid,
        "secret": opened.secret,
        "status": standing(one.status, one.expires_at, now),
        "inAmount": amount(one.in_units, give.decimals),
        "outAmount": amount(one.out_units, get.decimals),
        "createdAt": moment(one.created_at),
        "updatedAt": moment(one.updated_at),
        "expiresAt": moment(one.expires_at),
        "route": {"routeId": one.direction_id, "from": _short(give), "to": _short(get)},
    }


def latest(opened: Opened) -> Json:
    """A finished order for strangers: nothing that leads to it."""
    one, catalogue = opened.order, opened.catalogue
    give, get = catalogue.currencies[one.from_code], catalogue.currencies[one.to_code]
    return {
        "typeClient": one.details.client_type,
        "inAmount": amount(one.in_units, give.decimals),
        "outAmount": amount(one.out_units, get.decimals),
        "createdAt": moment(one.created_at),
        "route": {"routeId": one.direction_id, "from": _short(give), "to": _short(get)},
    }


def _out_per_in(rate_in: str, rate_out: str) -> str:
    return decimal_text(floor(Fraction(rate_out) / Fraction(rate_in) * 10**18), 18)
