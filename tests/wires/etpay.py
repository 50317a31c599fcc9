"""ETpay's shop for the suites. Its buyers pay through the funnel, or the sandbox is told that they did; one bank takes a minute."""

import base64
import hmac
import json
from hashlib import sha256
from typing import Any

from paymux.app.core import Core
from paymux.cli import fixtures
from paymux.cli.etpay import join as join_etpay
from paymux.dialects.etpay.account import Account
from paymux.dialects.etpay.login import Credentials, Login
from paymux.ledger import book
from paymux.ledger.postings import opening
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage.query import Tx
from tests.receiver import Delivery
from tests.stage.shop import plain_client
from tests.wires.wire import Fuzz, Given, Opened, Standing, Wire

AMOUNT = 50_000
RUT, PASSWORD, KEY, AT_ONCE, SLOWLY = "111111111", "1111", "11111111", "12", "97"
RUNNING = "running"  # the wire has no word for it


async def join(core: Core, hook: str) -> Given:
    new = NewMerchant(name="Tienda", email="t@example.com", plan=Plan.PRO, shops=("shop.example.com",), webhook_url=hook or None)
    account = Account(currency="CLP", account_bank="cl_estado", account_type="cuenta_vista", account="19687526")

    async def work(tx: Tx) -> Given:
        created = await create_merchant(core.keyring, "ecomtrade24", tx, new, core.clock.now())
        return Given(created.merchant_id, await join_etpay(core.keyring, tx, created.merchant_id, new, core.clock.now(), account))

    return await core.storage.write(work)


class EtpayShop:
    """`kept` of what it was given: the signature_token of each session."""

    def __init__(self, base: str, given: Given) -> None:
        self._given, self._http = given, plain_client(base)

    def _call(self, path: str, **body: Any) -> Any:
        answer = self._http.post(path, content=json.dumps({**self._given.credentials, **body}))
        assert answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text}"
        return answer.json()

    def open(self, number: int) -> Opened:
        found = self._call("/session/initialize", merchant_order_id=f"ORD-{number}", order_amount=AMOUNT + number % 3)
        self._given.kept[found["token"]] = found["signature_token"]
        return Opened(found["token"], str(AMOUNT + number % 3))

    def pay(self, ref: str, number: int) -> None:
        if number % 3 == 2:
            self._call(f"/session/{ref}/simulate", outcome="success")
            return
        here = f"/session/{ref}"
        code = SLOWLY if number % 3 else AT_ONCE
        for step in (
            {"action": "identify", "bank": "cl_test", "payer": RUT, "password": PASSWORD},
            {"action": "choose", "account": "1"},
            {"action": "answer", "number": "0", "value": KEY},
            {"action": "answer", "number": "1", "value": code},
        ):
            answer = self._http.post(here, data=step)
            assert answer.status_code == 303, f"{step['action']} was answered {answer.status_code}"
            here = answer.headers["location"]

    def ask(self, ref: str) -> Standing:
        found = self._call("/merchant/check_payment_status", session_token=ref)
        if found:
            return Standing(found[0]["payment_status"], str(found[0]["merchant_amount"]))
        page = self._http.get(f"/session/{ref}")
        assert page.status_code == 200, f"the page of {ref} answered {page.status_code}"
        return Standing(RUNNING, None)

    def told(self, delivery: Delivery) -> tuple[str, str]:
        [(about, token)] = delivery.fields.items()
        head, _, signature = token.rpartition(".")
        coded = head.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
        ref: str = claims["session_token"]
        key = self._given.kept.get(ref)  # absent: the answer that would have told it was lost with the server
        made = base64.urlsafe_b64encode(hmac.new((key or "").encode(), head.encode(), sha256).digest()).decode().rstrip("=")
        assert key is None or made == signature
        return (ref, claims["payment_status"]) if about == "payment" else (f"{ref} {claims['refund_id']}", claims["state"])

    def close(self) -> None:
        self._http.close()


async def fuzz(core: Core) -> Fuzz:
    [merchant_id, _] = await fixtures.FIXTURES["etpay"](core)
    _, code, token, _ = fixtures.ETPAY[0]
    user, password = fixtures.ETPAY_LOGIN
    login = {"username": user, "password": f"{password}-{code}", "merchant": {"code": code, "api_token": token}}
    brought = opening(merchant_id, "sandbox-bank", "CLP", 10**12, 1)
    await core.storage.write(lambda tx: book.post(tx, [brought], 1))
    credentials = Credentials(username=user, password=str(login["password"]), code=code, token=token)
    entered = await Login(core.keyring, core.reader, core.directory).enter(credentials)

    def amend(case: Any) -> None:
        """Else each request ends at the credentials, at the bank or at the amount."""
        if not isinstance(case.body, dict):
            return
        path = case.operation.path
        if path == "/v1/auth/login":
            case.body |= login
        elif path == "/v1/payouts" and isinstance(case.body.get("account"), str):
            case.body |= {"bank_code": "cl_estado", "account": "11223344", "amount": 5000, "payout_id": "P-1"}
        elif "{" not in path:
            case.body |= {"merchant_code": code, "merchant_api_token": token}

    answered = {"/v1/auth/login", "/v1/balance", "/merchant/check_payment_status"}
    return Fuzz({"Authorization": f"Bearer {entered}"}, amend, frozenset(answered))


ETPAY = Wire("etpay", "success", "new", False, False, join, EtpayShop, fuzz)
