"""kill -9 of a real server under load, at random moments: whatever was answered is there, and comes to its end after the restart."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receiver import Receiver
from tests.server import RunningServer, paymux
from tests.stage import aside
from tests.stage.load import Load
from tests.wires import WIRES, each
from tests.wires.wire import Wire, WireShop

ENV = {"PAYMUX_WEBHOOK_LEASE_S": "2", "PAYMUX_WEBHOOK_TIMEOUT_S": "1", "PAYMUX_RATE_LIMITS": "off", "PAYMUX_LOG_LEVEL": "warning"}
LATER_S = 75  # an attempt without an answer is asked about, an unacknowledged report comes again, a slow bank's money is there
END_S = 30.0


@pytest.fixture(params=WIRES, ids=each)
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def hook(wire: Wire) -> Iterator[Receiver]:
    with Receiver(signed=wire.signed) as receiver:
        yield receiver


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a server is killed for each API on each engine; together they make the option's number."""
    return max(1, int(request.config.getoption("--crash-rounds")) // (2 * len(WIRES)))


def test_nothing_that_was_answered_is_lost_when_the_server_is_killed_at_random(
    database_url: str, wire: Wire, hook: Receiver, rounds: int, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    chance = random.Random(seed)
    given = aside.with_core(database_url, lambda core: wire.join(core, hook.hook))
    with RunningServer(database_url, ENV) as server:
        shop, load = wire.shop(server.url, given), Load(wire, server.url, [given])
        checked: set[str] = set()
        for _ in range(rounds):
            with load:
                load.until_promised(len(load.promised) + 1)  # so that there is something to lose
                time.sleep(chance.uniform(0.0, 0.5))  # the random moment itself
                server.kill()
            server.start()
            for ref in set(load.answered) - checked:
                assert shop.ask(ref).amount in (load.answered[ref], None)
                checked.add(ref)
            aside.prove(database_url)
        assert load.faults == []
        assert_everything_ends(database_url, wire, shop, hook, load)
        server.stop()


def assert_everything_ends(database_url: str, wire: Wire, shop: WireShop, receiver: Receiver, load: Load) -> None:
    """Every promised payment is paid, every paid one is told, nothing stays half done, the books hold."""
    aside.advance_clock(database_url, LATER_S)
    ends = time.monotonic() + END_S
    while True:
        words = {ref: shop.ask(ref).word for ref in load.answered}
        open_ones = {ref: words[ref] for ref in load.promised if words[ref] != wire.paid}
        started = [row["payment_id"] for row in aside.rows(database_url, "alive") if row["state"] == "started"]
        if not (open_ones or started) or time.monotonic() > ends:
            break
        time.sleep(0.1)
    assert not open_ones, f"acknowledged, and not paid: { {ref: (load.promised[ref], word) for ref, word in open_ones.items()} }"
    assert not started, f"attempts that nobody asked about: {started}"
    paid = {ref for ref, word in words.items() if word == wire.paid}

    def told() -> set[str]:
        return {ref for ref, word in (shop.told(one) for one in receiver.deliveries if one.accepted) if word == wire.paid}

    receiver.wait_for(lambda: paid <= told(), "a notice for every paid payment", END_S)
    bodies: dict[tuple[str, str], set[bytes]] = {}
    for delivery in receiver.deliveries:
        bodies.setdefault(shop.told(delivery), set()).add(delivery.body)
    assert all(len(same) == 1 for same in bodies.values()), "a notice that was sent again has other bytes"
    for ref in paid:
        assert {word for one, word in bodies if one == ref} == {wire.paid}
    aside.prove(database_url)
    done = paymux("ledger", "check", database_url=database_url)
    assert done.returncode == 0, done.stdout + done.stderr
