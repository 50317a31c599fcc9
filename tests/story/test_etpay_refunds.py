"""Refunds and payouts on ETpay's wire: the documented login, and our extension behind it. Over HTTP, on both engines."""

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx2
import jwt
import pytest

from paymux.cli.etpay import _login
from paymux.cli.refund import _refund
from paymux.clock import iso
from paymux.merchants.change import ChangeMerchant, Keys, RotateKey, change_merchants
from paymux.money import Money, known
from paymux.payments.judge import Judge, Judging, Verdict
from paymux.payments.lifecycle import Event
from paymux.payments.model import Receipt, Report, Source
from paymux.providers.protocol import Remittance, Remitted
from paymux.storage.query import load
from tests.etpay_shop import EtpayShop, Session, etpay_shop
from tests.node import LiveNode, together
from tests.receiver import Receiver

AMOUNT = 50_000


@dataclass
class Till:
    """A shop with its login, and a receiver of its notices."""

    shop: EtpayShop
    login: dict[str, Any]
    token: str
    receiver: Receiver

    @property
    def live(self) -> LiveNode:
        return self.shop.live

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> httpx2.Response:
        headers = {b"Authorization": f"Bearer {self.token if token is None else token}".encode()}
        content = None if body is None else json.dumps(body)
        return await self.live.http.request(method, path, content=content, headers=headers)

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refund(self, session: Session, refund_id: str, **fields: Any) -> httpx2.Response:
        return await self.call("POST", "/v1/refunds", {"session_token": session.token, "refund_id": refund_id, **fields})

    async def refunded(self, session: Session, refund_id: str, **fields: Any) -> dict[str, Any]:
        answer = await self.refund(session, refund_id, **fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ends(self, path: str, state: str) -> dict[str, Any]:
        """The refund or payout once it has ended: the bank's outcome is due, and somebody asks."""
        found = await self.get(path)
        for _ in range(100):
            if found["state"] != "pending":
                break
            await self.live.node.outbound.duty()
            await self.live.advance_clock(10)
            found = await self.get(path)
        assert found["state"] == state
        return found


async def enter(live: LiveNode, **body: Any) -> httpx2.Response:
    return await live.http.post("/v1/auth/login", content=json.dumps(body))


@pytest.fixture
async def till(live: LiveNode) -> AsyncIterator[Till]:
    with Receiver(signed=False) as receiver:
        yield await opened(live, receiver)


async def opened(live: LiveNode, receiver: Receiver, **account: Any) -> Till:
    shop = await etpay_shop(live, webhook_url=receiver.hook, **account)
    made = await _login(shop.id, None, False, live.core)
    login = {**made, "merchant": {"code": shop.code, "api_token": shop.token}}
    answer = await enter(live, **login)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"token": answer.json()["token"], "token_type": "Bearer", "expires_in": 3600}
    return Till(shop, login, answer.json()["token"], receiver)


async def paid(till: Till, **changes: Any) -> Session:
    session = await till.shop.create(payment_webhook_url=till.receiver.page("/payments"), **changes)
    await session.pay()
    assert await session.state() == "paid"
    return session


def fault(answer: httpx2.Response) -> tuple[int, str]:
    assert set(answer.json()) <= {"error", "field", "message"}
    return answer.status_code, answer.json()["error"]


