"""kill -9 of a real server under load, at random moments: whatever was answered is there, and comes to its end after the restart."""

import random
import time
from pathlib import Path

import pytest

from tests.receiver import Receiver
from tests.server import RunningServer, paymux
from tests.stage import aside
from tests.stage.load import Load
from tests.stage.shop import Shop

ENV = {"PAYMUX_WEBHOOK_LEASE_S": "2", "PAYMUX_WEBHOOK_TIMEOUT_S": "1", "PAYMUX_RATE_LIMITS": "off", "PAYMUX_LOG_LEVEL": "warning"}
LATER_S = 31  # an attempt without an answer is asked about, an unacknowledged report comes again
END_S = 30.0


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often each engine is killed; together they make the option's number."""
    return max(1, int(request.config.getoption("--crash-rounds")) // 2)


def test_nothing_that_was_answered_is_lost_when_the_server_is_killed_at_random(
    database_url: str, receiver: Receiver, rounds: int, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    chance = random.Random(seed)
    [created] = aside.make_merchants(database_url, [receiver.hook])
    with RunningServer(database_url, ENV) as server:
        shop = Shop(server.url, created.api_key)
        load = Load(server.url, [created.api_key])
        checked: set[int] = set()
        for _ in range(rounds):
            with load:
                time.sleep(chance.uniform(0.05, 0.6))  # the random moment itself
                server.kill()
            server.start()
            for session_id in set(load.answered) - checked:
                assert shop.ask(session_id)["amount"] == load.answered[session_id]
                checked.add(session_id)
            aside.prove(database_url)
        assert load.faults == []
        assert len(load.promised) >= rounds, "the load was too light to say anything"
        assert_everything_ends(database_url, server, shop, receiver, load)
        server.stop()


def assert_everything_ends(database_url: str, server: RunningServer, shop: Shop, receiver: Receiver, load: Load) -> None:
    """Every promised payment is paid, every paid one is told, nothing stays half done, the books hold."""
    aside.advance_clock(database_url, LATER_S)
    ends = time.monotonic() + END_S
    while True:
        states = {row["id"]: row["state"] for row in aside.rows(database_url, "states")}
        open_ones = {one: states.get(one, "gone") for one in load.promised if states.get(one) != "paid"}
        started = [row["payment_id"] for row in aside.rows(database_url, "alive") if row["state"] == "started"]
        if not (open_ones or started) or time.monotonic() > ends:
            break
        time.sleep(0.1)
    assert not open_ones, f"acknowledged, and not paid: { {one: (load.promised[one], state) for one, state in open_ones.items()} }"
    assert not started, f"attempts that nobody asked about: {started}"
    paid = {one for one, state in states.items() if state == "paid"}
    assert set(load.answered) <= set(states)
    receiver.wait_for(lambda: all(receiver.words(one) for one in paid), "a notice for every paid payment", END_S)
    assert all(delivery.genuine for delivery in receiver.deliveries)
    bodies: dict[str, set[bytes]] = {}
    for delivery in receiver.deliveries:
        bodies.setdefault(delivery.id, set()).add(delivery.body)
    assert all(len(same) == 1 for same in bodies.values()), "a notice that was sent again has other bytes"
    for one in paid:
        assert list(dict.fromkeys(receiver.words(one))) == ["paid"]
    aside.prove(database_url)
    done = paymux("ledger", "check", database_url=database_url)
    assert done.returncode == 0, done.stdout + done.stderr
