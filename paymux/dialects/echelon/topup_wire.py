"""What a top-up asks for: one side's money and the other side's currency. The other side's amount is computed by a rate. Pure.

The customer pays `moneyProvided`, the merchant gets `moneyRequired`; each request fixes one of them. Source: Echelon's page on top-ups. The
envelope's name, the rounding (the merchant's side down, the customer's up) and what is answered are ours.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec

from paymux.dialects.echelon import fields, wire
from paymux.dialects.echelon.claims import Settlement
from paymux.dialects.echelon.errors import BusinessError, Code, business
from paymux.dialects.echelon.fields import Asked, Fault
from paymux.dialects.echelon.wire import PaymentWish, Requested
from paymux.merchants.channels import Direction
from paymux.money import UNITS_MAX, Money, currency

PROVIDED = ("moneyProvided", "currencyRequired")  # the customer's side is fixed
REQUIRED = ("moneyRequired", "currencyProvided")  # the merchant's side is fixed

Rates = Mapping[str, Decimal]  # what one unit of a currency is worth in USD


class TopUp(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of a top-up; the computed one has no money where there is no rate, or where the fixed one cannot be judged."""

    fixed: Asked
    provided: Asked
    required: Asked
    echo: dict[str, Any]
    segment: str | None
    settlement: Settlement | None = None

    def broken_rules(self, currencies: Sequence[str]) -> list[BusinessError]:
        """What is wrong with the merchant's side, and with the computed amount; the customer's side is judged as a payin's money is."""
        required = self.required
        if required.code not in currencies:
            return [business(Code.CURRENCY_NOT_SUPPORTED, "The merchant does not have this currency", "currencyCode")]
        if self.fixed is required and (rule := wire.precision(required)):
            return [rule]
        if self.provided.code not in currencies or self.fixed.money is None:
            return []
        computed = required if self.fixed is self.provided else self.provided
        if computed.amount <= 0 and computed.money is None:
            return [business(Code.CURRENCY_NOT_SUPPORTED, "There is no rate between these currencies", "currencyCode")]
        if computed.money is None or computed.money.units == 0:
            return [business(Code.AMOUNT_LIMITS, "The amount is outside the limits", "amount")]
        return []


def topup_asked(sent: Mapping[str, Any], rates: Rates) -> TopUp:
    """The requested part of a top-up; `Fault` on a breach of the schema."""
    given = [names for names in (PROVIDED, REQUIRED) if sent.get(names[0]) is not None]
    if len(given) != 1:
        raise Fault("Give either moneyProvided with currencyRequired, or moneyRequired with currencyProvided")
    money, other = given[0]
    fixed = fields.asked(sent[money], money)
    code = fields.text(sent, other, 30, required=True)
    assert code is not None
    computed = converted(fixed, code, rates, up=given[0] is REQUIRED)
    provided, required = (fixed, computed) if given[0] is PROVIDED else (computed, fixed)
    segment = fields.text(sent, "segmentCode", 250)
    echo = {money: fixed.echo, other: code, **({} if segment is None else {"segmentCode": segment})}
    return TopUp(fixed=fixed, provided=provided, required=required, echo=echo, segment=segment)


def converted(fixed: Asked, code: str, rates: Rates, *, up: bool) -> Asked:
    """The other side, in the decimals that the wire takes. Its amount is 0 and its money None where that cannot be said.

    >>> converted(fields.asked({"amount": 10, "currencyCode": "EUR"}), "USD", {"EUR": Decimal("1.08"), "USD": Decimal(1)}, up=False).amount
    Decimal('10.8')
    """
    known, unknown = currency(code), Asked(Decimal(0), code, None, False)
    if known is None or fixed.money is None:
        return unknown
    value = Fraction(fixed.amount)
    if code != fixed.code:
        if not rates.get(code) or not rates.get(fixed.code):
            return unknown
        value = value * Fraction(rates[fixed.code]) / Fraction(rates[code])
    places = fields.decimals(known)
    steps = (ceil if up else floor)(value * 10**places)
    amount, units = fields.plain(Decimal(steps).scaleb(-places)), steps * 10 ** (known.exponent - places)
    return Asked(amount, code, Money(units, known) if units <= UNITS_MAX else None, False)


def topup_options_wish(body: bytes, rates: Rates) -> TopUp:
    """A question for the available options."""
    return topup_asked(fields.body_object(body), rates)


def topup_wish(body: bytes, rates: Rates) -> tuple[TopUp, PaymentWish]:
    """A top-up, and what its customer pays, as a payin's request; `Fault` on a breach of the schema."""
    sent = fields.body_object(body)
    asked = topup_asked(fields.part(sent, "topUpRequested"), rates)
    return asked, wire.wish_of(sent, customers_side(asked), Direction.PAYIN)


def customers_side(asked: TopUp) -> Requested:
    """What the customer pays, as a payin asks for it."""
    return Requested(asked=asked.provided, segment=asked.segment, exchanged_to=None)
