"""EcomTrade24's shop for the suites. Its buyers pay at a company that pays by itself, by a click, or reports it by a signed call."""

from typing import Any

import msgspec

from paymux.app.core import Core
from paymux.clock import Clock
from paymux.keyring import Keyring
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import transfer_txid
from paymux.providers.sandbox.messages import SentTransfer
from paymux.providers.sandbox.messages import Standing as Said
from paymux.storage.query import Tx
from tests.receiver import Delivery
from tests.server import SECRET_KEY
from tests.stage.shop import Buyer, Shop
from tests.wires.wire import Fuzz, Given, Opened, Standing, Wire

AT_ONCE = "9000.01"  # the sandbox's company pays this by itself
PLAIN = "49.99"
WAYS = ("by_itself", "clicked", "reported")
SECRET = "test-webhook-secret"
DOMAIN = "shop.example.com"


async def join(core: Core, hook: str) -> Given:
    new = NewMerchant(
        name="A Shop",
        email="owner@example.com",
        plan=Plan.PRO,
        country="DE",
        wallet="0x" + "1" * 40,
        shops=(DOMAIN,),
        webhook_url=hook,
        webhook_secret=SECRET,
    )

    async def work(tx: Tx) -> Given:
        created = await create_merchant(core.keyring, "ecomtrade24", tx, new, core.clock.now())
        return Given(created.merchant_id, {"api_key": created.api_key})

    return await core.storage.write(work)


class Ecomtrade24Shop:
    def __init__(self, base: str, given: Given) -> None:
        self._base, self._shop, self._buyer = base, Shop(base, given.credentials["api_key"], given.merchant_id), Buyer(base)

    def open(self, number: int) -> Opened:
        amount = AT_ONCE if WAYS[number % 3] == "by_itself" else PLAIN
        return Opened(str(self._shop.open(amount, order_id=f"ORD-{number}")["session_id"]), amount)

    def pay(self, ref: str, number: int) -> None:
        way = WAYS[number % 3]
        company = self._buyer.routed(int(ref))
        assert "/sandbox/pay/" in company, f"session {ref} was led to {company}"
        if way == "clicked":
            self._buyer.do(company, "approve")
        elif way == "reported":
            self._report(self._buyer.operation_key(company))

    def _report(self, operation_key: str) -> None:
        reference = f"{operation_key}.1"
        sent = SentTransfer(reference=reference, amount=PLAIN, currency="EUR", at=Clock.wall(), txid=transfer_txid(reference))
        body = msgspec.json.encode(Said(operation_key=operation_key, reference="r", status="paid", transfers=[sent])).decode()
        timestamp = str(Clock.wall())
        headers = {
            messages.TIMESTAMP: timestamp,
            messages.SIGNATURE: messages.sign(Keyring(SECRET_KEY), "sandbox-alder", timestamp, body),
        }
        answer = self._buyer.client.post(f"{self._base}/callbacks/sandbox-alder", headers=headers, content=body.encode())
        assert answer.status_code == 200, f"the report was answered {answer.status_code}"

    def ask(self, ref: str) -> Standing:
        found = self._shop.ask(int(ref))
        return Standing(found["status"], found["amount"])

    def told(self, delivery: Delivery) -> tuple[str, str]:
        assert delivery.genuine
        assert delivery.headers["x-ecomtrade24-delivery"]
        return str(delivery.fields["session_id"]), delivery.fields["status"]

    def close(self) -> None:
        self._buyer.client.close()
        self._shop.client.close()


async def fuzz(core: Core) -> Fuzz:
    given = await join(core, "")

    def amend(case: Any) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("domain"), str):  # else each request ends at the domain
            case.body |= {"domain": DOMAIN, "currency": "EUR"}

    return Fuzz({"X-API-Key": given.credentials["api_key"]}, amend, frozenset({"/gateway/me.php", "/gateway/session.php"}))


ECOMTRADE24 = Wire("ecomtrade24", "paid", "same", True, True, join, Ecomtrade24Shop, fuzz)
