"""An installation in which one payment was paid, and the doctor's visit to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paymux.app.core import TOLD, Core
from paymux.clock import HOUR, Clock
from paymux.config import load
from paymux.dialects.ecomtrade24.domain import wallet
from paymux.dialects.ecomtrade24.mode import DIALECT
from paymux.keyring import Keyring
from paymux.merchants.create import Created, NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.money import Money, known
from paymux.ops.doctor import Diagnosis, diagnose
from paymux.ops.finding import Case, Finding
from paymux.payments.model import OpenPayment, Payment
from paymux.payments.open import Opened
from paymux.payments.report import SandboxReport, Told
from tests.server import SECRET_KEY
from tests.storage.ad_hoc import run

SHOP = "shop.example.com"
PUBLIC = "93.184.216.34"
ROUTES = ("alder", "birch")


@dataclass(frozen=True, slots=True)
class Ward:
    """The installation; `url` names its database."""

    core: Core
    url: str

    async def merchant(self, **changes: Any) -> Created:
        given = {"wallet": "0x" + "1" * 40, "shops": (SHOP,), "webhook_url": f"https://{SHOP}/hook", **changes}
        new = NewMerchant(name="A Shop", email="owner@example.com", plan=Plan.PRO, country="DE", currency="EUR", **given)
        return await self.core.storage.write(lambda tx: create_merchant(self.core.keyring, DIALECT, tx, new, Clock.wall()))

    async def payment(self, merchant_id: int = 1) -> Payment:
        """A payment that waits for its buyer."""
        details = '{"mode":"smart_router","wallet":"0x' + "1" * 40 + '"}'
        wish = OpenPayment(
            merchant_id=merchant_id, dialect=DIALECT, shop=SHOP, amount=Money(4999, known("EUR")), lasts_ms=HOUR, details=details
        )
        opened = await self.core.open_payment(wish)
        assert isinstance(opened, Opened)
        return opened.payment

    async def tell(self, payment: Payment, outcome: Told) -> None:
        await self.core.writer.submit(self.core.reporter.report, SandboxReport(payment.id, outcome))

    async def run(self, sql: str) -> None:
        """Change rows by hand, as nobody should."""
        await run(self.core.storage, sql)


@asynccontextmanager
async def ward(url: str) -> AsyncIterator[Ward]:
    """A merchant whose first payment was paid a moment ago."""
    core = await Core.open(load({}, secret_key=SECRET_KEY, database=url, rate_limits=False))
    made = Ward(core, url)
    try:
        await made.merchant()
        await made.tell(await made.payment(), Told.PAID)
        yield made
    finally:
        await core.close()


def case(
    url: str, *, free: int = 1 << 40, addresses: tuple[str, ...] = (PUBLIC,), routes: tuple[str, ...] = ROUTES, **settings: Any
) -> Case:
    """What the doctor gets; nothing is asked of this machine's disk and name servers."""
    given = load({}, **{"secret_key": SECRET_KEY, "database": url, "port": 1, **settings})

    def free_bytes(_: Path) -> int:
        return free

    return Case(
        settings=given,
        told=TOLD,
        providers=frozenset({"sandbox-alder", "sandbox-birch", "sandbox-cedar"}),
        routes=frozenset(routes),
        wallet=wallet,
        keyring=Keyring(given.secret_key, given.secret_keys_old),
        free_bytes=free_bytes,
        lookup=lambda host, port: list(addresses),
    )


async def visit(url: str, **changes: Any) -> Diagnosis:
    """Every check."""
    return await diagnose(case(url, **changes))


def only(diagnosis: Diagnosis, check: str) -> Finding:
    """The one finding of a check."""
    found = [finding for finding in diagnosis.findings if finding.check == check]
    assert len(found) == 1, diagnosis
    return found[0]


def wrongs(diagnosis: Diagnosis) -> list[str]:
    """The checks that found something wrong."""
    return [finding.check for finding in diagnosis.findings if finding.severity == "wrong"]
