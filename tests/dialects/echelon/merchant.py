"""An Echelon merchant for tests: asks for tokens and makes the calls over real HTTP. Knows nothing of pytest."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec

from paymux.cli.echelon import enrol
from paymux.cli.fixtures import _echelon
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.ledger import book
from paymux.ledger.postings import opening as opened
from paymux.merchants.channels import Channel, Profile
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.merchants.profiles import Profiled, Profiles, PutProfile, put_profiles
from paymux.payments.model import Payment
from paymux.payments.read import by_reference
from paymux.payouts.model import Payout
from paymux.payouts.read import by_reference as payout_by_reference
from paymux.storage.query import Tx
from tests.node import LiveNode, serving

VERSION = {"X-API-Version": "2"}
EVERYTHING = [f"{method} /.*" for method in ("GET", "POST")]
_numbers = itertools.count(1)


def payin(amount: Any = 10000, currency: str = "IDR", method: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A payin's body, as the contract's example has it."""
    vapay = {
        "paymentMethodCode": "VAPAY",
        "paymentOperatorCode": "BNK_000",
        "account": {"accountName": "Test Customer"},
        "emailAddress": "customer@test.com",
    }
    return {
        "paymentRequested": {"money": {"amount": amount, "currencyCode": currency}},
        "paymentMethod": vapay if method is None else method,
        "returnUrl": "https://example.com?id=123",
        **more,
    }


def payout(amount: Any = 10000, currency: str = "IDR", account: str = "11223344", **more: Any) -> dict[str, Any]:
    """A payout's body, as the contract's example has it."""
    return {
        "paymentRequested": {"money": {"amount": amount, "currencyCode": currency}},
        "paymentMethod": {
            "paymentMethodCode": "BANK_TRANSFER",
            "paymentOperatorCode": "BNK_000",
            "account": {"accountName": "Test account", "accountNumber": account},
            "emailAddress": "customer@test.com",
        },
        **more,
    }


@dataclass
class Caller:
    """A merchant's code and secret, with tokens by what they allow."""

    live: LiveNode
    code: str = "TEST_MERCHANT"
    secret: str = "TEST_SECRET"
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    async def ask_token(self, path: str = "/auth-tokens", **body: Any) -> httpx2.Response:
        return await self.live.http.post(path, json={"merchantCode": self.code, "secret": self.secret, **body}, headers=VERSION)

    async def token(self, operations: Sequence[str] = EVERYTHING, **more: Any) -> str:
        answer = await self.ask_token(operations=list(operations), **more)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token

    async def call(
        self, method: str, path: str, body: Any = None, operations: Sequence[str] | None = None, **headers: str
    ) -> httpx2.Response:
        """One call; with a token for everything unless `operations` or an Authorization header say otherwise."""
        key = tuple(operations or EVERYTHING)
        if key not in self._tokens and "Authorization" not in headers:
            self._tokens[key] = await self.token(key, validitySecs=3600)
        given = {**VERSION, "Authorization": f"Bearer {self._tokens.get(key)}", **headers}
        more = {} if body is None else {"json": body}
        answer = await self.live.http.request(method, path, headers=given, **more)
        if answer.status_code == 401 and "Authorization" not in headers:  # the test moved the clock
            del self._tokens[key]
            return await self.call(method, path, body, operations)
        return answer

    async def post(self, path: str, body: Any, **more: Any) -> httpx2.Response:
        return await self.call("POST", path, body, **more)

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        return await self.call("GET", path, **more)

    async def status(self, path: str) -> str:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        word: str = answer.json()["process"]["status"]
        return word

    async def balances(self) -> dict[str, dict[str, Any]]:
        return {item["currencyCode"]: item for item in (await self.get("/balances")).json()["data"]}

    async def payment(self, id_payin: str) -> Payment:
        """The core's payment of a payin."""
        name = f"{(await self.profiled()).merchant_id}/{id_payin}"
        found: Payment | None = await self.live.core.reader.submit(by_reference, (DIALECT, name))
        assert found is not None
        return found

    async def payout(self, id_payout: str) -> Payout:
        """The core's payout of a payout."""
        name = f"{(await self.profiled()).merchant_id}/{id_payout}"
        found: Payout | None = await self.live.core.reader.submit(payout_by_reference, (DIALECT, name))
        assert found is not None
        return found

    async def ends(self, path: str) -> str:
        """The last word of a payin or payout; waits for it."""
        async with asyncio.timeout(15):
            while (word := await self.status(path)) == "PROCESSING":  # noqa: ASYNC110 - as a client polls
                await asyncio.sleep(0.01)
        return word

    async def profiled(self) -> Profiled:
        found = (await self.live.core.reader.submit(Profiles().by_code, (DIALECT, self.code))).merchant
        assert found is not None
        return found

    async def set_profile(self, profile: Profile) -> None:
        """What `paymux channel` writes."""
        merchant = await self.profiled()
        wish = PutProfile(merchant_id=merchant.merchant_id, dialect=DIALECT, code=self.code, profile=profile)
        await self.live.core.writer.submit(put_profiles, wish)


async def newcomer(live: LiveNode, *currencies: str, **opening: int) -> Caller:
    """A merchant of its own for one test, with the default channels of its currencies and opening balances in minor units."""
    number = next(_numbers)

    async def work(tx: Tx, commands: Any, now: int) -> list[dict[str, str]]:
        new = NewMerchant(name=f"Merchant {number}", email=f"e{number}@example.com", plan=Plan.PRO)
        created = await create_merchant(live.core.keyring, "ecomtrade24", tx, new, now)
        given = await enrol(live.core.keyring, tx, created.merchant_id, new.name, currencies, now, sandbox=True)
        await book.post(tx, [opened(created.merchant_id, "sandbox-channels", code, units, now) for code, units in opening.items()], now)
        return [given]

    given = await live.core.writer.submit(work, None)
    return Caller(live, given["merchant_code"], given["secret"])


def changed(profile: Profile, name: str, **fields: Any) -> Profile:
    """The profile with one channel changed."""

    def one(channel: Channel) -> Channel:
        return msgspec.structs.replace(channel, **fields) if channel.name == name else channel

    return msgspec.structs.replace(profile, channels=tuple(one(channel) for channel in profile.channels))


@asynccontextmanager
async def fixture_node(database_url: str, **settings: object) -> AsyncIterator[LiveNode]:
    """A node with the contract's reference fixture; without rate limits unless a test is about them."""
    async with serving(database_url, **{"rate_limits": False, **settings}) as live:
        await _echelon(live.core)
        yield live
