"""A shop and a buyer on ETpay's wire, over real HTTP, for tests. Knows nothing of pytest."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from paymux.cli.etpay import join
from paymux.dialects.etpay.account import Account
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage.query import Tx
from tests.node import LiveNode

RUT, PASSWORD, KEY, CODE = "111111111", "1111", "11111111", "12"
SITE = "https://shop.example"
HIDDEN = "oculto-4711"
ORDER: dict[str, Any] = {
    "merchant_order_id": "OC-700104",
    "order_amount": 50000,
    "metadata": [{"name": "Cuenta Servicio Gas", "value": "30.215", "show": True}, {"name": "interno", "value": HIDDEN, "show": False}],
    "payment_completed_url": f"{SITE}/ok?order=9",
    "payment_cancellation_url": f"{SITE}/no",
}


def claims_of(token: str) -> dict[str, Any]:
    """The payload of a token, unverified."""
    coded = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
    return found


def token_in(url: str) -> str:
    """The token that a redirect carries."""
    (found,) = parse_qs(urlsplit(url).query)["jwt"]
    return found


@dataclass
class EtpayShop:
    """A merchant with its ETpay credentials."""

    live: LiveNode
    id: int
    code: str
    token: str
    sessions: list[dict[str, Any]] = field(default_factory=list)

    async def post(self, **changes: Any) -> httpx2.Response:
        """POST the usual order with changes; an Ellipsis leaves a field out."""
        body = {"merchant_code": self.code, "merchant_api_token": self.token, **ORDER, **changes}
        sent = {name: value for name, value in body.items() if value is not ...}
        return await self.live.http.post("/session/initialize", content=json.dumps(sent))

    async def create(self, **changes: Any) -> "Session":
        answer = await self.post(**changes)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert list(found) == ["token", "signature_token", "terms_url"]
        return Session(self, found["token"], found["signature_token"])

    async def ask(self, **names: Any) -> httpx2.Response:
        body = {"merchant_api_token": self.token, **names}
        return await self.live.http.post("/merchant/check_payment_status", content=json.dumps(body))

    async def status(self, **names: Any) -> list[dict[str, Any]]:
        answer = await self.ask(**names)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found


@dataclass
class Session:
    """A session and its buyer's browser, as far as HTTP goes."""

    shop: EtpayShop
    token: str
    signature: str
    here: str = ""

    @property
    def path(self) -> str:
        return f"/session/{self.token}"

    async def get(self, query: str = "") -> httpx2.Response:
        return await self.shop.live.http.get((self.here or self.path) if not query else self.path + query)

    async def step(self, **form: str) -> httpx2.Response:
        """Send a form; the buyer is then where the answer leads."""
        answer = await self.shop.live.http.post(self.here or self.path, data=form)
        if answer.status_code == 303:
            self.here = answer.headers["location"]
        return answer

    async def identify(self, password: str = PASSWORD, bank: str = "cl_test", rut: str = RUT) -> httpx2.Response:
        return await self.step(action="identify", bank=bank, payer=rut, password=password)

    async def to_the_last_question(self) -> None:
        await self.identify()
        await self.step(action="choose", account="1")
        await self.step(action="answer", number="0", value=KEY)

    async def pay(self, code: str = CODE) -> httpx2.Response:
        await self.to_the_last_question()
        return await self.step(action="answer", number="1", value=code)

    async def leave(self) -> str:
        """Where the browser is sent at the end."""
        answer = await self.get("?go=1")
        assert answer.status_code == 303, answer.text
        found: str = answer.headers["location"]
        return found

    async def id(self) -> int:
        found = await self.shop.live.core.reads.by_reference("etpay", self.token)
        assert found is not None
        return found.id

    async def state(self) -> str:
        return (await self.shop.live.payment(await self.id())).state


async def etpay_shop(live: LiveNode, currency: str = "CLP", webhook_url: str | None = None, **account: Any) -> EtpayShop:
    """A merchant of its own for one test."""
    given = {"account_bank": "cl_estado", "account_type": "cuenta_vista", "account": "19687526", **account}
    new = NewMerchant(
        name="Sandbox Developer Merchant", email="shop@example.com", plan=Plan.PRO, shops=("shop.example.com",), webhook_url=webhook_url
    )

    async def work(tx: Tx) -> EtpayShop:
        created = await create_merchant(live.core.keyring, "ecomtrade24", tx, new, 1)
        found = await join(live.core.keyring, tx, created.merchant_id, new, 1, Account(currency=currency, **given))
        return EtpayShop(live, created.merchant_id, found["merchant_code"], found["merchant_api_token"])

    shop: EtpayShop = await live.write(work)
    return shop
