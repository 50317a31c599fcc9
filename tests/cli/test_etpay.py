"""ETpay's commands beside a running server: a new API token, the payouts login, a refund, a logo. True for the very next request."""

from pathlib import Path
from typing import Any

import pytest

from tests.merchants.test_logo import png
from tests.server import RunningServer, answer_of, call, create_merchant, paymux, report


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the verbs are tested on both engines; each command is a process
def test_what_a_command_changed_is_true_for_the_next_request(database_url: str, tmp_path: Path) -> None:
    made = create_merchant(database_url, country="CL", currency="CLP")
    merchant_id, credentials = made["merchant_id"], made["credentials"]["etpay"]
    with RunningServer(database_url) as server:

        def ask(token: str) -> int:
            return call("POST", f"{server.url}/merchant/check_payment_status", {"merchant_api_token": token, "session_token": "x"})[0]

        old = credentials["merchant_api_token"]
        assert ask(old) == 200
        rotated = answer_of("merchant", "key", merchant_id, "--rotate", "--api", "etpay", "--grace-hours", "1", database_url=database_url)
        second = rotated["credentials"]["etpay"]["merchant_api_token"]
        assert len(second) == 64
        assert second.isalnum()
        assert (ask(old), ask(second)) == (200, 200)
        rotated = answer_of("merchant", "key", merchant_id, "--rotate", "--api", "etpay", database_url=database_url)
        new = rotated["credentials"]["etpay"]["merchant_api_token"]
        assert (ask(old), ask(second), ask(new)) == (401, 401, 200), "at once, and the grace of the one before ended, too"
        assert call("GET", f"{server.url}/gateway/me.php", headers={"X-API-Key": made["credentials"]["ecomtrade24"]["api_key"]})[0] == 200

        wish = {"merchant_code": credentials["merchant_code"], "merchant_api_token": new, "merchant_order_id": "A", "order_amount": 9000}
        session = call("POST", f"{server.url}/session/initialize", wish)[1]["token"]
        reference = f"etpay:{session}"
        too_early = paymux("payment", "refund", reference, "--id", "R-1", database_url=database_url)
        assert (too_early.returncode, "cannot be refunded" in too_early.stderr) == (1, True)
        report(database_url, reference, "paid")
        done = answer_of("payment", "refund", reference, "--id", "R-1", "--amount", "4000", database_url=database_url)
        assert (done["amount"], done["state"]) == ("4000 CLP", "accepted")
        for bad, code in ((["--amount", "5001"], 1), (["--amount", "-1"], 2), (["--amount", "1.5"], 2)):
            assert paymux("payment", "refund", reference, "--id", "R-2", *bad, database_url=database_url).returncode == code
        shown = answer_of("payment", "show", reference, database_url=database_url)
        assert [(one["amount_units"], one["reference"]) for one in shown["refunds"]] == [(4000, f"refund/{merchant_id}/R-1")]
        assert shown["payment"]["refunded_units"] == 4000
        assert "R-1" in paymux("payment", "show", reference, database_url=database_url).stdout

        login = answer_of("etpay", "login", merchant_id, database_url=database_url)
        body: dict[str, Any] = {"username": login["username"], "password": login["password"]}
        body["merchant"] = {"code": credentials["merchant_code"], "api_token": new}
        assert call("POST", f"{server.url}/v1/auth/login", body)[0] == 200
        answer_of("etpay", "login", merchant_id, "--off", database_url=database_url)
        assert call("POST", f"{server.url}/v1/auth/login", body)[0] == 401

        picture = tmp_path / "logo.png"
        picture.write_bytes(png(64, 64))
        assert answer_of("merchant", "logo", merchant_id, picture, database_url=database_url)["logo"].endswith(".png")
        picture.write_bytes(b"<svg/>")
        refused = paymux("merchant", "logo", merchant_id, picture, database_url=database_url)
        assert (refused.returncode, "no PNG, JPEG or WebP" in refused.stderr) == (2, True)
        assert paymux("merchant", "logo", 999, "--off", database_url=database_url).returncode == 1
    assert answer_of("ledger", "check", database_url=database_url)["ok"] is True
