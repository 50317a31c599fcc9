"""kill -9 while payouts are sent: none is lost, none is sent twice, and what is held adds up."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from paymux.storage.connect import storage_for
from paymux.storage.query import Tx, load
from tests.dialects.echelon.merchant import VERSION, payout
from tests.server import RunningServer, advance_clock, answer_of, call, paymux

_q = load("tests.crash")
COUNT, AMOUNT = 12, 1000
ENDS_S = 60


def asked(server: RunningServer, token: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    return call(method, f"{server.url}{path}", body, {**VERSION, "Authorization": f"Bearer {token}"})


def token_of(server: RunningServer) -> str:
    wish = {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", "operations": ["POST /.*", "GET /.*"], "validitySecs": 3600}
    status, answer = call("POST", f"{server.url}/auth-tokens", wish, VERSION)
    assert status == 200, answer
    token: str = answer["token"]
    return token


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


@pytest.mark.parametrize("env", [{"PAYMUX_TEST_CRASH_AT": "payout.claimed"}, {"PAYMUX_TEST_CRASH_AT": "payout.sent:3"}])
def test_a_kill_while_payouts_are_sent_loses_none_and_sends_none_twice(database_url: str, env: Mapping[str, str]) -> None:
    limits = {"PAYMUX_RATE_LIMITS": "off", "PAYMUX_POLL_FIRST_S": "1"}
    with RunningServer(database_url, {**limits, **env}) as server:
        answer_of("fixtures", "load", "echelon", database_url=database_url)
        token, accepted = token_of(server), set[str]()
        for number in range(COUNT):
            try:
                status, _ = asked(server, token, "POST", f"/payouts/KILL-{number}", payout(AMOUNT))
            except OSError:  # it died: perhaps accepted, perhaps not
                continue
            if status == 201:
                accepted.add(f"KILL-{number}")
        ends = time.monotonic() + ENDS_S
        while server._process is not None and server._process.poll() is None:
            assert time.monotonic() < ends, "the seam was never passed"
            time.sleep(0.02)
        server.kill()
        server._env = limits
        server.start()
        token, words = token_of(server), dict[str, str]()
        ends = time.monotonic() + ENDS_S
        while not accepted or set(words.values()) - {"SUCCESS", "FAILED"} or set(words) != accepted:
            assert time.monotonic() < ends, words
            advance_clock(database_url, 40)
            for name in accepted:
                status, answer = asked(server, token, "GET", f"/payouts/{name}")
                if status == 401:
                    token = token_of(server)
                    continue
                assert status == 200, "what was accepted is never lost"
                words[name] = answer["process"]["status"]
        server.stop()
    checked = paymux("ledger", "check", database_url=database_url)
    assert checked.returncode == 0, checked.stdout
    sent, payouts = remitted(database_url)
    keys = [row["operation_key"] for row in sent]
    assert len(keys) == len(set(keys))
    assert {row["operation_key"] for row in payouts if row["state"] == "paid"} == set(keys)
    assert {row["state"] for row in payouts} <= {"paid", "failed"}
