"""The forty-line shop runs for real: an order is made by a signed call, paid, and the shop believes the checked notices, in order."""

import os
import subprocess
import sys

from paymux.cli.exchange_fixtures import KEY, SECRET
from tests.server import ROOT, RunningServer, answer_of, call, free_port, paymux


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
