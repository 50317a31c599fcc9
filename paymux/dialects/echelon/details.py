"""What Echelon's dialect freezes in a payin or payout at its creation, beside what the core keeps. Pure."""

from decimal import Decimal
from typing import Any

import msgspec

from paymux.merchants.channels import Cap


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`requested`: the echo of `paymentRequested`, written once; `method`: the method's own fields as they came."""

    id: str  # the merchant's id of it
    id_payment: str  # ours, random: it cannot be guessed from another
    code: str
    requested: msgspec.Raw
    method: dict[str, Any] = {}
    operator_name: str | None = None
    channel_name: str = ""
    reference: str = ""
    callback_url: str | None = None
    customer_ip: str | None = None
    id_customer: str | None = None
    fee_percent: Decimal = Decimal(0)
    required_units: int | None = None  # what the customer pays instead of the requested amount
    pays: tuple[int, str] | None = None  # of a top-up: what the customer pays, in which currency
    account_number: str | None = None  # where the customer pays to
    redirect: bool = False
    capped: tuple[str, int] | None = None  # the channel whose daily cap it counts towards, and with how many units

    @property
    def operator(self) -> str | None:
        value = self.method.get("paymentOperatorCode")
        return value if isinstance(value, str) else None


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(details: Details) -> str:
    return _encoder.encode(details).decode()


def decode(stored: str) -> Details:
    return msgspec.json.decode(stored, type=Details)


def of_cap(cap: Cap | None) -> tuple[str, int] | None:
    """What is kept of a cap."""
    return None if cap is None else (cap.channel, cap.units)


def raw(value: Any) -> msgspec.Raw:
    """A value as it goes on the wire: exact decimals."""
    return msgspec.Raw(_encoder.encode(value))
