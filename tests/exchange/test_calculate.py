"""The worked examples' amounts, and for any direction and amount: nothing is made or lost, each side is rounded against the client once."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paymux.cli.exchange_fixtures import currencies, directions
from paymux.exchange.calculate import Fault, Quote, Rate, Refusal, full_number, quote, rate_of
from paymux.exchange.model import Currency, Direction, Discount

CURRENCIES = {one.code: one for one in currencies()}
R1, R2, _ = directions()
EXAMPLES = [
    (R1, "0.05", 5_000_000, 793), (R1, "2", 200_000_000, 31742), (R1, "-317.42", 200_000_000, 31742),
    (R1, "-317.41", 199_993_700, 31741), (R1, "50", 5_000_000_000, 793_550),
    (R2, "500", 50000, 4_620_000), (R2, "999.99", 99999, 9_244_907), (R2, "1000", 100_000, 9_338_434),
    (R2, "2000", 200_000, 18_681_868), (R2, "-186818.68", 200_000, 18_681_868), (R2, "-92000", 99514, 9_200_000),
    (R2, "-92460", 100_000, 9_246_000),
]  # fmt: skip
REFUSED = [
    (R1, "0.049", Fault.TOO_LITTLE, "0.05"), (R1, "50.00000001", Fault.TOO_MUCH, "50"), (R1, "0", Fault.ZERO, ""),
    (R2, "-250001", Fault.RESERVE, "250000"), (R1, "1e30", Fault.TOO_MUCH, "50"), (R2, "0.3", Fault.EATEN, ""),
]  # fmt: skip
RESERVES = {"WMZ": 2_500_000, "SBERRUB": 25_000_000}


def asked(direction: Direction, amount: str) -> Quote | Refusal:
    give, get = CURRENCIES[direction.from_code], CURRENCIES[direction.to_code]
    return quote(direction, give, get, rate_of(direction), Decimal(amount), RESERVES[get.code])


@pytest.mark.parametrize(("direction", "amount", "in_units", "out_units"), EXAMPLES)
def test_the_worked_examples_amounts(direction: Direction, amount: str, in_units: int, out_units: int) -> None:
    found = asked(direction, amount)
    assert isinstance(found, Quote)
    assert (found.in_units, found.out_units) == (in_units, out_units)


@pytest.mark.parametrize(("direction", "amount", "fault", "limit"), REFUSED)
def test_the_worked_examples_refusals(direction: Direction, amount: str, fault: Fault, limit: str) -> None:
    assert asked(direction, amount) == Refusal(fault, limit)


def test_the_full_rate_is_cut_never_rounded_up() -> None:
    assert full_number(rate_of(R1)).startswith("0.0063008002016256")
    for text in ("158.71", "3", "0.00000007", "97000"):
        rate = Rate(Fraction(1), Fraction(text))
        assert 0 <= rate.k - Fraction(full_number(rate)) < rate.k / 10**15


def test_floats_of_clients_are_rounded_half_up_to_the_currency() -> None:
    found = asked(R1, "0.300000000000000044")
    assert isinstance(found, Quote)
    assert found.in_units == 30_000_000


decimals = st.integers(0, 8)
amounts = st.decimals("0.00000001", "100000", places=8)
percents = st.decimals("0", "99", places=2)


@given(decimals, decimals, amounts, amounts, amounts, st.booleans(), st.decimals("0", "50", places=2), percents, percents)
@settings(max_examples=3000, deadline=None)
def test_any_order_parts_into_value_fee_and_rounding_and_never_favours_the_client(
    in_decimals: int, out_decimals: int, give: Decimal, get: Decimal, amount: Decimal, wants_out: bool, fee: Decimal, off: Decimal,
    commission: Decimal,
) -> None:  # fmt: skip
    first = Currency(id="a", code="A", name="A", symbol="A", decimals=in_decimals)
    second = Currency(id="b", code="B", name="B", symbol="B", decimals=out_decimals)
    direction = Direction(
        id="d", from_code="A", to_code="B", rate_in=str(give), rate_out=str(get), fee=str(fee), commission_percent=str(commission),
        discounts=(Discount("1000", str(off)),),
    )  # fmt: skip
    found = quote(direction, first, second, rate_of(direction), -amount if wants_out else amount, None, partner=True)
    if isinstance(found, Refusal):
        assert found.fault in (Fault.ZERO, Fault.EATEN, Fault.TOO_MUCH)
        return
    price = rate_of(direction).k * (1 - Fraction(found.discount) / 100)
    unit_in, unit_out = Fraction(1, 10**in_decimals), Fraction(1, 10**out_decimals)
    given, received = found.in_units * unit_in, found.out_units * unit_out
    value = found.in_units - found.fee_units - found.rounding_units
    assert min(value, found.fee_units, found.rounding_units, found.commission_units) >= 0
    assert found.commission_units <= value
    assert received <= given / price - Fraction(fee)
    if not wants_out:
        assert given / price - Fraction(fee) - received < unit_out
    elif found.discount == "0":
        assert given - (received + Fraction(fee)) * price < unit_in
