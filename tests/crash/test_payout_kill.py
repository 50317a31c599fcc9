"""kill -9 while money is sent: none is lost, none is sent twice, and what is held adds up. For every API that sends money out."""

import asyncio
import time
from typing import Any, Protocol

import pytest

from paymux.cli.fixtures import ETPAY, ETPAY_LOGIN
from paymux.storage.connect import storage_for
from paymux.storage.query import Tx, load
from tests.dialects.echelon.merchant import VERSION, payout
from tests.server import RunningServer, answer_of, call, paymux
from tests.stage import aside

_q = load("tests.crash")
COUNT, AMOUNT = 12, 1000
ENDS_S = 60
LIMITS = {"PAYMUX_RATE_LIMITS": "off", "PAYMUX_POLL_FIRST_S": "1"}


class Sender(Protocol):
    """A merchant that has money and sends some of it out. Every call may meet a dead server."""

    fixtures: str
    over: frozenset[str]  # the words of what has ended

    def begin(self, server: RunningServer) -> None: ...

    def enter(self, server: RunningServer) -> None: ...

    def send(self, server: RunningServer, name: str) -> int: ...

    def ask(self, server: RunningServer, name: str) -> tuple[int, str]: ...


class EchelonPayouts:
    fixtures, over = "echelon", frozenset({"SUCCESS", "FAILED"})

    def begin(self, server: RunningServer) -> None:
        self.enter(server)

    def enter(self, server: RunningServer) -> None:
        wish = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", "operations": ["POST /.*", "GET /.*"], "validitySecs": 3600}
        status, answer = call("POST", f"{server.url}/auth-tokens", wish, VERSION)
        assert status == 200, answer
        self._headers: dict[str, str] = {**VERSION, "Authorization": f"Bearer {answer['token']}"}

    def send(self, server: RunningServer, name: str) -> int:
        return call("POST", f"{server.url}/payouts/{name}", payout(AMOUNT), self._headers)[0]

    def ask(self, server: RunningServer, name: str) -> tuple[int, str]:
        status, answer = call("GET", f"{server.url}/payouts/{name}", None, self._headers)
        return status, answer["process"]["status"] if status == 200 else ""


class EtpayRefunds:
    """Parts of one payment go back."""

    fixtures, over = "etpay", frozenset({"completed", "failed"})
    code, token = ETPAY[0][1:3]

    def begin(self, server: RunningServer) -> None:
        wish = {"merchant_code": self.code, "merchant_api_token": self.token, "merchant_order_id": "KILL", "order_amount": COUNT * AMOUNT}
        self._session = str(call("POST", f"{server.url}/session/initialize", wish)[1]["token"])
        status, answer = call("POST", f"{server.url}/session/{self._session}/simulate", {"outcome": "success"})
        assert status == 200, answer
        self.enter(server)

    def enter(self, server: RunningServer) -> None:
        user, password = ETPAY_LOGIN
        merchant = {"code": self.code, "api_token": self.token}
        login = {"username": user, "password": f"{password}-{self.code}", "merchant": merchant}
        status, answer = call("POST", f"{server.url}/v1/auth/login", login)
        assert status == 200, answer
        self._headers = {"Authorization": f"Bearer {answer['token']}"}

    def send(self, server: RunningServer, name: str) -> int:
        wish = {"refund_id": name, "session_token": self._session, "amount": AMOUNT}
        return call("POST", f"{server.url}/v1/refunds", wish, self._headers)[0]

    def ask(self, server: RunningServer, name: str) -> tuple[int, str]:
        status, answer = call("GET", f"{server.url}/v1/refunds/{name}", None, self._headers)
        return status, answer.get("state", "")


def remitted(database_url: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The bank's own book, and our payouts."""

    async def read() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        storage = storage_for(database_url)
        await storage.open()

        async def work(tx: Tx) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            return [dict(row) for row in await tx.fetch(_q.remittances)], [dict(row) for row in await tx.fetch(_q.payouts)]

        try:
            return await storage.read(work)
        finally:
            await storage.close()

    return asyncio.run(read())


@pytest.mark.parametrize("seam", ["payout.claimed", "payout.sent:3"])
@pytest.mark.parametrize("sender", [EchelonPayouts(), EtpayRefunds()], ids=["echelon payouts", "etpay refunds"])
def test_a_kill_while_money_is_sent_loses_none_and_sends_none_twice(database_url: str, sender: Sender, seam: str) -> None:
    with RunningServer(database_url, {**LIMITS, "PAYMUX_TEST_CRASH_AT": seam}) as server:
        answer_of("fixtures", "load", sender.fixtures, database_url=database_url)
        sender.begin(server)
        accepted = set[str]()
        for number in range(COUNT):
            try:
                if sender.send(server, f"KILL-{number}") in (200, 201):
                    accepted.add(f"KILL-{number}")
            except OSError:  # it died: perhaps accepted, perhaps not
                continue
        ends = time.monotonic() + ENDS_S
        while server._process is not None and server._process.poll() is None:
            assert time.monotonic() < ends, "the seam was never passed"
            time.sleep(0.02)
        server.kill()
        server._env = LIMITS
        server.start()
        sender.enter(server)
        words = dict[str, str]()
        ends = time.monotonic() + ENDS_S
        while not accepted or set(words.values()) - sender.over or set(words) != accepted:
            assert time.monotonic() < ends, words
            aside.advance_clock(database_url, 40)
            for name in accepted:
                status, word = sender.ask(server, name)
                if status == 401:
                    sender.enter(server)
                    continue
                assert status == 200, "what was accepted is never lost"
                words[name] = word
            time.sleep(0.1)
        server.stop()
    checked = paymux("ledger", "check", database_url=database_url)
    assert checked.returncode == 0, checked.stdout
    sent, payouts = remitted(database_url)
    keys = [row["operation_key"] for row in sent]
    assert len(keys) == len(set(keys))
    assert {row["operation_key"] for row in payouts if row["state"] == "paid"} == set(keys)
    assert {row["state"] for row in payouts} <= {"paid", "failed"}
