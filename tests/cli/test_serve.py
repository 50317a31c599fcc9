"""`paymux serve` and `work` as processes: they start, say what they are, drain, and end in time."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.databases import sqlite_url
from tests.ports import free_port
from tests.receiver import Receiver
from tests.server import RunningServer, answer_of, call, create_merchant, environment, open_session, paymux, report


def test_a_server_ends_in_time_while_a_receiver_hangs_and_sends_again_later(database_url: str) -> None:
    with Receiver() as shop, RunningServer(database_url) as server:
        shop.hang()
        key = create_merchant(database_url, webhook_url=shop.hook, webhook_secret=shop.secret)["credentials"]["ecomtrade24"]["api_key"]
        session = open_session(server.url, key)[1]["session_id"]
        report(database_url, session, "paid")
        shop.wait_for(lambda: shop.asked == 1)
        assert server.stop() < 10
        notice = answer_of("webhook", "list", "--merchant", 1, database_url=database_url)["notices"][0]
        assert (notice["word"], notice["state"], notice["tries"]) == ("paid", "waiting", 0), "let go, not counted"
        shop.free()
        server.start()
        shop.wait_for(lambda: shop.words(session) == ["paid"])


def test_an_idle_server_ends_at_once(tmp_path: Path) -> None:
    with RunningServer(sqlite_url(tmp_path / "paymux.db")) as server:
        assert server.stop() < 3
        assert "stopped" in server.text()


def test_what_was_answered_survives_the_loss_of_the_process(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    key = create_merchant(url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(url) as server:
        session = open_session(server.url, key)[1]["session_id"]
        server.kill()
        assert report(url, session, "paid")["status"] == "paid", "commands work without a server"
        server.start()
        _, answer = call("GET", f"{server.url}/gateway/session_status.php?session_id={session}", headers={"X-API-Key": key})
        assert answer["status"] == "paid"


def test_workers_share_a_port_are_started_again_and_end_together(postgres_url: str) -> None:
    with RunningServer(postgres_url, options=["--workers", "2"]) as server:
        key = create_merchant(postgres_url)["credentials"]["ecomtrade24"]["api_key"]
        assert {open_session(server.url, key)[0] for _ in range(10)} == {200}
        workers = children(server.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        ends = time.monotonic() + 15
        while len(now := children(server.pid)) < 2 or workers[0] in now:
            assert time.monotonic() < ends, server.text()
            time.sleep(0.05)
        assert open_session(server.url, key)[0] == 200
        assert server.stop() < 10
    assert not any(alive(worker) for worker in [*workers, *now])


def test_workers_end_when_the_process_above_them_is_killed(postgres_url: str) -> None:
    with RunningServer(postgres_url, options=["--workers", "2"]) as server:
        workers = children(server.pid)
        server.kill()
        ends = time.monotonic() + 15
        while any(alive(worker) for worker in workers):
            assert time.monotonic() < ends
            time.sleep(0.05)


def children(pid: int) -> list[int]:
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        pytest.skip("this system does not list a process's children")
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Running; a zombie that nobody has waited for is not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_background_duties_alone_deliver_what_a_command_wrote(database_url: str) -> None:
    with Receiver() as shop:
        create_merchant(database_url, webhook_url=shop.hook, webhook_secret=shop.secret)
        assert paymux("webhook", "test", 1, database_url=database_url).returncode == 0
        process = subprocess.Popen([sys.executable, "-m", "paymux", "work"], env=environment(database_url), stderr=subprocess.PIPE)
        try:
            shop.wait_for(lambda: len(shop.deliveries) == 1)
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=15)
        assert process.returncode == 0, said
    told = shop.deliveries[0]
    assert told.accepted
    assert re.fullmatch("TEST-WEBHOOK-[0-9A-F]{10}", told.fields["order_id"])
    assert (told.fields["status"], told.fields["shop_domain"], told.fields["test"]) == ("test", "shop.example.com", True)


def test_a_secret_is_replaced_and_notices_are_sent_again(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    with Receiver("the first one of two") as shop, RunningServer(url) as server:
        key = create_merchant(url)["credentials"]["ecomtrade24"]["api_key"]
        session = open_session(server.url, key)[1]["session_id"]
        report(url, session, "paid")
        set_url = ("merchant", "webhook", 1, "--url", shop.hook, "--secret", shop.secret)
        assert answer_of(*set_url, database_url=url)["webhook_secret"] == shop.secret
        assert answer_of("webhook", "resend", "--merchant", 1, "--state", "unaddressed", database_url=url) == {"resent": 1}
        shop.wait_for(lambda: shop.words(session) == ["paid"])
        shop.secret = answer_of("merchant", "webhook", 1, "--rotate-secret", "--overlap-hours", 0, database_url=url)["webhook_secret"]
        notice = answer_of("webhook", "list", "--merchant", 1, database_url=url)["notices"][0]["id"]
        assert answer_of("webhook", "resend", "--notice", notice, database_url=url) == {"resent": 1}
        shop.wait_for(lambda: shop.words(session) == ["paid", "paid"])
    first, second = shop.deliveries
    assert (first.body, first.id) == (second.body, second.id), "the same bytes under the same name"


def test_a_free_port_is_taken_on_request(tmp_path: Path) -> None:
    taken = free_port()
    assert 1024 < taken < 65536
    process = subprocess.Popen(
        [sys.executable, "-m", "paymux", "serve", "--port", "0"],
        env=environment(sqlite_url(tmp_path / "paymux.db")),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "serving" in line)
        url = next(part for part in line.split('"') if part.startswith("http://127.0.0.1:"))
        assert call("GET", f"{url}/healthz")[0] == 200
    finally:
        process.terminate()
        process.communicate(timeout=15)
