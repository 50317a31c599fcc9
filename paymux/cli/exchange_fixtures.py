"""The exchanger's reference data: the directions R1 and R2 of its worked examples, exactly, BTC to USDTTRC20 beside them, and a merchant
whose key signs the examples."""

from functools import partial
from typing import TYPE_CHECKING

from paymux.cli.run import accepted

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.exchange.model import Currency, Direction

KEY, SECRET = "8c50e2809306b61b9b5f6253f89ed203a60e624f", "97aab8410868ba7c1824f490999607c0ce46a3de"
OPERATOR_KEY, OPERATOR_SECRET = "EX_operator", "operator-secret-of-the-sandbox"
MERCHANT_ID, PARTNER = 40, "example-partner"
STOCK = {"WMZ": 2_500_000, "SBERRUB": 25_000_000, "USDTTRC20": 10_000_000, "ETH": 0, "BTC": 0}


def currencies() -> "list[Currency]":
    from paymux.exchange.model import Check, Currency

    return [
        Currency(
            id="5d8e5f1a1c9d440000a1e701", code="ETH", name="Ethereum", symbol="ETH", decimals=8, network="Ethereum", check=Check.EVM,
            account="0x52908400098527886E0F7030069857D2E4169EE7", usd_rate="158.71", position_in=2,
        ),
        Currency(id="5d8e5f1a1c9d440000a1e702", code="WMZ", name="WebMoney", symbol="USD", decimals=2, usd_rate="1", position_out=1),
        Currency(
            id="5d8e5f1a1c9d440000a1e703", code="USDTTRC20", name="Tether TRC20", symbol="USDT", decimals=2, network="TRON",
            check=Check.TRON, account="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", payout="automatic", usd_rate="1",
            position_in=3, position_out=3,
        ),
        Currency(
            id="5d8e5f1a1c9d440000a1e704", code="SBERRUB", name="Sberbank", symbol="RUB", decimals=2, usd_rate="0.0108",
            position_out=2,
        ),
        Currency(
            id="5d8e5f1a1c9d440000a1e705", code="BTC", name="Bitcoin", symbol="BTC", decimals=8, network="Bitcoin", check=Check.BTC,
            payment="automatic", account="bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", usd_rate="65000", position_in=1,
        ),
    ]  # fmt: skip


def directions() -> "list[Direction]":
    from paymux.exchange.model import Check, Direction, Discount, Field

    email = Field(id="email", name="E-mail", placeholder="you@example.com", regexp="^[^@ ]+@[^@ ]+$")
    return [
        Direction(
            id="5d8e5f7c1c9d440000a1e7aa", from_code="ETH", to_code="WMZ", rate_in="1", rate_out="158.71", min="0.05", max="50",
            to_fields=(Field(id="5d8e5f3b1c9d440000a1e711", name="WMZ purse", placeholder="Z123456789012", regexp="^Z[0-9]{12}$"),),
            route_fields=(email,), friendly_url="eth-to-wmz",
        ),
        Direction(
            id="5d8e5f7c1c9d440000a1e7bb", from_code="USDTTRC20", to_code="SBERRUB", rate_in="1", rate_out="92.5", fee="50", min="10",
            to_fields=(Field(id="card", name="Card", placeholder="2202 …", check=Check.CARD),), discounts=(Discount("1000", "1"),),
            friendly_url="usdt-to-sberbank",
        ),
        Direction(
            id="5d8e5f7c1c9d440000a1e7cc", from_code="BTC", to_code="USDTTRC20", rate_in="1", rate_out="65000", min="0.0005", max="1",
            to_fields=(Field(id="wallet", name="TRC20 address", placeholder="T…", check=Check.TRON),), commission_percent="0.5",
            friendly_url="btc-to-usdt",
        ),
    ]  # fmt: skip


async def load_exchange(core: "Core") -> list[int]:
    """Currencies, directions, stock, and the merchant with its keys; what is there already stays as people left it."""
    from paymux.exchange.keys import Member, NewPair, put_members

    added = await _merchant(core)
    await load_offer(core)
    await core.writer.submit(put_members, Member(merchant_id=MERCHANT_ID, code=PARTNER))
    for key, secret, operator in ((KEY, SECRET, False), (OPERATOR_KEY, OPERATOR_SECRET, True)):
        await core.writer.submit(core.exchange_keys.add, NewPair(merchant_id=MERCHANT_ID, operator=operator, key=key, secret=secret))
    return added


async def load_offer(core: "Core") -> None:
    """Currencies, directions and stock."""
    from paymux.exchange.setup import Stock, put_currencies, put_directions, stock

    catalogue = await core.reader.submit(core.shelf.read, None)
    for currency in currencies():
        if currency.code not in catalogue.currencies:
            accepted(await core.writer.submit(put_currencies, currency))
    for direction in directions():
        if direction.id not in catalogue.directions:
            accepted(await core.writer.submit(put_directions, direction))
    for code, units in STOCK.items():
        accepted(await core.writer.submit(stock, Stock(key=f"fixture:{code}", code=code, units=units)))


async def _merchant(core: "Core") -> list[int]:
    from paymux.cli.fixtures import add_missing
    from paymux.merchants.create import NewMerchant
    from paymux.merchants.model import Plan

    new = NewMerchant(id=MERCHANT_ID, name="Example exchange merchant", email="m40@example.com", plan=Plan.PRO)
    return [MERCHANT_ID] if await core.writer.submit(partial(add_missing, core, "ecomtrade24"), new) else []
