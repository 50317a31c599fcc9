"""Echelon's shop for the suites. The sandbox's channels pay by themselves 2 s after acceptance; a callback names only the payin."""

import json
from typing import Any

from paymux.app.core import Core
from paymux.cli.echelon import enrol
from paymux.cli.fixtures import FIXTURES
from paymux.dialects.echelon.catalogue import FIXTURES as MERCHANTS
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage.query import Tx
from tests.dialects.echelon.merchant import EVERYTHING, VERSION
from tests.receiver import Delivery
from tests.stage.shop import plain_client
from tests.wires.wire import Fuzz, Given, Opened, Standing, Wire

AMOUNT = 100  # and more: every one of it is paid
METHODS = (
    ("EUR", {"paymentMethodCode": "OFFLINE"}),
    ("EUR", {"paymentMethodCode": "ONLINE", "paymentOperatorCode": "EUR_001"}),
    ("INR", {"paymentMethodCode": "UPIQR"}),
)


async def join(core: Core, hook: str) -> Given:
    new = NewMerchant(name="A Shop", email="e@example.com", plan=Plan.PRO)

    async def work(tx: Tx) -> Given:
        created = await create_merchant(core.keyring, "ecomtrade24", tx, new, core.clock.now())
        currencies = [code for code, _ in METHODS]
        given = await enrol(core.keyring, tx, created.merchant_id, new.name, currencies, core.clock.now(), sandbox=True)
        return Given(created.merchant_id, given, {"hook": hook})

    return await core.storage.write(work)


class EchelonShop:
    def __init__(self, base: str, given: Given) -> None:
        self._http, self._given, self._code, self._token = plain_client(), given, given.credentials["merchant_code"], ""
        self._base = base

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One call; with a new token where the old one has expired, since tests move the clock."""
        for _ in range(2):
            if not self._token:
                wish = {"merchantCode": self._code, "secret": self._given.credentials["secret"], "operations": EVERYTHING}
                answer = self._http.post(f"{self._base}/auth-tokens", json=wish, headers=VERSION)
                assert answer.status_code == 200, f"/auth-tokens answered {answer.status_code}: {answer.text}"
                self._token = answer.json()["token"]
            headers = {**VERSION, "Authorization": f"Bearer {self._token}"}
            answer = self._http.request(method, self._base + path, content=None if body is None else json.dumps(body), headers=headers)
            if answer.status_code != 401:
                break
            self._token = ""
        return answer.status_code, answer.json() if answer.content else None

    def open(self, number: int) -> Opened | None:
        code, method = METHODS[number % 3]
        body = {
            "paymentRequested": {"money": {"amount": AMOUNT + number % 3, "currencyCode": code}},
            "paymentMethod": method,
            "returnUrl": "https://shop.example.com/back",
            "callbackUrl": self._given.kept["hook"],
        }
        status, answer = self._call("POST", f"/payins/ORD-{number}", body)
        if status == 409:
            return None
        assert status == 201, f"/payins/ORD-{number} answered {status}: {answer}"
        return Opened(f"{self._code}/ORD-{number}", str(AMOUNT + number % 3))

    def pay(self, ref: str, number: int) -> None:
        standing = self.ask(ref)
        assert standing.word != "FAILED", f"{ref} is over"

    def ask(self, ref: str) -> Standing:
        status, found = self._call("GET", f"/payins/{ref.partition('/')[2]}")
        assert status == 200, f"{ref} answered {status}: {found}"
        return Standing(found["process"]["status"], str(found["paymentRequested"]["money"]["amount"]))

    def told(self, delivery: Delivery) -> tuple[str, str]:
        """The body names the payin and nothing else; the word stands in the name of the delivery."""
        assert set(delivery.fields) == {"idEntity"}
        return f"{self._code}/{delivery.fields['idEntity']}", delivery.headers["webhook-id"].rpartition("-")[2]

    def close(self) -> None:
        self._http.close()


async def fuzz(core: Core) -> Fuzz:
    await FIXTURES["echelon"](core)
    code, secret = MERCHANTS[0]
    from paymux.dialects.echelon.auth import Tokens
    from paymux.dialects.echelon.claims import TokenWish

    wish = TokenWish(merchant_code=code, secret=secret, valid_s=3600, operations=tuple(EVERYTHING), money=None)
    token = Tokens(core.keyring).issue(wish, "j", core.clock.now())

    def amend(case: Any) -> None:
        if isinstance(case.body, dict) and "merchantCode" in case.body:  # else each request ends at the credentials
            case.body |= {"merchantCode": code, "secret": secret}

    lists = {"/balances", "/currencies", "/segments", "/payment-operators", "/payment-methods", "/merchant-info", "/fx-rates"}
    return Fuzz({**VERSION, "Authorization": f"Bearer {token}"}, amend, frozenset({*lists, "/auth-tokens"}), methods_known=False)


ECHELON = Wire("echelon", "SUCCESS", "refused", False, False, join, EchelonShop, fuzz)
