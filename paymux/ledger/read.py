"""Read the books for people: what a payment moved, what a merchant has."""

from collections.abc import Sequence

import msgspec

from paymux.ledger.chart import Kind
from paymux.ledger.postings import Foreign
from paymux.storage.query import Tx, load

_q = load("paymux.ledger")


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer as it stands in the books."""

    id: int
    reason: str
    amount_units: int
    debit: str
    credit: str
    currency: str
    event_at: int
    created_at: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a merchant: `units` is the sum of its entries (credits minus debits)."""

    kind: str
    currency: str
    units: int


async def transfers_of(tx: Tx, payment_id: int) -> list[Posted]:
    """Every transfer of a payment, in order."""
    names = Posted.__struct_fields__
    return [Posted(**{name: row[name] for name in names}) for row in await tx.fetch(_q.transfers_of_payment, payment_id=payment_id)]


async def foreign_of(tx: Tx, payment_id: int) -> list[Foreign]:
    """What is held of money that came for a payment in other currencies, by provider and currency."""
    rows = await tx.fetch(_q.foreign_of_payment, payment_id=payment_id)
    return [Foreign(row["clearing"].removeprefix(f"{Kind.CLEARING}:"), row["currency"], row["units"]) for row in rows]


async def given_of(tx: Tx, payment_ids: Sequence[int]) -> dict[int, int]:
    """What merchants were given of the money that came for payments, in the payments' currencies and with the fees: not what is held,
    and not what went back."""
    rows = await tx.fetch(_q.given_of_payments, [(payment_id,) for payment_id in sorted(set(payment_ids))])
    found = {row["payment_id"]: int(row["units"]) for row in rows}
    return {payment_id: found.get(payment_id, 0) for payment_id in payment_ids}


async def balances_of(tx: Tx, merchant_id: int) -> list[Balance]:
    """Every account of a merchant."""
    rows = await tx.fetch(_q.balances_of_merchant, merchant_id=merchant_id)
    return [Balance(kind=row["kind"], currency=row["currency"], units=row["entries"]) for row in rows]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant has in one currency. `available_units` may be spent, `in_transit_units` is held for payouts on their way."""

    currency: str
    available_units: int
    reserve_units: int
    in_transit_units: int
    moved_at: int | None  # when one of them last moved

    @property
    def balance_units(self) -> int:
        return self.available_units + self.reserve_units + self.in_transit_units


async def standings(tx: Tx, merchant_ids: Sequence[int], now: int) -> list[dict[str, Standing]]:
    """What merchants have, by currency."""
    found: dict[int, dict[str, Standing]] = {merchant_id: {} for merchant_id in merchant_ids}
    fields = {Kind.PAYABLE: "available_units", Kind.RESERVE: "reserve_units", Kind.IN_TRANSIT: "in_transit_units"}
    for row in await tx.fetch(_q.guarded_standing, [(merchant_id,) for merchant_id in sorted(found)]):
        if row["kind"] not in fields:
            continue  # money that waits for a person is nobody's yet
        mine, code = found[row["merchant_id"]], row["currency"]
        before = mine.get(code) or Standing(currency=code, available_units=0, reserve_units=0, in_transit_units=0, moved_at=None)
        moved_at = max((at for at in (before.moved_at, row["moved_at"]) if at is not None), default=None)
        mine[code] = msgspec.structs.replace(before, moved_at=moved_at, **{fields[Kind(row["kind"])]: row["balance"]})
    return [found[merchant_id] for merchant_id in merchant_ids]
