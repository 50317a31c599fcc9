"""Order pages of the exchange as `OrderView`s, for the pictures and the browser tests of `tests.screenshots`."""

from typing import Any

import msgspec

from paymux.checkout.order_view import OrderView, money_of
from paymux.checkout.words import NAMES
from paymux.exchange.lifecycle import Payout, Status
from paymux.exchange.model import Currency, Details, Order, Value

NOW = 1777464600000  # 2026-04-29 12:10 UTC
ETH = Currency(
    id="1" * 24,
    code="ETH",
    name="Ethereum",
    symbol="ETH",
    decimals=8,
    network="ERC20",
    account="0x52908400098527886E0F7030069857D2E4169EE7",
)
WMZ = Currency(id="2" * 24, code="WMZ", name="WebMoney", symbol="WMZ", decimals=2)
ORDER = Order(
    uid=700123, id="o", rid="r", secret="s", merchant_id=1, direction_id="d", from_code="ETH", to_code="WMZ", in_units=2_00000000,
    out_units=31742, fee_units=0, rounding_units=0, commission_units=0, received_units=0, reserved_units=0, late_units=0,
    status=Status.NEW, version=1, payout=Payout.NONE, operation_key=None, asked=0, act_at=None, txid=None, ipn_secret=None,
    created_at=NOW - 600_000, expires_at=NOW + 3_000_000, updated_at=NOW,
    details=Details(rate_in="1", rate_out="158.71", to_values=(Value("purse", "WMZ purse", "Z123456789012"),)),
)  # fmt: skip


def but(status: Status, kind: str = "order", give: Currency = ETH, **changes: Any) -> OrderView:
    """The sample order's page at a status, with some fields of the order changed."""
    languages = tuple((code, f"?lang={code}") for code in NAMES)
    return OrderView(
        screen=status, kind=kind, language="en", languages=languages, nonce="c2FtcGxl", sandbox=False,
        order=msgspec.structs.replace(ORDER, status=status, **changes), give=give, get=WMZ, now=NOW, path="/sample", version=1,
        order_ref=str(ORDER.uid), amount=money_of(ORDER.in_units, give),
    )  # fmt: skip


def views() -> dict[str, OrderView]:
    """Name -> page: each that looks different; the other statuses are these with other words."""
    found = {str(status): but(status) for status in (Status.NEW, Status.WAIT_PAYMENT, Status.DONE, Status.DELETED)}
    came = {"short": 1_50000000, "failed": 0}
    return found | {f"errorPayment-{name}": but(Status.ERROR_PAYMENT, received_units=units) for name, units in came.items()}
