"""The example shop on ETpay's API runs for real, and the gateway is killed in the middle of its payment."""

import os
import subprocess
import sys

import httpx2

from tests.ports import free_port
from tests.server import ROOT, RunningServer, answer_of, create_merchant, report

FORM = {"action": "identify", "bank": "cl_test", "payer": "11.111.111-1", "password": "1111"}


def test_a_shop_opens_a_session_and_learns_once_that_it_is_paid_whatever_is_killed(database_url: str) -> None:
    port = free_port()
    with RunningServer(database_url) as server:
        credentials = create_merchant(database_url, country="CL", currency="CLP")["credentials"]["etpay"]
        env = os.environ | {
            "API_URL": server.url,
            "MERCHANT_CODE": credentials["merchant_code"],
            "MERCHANT_API_TOKEN": credentials["merchant_api_token"],
            "SHOP_PORT": str(port),
        }
        shop = subprocess.Popen([sys.executable, str(ROOT / "examples" / "etpay_shop.py")], env=env, stdout=subprocess.PIPE, text=True)
        try:
            assert shop.stdout is not None
            asked = shop.stdout.readline()
            order_id, url = asked.split()[2], asked.split()[-1]
            with httpx2.Client(trust_env=False, base_url=server.url) as buyer:
                here = buyer.post(url, data=FORM).headers["location"]
                server.kill()  # in the middle of the dialogue with the bank
                server.start()
                assert "Cuenta Corriente" in buyer.get(here).text
                buyer.post(here, data={"action": "choose", "account": "1"})
                buyer.post(here, data={"action": "answer", "number": "0", "value": "11111111"})
                buyer.post(here, data={"action": "answer", "number": "1", "value": "12"})
                server.kill()  # before or after the shop was told: the notice stands in the same transaction as the payment
                server.start()
            assert shop.stdout.readline() == f"order {order_id} is paid: send the goods\n"
            told = report(database_url, f"etpay:{url.rpartition('/')[2]}", "paid")
            assert (told["status"], told["outcome"]) == ("success", "repeated")
            server.stop()
        finally:
            shop.terminate()
            rest, _ = shop.communicate(timeout=15)
        assert rest == "", "once"
    answer_of("ledger", "check", database_url=database_url)
