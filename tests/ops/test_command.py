"""`paymux doctor` as a person or a script runs it: a process, an exit code, text or JSON."""

import json
from pathlib import Path

import pytest

from tests.databases import sqlite_url
from tests.ops.ward import ward
from tests.server import RunningServer, paymux

pytestmark = pytest.mark.anyio


async def test_the_doctor_works_beside_a_server_and_without_one(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("UPDATE notice SET state = 'delivered', due_at = NULL, ended_at = 1;")
    with RunningServer(database_url) as server:
        beside = paymux("doctor", "--skip", "addresses", "--json", database_url=database_url, env={"PAYMUX_PORT": str(server.port)})
    alone = paymux("doctor", "--skip", "addresses", "--json", database_url=database_url, env={"PAYMUX_PORT": str(server.port)})
    assert (beside.returncode, alone.returncode) == (0, 0), beside.stdout + alone.stdout
    assert "server" in json.loads(beside.stdout)["passed"]
    assert [found["check"] for found in json.loads(alone.stdout)["findings"] if found["check"] == "server"] == ["server"]


async def test_what_is_wrong_is_explained_and_exits_with_1(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("DELETE FROM receipt;")
    done = paymux("doctor", "--skip", "addresses", database_url=database_url)
    assert done.returncode == 1
    assert done.stdout.startswith("WRONG books\n  What   The books do not add up")
    assert "  Means  " in done.stdout
    assert "  Mend   " in done.stdout
    assert "1 thing is wrong" in done.stderr


async def test_a_wrong_key_and_a_wrong_mode_are_explained_where_a_server_would_not_start(database_url: str) -> None:
    async with ward(database_url):
        pass
    settings = {"PAYMUX_SECRET_KEY": "x" * 40, "PAYMUX_MODE": "live", "PAYMUX_ALLOW_PRIVATE_URLS": "off"}
    done = paymux("doctor", "--json", "--skip", "addresses", database_url=database_url, env=settings)
    wrong = {found["check"] for found in json.loads(done.stdout)["findings"] if found["severity"] == "wrong"}
    assert done.returncode == 1
    assert {"keys", "mode"} <= wrong


def test_settings_that_cannot_be_read_are_a_finding(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    done = paymux("doctor", "--json", database_url=url, env={"PAYMUX_POTR": "8080"})
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert "did you mean PAYMUX_PORT?" in told["findings"][0]["what"]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_secret_key_is_a_finding(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paymux.db")
    done = paymux("doctor", "--json", database_url=url, env={"PAYMUX_SECRET_KEY": ""})
    assert [found["check"] for found in json.loads(done.stdout)["findings"] if found["severity"] == "wrong"] == ["settings", "database"]


def test_an_unknown_check_cannot_be_skipped(tmp_path: Path) -> None:
    done = paymux("doctor", "--skip", "weather", database_url=sqlite_url(tmp_path / "paymux.db"))
    assert done.returncode == 2
    assert "there are settings, database, disk" in done.stderr
