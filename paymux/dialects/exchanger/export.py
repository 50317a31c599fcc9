"""Rates for directories of exchangers, in BestChange's style: XML, JSON, TXT. Pure.

A dot as decimal sign, no exponent, limits of "0" left out. A code of cash with a city, such as CASHUSD_C_TBIL, is exported with the city
apart.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

import msgspec

from paymux.dialects.exchanger.wire import offered
from paymux.exchange.model import Direction
from paymux.exchange.offer import Catalogue

TYPES = {"xml": "application/xml", "json": "application/json", "txt": "text/plain; charset=utf-8"}
MEMBERS = ("from", "to", "in", "out", "amount", "minamount", "maxamount")


def items(catalogue: Catalogue, directions: Sequence[Direction]) -> list[dict[str, str]]:
    """The exported directions."""
    found = []
    for one in directions:
        if not one.exported:
            continue
        get = catalogue.currencies[one.to_code]
        (give_code, city_in), (get_code, city_out) = _city(one.from_code), _city(one.to_code)
        item = {
            "from": give_code,
            "to": get_code,
            "in": one.rate_in,
            "out": one.rate_out,
            "amount": offered(catalogue, one),
            "minamount": one.min,
            "maxamount": one.max,
            "tofee": f"{one.fee} {get.symbol}" if one.fee != "0" else "",
            "city": city_in or city_out,
        }
        found.append({name: text for name, text in item.items() if text and not (text == "0" and name in ("minamount", "maxamount"))})
    return found


def _city(code: str) -> tuple[str, str]:
    plain, _, city = code.partition("_C_")
    return plain, city


def body(kind: str, found: Sequence[dict[str, str]]) -> bytes:
    """The file of a kind."""
    if kind == "json":
        return msgspec.json.encode(found)
    if kind == "txt":
        return "".join(";".join(item.get(name, "") for name in MEMBERS) + "\n" for item in found).encode()
    inner = "".join("<item>" + "".join(f"<{name}>{escape(text)}</{name}>" for name, text in item.items()) + "</item>" for item in found)
    return f'<?xml version="1.0" encoding="UTF-8"?><rates>{inner}</rates>'.encode()
