"""Shops and buyers who never rest: open sessions, pay, report, from a few threads, and remember what they were answered.

Only what an HTTP answer promised is remembered; a call that broke off promises nothing.
"""

import threading
from types import TracebackType
from typing import Self

import httpx2
import msgspec

from paymux.clock import Clock
from paymux.keyring import Keyring
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import transfer_txid
from paymux.providers.sandbox.messages import SentTransfer, Standing
from tests.server import SECRET_KEY
from tests.stage.shop import Buyer, Shop

AT_ONCE = "9000.01"  # the sandbox's company pays this by itself
PLAIN = "49.99"


class Load:
    """`answered`: sessions by id; `promised`: those of them of which somebody acknowledged that they are or will be paid."""

    def __init__(self, base: str, api_keys: list[str], buyers: int = 4) -> None:
        self._base, self._api_keys, self._buyers = base, api_keys, buyers
        self.answered: dict[int, str] = {}
        self.promised: dict[int, str] = {}  # session -> why
        self.faults: list[str] = []
        self.shop_of: dict[int, str] = {}  # session -> its shop's key
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._keyring = Keyring(SECRET_KEY)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._live, args=[number], daemon=True) for number in range(self._buyers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No further step; returns when everybody has stopped."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a buyer hangs"

    def pay(self, number: int, api_key: str, way: str = "by_itself") -> int:
        """One session from its opening to the promise that it is paid."""
        shop = Shop(self._base, api_key)
        with Buyer(self._base) as buyer:
            try:
                return self._one(shop, buyer, way, number)
            finally:
                shop.client.close()

    def _live(self, number: int) -> None:
        ways = ("by_itself", "clicked", "reported")
        step = number
        while not self._stop.is_set():
            step += 1
            try:
                self.pay(step, self._api_keys[step % len(self._api_keys)], ways[step % 3])
            except httpx2.TransportError:  # the server is gone
                self._stop.wait(0.02)
            except AssertionError as error:
                if " 503" not in str(error):  # a server that stops or starts may say so
                    self.faults.append(str(error))

    def _one(self, shop: Shop, buyer: Buyer, way: str, number: int) -> int:
        amount = AT_ONCE if way == "by_itself" else PLAIN
        session_id: int = shop.open(amount, order_id=None)["session_id"]
        self.answered[session_id] = amount
        self.shop_of[session_id] = shop.api_key
        company = buyer.routed(session_id)
        assert "/sandbox/pay/" in company, f"session {session_id} was led to {company}"
        if way == "by_itself":
            self.promised[session_id] = way
        elif way == "clicked":
            buyer.do(company, "approve")
            self.promised[session_id] = way
        else:
            self._report(buyer.operation_key(company), session_id, buyer)
        return session_id

    def _report(self, operation_key: str, session_id: int, buyer: Buyer) -> None:
        reference = f"{operation_key}.1"
        sent = SentTransfer(reference=reference, amount=PLAIN, currency="EUR", at=Clock.wall(), txid=transfer_txid(reference))
        body = msgspec.json.encode(Standing(operation_key=operation_key, reference="r", status="paid", transfers=[sent])).decode()
        timestamp = str(Clock.wall())
        headers = {
            messages.TIMESTAMP: timestamp,
            messages.SIGNATURE: messages.sign(self._keyring, "sandbox-alder", timestamp, body),
        }
        answer = buyer.client.post(f"{self._base}/callbacks/sandbox-alder", headers=headers, content=body.encode())
        assert answer.status_code == 200, f"the report was answered {answer.status_code}"
        self.promised[session_id] = "reported"
