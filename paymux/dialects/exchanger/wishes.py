"""Judge an order that is asked for, in the documented order: direction, agreement, amount, limits, fields, addresses. Pure values out.

The first thing that is wrong answers; nothing is stored then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from paymux.dialects.exchanger.errors import Code
from paymux.dialects.exchanger.params import Number, decimal_of, pairs_of, text_of, yes
from paymux.dialects.exchanger.profiles import language
from paymux.exchange.calculate import Fault, Quote, Refusal, quote, rate_of
from paymux.exchange.create import NewOrder
from paymux.exchange.fields import FieldFault, judge
from paymux.exchange.floating import afloat
from paymux.exchange.lifecycle import Status
from paymux.exchange.model import Details, Direction, Value
from paymux.exchange.offer import Catalogue
from paymux.http.client import url_fault

URL_CHARS_MAX = 200
EXTRA_BYTES_MAX = 4096
FAULTS = {
    Fault.ZERO: (Code.AMOUNT_ZERO, ""),
    Fault.EATEN: (Code.AMOUNT_EATEN, ""),
    Fault.TOO_LITTLE: (Code.TOO_LITTLE, "min"),
    Fault.TOO_MUCH: (Code.TOO_MUCH, "max"),
    Fault.RESERVE: (Code.ABOVE_RESERVE, "max"),
}
LISTS = (("fromValues", "from_fields"), ("toValues", "to_fields"), ("routeValues", "route_fields"))


@dataclass(frozen=True, slots=True)
class Fail:
    """An error of this wire; `object` fills the placeholders of translated texts."""

    code: Code
    object: Mapping[str, Any] = field(default_factory=dict)


def field_fault(field_id: str, name: str, err: str, kind: str) -> Fail:
    return Fail(Code.FIELD, {"fieldId": field_id, "nameField": name, "err": err, "type": kind})


def wish(params: Mapping[str, Any], catalogue: Catalogue, merchant_id: int, reliable: bool, header_language: str) -> NewOrder | Fail:
    """The order to be opened, or why not."""
    direction = usable(catalogue, text_of(params.get("routeId")))
    if direction is None:
        return Fail(Code.NO_ROUTE)
    if yes(params.get("agreement")) is not True:
        return field_fault("agreement", "agreement", "required", "agreement")
    amounts = _quote(params, catalogue, direction)
    if isinstance(amounts, Fail):
        return amounts
    values = _values(params, direction)
    if isinstance(values, Fail):
        return values
    if fault := _url_faults(params):
        return fault
    extra = params.get("extraData")
    if isinstance(extra, dict) and len(msgspec.json.encode(_plain(extra))) > EXTRA_BYTES_MAX:
        return field_fault("extraData", "extraData", "regexp", "extraData")
    details = _details(params, catalogue, direction, amounts, values, reliable, header_language)
    status = Status.WAIT_PAYMENT if yes(params.get("skipPreview")) else Status.NEW
    secret = text_of(params.get("ipnSecret"))[:URL_CHARS_MAX] or None
    return NewOrder(merchant_id=merchant_id, direction=direction, quote=amounts, details=details, status=status, ipn_secret=secret)


def usable(catalogue: Catalogue, direction_id: str) -> Direction | None:
    """A direction that is open now, with the rate that counts."""
    found = catalogue.directions.get(direction_id)
    return catalogue.usable(found) if found is not None else None


def _quote(params: Mapping[str, Any], catalogue: Catalogue, direction: Direction) -> Quote | Fail:
    asked = decimal_of(params.get("amount"))
    if asked is None:
        return Fail(Code.AMOUNT_MISSING)
    give, get = catalogue.pair(direction)
    found = quote(
        direction, give, get, rate_of(direction), asked, catalogue.offered(direction), partner=bool(text_of(params.get("partner")))
    )
    if isinstance(found, Refusal):
        code, name = FAULTS[found.fault]
        return Fail(code, {name: msgspec.Raw(found.limit.encode())} if name else {})
    return found


def _values(params: Mapping[str, Any], direction: Direction) -> tuple[tuple[Value, ...], ...] | Fail:
    found = []
    for name, fields in LISTS:
        values = judge(getattr(direction, fields), pairs_of(params.get(name)))
        if isinstance(values, FieldFault):
            return field_fault(values.field.id, values.field.name, values.err, name)
        found.append(values)
    return tuple(found)


def _url_faults(params: Mapping[str, Any]) -> Fail | None:
    for name in ("clientCallbackUrl", "ipnUrl"):
        url = text_of(params.get(name))
        if url and not _web_url(url, callable_too=name == "ipnUrl"):
            return field_fault(name, name, "regexp", name)
    if len(text_of(params.get("ipnSecret"))) > URL_CHARS_MAX:
        return field_fault("ipnSecret", "ipnSecret", "regexp", "ipnSecret")
    return None


def _web_url(url: str, *, callable_too: bool) -> bool:
    """An absolute http or https URL that fits and holds nothing that a header or a link could trip over."""
    if len(url) > URL_CHARS_MAX or any(ord(char) <= 32 or ord(char) == 127 or char in '\\"<>' for char in url):
        return False
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok:
        return False
    return not callable_too or url_fault(url) is None


def _details(
    params: Mapping[str, Any],
    catalogue: Catalogue,
    direction: Direction,
    amounts: Quote,
    values: tuple[tuple[Value, ...], ...],
    reliable: bool,
    header_language: str,
) -> Details:
    give, get = catalogue.pair(direction)
    asked = decimal_of(params.get("amount"))
    extra = params.get("extraData")
    return Details(
        rate_in=direction.rate_in,
        rate_out=direction.rate_out,
        discount=amounts.discount,
        fee=direction.fee,
        floating=afloat(direction),
        out_asked=asked is not None and asked < 0,
        quoted_at=catalogue.now,
        from_decimals=give.decimals,
        to_decimals=get.decimals,
        from_values=values[0],
        to_values=values[1],
        route_values=values[2],
        language=language(text_of(params.get("lang")), header_language),
        partner=text_of(params.get("partner"))[:100] or None,
        hide_out=yes(params.get("hideOutData")) is True,
        callback_url=text_of(params.get("clientCallbackUrl")) or None,
        ipn_url=text_of(params.get("ipnUrl")) or None,
        reliable=reliable,
        email=text_of(params.get("email"))[:200],
        client_type=text_of(params.get("typeClient"))[:20] or "api",
        extra=msgspec.Raw(msgspec.json.encode(_plain(extra))) if isinstance(extra, dict) else msgspec.UNSET,
    )


def _plain(value: Any) -> Any:
    """A parameter as JSON again."""
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case Number():
            return msgspec.Raw(value.text.encode())
        case _:
            return value
