"""The chart of accounts. Pure. `a -> b` debits a and credits b.

Guarded accounts keep a locked balance that cannot go below zero. The others are each merchant's own part of a total, so that
no two merchants lock one row; their balances are sums.
"""

from enum import StrEnum
from typing import NamedTuple

SHARED = 0  # the merchant id of accounts that belong to nobody in particular


class Kind(StrEnum):
    PAYABLE = "payable"  # what the merchant is owed
    HELD = "held"  # money that waits for a person
    RESERVE = "reserve"
    IN_TRANSIT = "payout_in_transit"
    FEES = "fees"
    INVENTORY = "inventory"  # what the exchange may pay out, shared per currency
    ROUNDING = "rounding"  # what rounding left over
    COMMISSION = "commission"  # one per partner: commission:<partner>
    CLEARING = "clearing"  # one per provider: clearing:<provider>, what the provider owes us


GUARDED = frozenset({Kind.PAYABLE, Kind.HELD, Kind.RESERVE, Kind.IN_TRANSIT, Kind.INVENTORY})


class Account(NamedTuple):
    """One account: `kind` is a Kind, or `clearing:<provider>`."""

    merchant_id: int
    kind: str
    currency: str

    @property
    def guarded(self) -> bool:
        return self.kind in GUARDED


def payable(merchant_id: int, currency: str) -> Account:
    return Account(merchant_id, Kind.PAYABLE, currency)


def held(merchant_id: int, currency: str) -> Account:
    return Account(merchant_id, Kind.HELD, currency)


def in_transit(merchant_id: int, currency: str) -> Account:
    return Account(merchant_id, Kind.IN_TRANSIT, currency)


def fees(merchant_id: int, currency: str) -> Account:
    return Account(merchant_id, Kind.FEES, currency)


def inventory(currency: str) -> Account:
    return Account(SHARED, Kind.INVENTORY, currency)


def rounding(merchant_id: int, currency: str) -> Account:
    return Account(merchant_id, Kind.ROUNDING, currency)


def commission(merchant_id: int, partner: str, currency: str) -> Account:
    return Account(merchant_id, f"{Kind.COMMISSION}:{partner}", currency)


def clearing(merchant_id: int, provider: str, currency: str) -> Account:
    return Account(merchant_id, f"{Kind.CLEARING}:{provider}", currency)
