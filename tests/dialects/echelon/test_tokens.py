"""Tokens: what they carry, what they allow, what is refused, and that a hostile expression costs nothing."""

import base64
import gc
import hmac
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymux.dialects.echelon import auth
from paymux.dialects.echelon.claims import OPERATIONS_CHARS_MAX, TokenWish
from paymux.keyring import Keyring
from tests.dialects.echelon.merchant import VERSION, Caller, payin
from tests.node import LiveNode

HOSTILE_S = 0.05


def unpadded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"merchantCode": "TEST_MERCHANT"},
        {"merchantCode": "", "secret": "x"},
        {"merchantCode": 1, "secret": "x"},
        {"merchantCode": "TEST_MERCHANT", "secret": "x" * 1001},
        {"validitySecs": 59},
        {"validitySecs": 3601},
        {"validitySecs": "600"},
        {"validitySecs": True},
        {"operations": []},
        {"operations": "GET /payins/x"},
        {"operations": ["payins"]},
        {"operations": ["FETCH /payins/x"]},
        {"operations": ["GET payins/x"]},
        {"operations": ["GET /payins/a b"]},
        {"operations": ["GET /" + "x" * 1000]},
        {"money": {"amount": "5000", "currencyCode": "INR"}},
        {"money": {"amount": 0, "currencyCode": "INR"}},
        {"money": 5},
    ],
)
async def test_a_token_request_that_breaks_the_schema_is_a_400(merchant: Caller, body: dict[str, Any]) -> None:
    given = body if "merchantCode" in body or not body else {"merchantCode": "TEST_MERCHANT", "secret": "TEST_SECRET", **body}
    answer = await merchant.live.http.post("/auth-tokens", json=given, headers=VERSION)
    assert answer.status_code == 400
    assert list(answer.json()) == ["description"]


@pytest.mark.parametrize("bad", [b"", b"[]", b"{", b"\xff", b'{"merchantCode": "TEST_MERCHANT",}', b"1e999999"])
async def test_a_body_that_is_no_json_object_is_a_400(live: LiveNode, bad: bytes) -> None:
    assert (await live.http.post("/auth-tokens", content=bad, headers=VERSION)).status_code == 400


async def test_an_action_must_be_known_and_an_id_must_be_one(merchant: Caller) -> None:
    for body in ({}, {"action": "PAYIN"}, {"action": "PAYIN_INFO", "idPayment": "a b"}, {"action": "PAYIN_INFO", "idPayment": "x" * 251}):
        assert (await merchant.ask_token("/auth-tokens-by-action", **body)).status_code == 400


async def test_an_action_without_an_id_is_for_every_id(merchant: Caller) -> None:
    token = (await merchant.ask_token("/auth-tokens-by-action", action="PAYIN_INFO")).json()["token"]
    bearer = {"Authorization": f"bearer {token}"}
    assert (await merchant.get("/payins/ANY-1", **bearer)).status_code == 410
    assert (await merchant.get("/payouts/ANY-1", **bearer)).status_code == 403
    assert (await merchant.get("/payins/ANY-1/accounts", **bearer)).status_code == 403


@pytest.mark.parametrize("expression", ["[", "(", "a{2,1}", r"(a)\1", "(?=a)", "a{1000}", "(((a{100}){100}){100})", "*" * 61, r"\pL" * 200])
async def test_an_operation_that_cannot_be_run_is_invalid(merchant: Caller, expression: str) -> None:
    answer = await merchant.ask_token(operations=[f"GET /payins/{expression}"])
    assert (answer.status_code, answer.json()[0]["code"]) == (406, "OPERATION_INVALID")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No search for garbage: the server puts aside what lives long, a process of tests looks through all of it."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(.*)*" * 30, "(a|a)*b", "(x+x+)+y", "([a-z]+)*" * 20, "(.?){250}", "a{0,300}", "(" * 200 + "a" + ")" * 200]
)
async def test_a_hostile_expression_is_answered_at_once(merchant: Caller, expression: str) -> None:
    # Server and client share this thread; what it waits for is not counted.
    began = time.thread_time()
    token = await merchant.token([f"GET /payins/{expression}"])
    middle = time.thread_time()
    answer = await merchant.get("/payins/" + "a" * 249 + "!", Authorization=f"Bearer {token}")
    ended = time.thread_time()
    assert answer.status_code in (400, 403)
    assert middle - began < HOSTILE_S
    assert ended - middle < HOSTILE_S


@given(st.text(alphabet="ab.*+?()[]{}|\\^$0123456789,-pPwsd", max_size=300))
def test_no_expression_takes_long(expression: str) -> None:
    began = time.thread_time()
    auth.runnable([f"GET /{expression}"])
    auth.covers((f"GET /{expression}",), "GET", "/" + "a" * 250 + "b")
    assert time.thread_time() - began < HOSTILE_S


