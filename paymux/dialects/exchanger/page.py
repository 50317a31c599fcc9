"""The exchange's own form creates orders by the same method as every client: the same checks, limits and errors."""

from collections.abc import Mapping
from typing import Any

from paymux.dialects.exchanger.errors import Code
from paymux.dialects.exchanger.methods import Call, Methods
from paymux.dialects.exchanger.wishes import Fail
from paymux.exchange.form import Create, Made, Why, Wrong

WHYS = {
    Code.AMOUNT_MISSING: Why.AMOUNT, Code.AMOUNT_ZERO: Why.AMOUNT, Code.AMOUNT_EATEN: Why.EATEN, Code.TOO_LITTLE: Why.MIN,
    Code.TOO_MUCH: Why.MAX, Code.ABOVE_RESERVE: Why.RESERVE, Code.NO_ROUTE: Why.CLOSED, Code.TOO_MANY: Why.FAST,
}  # fmt: skip


def creator(methods: Methods) -> Create:
    """The method behind the form."""

    async def create(params: Mapping[str, Any], client: str, language: str) -> Made | Wrong:
        found = await methods.create(Call({**params, "typeClient": "web"}, None, client, language))
        return wrong(found) if isinstance(found, Fail) else Made(found["uid"], found["secret"])

    return create


def wrong(fail: Fail) -> Wrong:
    """An error of the wire as the form says it."""
    values = fail.object
    if fail.code is Code.FIELD:
        name = str(values["fieldId"])
        if name == "agreement":
            return Wrong(Why.AGREEMENT)
        return Wrong(Why.REQUIRED if values["err"] == "required" else Why.FIELD, f"{values['type']}.{name}")
    limit = values.get("min", values.get("max", b""))
    return Wrong(WHYS.get(fail.code, Why.REFUSED), limit=bytes(limit).decode())
