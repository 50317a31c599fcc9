"""The measuring itself: its arithmetic, its load generator, and one tiny run of everything on SQLite."""

import asyncio
import itertools
from pathlib import Path

import pytest

from bench import course, pgbench, report
from bench.hello import application
from bench.load import Stretch, measure, quantile, whole
from bench.report import Target, judge, spread
from bench.wire import Sending, amount_units, merchant_of, operation_key, source
from paymux.keyring import Keyring
from paymux.providers.protocol import Received
from paymux.providers.sandbox.provider import sandbox_providers

KEYS = ["pmx_a", "pmx_b"]
SECRET = "s" * 40


def test_a_spread_is_the_median_with_its_quartiles() -> None:
    assert spread([5.0, 1.0, 3.0, 2.0, 4.0]) == report.Spread(3.0, 2.0, 4.0)
    assert spread([7.0]) == report.Spread(7.0, 7.0, 7.0)


@pytest.mark.parametrize(
    ("value", "at_most", "verdict"),
    [
        (1.8, False, "aim reached"),
        (1.7, False, "aim reached"),
        (1.5, False, "reached"),
        (1.2, False, "NOT reached"),
        (1.2, True, "aim reached"),
        (1.5, True, "reached"),
        (1.8, True, "NOT reached"),
    ],
)
def test_a_verdict_follows_the_two_lines_of_a_target(value: float, at_most: bool, verdict: str) -> None:
    must, aim = (1.7, 1.3) if at_most else (1.3, 1.7)
    assert judge(value, must, aim, at_most) == verdict


def test_a_ratio_is_taken_inside_its_round() -> None:
    rates = {"create": 2000.0, "status": 4000.0, "settle": 1000.0}
    quiet = {f"{name}.{kind}": rate for name in ("sqlite", "sqlite.full") for kind, rate in rates.items()}
    quiet |= {"raw_sqlite.create": 1000.0, "hello": 8000.0}
    busy = {name: rate / 10 for name, rate in quiet.items()}
    results = course.Results(rounds=[quiet, busy], memory_mb={"sqlite after": 50.0}, ready_s={"sqlite": [0.5]})
    results.p50_ms, results.p99_ms = {"sqlite.create.half": [1.0, 10.0]}, {"sqlite.create.half": [2.0, 20.0]}
    found = {target.what: list(target.values) for target in report.targets(results, course.TINY)}
    assert found["SQLite: creates / raw loop"] == [2.0, 2.0]
    assert found["SQLite: status reads / hello-world"] == [0.5, 0.5]
    assert found["SQLite: p99 / p50 of creates at half load"] == [2.0, 2.0]


def test_the_best_of_several_client_counts_is_the_baseline() -> None:
    rates = {"pgbench.create.8": 1.0, "pgbench.create.16": 3.0, "pgbench.create.32": 2.0, "pgbench.settle.8": 9.0}
    assert report.best(rates, "pgbench.create.") == 3.0


def test_pgbench_is_read_without_the_time_to_connect() -> None:
    output = "number of transactions actually processed: 700\ntps = 350.5 (without initial connection time)\n"
    assert pgbench.read(0, output, "") == pgbench.Ran(350.5, 700)
    with pytest.raises(pgbench.PgbenchFailed, match="no such table"):
        pgbench.read(2, output, "no such table")


def test_a_quantile_is_one_of_the_values() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert (quantile(ordered, 0.5), quantile(ordered, 0.99), quantile([], 0.5)) == (51.0, 100.0, 0.0)


def test_an_answer_is_whole_by_its_length() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n"
    assert whole(head + b"abc")
    assert whole(head.replace(b"content-length", b"Content-Length") + b"abc")
    assert not whole(head + b"ab")
    assert not whole(head[:20])


def test_every_create_is_another_order_of_the_next_merchant() -> None:
    requests = list(itertools.islice(source(Sending(kind="create", keys=KEYS, run=7)), 1001))
    assert len({request.split(b'"order_id":"')[1].split(b'"')[0] for request in requests}) == 1001
    assert [b"Bearer pmx_a" in request for request in requests[:4]] == [True, False, True, False]
    for request in requests:
        head, body = request.split(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head


def test_a_read_is_made_by_the_payment_s_own_merchant() -> None:
    for request in itertools.islice(source(Sending(kind="status", keys=KEYS, first_id=10, count=5)), 50):
        payment_id = int(request.split(b"session_id=")[1].split(b" ")[0])
        assert 10 <= payment_id < 15
        assert f"Bearer {KEYS[merchant_of(payment_id, 2) - 1]}".encode() in request


def test_a_settle_is_a_report_that_the_provider_accepts() -> None:
    (request,) = source(Sending(kind="settle", first_id=12, count=1, secret_key=SECRET))
    head, body = request.split(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    callback = sandbox_providers(Keyring(SECRET))["sandbox-alder"].read_callback(headers, body)
    assert callback is not None
    assert callback.operation_key == operation_key(12)
    assert isinstance(callback.status, Received)
    assert callback.status.transfers[0].amount.units == amount_units(12)


async def _served(slow_s: float = 0.0, refused: bool = False) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(slow_s)
            status = b"503 Busy" if refused else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 4\r\n\r\n")
            await writer.drain()
            writer.write(b"body")  # in a packet of its own, perhaps

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(kept, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_the_load_generator_counts_what_is_answered_in_its_time() -> None:
    server, port = await _served(slow_s=0.005)
    async with server:
        measured = await measure(Stretch(port=port, sending=Sending(kind="plain"), connections=4, warm_s=0.05, seconds=2.0))
    assert measured.refused == 0
    assert measured.sent == measured.accepted > measured.answered > 0
    assert measured.p50_ms >= 5
    assert measured.rate <= 4 / 0.005


async def test_the_load_generator_keeps_to_a_rate() -> None:
    server, port = await _served()
    async with server:
        measured = await measure(Stretch(port=port, sending=Sending(kind="plain"), connections=4, warm_s=0, seconds=0.25, rate=100))
    assert measured.sent <= 26
    assert measured.accepted == measured.sent


async def test_an_answer_that_is_not_200_is_a_fault() -> None:
    server, port = await _served(slow_s=0.005, refused=True)
    async with server:
        measured = await measure(Stretch(port=port, sending=Sending(kind="plain"), connections=2, warm_s=0, seconds=0.05))
    assert measured.accepted == 0
    assert measured.refused == measured.sent
    assert "503" in measured.faults[0]


async def test_a_supply_that_ends_ends_the_stretch() -> None:
    server, port = await _served(slow_s=0.002)
    async with server:
        stretch = Stretch(
            port=port, sending=Sending(kind="settle", first_id=1, count=10, secret_key=SECRET), connections=2, warm_s=0, seconds=30
        )
        measured = await measure(stretch)
    assert measured.sent == 10
    assert measured.elapsed_s < 5


async def test_hello_world_answers_so_many_bytes() -> None:
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await application(550)({}, None, send)
    assert len(sent[1]["body"]) == 550


def test_a_tiny_run_measures_everything_and_loses_nothing(tmp_path: Path) -> None:
    results = course.run(course.TINY, tmp_path, seed=1)
    assert results.faults == []
    assert set(results.rounds[0]) >= {"sqlite.create", "sqlite.full.settle", "sqlite.order", "sqlite.rates", "raw_sqlite.create", "hello"}
    assert all(rate > 0 for rate in results.rounds[0].values())
    summary = report.summary(results, course.TINY)
    assert {target["verdict"] for target in summary["targets"]} <= {"aim reached", "reached", "NOT reached"}
    assert all(isinstance(target, Target) for target in report.targets(results, course.TINY))