async def test_a_payment_is_given_back_in_parts_and_told_with_the_sessions_own_key(till: Till) -> None:
    session = await paid(till)
    assert await till.get("/v1/balance") == {"currency": "CLP", "available": AMOUNT, "in_transit": 0}
    first = await till.refunded(session, "R-1", amount=20_000)
    [claims] = await till.shop.status(session_token=session.token)
    assert (first["state"], first["amount"], first["payment_token"], first["reason"]) == ("pending", 20_000, claims["payment_token"], None)
    assert await till.get("/v1/balance") == {"currency": "CLP", "available": 30_000, "in_transit": 20_000}
    assert (await till.refunded(session, "R-1", amount=20_000))["refund_token"] == first["refund_token"]
    done = await till.ends("/v1/refunds/R-1", "completed")
    assert done | {"state": "pending", "ended_at": None} == first
    rest = await till.refunded(session, "R-2", payment_token=claims["payment_token"])
    assert rest["amount"] == 30_000
    done2 = await till.ends("/v1/refunds/R-2", "completed")
    listed = await till.get(f"/v1/refunds?payment_token={claims['payment_token']}")
    assert listed == {"refunds": [done2, done], "refundable": 0}
    assert await till.get("/v1/balance") == {"currency": "CLP", "available": 0, "in_transit": 0}
    assert fault(await till.refund(session, "R-3", amount=1)) == (409, "refund_too_large")
    assert fault(await till.refund(session, "R-4")) == (409, "refund_too_large")
    told = [one for one in till.receiver.deliveries if one.path == "/hook"]
    await asyncio.to_thread(till.receiver.wait_for, lambda: len([one for one in till.receiver.deliveries if one.path == "/hook"]) == 2)
    told = [one for one in till.receiver.deliveries if one.path == "/hook"]
    found = [jwt.decode(one.fields["refund"], session.signature, ["HS256"]) for one in told]
    assert [{name: value for name, value in one.items() if name != "iat"} for one in found] == [done, done2]
    assert await till.shop.status(session_token=session.token) == [claims], "a refund changes no word"
    await till.live.assert_books_hold()


async def test_what_was_returned_to_the_buyer_is_not_refunded_as_well(till: Till) -> None:
    """Short money was accepted, the rest came later and went back: the buyer gets no more than the shop was given."""
    other = await paid(till)  # so that the balance would cover more
    session = await till.shop.create(merchant_order_id="OC-SHORT")
    await session.to_the_last_question()
    number, core = await session.id(), till.live.core
    judging = Judging(core.door, "")

    async def came(units: int, reference: str) -> None:
        found = await core.reads.with_attempts(number)
        assert found is not None
        [tried] = found[1]
        receipt = Receipt(reference=reference, amount=Money(units, known("CLP")))
        report = Report(payment_id=number, attempt_id=tried.id, event=Event.PAID, source=Source.PROVIDER, happened_at=0, receipt=receipt)
        await core.writer.submit(core.door.advance, report)

    await came(30_000, "first")
    await core.writer.submit(judging.judge, Judge(payment_id=number, verdict=Verdict.ACCEPTED))
    assert await session.state() == "paid"
    await came(30_000, "second")
    assert (await till.get(f"/v1/refunds?session_token={session.token}"))["refundable"] == 30_000
    await core.writer.submit(judging.judge, Judge(payment_id=number, verdict=Verdict.RETURNED))
    assert (await till.get(f"/v1/refunds?session_token={session.token}"))["refundable"] == 30_000
    assert fault(await till.refund(session, "R-1", amount=30_001)) == (409, "refund_too_large")
    assert (await till.refunded(session, "R-2", amount=10_000))["amount"] == 10_000
    assert (await till.refunded(session, "R-3"))["amount"] == 20_000
    assert fault(await till.refund(session, "R-4")) == (409, "refund_too_large")
    assert (await till.refunded(other, "R-5"))["amount"] == AMOUNT
    await till.live.assert_books_hold()


async def test_a_refund_that_the_bank_cannot_make_comes_back_and_can_be_tried_again(till: Till) -> None:
    session = await paid(till)
    await till.refunded(session, "R-1", amount=40_091, webhook_url=till.receiver.page("/refunds"))
    assert fault(await till.refund(session, "R-2", amount=40_000)) == (409, "refund_too_large")
    failed = await till.ends("/v1/refunds/R-1", "failed")
    assert failed["reason"] == "invalid_account_number"
    assert (await till.get("/v1/balance"))["available"] == AMOUNT
    assert await till.refunded(session, "R-1", amount=40_091) == failed, "the same id is the same refund for ever"
    await till.refunded(session, "R-2", amount=40_000)
    await till.ends("/v1/refunds/R-2", "completed")
    await asyncio.to_thread(till.receiver.wait_for, lambda: {"/refunds", "/hook"} <= {one.path for one in till.receiver.deliveries})
    [told] = [one for one in till.receiver.deliveries if one.path == "/refunds"]
    assert jwt.decode(told.fields["refund"], session.signature, ["HS256"])["state"] == "failed"
    await till.live.assert_books_hold()


