"""The example merchant of Echelon's API runs for real: a payin is created, paid, and the merchant looks once it is told."""

import os
import subprocess
import sys

from tests.ports import free_port
from tests.server import ROOT, RunningServer, create_merchant


def test_a_merchant_creates_a_payin_and_learns_once_how_it_ended(database_url: str) -> None:
    port = free_port()
    with RunningServer(database_url) as server:
        merchant = create_merchant(database_url, currency=["IDR"])
        credentials = merchant["credentials"]["echelon"]
        more = {
            "BASE_URL": server.url,
            "MERCHANT_CODE": credentials["merchant_code"],
            "SECRET": credentials["secret"],
            "SHOP_PORT": str(port),
        }
        command = [sys.executable, str(ROOT / "examples" / "echelon_shop.py")]
        shop = subprocess.Popen(command, env=os.environ | more, stdout=subprocess.PIPE, text=True)
        try:
            assert shop.stdout is not None
            asked = shop.stdout.readline()
            order = asked.split()[1].rstrip(":")
            assert "pay to account" in asked
            assert shop.stdout.readline() == f"order {order} ended: SUCCESS\n"
            server.stop()
        finally:
            shop.terminate()
            rest, _ = shop.communicate(timeout=15)
        assert rest == "", "once"
