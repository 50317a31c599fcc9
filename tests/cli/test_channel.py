"""Channels by command: what was added, changed or removed is true for the next request; live ones need a provider."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Here
from tests.dialects.echelon.merchant import VERSION, payin, payout
from tests.server import RunningServer, call, create_merchant

LIVE = {"PAYMUX_MODE": "live", "PAYMUX_BASE_URL": "https://pay.example.com", "PAYMUX_ALLOW_PRIVATE_URLS": "off"}
NEW = ("--name", "S", "--email", "s@example.com", "--plan", "pro")
QUICK = {"PAYMUX_RATE_LIMITS": "off"}
SAID = {"paymentMethodCode": "CAPITEC_PAY", "account": {"accountNumber": "1234567890"}}
WISH = {"money": {"amount": 50, "currencyCode": "ZAR"}}


class Shop:
    """A merchant's calls to a server of its own process."""

    def __init__(self, server: RunningServer, credentials: dict[str, str]) -> None:
        self.url = server.url
        wish = {"merchantCode": credentials["merchant_code"], "secret": credentials["secret"], "operations": ["GET /.*", "POST /.*"]}
        token = call("POST", f"{self.url}/auth-tokens", wish, VERSION)[1]["token"]
        self.headers = {**VERSION, "Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return call(method, f"{self.url}{path}", body, self.headers)

    def code(self, path: str, body: Any) -> Any:
        status, answer = self.ask("POST", path, body)
        return answer[0]["code"] if status == 406 else status


def test_a_channel_is_added_changed_and_removed_while_the_server_runs(database_url: str, here: Here) -> None:
    merchant = create_merchant(database_url, currency="EUR")

    def done(*args: str) -> None:
        ran = here("channel", *args, database_url=database_url)
        assert ran.returncode == 0, ran.stderr

    with RunningServer(database_url, QUICK) as server:
        shop = Shop(server, merchant["credentials"]["echelon"])
        assert shop.code("/payins/A", payin(50, "ZAR", SAID)) == "CURRENCY_NOT_SUPPORTED"
        done("add", "1", "PAYIN:CAPITEC_PAY:ZAR", "--least", "10", "--most", "5000", "--fee-percent", "1.5")
        assert shop.code("/payins/A", payin(50, "ZAR", SAID)) == 201
        assert shop.code("/payins/B", payin(5001, "ZAR", SAID)) == "PAYMENT_CHANNEL_AMOUNT_LIMITS"
        bank = {**SAID, "paymentMethodCode": "VAPAY", "account": {"accountName": "A"}}
        done("add", "1", "PAYIN:VAPAY:ZAR", "--least", "1", "--most", "9", "--operator", "ZAR_1=Bank One", "--operator-required", "yes")
        assert shop.code("/payins/B", payin(5, "ZAR", bank)) == "PAYMENT_OPERATOR_REQUIRED"
        _, answer = shop.ask("POST", "/payins/B", payin(5, "ZAR", {**bank, "paymentOperatorCode": "ZAR_1"}))
        assert answer["paymentMethodResponse"]["paymentOperator"] == {"code": "ZAR_1", "name": "Bank One"}
        done("set", "1", "PAYIN:CAPITEC_PAY:ZAR", "--segment", "GOLD")
        assert shop.code("/payins/C", payin(50, "ZAR", SAID)) == "PAYMENT_CHANNEL_NO_SEGMENT_FOUND"
        gold = {**payin(50, "ZAR", SAID), "paymentRequested": {**WISH, "segmentCode": "GOLD"}}
        done("merchant", "1", "--deny-address", "192.0.2.7", "--name", "The Shop")
        assert shop.code("/payins/C", {**gold, "customerIp": "192.0.2.7"}) == "IP_DENIED"
        done("merchant", "1", "--allow-address", "192.0.2.7")
        assert shop.code("/payins/C", {**gold, "customerIp": "192.0.2.7"}) == 201
        assert shop.ask("GET", "/merchant-info")[1] == {"channelInfo": {"name": "The Shop"}}
        made = json.loads(here("channel", "secret", "1", "--rotate", "--json", database_url=database_url).stdout)["credentials"]["echelon"]
        old = {"merchantCode": made["merchant_code"], "secret": merchant["credentials"]["echelon"]["secret"]}
        assert call("POST", f"{server.url}/auth-tokens", old, VERSION)[0] == 403
        shop = Shop(server, made)
        done("remove", "1", "PAYIN:CAPITEC_PAY:ZAR")
        assert shop.code("/payins/D", gold) == "PAYMENT_METHOD_NOT_FOUND"
        assert shop.ask("GET", "/payins/C")[0] == 200


def test_a_live_channel_takes_nothing_while_no_provider_stands_behind_it(database_url: str, here: Here) -> None:
    added = here("merchant", "create", *NEW, "--currency", "ZAR", "--json", database_url=database_url, env=LIVE)
    assert added.returncode == 0, added.stderr
    credentials = json.loads(added.stdout)["credentials"]["echelon"]
    with RunningServer(database_url, {**LIVE, **QUICK}) as server:
        shop = Shop(server, credentials)
        assert shop.ask("GET", "/payment-options")[1] == {"data": []}
        assert shop.code("/payins/A", payin(50, "ZAR", SAID)) == "PAYMENT_METHOD_NOT_FOUND"
        for name in ("PAYIN:CAPITEC_PAY:ZAR", "PAYOUT:BANK_TRANSFER:ZAR"):
            ran = here("channel", "add", "1", name, "--least", "10", "--most", "5000", "--operator", "BNK_000=Bank",
                       database_url=database_url, env=LIVE)  # fmt: skip
            assert ran.returncode == 0, ran.stderr
        out = payout(50, "ZAR")
        out["paymentMethod"]["account"]["accountType"] = "savings"
        options = shop.ask("GET", "/payment-options")[1]["data"]
        assert [one["isAvailable"] for one in options] == [False, False]
        for path, body in (("/payins/A", payin(50, "ZAR", SAID)), ("/payouts/A", out), ("/payins/!availablePaymentOptions", WISH),
                           ("/payouts/!availablePaymentOptions", WISH)):  # fmt: skip
            assert shop.code(path, body) == "PAYMENT_CHANNEL_NO_ACTIVE_FOUND"
        assert here("channel", "outcome", "1", "--after-seconds", "1", database_url=database_url, env=LIVE).returncode == 1


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("VAPAY", (), "DIRECTION:METHOD:CURRENCY"),
        ("PAYIN:CASH:EUR", (), "no PAYIN method CASH"),
        ("PAYIN:VAPAY:XXX", (), "no currency XXX"),
        ("PAYIN:OFFLINE:EUR", (), "paymux channel set"),
        ("PAYIN:VAPAY:EUR", ("--operator", "no name"), "CODE=NAME"),
        ("PAYIN:VAPAY:EUR", ("--operator-required", "yes"), "no operator"),
        ("PAYIN:VAPAY:EUR", ("--daily", "x"), "not an amount"),
        ("PAYIN:VAPAY:JPY", ("--fee", "1.5"), "at most 0 decimals"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(tmp_path: Any, here: Here, name: str, more: tuple[str, ...], said: str) -> None:
    url = f"sqlite:///{tmp_path}/paymux.db"
    created = here("merchant", "create", *NEW, "--currency", "EUR", database_url=url)
    assert created.returncode == 0, created.stderr
    refused = here("channel", "add", "1", name, "--least", "1", "--most", "2", *more, database_url=url)
    assert refused.returncode in (1, 2)
    assert said in refused.stderr