async def test_what_a_bank_does_not_answer_is_sent_once_and_known_in_the_end(till: Till) -> None:
    session = await paid(till)
    await till.refunded(session, "R-1", amount=92)
    await till.refunded(session, "R-2", amount=93)
    await till.ends("/v1/refunds/R-1", "completed")
    assert (await till.get("/v1/refunds/R-2"))["state"] == "pending"
    assert (await till.get("/v1/balance"))["in_transit"] == 93
    await till.live.assert_books_hold()


async def test_who_sends_a_refund_is_told_what_it_undoes(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await paid(till)
    bank = till.live.node.remitters["sandbox-bank"]
    seen: list[Remittance] = []
    send = bank.send

    async def noted(order: Remittance) -> Remitted:
        seen.append(order)
        return await send(order)

    monkeypatch.setattr(bank, "send", noted)
    await till.refunded(session, "R-1", amount=500)
    await till.ends("/v1/refunds/R-1", "completed")
    found = await till.live.core.reads.with_attempts(await session.id())
    assert found is not None
    [order] = seen
    assert (order.method, order.amount.units, order.undoes) == ("refund", 500, (found[1][-1].operation_key,))


async def test_many_refunds_at_once_give_back_what_came_and_no_more(till: Till) -> None:
    session = await paid(till)
    other = await paid(till, merchant_order_id="another", order_amount=1_000_000)  # the merchant has enough for any mistake
    same = await together([till.refund(session, "SAME", amount=10_000) for _ in range(20)])
    assert {answer.status_code for answer in same} == {200}
    assert len({answer.json()["refund_token"] for answer in same}) == 1
    answers = await together([till.refund(session, f"R-{number}", amount=10_000) for number in range(20)])
    assert Counter(answer.status_code for answer in answers) == {200: 4, 409: 16}
    crossed = await together([till.refund(one, "CROSS", amount=500) for one in (other, session) for _ in range(5)])
    assert {fault(answer)[1] for answer in crossed if answer.status_code != 200} <= {"conflict", "refund_too_large"}
    assert len({answer.json()["refund_token"] for answer in crossed if answer.status_code == 200}) == 1
    whole = await together([till.refund(other, f"ALL-{number}") for number in range(6)])
    assert Counter(answer.status_code for answer in whole) == {200: 1, 409: 5}
    await till.live.assert_books_hold()


async def test_refunds_are_never_paid_from_other_peoples_money(till: Till, live: LiveNode) -> None:
    rich = await opened(live, till.receiver)
    await paid(rich, order_amount=9_000_000)
    session = await paid(till)
    await till.live.report(await session.id(), "settled")
    assert fault(await till.refund(session, "R-1")) == (409, "insufficient_balance")
    assert (await till.get(f"/v1/refunds?session_token={session.token}")) == {"refunds": [], "refundable": AMOUNT}
    for body in ({"session_token": session.token}, {"session_token": "A" * 64}):
        answer = await rich.call("POST", "/v1/refunds", {"refund_id": "X", "amount": 1, **body})
        assert fault(answer) == (404, "not_found"), "another merchant's payment is none"
    await paid(till, merchant_order_id="topped up", order_amount=60_000)
    assert (await till.refunded(session, "R-1"))["amount"] == AMOUNT
    assert fault(await rich.call("GET", "/v1/refunds/R-1")) == (404, "not_found")
    assert (await till.get("/v1/refunds/R-1"))["state"] == "pending"
    await live.assert_books_hold()


async def test_a_forwarded_payment_forwards_what_was_not_refunded(till: Till) -> None:
    session = await paid(till)
    await till.refunded(session, "R-1", amount=20_091)
    await till.live.report(await session.id(), "settled")
    assert (await till.get("/v1/balance"))["available"] == 0
    await till.ends("/v1/refunds/R-1", "failed")
    assert (await till.get("/v1/balance"))["available"] == 20_091
    await till.live.assert_books_hold()


async def test_only_a_successful_payment_can_be_given_back(till: Till) -> None:
    running = await till.shop.create()
    assert fault(await till.refund(running, "R-1")) == (409, "not_refundable")
    await running.step(action="cancel")
    assert fault(await till.refund(running, "R-1")) == (409, "not_refundable")


AMOUNTS: list[Any] = [0, -1, 10.5, "1.500", True, [], {}, "NaN", 10**40]
NAMES: list[Any] = ["", None, "a/b", "a b", "x" * 65, {}, 1.5, "é"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *[({"amount": bad}, "amount") for bad in AMOUNTS],
        *[({"refund_id": bad}, "refund_id") for bad in NAMES],
        ({"webhook_url": "ftp://x"}, "webhook_url"),
        ({"webhook_url": "https://user:word@shop.example/"}, "webhook_url"),
        ({"session_token": 5}, "session_token"),
        ({"session_token": None}, "payment_token"),
    ],
)
async def test_a_refund_with_a_wrong_field_is_refused_by_its_name(till: Till, changes: dict[str, Any], field: str) -> None:
    body = {"refund_id": "R", "session_token": "A" * 64, **changes}
    answer = await till.call("POST", "/v1/refunds", body)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text


