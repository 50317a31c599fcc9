"""What the command line refuses: one clear line on stderr, nothing on stdout, 2 for what cannot start as asked, 1 for what is refused."""

import json
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.databases import sqlite_url
from tests.server import create_merchant


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "paymux.db")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("nothing", "nothing"),
        ("serve --nothing 1", "Unknown option"),
        ("serve --port many", "--port"),
        ("serve --port 99999", "--port"),
        ("serve --workers 2", "SQLite has one writer"),
        ("merchant create --name N --email n@example.com --plan gold", "free"),
        ("merchant create --name N --email nobody --plan free", "'nobody' is not an e-mail address"),
        ("merchant create --name N --email n@example.com --plan free --domain %", "'%' is not a domain"),
        ("merchant create --name N --email n@example.com --plan free --country Germany", "not a country of two letters"),
        ("merchant create --name N --email n@example.com --plan free --currency ZZZ", "'ZZZ' is not a known currency"),
        ("merchant create --name N --email n@example.com --plan free --webhook-url ftp://x.example/", "--webhook-url"),
        (
            "merchant create --name N --email n@example.com --plan free --wallet 0x…",
            "--wallet: '0x…' is not a wallet (0x and 40 hex digits",
        ),
        ("merchant wallet 1 0xZZ", "ADDRESS: '0xZZ' is not a wallet (0x and 40 hex digits"),
        ("merchant webhook 1 --url ftp://x.example/", "--url: "),
        ("merchant webhook 1 --shop % --rotate-secret", "--shop: '%' is not a domain"),
        ("merchant shop 1 % approved", "DOMAIN: '%' is not a domain"),
        ("merchant key 1", "say --rotate"),
        ("fixtures load everything", "known: ecomtrade24"),
        ("sandbox report --payment 5 --outcome lost", "paid"),
        ("sandbox report --payment other:5 --outcome paid", "ecomtrade24:1459"),
        ("sandbox report --payment ecomtrade24:5 --outcome declined --decline-reason bored", '"insufficient_funds"'),
        ("sandbox report --payment ecomtrade24:5 --outcome paid --decline-reason lost_card", "only a payment that is reported as declined"),
        (
            "sandbox report --payment exchanger:5 --outcome declined --decline-reason lost_card",
            "only a payment that is reported as declined",
        ),
        ("sandbox report --payment ecomtrade24:x --outcome paid", "ecomtrade24:1459"),
        ("sandbox clock --advance -5", "Must be >= 0"),
        ("sandbox clock --advance 5 --reset", "either"),
        ("payment list --attention --merchant 1", "--attention"),
        ("webhook resend", "--notice"),
        ("webhook resend --merchant 1 --since yesterday", "is not a time"),
        ("ledger check --database mysql://x", "sqlite:///"),
        ("ledger check --database postgresql://paymux@127.0.0.1:1/none", "cannot connect to PostgreSQL"),
        ("ledger check --config /nowhere/paymux.toml", "cannot be read"),
    ],
)
def test_what_cannot_start_as_asked_ends_with_2(command: str, says: str, url: str, here: Here) -> None:
    if "--payment" in command:
        assert here("migrate", database_url=url).returncode == 0
    done = here(*command.split(), database_url=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.splitlines()[-1].startswith("paymux: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sandbox report --payment ecomtrade24:77 --outcome paid --json", "there is no payment ecomtrade24:77"),
        ("merchant disable 77", "there is no merchant 77"),
        ("merchant shop 77 shop.example.com approved", "there is no merchant 77"),
        ("merchant key 77 --rotate", "there is no merchant 77"),
        ("merchant webhook 77 --rotate-secret", "there is no merchant 77"),
        ("merchant show 77", "there is no merchant 77"),
        ("payment show 77", "there is no payment 77"),
        ("webhook show 77", "there is no notice 77"),
        ("webhook resend --notice 77", "there is no notice 77"),
        ("webhook test 1", "has no webhook URL"),
    ],
)
def test_what_is_refused_ends_with_1(command: str, says: str, url: str, here: Here) -> None:
    assert here("migrate", database_url=url).returncode == 0
    if command == "webhook test 1":
        create_merchant(url)
    done = here(*command.split(), database_url=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("paymux: ")
    assert says in done.stderr


@pytest.mark.parametrize(
    "command", ["sandbox clock --advance 5", "sandbox report --payment 1 --outcome paid", "fixtures load ecomtrade24", "demo"]
)
def test_live_mode_refuses_what_belongs_to_the_sandbox(command: str, url: str, here: Here) -> None:
    done = here(*command.split(), database_url=url, env={"PAYMUX_MODE": "live"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "the mode is live" in done.stderr


def test_a_database_of_one_mode_is_not_used_in_the_other(url: str, here: Here) -> None:
    assert here("migrate", database_url=url).returncode == 0
    done = here("merchant", "list", database_url=url, env={"PAYMUX_MODE": "live"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAYMUX_MODE=sandbox" in done.stderr


def test_a_missing_secret_key_is_told_with_how_to_make_one(url: str, here: Here) -> None:
    done = here("serve", database_url=url, env={"PAYMUX_SECRET_KEY": ""})
    assert done.returncode == 2
    assert "PAYMUX_SECRET_KEY is not set; make one with" in done.stderr


def test_what_needs_no_secret_works_without_the_key(url: str, here: Here) -> None:
    for command in ("migrate", "ledger check", "sandbox clock", "route list", "settings", "settings --markdown"):
        done = here(*command.split(), database_url=url, env={"PAYMUX_SECRET_KEY": ""})
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_a_port_that_is_taken_is_said_to_be(url: str, here: Here) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        done = here("serve", "--port", holder.getsockname()[1], database_url=url)
    assert done.returncode == 2
    assert "something else listens there: stop it, or choose another with --port" in done.stderr


def test_an_older_schema_is_not_brought_up_by_a_command_that_only_looks(url: str, tmp_path: Path, here: Here) -> None:
    with sqlite3.connect(tmp_path / "paymux.db") as connection:
        connection.execute("CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)")
        connection.execute("INSERT INTO migration VALUES (99999, 'of_the_future', 0)")
    done = here("merchant", "list", database_url=url)
    assert done.returncode == 2
    assert "start the newer Paymux" in done.stderr


def test_books_that_do_not_hold_end_with_1_and_name_each_fault(url: str, tmp_path: Path, here: Here) -> None:
    assert here("migrate", database_url=url).returncode == 0
    with sqlite3.connect(tmp_path / "paymux.db") as connection:
        connection.execute("INSERT INTO account (merchant_id, kind, currency, balance) VALUES (1, 'payable', 'EUR', 500)")
    done = here("ledger", "check", database_url=url)
    assert done.returncode == 1
    assert done.stdout.startswith("wrong_balance: ")
    assert done.stderr.endswith("paymux: 1 fault: the books or the histories do not hold\n")
    told = json.loads(here("ledger", "check", "--json", database_url=url).stdout)
    assert (told["ok"], [fault["code"] for fault in told["faults"]]) == (False, ["wrong_balance"])
