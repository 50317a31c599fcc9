"""The forty-line shop runs for real: an order is made by a signed call, paid, and the shop believes the checked notices, in order.

And what an operator decides by command."""

import os
import subprocess
import sys
from pathlib import Path

from paymux.cli.exchange_fixtures import KEY, PARTNER, SECRET
from tests.databases import sqlite_url
from tests.exchange.shop import WISH_R3
from tests.ports import free_port
from tests.server import ROOT, RunningServer, answer_of, call, paymux


def test_a_shop_makes_an_order_and_learns_step_by_step_that_it_is_done(database_url: str) -> None:
    assert paymux("fixtures", "load", "exchanger", database_url=database_url).returncode == 0
    with RunningServer(database_url) as server:
        shop_url = f"http://127.0.0.1:{free_port()}"
        env = os.environ | {"EXCHANGER_URL": server.url, "EXCHANGER_KEY": KEY, "EXCHANGER_SECRET": SECRET, "SHOP_URL": shop_url}
        shop = subprocess.Popen([sys.executable, str(ROOT / "examples" / "exchanger_shop.py")], env=env, stdout=subprocess.PIPE, text=True)
        try:
            assert shop.stdout is not None
            page = shop.stdout.readline().strip()
            uid = page.split("/")[-2]
            told = answer_of("sandbox", "report", "--payment", f"exchanger:{uid}", "--outcome", "settled", database_url=database_url)
            assert told == {"payment": f"exchanger:{uid}", "state": "done", "status": "done", "outcome": "changed"}
            for status in ("waitPayment", "inProgressPayout", "done"):
                assert shop.stdout.readline() == f"order {uid} {status}\n"
        finally:
            shop.terminate()
            shop.communicate(timeout=15)
        document = call("GET", f"{server.url}/openapi/exchanger.json")[1]
        create = document["paths"]["/service/api/v1/public/exchanger/order/create"]["post"]
        assert create["requestBody"]["content"]["application/json"]["schema"]
        assert set(document["paths"]["/service/api/v1/public/exchanger/order/get"]) == {"get", "post"}
    assert paymux("ledger", "check", database_url=database_url).returncode == 0
    refused = paymux("sandbox", "report", "--payment", f"exchanger:{uid}", "--outcome", "expired", database_url=database_url)
    assert (refused.returncode, "done" in refused.stderr) == (1, True)
    assert paymux("fixtures", "load", "exchanger", database_url=database_url).returncode == 0, "again changes nothing"


def test_what_an_operator_decides_by_command_is_booked_and_told_once(tmp_path: Path) -> None:
    database_url = sqlite_url(tmp_path / "paymux.db")

    def ran(*arguments: object) -> int:
        return paymux("exchange", *arguments, database_url=database_url).returncode

    assert paymux("fixtures", "load", "exchanger", database_url=database_url).returncode == 0
    with RunningServer(database_url) as server:
        wish = {**WISH_R3, "partner": PARTNER}
        uid = call("POST", f"{server.url}/public/exchanger/order/create", wish)[1]["data"]["uid"]
        answer_of("sandbox", "report", "--payment", f"exchanger:{uid}", "--outcome", "settled", database_url=database_url)
        assert ran("receive", uid, "--amount", "0.02", "--reference", "late") == 0
        (waiting,) = answer_of("exchange", "list", database_url=database_url)["orders"]
        assert (waiting["uid"], waiting["status"], waiting["late"]) == (uid, "done", "0.02000000")
        assert [ran("late", uid, "return", "--why", "by mail"), ran("late", uid, "accept")] == [0, 1]
        key = answer_of("exchange", "partner-key", 40, database_url=database_url)["api_key"]
        pay = ("reward", PARTNER, "--currency", "BTC", "--amount", "0.0004", "--reference")
        assert [ran(*pay, "june"), ran(*pay, "july")] == [0, 1]
        asked = f"{server.url}/service/partner/api.php?api_action=pp&method=get_info&api_key={key}"
        assert call("GET", asked)[1]["data"]["items"]["BTC"] == {"balance": "0.0001", "totalReceived": "0.0004"}
    assert paymux("ledger", "check", database_url=database_url).returncode == 0
