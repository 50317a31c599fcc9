"""The command line takes care: no database by accident, no second server, no foreign secret key, no slip of the pen unseen."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from paymux.errors import StorageError
from paymux.keyring import Keyring
from paymux.storage import connect
from tests.cli.conftest import Here, Told
from tests.databases import sqlite_url
from tests.server import SECRET_KEY, RunningServer, create_merchant, open_session, report

OTHER_KEY = "another secret key, under which nothing is stored"
NEW = ("merchant", "create", "--name", "N", "--email", "n@example.com", "--plan", "pro")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "paymux.db")


@pytest.mark.parametrize(
    "command",
    [
        *("ledger check", "merchant list", "merchant show 1", "merchant disable 1", "merchant key 1 --rotate", "merchant webhook 1 --url "),
        *("payment list --attention", "payment show 1", "payment accept 1", "payment returned 1"),
        *("webhook list --merchant 1", "webhook show 1", "webhook test 1", "webhook resend --notice 1"),
        *("sandbox clock", "sandbox report --payment 1 --outcome paid", "route list", "routing on", "backup --to copy.backup"),
    ],
)
def test_a_command_for_an_installation_makes_none(command: str, url: str, tmp_path: Path, here: Here) -> None:
    done = here(*command.split(" "), database_url=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no database at {tmp_path / 'paymux.db'}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_finds_that_there_is_none_and_makes_none(url: str, tmp_path: Path, here: Here) -> None:
    done = here("doctor", database_url=url)
    assert done.returncode == 1
    assert f"There is no database at {tmp_path / 'paymux.db'}" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("migrate",), ("fixtures", "load", "ecomtrade24"), NEW])
def test_a_new_database_is_its_owners_alone(command: tuple[str, ...], url: str, tmp_path: Path, here: Here) -> None:
    before = os.umask(0o022)
    try:
        assert here(*command, database_url=url).returncode == 0
        assert stat.S_IMODE((tmp_path / "paymux.db").stat().st_mode) == 0o600
        (tmp_path / "paymux.db").chmod(0o640)
        assert here("merchant", "list", database_url=url).returncode == 0
        assert stat.S_IMODE((tmp_path / "paymux.db").stat().st_mode) == 0o640, "what an operator chose stays"
    finally:
        os.umask(before)


def test_a_served_database_and_its_log_are_their_owners_alone(url: str, tmp_path: Path) -> None:
    with RunningServer(url):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("paymux.db", "paymux.db-wal", "paymux.db-shm", "paymux.db-serving"), 0o600)


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("work",), (*NEW, "--country", "DE"), ("merchant", "list")])
def test_a_wrong_secret_key_is_refused_with_the_id_of_the_right_one(command: tuple[str, ...], database_url: str, here: Here) -> None:
    create_merchant(database_url)
    done = here(*command, database_url=database_url, env={"PAYMUX_SECRET_KEY": OTHER_KEY})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs the secret key with the id {Keyring(SECRET_KEY).key_id}" in done.stderr
    assert "PAYMUX_SECRET_KEYS_OLD" in done.stderr
    assert Keyring(OTHER_KEY).key_id in done.stderr


def test_a_rotated_secret_key_is_recorded_and_the_old_one_alone_refused(database_url: str, here: Here) -> None:
    create_merchant(database_url)
    rotated = {"PAYMUX_SECRET_KEY": OTHER_KEY, "PAYMUX_SECRET_KEYS_OLD": json.dumps([SECRET_KEY])}
    assert here("merchant", "list", database_url=database_url, env=rotated).returncode == 0
    assert here(*NEW, database_url=database_url).returncode == 0, "a command that needs no key records none"
    assert here(*NEW, database_url=database_url, env=rotated).returncode == 0
    done = here(*NEW, database_url=database_url)
    assert done.returncode == 2
    assert Keyring(OTHER_KEY).key_id in done.stderr
    assert here(*NEW, database_url=database_url, env={"PAYMUX_SECRET_KEY": OTHER_KEY}).returncode == 0


def test_what_runs_without_a_secret_key_neither_checks_nor_records_one(database_url: str, here: Here) -> None:
    none = {"PAYMUX_SECRET_KEY": ""}
    assert here("migrate", database_url=database_url, env=none).returncode == 0
    assert here("merchant", "list", database_url=database_url, env={"PAYMUX_SECRET_KEY": OTHER_KEY}).returncode == 0
    assert here(*NEW, database_url=database_url).returncode == 0
    assert here("merchant", "list", database_url=database_url, env=none).returncode == 0


def test_the_doctor_explains_a_wrong_key_and_a_lost_one_can_be_replaced(database_url: str, here: Here) -> None:
    assert here(*NEW, database_url=database_url).returncode == 0
    lost = {"PAYMUX_SECRET_KEY": OTHER_KEY}
    said = json.loads(here("doctor", "--json", "--skip", "addresses", database_url=database_url, env=lost).stdout)
    [found] = [finding for finding in said["findings"] if finding["check"] == "keys"]
    assert (found["severity"], Keyring(SECRET_KEY).key_id in found["what"]) == ("wrong", True)
    assert "The server does not start" in found["means"]
    assert "paymux migrate --new-secret-key" in found["mend"]
    assert here("migrate", "--new-secret-key", database_url=database_url, env={"PAYMUX_SECRET_KEY": ""}).returncode == 2
    assert here("migrate", "--new-secret-key", database_url=database_url, env=lost).returncode == 0
    assert here("merchant", "key", 1, "--rotate", database_url=database_url, env=lost).returncode == 0
    assert here("merchant", "webhook", 1, "--url", "", "--rotate-secret", database_url=database_url, env=lost).returncode == 0
    assert here("merchant", "list", database_url=database_url).returncode == 2, "the former key is refused now"


def test_a_second_server_of_one_file_is_refused_and_a_killed_one_is_no_obstacle(
    url: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "DRAINED_S", 0.2)
    with RunningServer(url) as server:
        done = here("serve", "--port", "0", database_url=url)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"is being served already by process {server.pid}" in done.stderr
        key = create_merchant(url)["credentials"]["ecomtrade24"]["api_key"]
        assert open_session(server.url, key)[0] == 200, "the first one goes on"
        server.kill()
        server.start()
        assert open_session(server.url, key)[0] == 200


def test_a_server_waits_for_one_that_is_stopping(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    real = os.open

    def noted(*args: object, **options: object) -> int:
        held.append(real(*args, **options))  # type: ignore[arg-type]
        return held[-1]

    monkeypatch.setattr(os, "open", noted)
    connect.serve_alone(url)
    ending = threading.Timer(0.2, os.close, (held[0],))
    ending.start()
    connect.serve_alone(url)
    monkeypatch.setattr(connect, "DRAINED_S", 0.0)
    with pytest.raises(StorageError, match="is being served already"):
        connect.serve_alone(url)
    ending.join()
    os.close(held[1])
    assert (tmp_path / "paymux.db-serving").read_text() == f"{os.getpid()}\n"


def test_an_amount_with_a_slip_is_not_accepted(database_url: str, here: Here, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        session = open_session(server.url, key)[1]["session_id"]
    report(database_url, session, "review")
    done = here("payment", "accept", session, "--received", "499.91", database_url=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "499.91 EUR is more than ten times the 49.99 EUR that were asked; nothing is changed" in done.stderr
    assert told("payment", "accept", session, "--received", "499.90", database_url=database_url)["state"] == "paid"


@pytest.mark.parametrize("there", ["http://127.0.0.1:8090/webhook", "http://localhost/hook", "http://[::1]:1/", "https://10.1.2.3/hook"])
def test_a_webhook_address_that_will_be_refused_is_warned_of(there: str, database_url: str, here: Here) -> None:
    off = {"PAYMUX_ALLOW_PRIVATE_URLS": "off"}
    for command in ((*NEW, "--webhook-url", there), ("merchant", "webhook", 1, "--url", there)):
        warned = here(*command, "--json", database_url=database_url, env=off)
        assert warned.returncode == 0
        assert "unless PAYMUX_ALLOW_PRIVATE_URLS=on" in warned.stderr
        assert json.loads(warned.stdout)["merchant_id"] == 1
        allowed = here("merchant", "webhook", 1, "--url", there, database_url=database_url)
        public = here("merchant", "webhook", 1, "--url", "https://shop.example.com/hook", database_url=database_url, env=off)
        assert "warning" not in allowed.stderr + public.stderr


def test_a_good_wallet_is_not_replaced_by_a_wrong_one(database_url: str, here: Here, told: Told) -> None:
    create_merchant(database_url, wallet="0x" + "2" * 40)
    for wrong in ("0xZZ", "0x" + "0" * 40, "0x" + "2" * 39, ""):
        done = here("merchant", "wallet", 1, wrong, database_url=database_url)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"ADDRESS: {wrong!r} is not a wallet" in done.stderr
    assert told("merchant", "show", 1, database_url=database_url)["wallet"] == "0x" + "2" * 40
    done = here(*NEW, "--wallet", "0xZZ", database_url=database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(told("merchant", "list", database_url=database_url)["merchants"]) == 1, "none was made"
    kept = here("merchant", "wallet", 1, "0xZZ", "--unchecked", database_url=database_url)
    assert (kept.returncode, "warning: '0xZZ' is not a wallet" in kept.stderr) == (0, True)
    assert told("merchant", "show", 1, database_url=database_url)["wallet"] == "0xZZ"


def test_a_grace_of_one_hour_is_told_as_one(database_url: str, here: Here) -> None:
    create_merchant(database_url)
    for hours, said in ((1, "counts for 1 more hour;"), (2, "counts for 2 more hours;")):
        assert said in here("merchant", "key", 1, "--rotate", "--grace-hours", hours, database_url=database_url).stdout


def test_a_disabled_merchant_is_listed_as_such(database_url: str, here: Here, told: Told) -> None:
    for _ in range(2):
        create_merchant(database_url)
    done = here("merchant", "disable", 2, database_url=database_url, env={"PAYMUX_LOG_FORMAT": "json"})
    [line] = [json.loads(line) for line in done.stderr.splitlines() if "merchant.changed" in line]
    assert line["changed"] == {"active": False}, "JSON, not Python's words"
    head, first, second = (line.split() for line in here("merchant", "list", database_url=database_url).stdout.splitlines()[:3])
    assert (head[-1], first[-1], second[-1]) == ("state", "active", "disabled")
    assert [one["active"] for one in told("merchant", "list", database_url=database_url)["merchants"]] == [True, False]


def test_what_changed_is_logged_as_json(database_url: str, here: Here) -> None:
    create_merchant(database_url)
    done = here("merchant", "method", 1, "paypal", "off", database_url=database_url, env={"PAYMUX_LOG_FORMAT": "json"})
    [line] = [json.loads(line) for line in done.stderr.splitlines() if "merchant.changed" in line]
    assert line["changed"] == {"methods_off": ["paypal"]}
    done = here("merchant", "policy", 1, "--short-tolerance", 5, database_url=database_url, env={"PAYMUX_LOG_FORMAT": "json"})
    [line] = [json.loads(line) for line in done.stderr.splitlines() if "merchant.changed" in line]
    assert line["changed"]["policy"]["short_tolerance_units"] == 5


def test_a_file_that_is_no_database_is_told_for_what_it_is(url: str, tmp_path: Path, here: Here) -> None:
    (tmp_path / "paymux.db").write_text("this is a diary, and it is longer than a header")
    done = here("merchant", "list", database_url=url)
    assert done.returncode == 2
    assert "file is not a database. Check PAYMUX_DATABASE" in done.stderr
    assert "writable" not in done.stderr
    done = here("migrate", database_url=sqlite_url(tmp_path))
    assert "Check that the file and its folder are writable" in done.stderr