async def test_the_login_is_as_documented_and_one_refusal_hides_the_reason(live: LiveNode, till: Till) -> None:
    other = await etpay_shop(live)
    good = till.login
    wrong: list[dict[str, Any]] = [
        {"username": "someone"}, {"password": "x" * 40}, {"password": "x" * 40_000},
        {"merchant": {"code": other.code, "api_token": till.shop.token}}, {"merchant": {"code": till.shop.code, "api_token": other.token}},
        {"merchant": {"code": other.code, "api_token": other.token}}, {"password": till.shop.token},
        {"merchant": {"code": till.shop.code, "api_token": good["password"]}},
    ]  # fmt: skip
    refusals = [await enter(live, **{**good, **change}) for change in wrong]
    assert {(answer.status_code, answer.text) for answer in refusals} == {
        (401, '{"error":"invalid_credentials","message":"Invalid merchant credentials"}')
    }
    for change, field in (({"username": ""}, "username"), ({"password": 1}, "password"), ({"merchant": []}, "merchant"),
                          ({"merchant": {"code": "x"}}, "merchant.api_token"), ({"merchant": None}, "merchant")):  # fmt: skip
        answer = await enter(live, **{**good, **change})
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert fault(await till.live.http.post("/v1/auth/login", content=b"[")) == (400, "invalid_json")
    assert fault(await till.live.http.get("/v1/auth/login")) == (405, "method_not_allowed")
    assert fault(await till.live.http.get("/v1/nothing")) == (404, "not_found")


async def test_a_token_ends_with_its_hour_its_credentials_and_its_merchant(live: LiveNode, till: Till) -> None:
    async def refused(token: str) -> bool:
        answer = await till.call("GET", "/v1/balance", token=token)
        return fault(answer) == (401, "invalid_token") if answer.status_code != 200 else False

    async def again(**change: Any) -> str:
        answer = await enter(live, **{**till.login, **change})
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["token"]
        return found

    sealed = live.core.keyring.encrypt("{}", "etpay-login")
    for bad in ("x", "Bearer", "e1.x.y", till.token[:-4] + "AAAA", till.token + "A", "é" * 9, sealed, till.shop.token, "a" * 5000):
        assert await refused(bad)
    assert fault(await live.http.get("/v1/balance")) == (401, "invalid_token")
    assert not await refused(till.token)
    await live.advance_clock(3601)
    assert await refused(till.token)
    token = await again()
    new = await _login(till.shop.id, "caja", False, live.core)
    assert await refused(token)
    token = await again(**new)
    graced = RotateKey(merchant_id=till.shop.id, dialect="etpay", key="N" * 64, grace_ms=60_000)
    assert await live.core.writer.submit(Keys(live.core.keyring).rotate, graced) == "N" * 64
    assert not await refused(token), "the old API token counts for a minute"
    assert (await till.shop.ask(session_token="x")).status_code == 200
    await live.advance_clock(61)
    assert await refused(token)
    assert (await till.shop.ask(session_token="x")).status_code == 401
    token = await again(**new, merchant={"code": till.shop.code, "api_token": "N" * 64})
    await live.core.writer.submit(change_merchants, ChangeMerchant(id=till.shop.id, active=False))
    assert await refused(token)
    await live.core.writer.submit(change_merchants, ChangeMerchant(id=till.shop.id, active=True))
    assert not await refused(token)
    await _login(till.shop.id, None, True, live.core)
    assert await refused(token)