@pytest.mark.parametrize(
    "hostile", ["/p(.?){{{0}}}", "/(((.?){{4}}){{4}}){{4}}{0}", "/.*a.{{150}}{0}", "/(x+x+)+(z?){{250}}{0}", "/([a-z]?[^b]?){{100}}{0}"]
)
async def test_a_token_full_of_hostile_expressions_is_refused_or_costs_little(merchant: Caller, hostile: str) -> None:
    operations, number = list[str](), 0
    while sum(map(len, operations)) + 40 < OPERATIONS_CHARS_MAX:
        operations.append("GET " + hostile.format(number % 50 + 200))
        number += 1
    auth._expression.cache_clear()
    began = time.thread_time()
    assert not auth.runnable(operations)
    assert time.thread_time() - began < HOSTILE_S
    answer = await merchant.ask_token(operations=operations)
    assert (answer.status_code, answer.json()[0]["code"]) == (406, "OPERATION_INVALID")
    most = next(count for count in range(len(operations), 0, -1) if auth.runnable(operations[:count]))
    token = await merchant.token(operations[:most])
    for cold in (True, False):
        if cold:
            auth._expression.cache_clear()  # as after a restart
        began = time.thread_time()
        assert not auth.covers(tuple(operations[:most]), "GET", "/payins/" + "a" * 249 + "!")
        assert time.thread_time() - began < HOSTILE_S
    answer = await merchant.get("/payins/" + "a" * 250, Authorization=f"Bearer {token}")
    assert answer.status_code in (403, 410)


async def test_a_token_for_hundreds_of_payments_is_issued(merchant: Caller) -> None:
    operations = [f"GET /payins/ORDER-{number:06}" for number in range(300)]
    token = await merchant.token(operations)
    assert (await merchant.get("/payins/ORDER-000299", Authorization=f"Bearer {token}")).status_code == 410


@pytest.mark.parametrize(
    ("operation", "call", "allowed"),
    [
        ("GET /payins/TST-1", "GET /payins/TST-1", True),
        ("GET /payins/TST-1", "GET /payins/TST-11", False),
        ("GET /payins/TST-1", "GET /payins/TST-1/accounts", False),
        ("GET /payins/.*", "GET /payins/ABC/accounts", True),
        ("POST /payins/.*", "POST /payins/!availablePaymentOptions", True),
        ("POST /payins/.*", "POST /payins/A/!setExternalReference", True),
        ("POST /payins/.*", "GET /payins/A", False),
        ("POST /payins/.*", "POST /payouts/A", False),
        ("GET /payins/A|B", "GET /payins/A", True),
        ("GET /payins/A|/balances", "GET /balances", True),
        ("GET /payins/[0-9]{3}", "GET /payins/123", True),
        ("GET /payins/[0-9]{3}", "GET /payins/1234", False),
    ],
)
def test_an_operation_is_matched_as_a_whole(operation: str, call: str, allowed: bool) -> None:
    method, path = call.split(" ")
    assert auth.covers((operation,), method, path) is allowed


async def test_tokens_that_are_not_ours_or_are_over_are_refused(live: LiveNode, merchant: Caller) -> None:
    good = await merchant.token(["GET /currencies"], validitySecs=60)
    header, claims, signature = good.split(".")
    more = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"operations": ["GET /.*"]}
    by_secret = f"{header}.{claims}"
    bad = [
        "",
        "Bearer",
        "Basic " + good,
        "Bearer x.y.z",
        f"Bearer {header}.{unpadded(more)}.{signature}",
        f"Bearer {unpadded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        f"Bearer {unpadded({'alg': 'HS512', 'typ': 'JWT'})}.{claims}.{signature}",
        f"Bearer {by_secret}.{unpadded(hmac.new(b'TEST_SECRET', by_secret.encode(), sha256).digest())}",
    ]
    for authorization in bad:
        answer = await live.http.get("/currencies", headers={**VERSION, "Authorization": authorization})
        assert answer.status_code == 401, authorization
    assert (await live.http.get("/currencies", headers=VERSION)).status_code == 401
    assert (await merchant.get("/currencies", Authorization=f"bEaReR {good}")).status_code == 200
    await live.advance_clock(61)
    assert (await merchant.get("/currencies", Authorization=f"Bearer {good}")).status_code == 401


def test_a_rotated_master_key_still_reads_what_it_signed() -> None:
    old, new = "the old master key of this installation", "the new master key of this installation"
    wish = TokenWish(merchant_code="M", secret="", valid_s=60, operations=("GET /balances",), money=None)
    token = auth.Tokens(Keyring(old)).issue(wish, "j", 0)
    assert auth.Tokens(Keyring(new, [old])).read(f"Bearer {token}") is not None
    assert auth.Tokens(Keyring(new)).read(f"Bearer {token}") is None


async def test_a_restricted_token_creates_that_amount_only(merchant: Caller) -> None:
    token = await merchant.token(["POST /payins/.*"], money={"amount": 5000, "currencyCode": "IDR"})
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await merchant.post("/payins/MONEY-1", payin(5001), **bearer)).status_code == 403
    assert (await merchant.post("/payins/MONEY-1", payin(5000, "INR", {"paymentMethodCode": "OFFLINE"}), **bearer)).status_code == 403
    assert (
        await merchant.post("/payins/!availablePaymentOptions", {"money": {"amount": 7, "currencyCode": "IDR"}}, **bearer)
    ).status_code == 200
    raw = json.dumps(payin(5000)).replace("5000", "5000.00").encode()
    answer = await merchant.live.http.post("/payins/MONEY-1", content=raw, headers={**VERSION, **bearer})
    assert answer.status_code == 201
    assert b'"amount":5000,' in answer.content


async def test_a_token_without_operations_allows_nothing(merchant: Caller) -> None:
    token = (await merchant.ask_token()).json()["token"]
    assert (await merchant.get("/currencies", Authorization=f"Bearer {token}")).status_code == 403
