"""A node without doors: storage, writer, the one door and a clock that a test moves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from paymux.errors import Refused
from paymux.keyring import Keyring
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan, Policy
from paymux.payments import read, store
from paymux.payments.advance import Door
from paymux.payments.lifecycle import AttemptState, Event, State
from paymux.payments.model import Advanced, Attempt, OpenPayment, Outcome, Payment, Report, Source
from paymux.payments.open import Opened, open_payments
from paymux.payments.verify import verify
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher, Storage
from tests.payments.samples import NOW, attempt, wish
from tests.payments.stub_dialect import STUBS
from tests.storage.ad_hoc import opened, rows, run

KEYRING = Keyring("a secret key of at least 32 characters")
TOLD = {name: dialect.told for name, dialect in STUBS.items()}


@dataclass
class Stage:
    """One node. Several of them may share a database."""

    storage: Storage
    fee_percent: Decimal = Decimal("1.5")
    now: int = NOW
    writer: Batcher = field(init=False)
    door: Door = field(init=False)

    def __post_init__(self) -> None:
        self.writer = Batcher(self.storage.start, self._now, self.storage.retryable, self.storage.lanes, in_line=self.storage.in_line)
        self.door = Door(STUBS, self.fee_percent)
        self._opens = partial(open_payments, self.door)

    async def _now(self, tx: Tx) -> int:
        return self.now

    @classmethod
    async def at(cls, url: str) -> "Stage":
        return cls(await opened(url))

    async def merchant(self, policy: Policy | None = None, url: str = "https://shop.example.com/hook") -> int:
        """A merchant with the next id."""
        new = NewMerchant(name="M", email="m@example.com", plan=Plan.PRO, shops=("shop.example.com",), webhook_url=url)
        created = await self.storage.write(lambda tx: create_merchant(KEYRING, "stub", tx, new, self.now))
        if policy is not None:
            await self.run(f"UPDATE merchant SET policy = '{msgspec.json.encode(policy).decode()}' WHERE id = {created.merchant_id};")
        return created.merchant_id

    async def open(self, **changes: Any) -> Opened:
        return await self.submit(wish(**changes))

    async def submit(self, wanted: OpenPayment) -> Opened:
        return await self.writer.submit(self._opens, wanted)

    async def open_together(self, wishes: Sequence[OpenPayment]) -> list[Opened]:
        """One batch, for certain."""
        return await self.storage.write(lambda tx: open_payments(self.door, tx, wishes, self.now))

    async def begin(self, payment: Payment, **changes: Any) -> Attempt:
        """Write an attempt as the buyer's click does."""
        number = 1 + len(await self.attempts(payment.id))
        key = f"op_{payment.id}_{number}"
        new = attempt(number, payment_id=payment.id, merchant_id=payment.merchant_id, operation_key=key, state=AttemptState.STARTED)
        new = msgspec.structs.replace(new, **changes)
        written = {name: getattr(new, name) for name in store.q.insert_attempt.sqlite.params}
        found = await self.storage.write(lambda tx: tx.fetch(store.q.insert_attempt, **written))
        return msgspec.structs.replace(new, id=found[0]["id"])

    async def tell(self, one: Report) -> Advanced | Refused:
        return await self.writer.submit(self.door.advance, one)

    async def tell_together(self, reports: Sequence[Report]) -> list[Advanced | Refused]:
        """One batch, for certain."""
        return await self.storage.write(lambda tx: self.door.advance(tx, reports, self.now))

    async def payment(self, payment_id: int) -> Payment:
        [found] = await self.storage.read(lambda tx: read.by_id(tx, [payment_id], self.now))
        assert found is not None
        return found

    async def attempts(self, payment_id: int) -> list[Attempt]:
        return await self.storage.read(lambda tx: store.attempts_of(tx, payment_id))

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return await rows(self.storage, sql)

    async def run(self, sql: str) -> None:
        await run(self.storage, sql)

    async def faults(self) -> list[str]:
        """The codes of what the check of the books and payments finds."""
        return [fault.code for fault in await self.storage.snapshot(lambda tx: verify(tx, TOLD))]


def about(tried: Attempt, event: Event, **facts: Any) -> Report:
    """A provider's report of an attempt."""
    happened_at = facts.pop("happened_at", 0)
    return Report(payment_id=tried.payment_id, attempt_id=tried.id, event=event, source=Source.PROVIDER, happened_at=happened_at, **facts)


def by_clock(payment: Payment) -> Report:
    return Report(payment_id=payment.id, event=Event.TIMED_OUT, source=Source.CLOCK, happened_at=payment.expires_at)


def changed(results: Sequence[Advanced | Refused]) -> int:
    """How many of the reports changed something."""
    return sum(isinstance(one, Advanced) and one.outcome is Outcome.CHANGED for one in results)


def state(result: Advanced | Refused) -> State:
    assert isinstance(result, Advanced), result
    return result.payment.state
