"""What `GET /metrics` tells after a payment, to whom, and what it costs."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from paymux.ops.metrics import Metrics
from paymux.payments.lifecycle import AttemptState, State
from paymux.payments.noted import AttemptMoved, Reached
from paymux.storage.writer import Batcher, LostUpdate
from tests.node import LiveNode, serving
from tests.receiver import Receiver

pytestmark = pytest.mark.anyio


async def told(live: LiveNode, **headers: str) -> dict[str, float]:
    """Every sample by its name with labels."""
    answer = await live.http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.01)


async def test_a_paid_payment_is_told_from_its_opening_to_its_notice(database_url: str) -> None:
    with Receiver() as shop_server:
        async with serving(database_url) as live:
            shop = await live.merchant(webhook_url=shop_server.hook, webhook_secret=shop_server.secret)
            created = await shop.create(order_id="ORD-1")
            await shop.create(order_id="ORD-1")
            await shop.post(amount="-1")
            await live.report(created["session_id"], "paid")

            async def delivered() -> bool:
                return (await told(live))['paymux_delivery_seconds_count{outcome="delivered"}'] == 1

            await until(delivered)
            found = await told(live)
    opened = 'paymux_request_seconds_count{route="POST /gateway/session.php",status="%s",table="ecomtrade24"}'
    assert (found[opened % "2xx"], found[opened % "4xx"]) == (2, 1)
    assert found['paymux_payments_opened_total{dialect="ecomtrade24",repeated="no"}'] == 1
    assert found['paymux_payments_opened_total{dialect="ecomtrade24",repeated="yes"}'] == 1
    assert found['paymux_payment_states_total{dialect="ecomtrade24",state="paid"}'] == 1
    assert found['paymux_payment_seconds_count{dialect="ecomtrade24",state="paid"}'] == 1
    attempts = {name: value for name, value in found.items() if name.startswith("paymux_attempts_total")}
    assert {re.findall(r'outcome="(\w+)"', name)[0]: value for name, value in attempts.items()} == {
        "started": 1,
        "handed_over": 1,
        "paid": 1,
    }
    assert found['paymux_delivery_seconds_count{outcome="given_up"}'] == 0
    for queue in ("writer", "reader", "recorder"):
        assert found[f'paymux_batch_seconds_count{{queue="{queue}"}}'] >= 1
        assert found[f'paymux_batch_commands_sum{{queue="{queue}"}}'] >= 1
        assert found[f'paymux_queue_waiting{{queue="{queue}"}}'] == 0
    assert found["paymux_database_up"] == 1
    assert {value for name, value in found.items() if name.startswith("paymux_route_health")} == {2}
    assert found["process_resident_memory_bytes"] > 0
    assert found["process_cpu_seconds_total"] > 0


async def test_what_waits_and_what_is_in_doubt_has_an_age(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paymux.ops.scrape.FRESH_S", 0.0)
    with Receiver() as shop_server:
        shop_server.status = 500
        async with serving(database_url) as live:
            shop = await live.merchant(webhook_url=shop_server.hook, webhook_secret=shop_server.secret)
            paid, flagged = await shop.create(order_id="ORD-1"), await shop.create(order_id="ORD-2")
            await live.report(paid["session_id"], "paid")
            await live.report(flagged["session_id"], "review")

            async def failed() -> bool:
                return (await told(live))['paymux_delivery_seconds_count{outcome="failed"}'] >= 1

            await until(failed)
            await live.advance_clock(3600)
            found = await told(live)
    assert found["paymux_notices_waiting"] >= 1
    assert 3600 <= found["paymux_notice_oldest_age_seconds"] < 3700
    assert found['paymux_attention_payments{why="flagged"}'] == 1
    assert 3600 <= found["paymux_attention_oldest_age_seconds"] < 3700
    assert found["paymux_doubts_open"] == 0


async def test_a_route_that_an_operator_closed_is_down(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paymux.ops.scrape.FRESH_S", 0.0)
    async with serving(database_url) as live:
        await live.set_route("birch", "down")
        found = await told(live)
    assert found['paymux_route_health{provider="sandbox-birch",route="birch"}'] == 0


async def test_metrics_hold_no_names_and_no_secrets(database_url: str) -> None:
    async with serving(database_url) as live:
        shop = await live.merchant()
        await shop.create(order_id="ORD-SECRET")
        await live.http.get("/no/such/path?api_key=abc", headers=shop.headers)
        text = (await live.http.get("/metrics")).text
    for word in ("ORD-SECRET", "buyer@", "shop.example.com", shop.key, "/no/such", "abc"):
        assert word not in text
    assert 'route="unknown",status="4xx",table="none"' in text


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"X-Forwarded-For": "203.0.113.9"}, 403),  # by a proxy that nobody declared
        ({}, {"X-Forwarded-For": "10.0.0.1"}, 403),
        ({}, {"Forwarded": "for=203.0.113.9"}, 403),
        ({}, {"X-Real-IP": "203.0.113.9"}, 403),
        ({"trusted_proxies": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"}, 403),
        ({"trusted_proxies": "127.0.0.1"}, {"X-Forwarded-For": "10.0.0.1, 203.0.113.9"}, 403),
        ({"trusted_proxies": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9, 10.0.0.1"}, 200),
        ({"trusted_proxies": "192.0.2.1"}, {"X-Forwarded-For": "203.0.113.9"}, 403),
        ({"metrics_public": True}, {"X-Forwarded-For": "203.0.113.9"}, 200),
        ({"metrics": False}, {}, 404),
    ],
)
async def test_metrics_are_for_private_addresses(tmp_path: Any, settings: dict[str, Any], headers: dict[str, str], status: int) -> None:
    async with serving(f"sqlite:///{tmp_path}/paymux.db", **settings) as live:
        assert (await live.http.get("/metrics", headers=headers)).status_code == status


async def test_a_database_that_does_not_answer_makes_no_scrape_wait(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paymux.ops.scrape.WAIT_S", 0.05)
    free = asyncio.Event()

    async with serving(database_url) as live:

        async def read(work: Any) -> Any:
            await free.wait()

        monkeypatch.setattr(live.core.storage, "read", read)
        began = time.monotonic()
        first, second = await told(live), await told(live)
        assert time.monotonic() - began < 2
        monkeypatch.undo()
        free.set()
    assert first["paymux_database_up"] == second["paymux_database_up"] == 0
    assert "paymux_notices_waiting" not in first
    assert 'paymux_queue_waiting{queue="writer"}' in first


async def test_two_scrapers_that_come_at_once_both_see_the_database(database_url: str) -> None:
    async with serving(database_url) as live:
        found = await asyncio.gather(*(told(live) for _ in range(3)))
        later = await told(live)
    assert [one["paymux_database_up"] for one in (*found, later)] == [1, 1, 1, 1]
    assert all("paymux_notices_waiting" in one for one in found)


async def test_what_was_rolled_back_is_not_counted() -> None:
    metrics = Metrics("sandbox", "sqlite")
    tries = []

    class Rolled:
        engine = "sqlite"

        def __init__(self) -> None:
            self.facts: list[Any] = []

    async def transact(work: Any) -> Any:
        done = await work(Rolled())
        tries.append(done)
        if len(tries) == 1:
            raise LostUpdate
        return done

    async def now(_: Any) -> int:
        return 0

    async def verb(tx: Any, commands: Any, now: int) -> list[None]:
        tx.facts.append(Reached("ecomtrade24", State.PAID, 5000))
        return [None for _ in commands]

    batcher = Batcher(transact, now, lambda error: False)
    metrics.watch("writer", batcher)
    await batcher.submit(verb, 1)
    assert len(tries) == 2
    assert b'paymux_payment_states_total{dialect="ecomtrade24",state="paid"} 1.0' in metrics.exposition()


def test_with_several_workers_every_sample_names_its_own() -> None:
    text = Metrics("sandbox", "postgres", "4711").exposition().decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples
    assert all('worker="4711"' in line for line in samples)


def test_counting_costs_microseconds() -> None:
    metrics = Metrics("sandbox", "sqlite")
    batcher = Batcher(None, None, lambda error: False)  # type: ignore[arg-type]
    metrics.watch("writer", batcher)
    assert batcher.observe is not None
    facts = [Reached("ecomtrade24", State.PAID, 5000), AttemptMoved("alder", "sandbox-alder", AttemptState.PAID)]
    cases: dict[str, Callable[[], object]] = {
        "request": lambda: metrics.requested("ecomtrade24", "POST /gateway/session.php", 200, 0.004),
        "batch": lambda: batcher.observe and batcher.observe(64, 0.004, 3),
        "facts": lambda: metrics.heard(facts),
        "delivery": lambda: metrics.delivered("delivered", 0.03),
    }
    for name, case in cases.items():
        best_us = min(_microseconds(case) for _ in range(5))
        assert best_us < 30, f"{name} takes {best_us:.1f} us"  # 2 to 6 on an idle machine


def _microseconds(case: Callable[[], object], times: int = 500) -> float:
    began = time.perf_counter()
    for _ in range(times):
        case()
    return (time.perf_counter() - began) / times * 1_000_000
