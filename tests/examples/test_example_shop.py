"""The example shops run for real: a session is opened, paid, and the shop believes the webhook."""

import os
import subprocess
import sys

import pytest

from tests.ports import free_port
from tests.server import ROOT, RunningServer, create_merchant, report


@pytest.mark.parametrize("script", ["ecomtrade24_shop.py"])
def test_a_shop_opens_a_session_and_learns_once_that_it_is_paid(script: str, database_url: str) -> None:
    port = free_port()
    with RunningServer(database_url) as server:
        merchant = create_merchant(database_url, webhook_url=f"http://127.0.0.1:{port}/webhook")
        env = os.environ | {
            "BASE_URL": server.url,
            "API_KEY": merchant["credentials"]["ecomtrade24"]["api_key"],
            "WEBHOOK_SECRET": merchant["webhook_secret"],
            "SHOP_PORT": str(port),
        }
        shop = subprocess.Popen([sys.executable, str(ROOT / "examples" / script)], env=env, stdout=subprocess.PIPE, text=True)
        try:
            assert shop.stdout is not None
            asked = shop.stdout.readline()
            order_id, session = asked.split()[2], asked.strip().rpartition("=")[2]
            report(database_url, f"ecomtrade24:{session}", "pending")
            report(database_url, f"ecomtrade24:{session}", "settled")
            assert shop.stdout.readline() == f"order {order_id} is paid: send the goods\n"
            server.stop()
        finally:
            shop.terminate()
            rest, _ = shop.communicate(timeout=15)
        assert rest == "", "once"