async def test_a_payout_is_accepted_read_listed_and_told(till: Till) -> None:
    await paid(till)
    wish = {
        "payout_id": "P-1",
        "amount": 7_000,
        "bank_code": "cl_estado",
        "account": "11223344",
        "rut": "11.111.111-1",
        "name": "Proveedor",
    }
    answer = await till.call("POST", "/v1/payouts", wish)
    assert answer.status_code == 200, answer.text
    assert (await till.call("POST", "/v1/payouts", wish)).json() == answer.json()
    assert fault(await till.call("POST", "/v1/payouts", {**wish, "amount": 7_001})) == (409, "conflict")
    assert fault(await till.call("POST", "/v1/payouts", {**wish, "payout_id": "P-2", "amount": AMOUNT})) == (409, "insufficient_balance")
    failing = await till.call("POST", "/v1/payouts", {**wish, "payout_id": "P-2", "account": "00000000"})
    assert failing.status_code == 200
    done, failed = await till.ends("/v1/payouts/P-1", "completed"), await till.ends("/v1/payouts/P-2", "failed")
    day = iso(till.live.core.clock.now())[:10]
    before = iso(till.live.core.clock.now() - 86_400_000)[:10]
    assert await till.get(f"/v1/payouts?from={before}&to={day}") == {"payouts": [failed, done], "next": None}
    assert await till.get(f"/v1/payouts?from={before}&to={day}&before=P-2") == {"payouts": [done], "next": None}
    for query, field in (("", "from"), (f"from={day}", "to"), (f"from={day}&to={before}", "to"), ("from=2026-02-30&to=x", "from"),
                         (f"from={before}&to={day}&before=nobody", "before"), ("from=0001-01-01&to=9999-12-31", "to"),
                         ("from=9999-12-31&to=9999-12-31", "to"), ("from=20260101&to=20260102", "from")):  # fmt: skip
        wrong = await till.call("GET", f"/v1/payouts?{query}")
        assert (wrong.status_code, wrong.json()["field"]) == (400, field), query
    await asyncio.to_thread(till.receiver.wait_for, lambda: len([one for one in till.receiver.deliveries if one.path == "/hook"]) == 2)
    told = [one for one in till.receiver.deliveries if one.path == "/hook"]
    assert sorted((one.fields["payout"] for one in told), key=lambda one: one["payout_id"]) == [done, failed]
    secret = await secret_of(till)
    assert all(one.headers["x-signature"] == hmac.new(secret.encode(), one.body, sha256).hexdigest() for one in told)
    await till.live.assert_books_hold()


async def secret_of(till: Till) -> str:
    """The merchant's webhook secret, which `merchant create` prints."""
    [row] = await till.live.rows(load("paymux.merchants").endpoints_of, merchant_id=till.shop.id)
    return till.live.core.keyring.decrypt(row["secret"], f"endpoint:{till.shop.id}")


async def test_an_operator_gives_back_by_command_and_the_shop_sees_it(till: Till) -> None:
    session = await paid(till)
    made = await _refund(f"etpay:{session.token}", "op-1", "10000", till.live.core)
    assert (made["amount"], made["state"]) == ("10000 CLP", "accepted")
    done = await till.ends("/v1/refunds/op-1", "completed")
    assert done["amount"] == 10_000
    assert (await _refund(f"etpay:{session.token}", "op-1", None, till.live.core))["state"] == "paid"
    await till.live.assert_books_hold()
