"""The sandbox's channels by currency, and the profiles of the contract's reference fixture. Pure data.

A merchant that is created with a currency has the channels of it. Limits and caps are major units. Source: operator codes IDR_… were seen
in a client of the API, BNK_… stand in its manual; everything else is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from paymux.merchants.channels import Channel, Direction, Operator, Profile
from paymux.money import known

DIALECT = "echelon"
PAYIN, PAYOUT = Direction.PAYIN, Direction.PAYOUT

OPERATORS: dict[str, dict[str, str]] = {
    "INR": {"INR_001": "State Bank of India", "INR_002": "HDFC Bank", "INR_003": "ICICI Bank"},
    "IDR": {"IDR_002": "BRI", "IDR_008": "Bank Mandiri", "IDR_009": "BNI", "IDR_014": "BCA", "IDR_016": "Maybank", "IDR_022": "CIMB Niaga",
            "IDR_523": "Sahabat Sampoerna", "ID_OVO": "OVO", "ID_DANA": "DANA"},
    "THB": {"THB_001": "Bangkok Bank", "THB_002": "Kasikornbank", "THB_003": "Siam Commercial Bank"},
    "VND": {"VND_001": "Vietcombank", "VND_002": "Techcombank", "VND_003": "BIDV"},
    "MXN": {"MXN_001": "BBVA Mexico", "MXN_002": "Banorte", "MXN_003": "Santander Mexico"},
    "EUR": {"EUR_001": "First Test Bank", "EUR_002": "Second Test Bank"},
    "USDT": {"TRC20": "TRON (TRC-20)"},
}  # fmt: skip
WALLETS = ("ID_OVO", "ID_DANA")


@dataclass(frozen=True, slots=True)
class Row:
    """One channel of the table. `operators`: "banks", "wallets" or nothing."""

    direction: Direction
    method: str
    least: int
    most: int
    daily: int | None
    percent: str
    fixed: str = "0"
    operators: str = ""
    needs_operator: bool = False


TABLE: dict[str, Sequence[Row]] = {
    "INR": (
        Row(PAYIN, "UPIQR", 1, 200_000, 20_000_000, "1.5"),
        Row(PAYIN, "UPIID", 1, 200_000, 20_000_000, "1.5"),
        Row(PAYIN, "IMPS", 1, 500_000, 20_000_000, "1.2"),
        Row(PAYIN, "P2A_V2", 1, 500_000, 20_000_000, "1.2", operators="banks", needs_operator=True),
        Row(PAYIN, "NETBANKING", 1, 500_000, 20_000_000, "1.8", operators="banks"),
        Row(PAYIN, "OFFLINE", 1, 500_000, None, "1"),
        Row(PAYOUT, "BANK_TRANSFER", 100, 500_000, 20_000_000, "0.5", "7", "banks", True),
        Row(PAYOUT, "WALLET_TRANSFER", 100, 100_000, 5_000_000, "0.5", "5"),
    ),
    "IDR": (
        Row(PAYIN, "VAPAY", 1, 100_000_000, 5_000_000_000, "1", operators="banks", needs_operator=True),
        Row(PAYIN, "QRISPAY", 1, 10_000_000, 1_000_000_000, "0.7"),
        Row(PAYIN, "EWALLET", 1, 10_000_000, 1_000_000_000, "1.5", operators="wallets", needs_operator=True),
        Row(PAYIN, "OFFLINE", 1, 100_000_000, None, "1"),
        Row(PAYOUT, "BANK_TRANSFER", 10_000, 100_000_000, 5_000_000_000, "0", "4000", "banks", True),
    ),
    "THB": (
        Row(PAYIN, "PROMPTPAY", 1, 500_000, 20_000_000, "1"),
        Row(PAYIN, "OFFLINE", 1, 500_000, None, "1"),
        Row(PAYOUT, "BANK_TRANSFER", 100, 500_000, 20_000_000, "0", "10", "banks", True),
    ),
    "VND": (
        Row(PAYIN, "VIETQR", 1, 300_000_000, 10_000_000_000, "1", operators="banks", needs_operator=True),
        Row(PAYIN, "OFFLINE", 1, 300_000_000, None, "1"),
        Row(PAYOUT, "BANK_TRANSFER", 50_000, 300_000_000, 10_000_000_000, "0", "5000", "banks", True),
    ),
    "MXN": (
        Row(PAYIN, "ONLINE", 1, 200_000, 10_000_000, "1.8", operators="banks"),
        Row(PAYIN, "OFFLINE", 1, 200_000, None, "1.2"),
        Row(PAYOUT, "BANK_TRANSFER", 50, 200_000, 10_000_000, "0", "8", "banks", True),
    ),
    "EUR": (
        Row(PAYIN, "ONLINE", 1, 50_000, 5_000_000, "0.8", operators="banks"),
        Row(PAYIN, "OFFLINE", 1, 100_000, None, "0.5"),
        Row(PAYOUT, "BANK_TRANSFER", 1, 100_000, 5_000_000, "0", "0.35", "banks", True),
    ),
    "USDT": (
        Row(PAYIN, "CRYPTO_OFFLINE", 1, 100_000, 5_000_000, "0.5", operators="banks", needs_operator=True),
        Row(PAYOUT, "CRYPTO_TRANSFER", 5, 100_000, 5_000_000, "0", "1", "banks", True),
    ),
}  # fmt: skip


def default_profile(name: str, currencies: Sequence[str], *, sandbox: bool) -> Profile:
    """The profile of a new merchant: the channels of its currencies, as far as the sandbox has some. Live, an operator adds them."""
    codes = tuple(dict.fromkeys(currencies))
    if not sandbox:
        return Profile(channel_name=name, currencies=codes)
    operators = {code: title for each in codes for code, title in OPERATORS.get(each, {}).items()}
    channels = [_channel(code, row) for code in codes for row in TABLE.get(code, ())]
    return Profile(channel_name=name, currencies=codes, segments=("VIP",), operators=operators, channels=tuple(channels))


def _channel(code: str, row: Row) -> Channel:
    exponent = known(code).exponent
    chosen = [one for one in OPERATORS[code] if (one in WALLETS) is (row.operators == "wallets")] if row.operators else []
    return Channel(
        direction=row.direction,
        method=row.method,
        currency=code,
        from_units=row.least * 10**exponent,
        to_units=row.most * 10**exponent,
        daily_units=None if row.daily is None else row.daily * 10**exponent,
        fee_percent=Decimal(row.percent),
        fee_units=int(Decimal(row.fixed).scaleb(exponent)),
        operators=tuple(Operator(code=one) for one in chosen),
        operator_required=row.needs_operator,
    )


# --- the contract's reference fixture ---

FIXTURES = (("TEST_MERCHANT", "TEST_SECRET"), ("OTHER_MERCHANT", "OTHER_SECRET"))
OPENING = {"IDR": 1_000_000, "INR": 50_000, "USD": 0}  # major units
_NAMES = {"BNK_000": "Test bank 0", "BNK_001": "Test bank 1", "BNK_999": "Test bank 999"}
_BANKS = (Operator(code="BNK_000"), Operator(code="BNK_001"))


def fixture_profile() -> Profile:
    """What both merchants of the fixture have."""

    def channel(direction: Direction, method: str, code: str, operators: tuple[Operator, ...] = (), needed: bool = False) -> Channel:
        unit = 10 ** known(code).exponent
        return Channel(
            direction=direction,
            method=method,
            currency=code,
            from_units=unit,
            to_units=1_000_000 * unit,
            operators=operators,
            operator_required=needed,
        )

    return Profile(
        channel_name="Test channel",
        currencies=tuple(OPENING),
        segments=("VIP",),
        operators=_NAMES,
        channels=(
            *(channel(PAYIN, "OFFLINE", code) for code in OPENING),
            channel(PAYIN, "VAPAY", "IDR", _BANKS, True),
            channel(PAYIN, "UPIQR", "INR"),
            channel(PAYOUT, "BANK_TRANSFER", "IDR", _BANKS, True),
            channel(PAYOUT, "BANK_TRANSFER", "INR", _BANKS, True),
        ),
    )
