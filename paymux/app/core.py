"""What commands and the server share: the database and every verb."""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Literal

import structlog

from paymux.clock import Clock
from paymux.config import Settings
from paymux.dialects.echelon import notices as echelon
from paymux.dialects.ecomtrade24 import notices as ecomtrade24
from paymux.dialects.etpay import notices as etpay
from paymux.dialects.etpay import statuses as etpay_statuses
from paymux.dialects.etpay.account import DIALECT as ETPAY
from paymux.dialects.exchanger import notices as exchanger
from paymux.errors import Refused, StorageError
from paymux.exchange.catalogue import Shelf
from paymux.exchange.change import Exchange
from paymux.exchange.create import Opener
from paymux.exchange.keys import Keys
from paymux.exchange.partners import Partners
from paymux.exchange.read import Reads as OrderReads
from paymux.exchange.report import Reporter as OrderReporter
from paymux.keyring import Keyring
from paymux.merchants.directory import Directory, Remembered
from paymux.payments.advance import Door
from paymux.payments.attempt import Beginner
from paymux.payments.dialect import Dialect
from paymux.payments.lifecycle import State
from paymux.payments.model import OpenPayment
from paymux.payments.open import Opened, open_payments, open_remembered
from paymux.payments.read import Reads
from paymux.payments.report import Reporter
from paymux.payments.turn import Channels
from paymux.payouts.advance import PayoutDoor
from paymux.payouts.model import teller
from paymux.payouts.refund import Refunds
from paymux.payouts.report import PayoutReporter
from paymux.payouts.verify import PayoutsTold
from paymux.providers.protocol import Provider, Registry
from paymux.providers.sandbox.bank import all_providers
from paymux.providers.sandbox.house.bank import SandboxBank as PayingBank
from paymux.routing.health import HealthBook
from paymux.storage import installation
from paymux.storage.connect import storage_for
from paymux.storage.migrate import applied, migrate, migrations
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher, Storage

log = structlog.get_logger()


TOLD: Mapping[str, Mapping[State, str]] = {  # for the ledger check
    ecomtrade24.RECORD.name: ecomtrade24.RECORD.told,
    ETPAY: etpay_statuses.TOLD,
    echelon.RECORD.name: echelon.RECORD.told,
}
PAYOUTS_TOLD: PayoutsTold = {
    echelon.PAYOUT_RECORD.name: echelon.PAYOUT_RECORD.told,
    **{teller(ETPAY, refund=refund): etpay.PAYOUT_RECORD.told for refund in (False, True)},
}


def dialects(keyring: Keyring) -> dict[str, Dialect]:
    """Every dialect's record, by name."""
    records = (ecomtrade24.RECORD, etpay.record(keyring), echelon.RECORD)
    return {record.name: record for record in records}


# What opening does about the secret key: record it at the first start and refuse another later; only refuse; take it in place of one
# that is lost; nothing, because there is none.
KeyUse = Literal["claim", "check", "adopt", "unused"]
_KEY_USES = {"claim": installation.claim_key, "check": installation.check_key, "adopt": installation.adopt_key}


class ExchangeVerbs:
    """What a core has for the exchange."""

    def __init__(self, keyring: Keyring) -> None:
        self.shelf = Shelf()
        self.exchange = Exchange(keyring, self.shelf, exchanger.FORM)
        self.order_opener = Opener(keyring)
        self.order_reads = OrderReads(keyring, self.shelf)
        self.order_reporter = OrderReporter(self.exchange)
        self.exchange_keys = Keys(keyring)
        self.partners = Partners(keyring)


class Core(ExchangeVerbs):
    """The database and every verb, as commands and the server need them."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self.settings, self.storage = settings, storage
        self.sandbox = settings.mode == "sandbox"
        self.clock = Clock()
        self.keyring = Keyring(settings.secret_key, settings.secret_keys_old)
        self.now = installation.moving_now(self.clock, movable=self.sandbox)
        self.writer = Batcher(
            storage.start,
            self.now,
            storage.retryable,
            storage.lanes,
            settings.writer_batch_max,
            settings.writer_queue_max,
            storage.in_line,
        )
        self.reader = Batcher(storage.look, self.now, storage.retryable, 2, settings.writer_batch_max, settings.writer_queue_max)
        providers: dict[str, Provider] = all_providers(self.keyring, settings.start_timeout_s) if self.sandbox else {}
        self.registry = Registry(providers)
        self.health = HealthBook()
        self.directory = Directory(self.keyring, self.registry.routes(), settings.smart_routing, self.health.over)
        self.dialects = dialects(self.keyring)
        self.door = Door(self.dialects, settings.platform_fee_percent)
        self.beginner = Beginner(self.door, self.directory, self.registry, settings.fx_rates, settings.start_timeout_s)
        self.reporter = Reporter(self.door, self.beginner, next(iter(providers), ""))
        self.reads = Reads(self.reader)
        self.channels = Channels(self.door)
        told = {record.name: record for record in (echelon.PAYOUT_RECORD, etpay.PAYOUT_RECORD, etpay.refund_record(self.keyring))}
        self.payout_door = PayoutDoor(told, self.door)
        self.refunds = Refunds(self.door, told, PayingBank.name if self.sandbox else None)
        self.payout_reporter = PayoutReporter(self.payout_door)
        self._opens = partial(open_payments, self.door)
        self._opens_remembered = partial(open_remembered, self.door)
        ExchangeVerbs.__init__(self, self.keyring)

    @classmethod
    async def open(cls, settings: Settings, *, migrating: bool = True, key: KeyUse = "claim") -> "Core":
        """Connect, bring the schema up to date, and make sure that the database belongs to this mode and this secret key.

        Without `migrating` an older schema is refused, and an empty database gets one only from who claims it: who just looks makes
        nothing, and fixes no mode for good.
        """
        storage = storage_for(settings.database, settings.postgres_lanes)
        await storage.open()
        try:
            if not migrating:
                await _refuse_older(storage, empty_too=key in ("check", "unused"))
            for migration in await migrate(storage, Clock.wall()):
                log.info("migrated", number=migration.number, name=migration.name)

            async def claim(tx: Tx) -> None:
                await installation.claim_mode(tx, settings.mode)
                if key in _KEY_USES:
                    await _KEY_USES[key](tx, Keyring(settings.secret_key, settings.secret_keys_old).key_ids())

            await storage.write(claim)
        except BaseException:
            await storage.close()
            raise
        return cls(settings, storage)

    def open_payment(self, wish: OpenPayment) -> Awaitable[Opened | Refused]:
        return self.writer.submit(self._opens, wish)

    def open_remembered(self, known: Remembered, wish: OpenPayment) -> Awaitable[Opened | None]:
        return self.writer.submit(self._opens_remembered, (known, wish))

    async def close(self) -> None:
        await self.writer.drain()
        await self.storage.close()


async def _refuse_older(storage: Storage, *, empty_too: bool) -> None:
    newest = migrations(storage.engine)[-1].number
    found = await storage.read(applied)
    if empty_too and not found:
        raise StorageError("the database is empty: check PAYMUX_DATABASE; paymux migrate makes the tables of a new one")
    if 0 < found < newest:
        raise StorageError(f"the database has schema {found}, this program wants {newest}: run paymux migrate")
