"""The order of checks and every status: version, rate, token, operations, schema, money, id, business, existence."""

from typing import Any

import msgspec
import pytest

from paymux.errors import Busy
from paymux.payments.read import by_reference
from tests.dialects.echelon.merchant import VERSION, Caller, changed, fixture_node, newcomer, payin, payout
from tests.node import LiveNode, request_bytes, status_of, together

OFFLINE = {"paymentMethodCode": "OFFLINE"}


PATHS = (
    "/auth-tokens", "/auth-tokens-by-action", "/payins/!availablePaymentOptions", "/payins/{id_payin}", "/payins/{id_payin}/accounts",
    "/payins/{id_payin}/!setExternalReference", "/payouts/!availablePaymentOptions", "/payouts/{id_payout}", "/balances", "/merchant-info",
    "/currencies", "/segments", "/payment-operators", "/payment-methods", "/payment-options", "/fx-rates", "/fx-rate-pairs",
    "/topups/!availablePaymentOptions", "/topups/{id_top_up}",
)  # fmt: skip


async def test_the_document_has_every_endpoint(live: LiveNode) -> None:
    document = (await live.http.get("/openapi/echelon.json")).json()
    assert set(document["paths"]) == set(PATHS)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


@pytest.mark.parametrize("version", [None, "", "abc", "1", "3", "02", "2.54", "2,2"])
async def test_every_other_version_is_not_found(live: LiveNode, merchant: Caller, version: str | None) -> None:
    headers = {"Authorization": f"Bearer {await merchant.token()}", **({} if version is None else {"X-API-Version": version})}
    for method, path in (("GET", "/currencies"), ("POST", "/auth-tokens"), ("POST", "/payins/A")):
        answer = await live.http.request(method, path, headers=headers)
        assert answer.status_code == 404
        assert answer.json()["description"]


async def test_blanks_around_the_version_and_any_case_of_its_name_do(live: LiveNode, merchant: Caller) -> None:
    headers = {"authorization": f"Bearer {await merchant.token()}", "x-Api-vErsion": "  2 "}
    assert status_of(await live.raw(request_bytes("GET", "/currencies", headers))) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/payins/A"), ("PUT", "/balances"), ("GET", "/payins/!availablePaymentOptions/x"),
     ("POST", "/currencies"), ("GET", "/auth-tokens"), ("HEAD", "/balances"), ("GET", "/payins/!availablePaymentOptions"),
     ("GET", "/topups/%21availablePaymentOptions"), ("POST", "/payouts/!setExternalReference")],
)  # fmt: skip
async def test_a_wrong_url_or_method_is_not_found_whoever_asks(live: LiveNode, method: str, path: str) -> None:
    answer = await live.http.request(method, path, headers=VERSION)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


async def test_the_checks_come_in_their_order(live: LiveNode, merchant: Caller) -> None:
    await merchant.post("/payins/ORDER-1", payin())
    narrow = await merchant.token(["POST /payins/ORDER-1"], money={"amount": 10000, "currencyCode": "IDR"})
    foreign = {"Authorization": f"Bearer {narrow}"}
    assert (await live.http.post("/payins/ORDER-1", headers=VERSION)).status_code == 401  # before the body
    assert (await merchant.post("/payins/ORDER-2", {}, **foreign)).status_code == 403  # before the body
    assert (await merchant.get("/payins/UNKNOWN", **foreign)).status_code == 403  # before existence
    assert (await merchant.post("/payins/ORDER-1", {}, **foreign)).status_code == 400  # before the money
    assert (await merchant.post("/payins/ORDER-1", payin(42.05), **foreign)).status_code == 403  # before the id
    assert (await merchant.post("/payins/ORDER-1", payin(42.05))).status_code == 409  # before the amount
    assert (await merchant.post("/payins/ORDER-3", payin(42.05))).status_code == 406


async def test_what_was_refused_leaves_nothing_behind(merchant: Caller) -> None:
    assert (await merchant.post("/payins/FREE-1", payin(42.05))).status_code == 406
    assert (await merchant.post("/payins/FREE-1", {})).status_code == 400
    assert (await merchant.get("/payins/FREE-1")).status_code == 410
    assert (await merchant.post("/payins/FREE-1", payin())).status_code == 201
    assert (await merchant.post("/payins/FREE-1", payin(77))).status_code == 409


async def test_ids_are_per_merchant_and_per_kind(live: LiveNode, merchant: Caller) -> None:
    other = Caller(live, "OTHER_MERCHANT", "OTHER_SECRET")
    for each in (merchant, other):
        assert (await each.post("/payins/SAME-1", payin())).status_code == 201
        assert (await each.post("/payouts/SAME-1", payout(5))).status_code == 201
    assert (await merchant.post("/payins/MINE-1", payin())).status_code == 201
    assert (await other.get("/payins/MINE-1")).status_code == 410
    assert (await other.get("/payouts/MINE-1")).status_code == 410


@pytest.mark.parametrize("bad", ["A b", "A.b", "ä", "x" * 251])
async def test_an_id_that_is_none_is_a_400(merchant: Caller, bad: str) -> None:
    assert (await merchant.post(f"/payins/{bad}", payin())).status_code == 400
    assert (await merchant.get(f"/payouts/{bad}")).status_code == 400


async def test_ten_a_second_and_not_one_more(fixture_database: str, live: LiveNode) -> None:
    async with fixture_node(fixture_database, rate_limits=True) as limited:
        fast = Caller(limited)
        token = await fast.token()
        bearer = {"Authorization": f"Bearer {token}"}
        answers = [await fast.get("/currencies", **bearer) for _ in range(30)]
        counts = [answer.status_code for answer in answers]
        assert 429 in counts
        assert counts[: counts.index(429)] == [200] * counts.index(429)
        assert 9 <= counts.index(429) <= 20  # the token was the first; on a slow machine a second may end meanwhile
        refused = answers[counts.index(429)]
        assert refused.json()["description"]
        assert refused.headers["retry-after"] == "1"
        nobody = {**VERSION, "Authorization": "Bearer x.y.z"}
        refused_there = await together([limited.http.get("/currencies", headers=nobody) for _ in range(40)])
        assert {answer.status_code for answer in refused_there} == {401, 429}  # the address's own count
        pairs = {
            "idPayin": "P",
            "token": token,
            "amount": "100",
            "currencyCode": "IDR",
            "merchantCode": "TEST_MERCHANT",
            "returnUrl": "https://a.example",
        }
        for _ in range(12):  # buyers on our page are neither told to slow down nor use up the merchant's rate
            assert (await limited.http.get("/", params=pairs)).status_code == 200
        other = Caller(limited, "OTHER_MERCHANT", "OTHER_SECRET")
        assert (await other.ask_token(operations=["GET /currencies"])).status_code == 200


async def test_a_disabled_merchant_is_inactive_from_the_next_request_on(live: LiveNode) -> None:
    from paymux.merchants.change import ChangeMerchant, change_merchants

    someone = await newcomer(live, "IDR")
    assert (await someone.get("/currencies")).status_code == 200
    merchant_id = (await someone.profiled()).merchant_id
    await live.core.writer.submit(change_merchants, ChangeMerchant(id=merchant_id, active=False))
    for answer in (await someone.get("/payins/X"), await someone.ask_token(operations=["GET /currencies"])):
        assert (answer.status_code, answer.json()[0]["code"]) == (406, "MERCHANT_INACTIVE")


@pytest.mark.parametrize(("trouble", "status"), [(RuntimeError("a secret detail"), 500), (Busy("the queue is full"), 503)])
async def test_trouble_of_ours_is_said_in_the_apis_own_form(
    live: LiveNode, merchant: Caller, monkeypatch: pytest.MonkeyPatch, trouble: Exception, status: int
) -> None:
    bearer = {"Authorization": f"Bearer {await merchant.token()}"}
    submit = live.core.reader.submit

    async def troubled(verb: Any, command: Any) -> Any:
        if verb is by_reference:
            raise trouble
        return await submit(verb, command)

    monkeypatch.setattr(live.core.reader, "submit", troubled)
    for answer in (await merchant.get("/payins/X", **bearer), await merchant.post("/payins/X", payin(), **bearer)):
        assert (answer.status_code, list(answer.json())) == (status, ["description"])
        assert "secret" not in answer.text


async def test_browsers_are_let_in(live: LiveNode, merchant: Caller) -> None:
    answer = await live.http.options("/payins/A", headers={"Origin": "https://shop.example.com"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"Authorization", "Content-Type", "X-API-Version"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert (await merchant.get("/currencies")).headers["access-control-allow-origin"] == "*"


def codes(answer: object) -> list[str]:
    return [error["code"] for error in answer.json()]  # type: ignore[attr-defined]


VAPAY = payin()["paymentMethod"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (payin(100, "EUR"), "CURRENCY_NOT_SUPPORTED"),
        (payin(100, "XQQ"), "CURRENCY_NOT_SUPPORTED"),
        (payin(1.5), "CURRENCY_PRECISION_EXCEEDED"),
        (payin(1.234, "USD", OFFLINE), "CURRENCY_PRECISION_EXCEEDED"),
        (payin(method={"paymentMethodCode": "CASH"}), "PAYMENT_METHOD_CODE_INVALID"),
        (payin(method={"paymentMethodCode": "ONLINE"}), "PAYMENT_METHOD_NOT_FOUND"),
        (payin(100, "USD", VAPAY), "PAYMENT_METHOD_NOT_FOUND"),
        (payin(method={**VAPAY, "paymentOperatorCode": "BNK_777"}), "PAYMENT_OPERATOR_NOT_FOUND"),
        (payin(method={**VAPAY, "paymentOperatorCode": "BNK_999"}), "PAYMENT_OPERATOR_INVALID"),
        (payin(method={**VAPAY, "paymentOperatorCode": ""}), "PAYMENT_OPERATOR_REQUIRED"),
        (payin(method={"paymentMethodCode": "VAPAY", "account": {"accountName": "A"}}), "PAYMENT_OPERATOR_REQUIRED"),
        (payin(0.5, "USD", OFFLINE), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        (payin(1_000_001), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        (payin(method={**VAPAY, "emailAddress": "nobody"}), "EMAIL_INVALID"),
        (payin(customerIp="1.2.3"), "CLIENT_IP_INVALID"),
        ({**payin(), "paymentRequested": {"money": {"amount": 5, "currencyCode": "IDR"}, "segmentCode": "GOLD"}}, "SEGMENT_CODE_INVALID"),
    ],
)
async def test_each_business_rule_of_a_payin_has_its_code(merchant: Caller, body: object, code: str) -> None:
    answer = await merchant.post("/payins/RULES", body)
    assert (answer.status_code, codes(answer)) == (406, [code])


async def test_several_broken_rules_are_listed(merchant: Caller) -> None:
    body = payin(42.05, method={**VAPAY, "emailAddress": "nobody"}, customerIp="x")
    found = codes(await merchant.post("/payins/RULES", body))
    assert found == ["CURRENCY_PRECISION_EXCEEDED", "EMAIL_INVALID", "CLIENT_IP_INVALID"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "off"}, "PAYMENT_CHANNEL_NO_ACTIVE_FOUND"),
        ({"status": "closed"}, "PAYMENT_CHANNEL_NO_OPENED_FOUND"),
        ({"status": "faulty"}, "PAYMENT_METHOD_ERROR"),
        ({"segments": ("VIP",)}, "PAYMENT_CHANNEL_NO_SEGMENT_FOUND"),
        ({"from_units": 10**9}, "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        ({"daily_units": 10}, "PAYMENT_CHANNEL_DAILY_LIMITS"),
    ],
)
async def test_what_an_operator_switches_is_told_at_the_next_request(live: LiveNode, fields: dict[str, object], code: str) -> None:
    from paymux.merchants.channels import Status

    someone = await newcomer(live, "INR", INR=10_000_000)
    profile = (await someone.profiled()).profile
    if "status" in fields:
        fields = {"status": Status(str(fields["status"]))}
    for name in ("PAYIN:OFFLINE:INR", "PAYOUT:BANK_TRANSFER:INR"):
        profile = changed(profile, name, **fields)
    only = tuple(channel for channel in profile.channels if channel.method in ("OFFLINE", "BANK_TRANSFER"))
    await someone.set_profile(msgspec.structs.replace(profile, channels=only))
    options = {"money": {"amount": 200, "currencyCode": "INR"}}
    bank = payout(200, "INR")
    bank["paymentMethod"]["paymentOperatorCode"] = "INR_001"
    bank["paymentMethod"]["account"]["bankCode"] = "SBIN0000001"
    for path, body in (
        ("/payins/!availablePaymentOptions", options),
        ("/payins/SWITCHED", payin(200, "INR", OFFLINE)),
        ("/payouts/!availablePaymentOptions", options),
        ("/payouts/SWITCHED", bank),
    ):
        answer = await someone.post(path, body)
        assert (answer.status_code, codes(answer)) == (406, [code]), path


async def test_an_operator_that_is_off_and_an_address_that_is_denied(live: LiveNode) -> None:
    from paymux.merchants.channels import Operator

    someone = await newcomer(live, "IDR")
    profile = (await someone.profiled()).profile
    profile = changed(profile, "PAYIN:VAPAY:IDR", operators=(Operator(code="IDR_002", on=False), Operator(code="IDR_008")))
    await someone.set_profile(msgspec.structs.replace(profile, ips_denied=("192.0.2.7",)))
    off = payin(method={**VAPAY, "paymentOperatorCode": "IDR_002"})
    assert codes(await someone.post("/payins/OFF", off)) == ["PAYMENT_OPERATOR_UNAVAILABLE"]
    denied = payin(method={**VAPAY, "paymentOperatorCode": "IDR_008"}, customerIp="192.0.2.7")
    assert codes(await someone.post("/payins/OFF", denied)) == ["IP_DENIED"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (payout(2_000_000), "PAYMENT_CHANNEL_AMOUNT_LIMITS"),
        (payout(999_999), "BALANCE_INSUFFICIENT"),
        (payout(100, "INR"), "BANK_CODE_REQUIRED"),
        (payout(100, "USD"), "PAYMENT_METHOD_NOT_FOUND"),
        (payout(100, "EUR"), "CURRENCY_NOT_SUPPORTED"),
        (payout(1.5), "CURRENCY_PRECISION_EXCEEDED"),
        ({**payout(), "customerIp": "x"}, "CLIENT_IP_INVALID"),
    ],
)
async def test_each_business_rule_of_a_payout_has_its_code(live: LiveNode, merchant: Caller, body: object, code: str) -> None:
    if code == "BALANCE_INSUFFICIENT":
        merchant = await newcomer(live, "IDR", IDR=100_399_999)
        body = payout(1_000_000)
        body["paymentMethod"]["paymentOperatorCode"] = "IDR_002"
    answer = await merchant.post("/payouts/RULES", body)
    assert (answer.status_code, codes(answer)) == (406, [code])


@pytest.mark.parametrize(
    "method",
    [
        {"paymentMethodCode": "CASH"},
        {"paymentMethodCode": "BANK_TRANSFER"},
        {**payout()["paymentMethod"], "emailAddress": "nobody"},
        {"paymentMethodCode": "CRYPTO_TRANSFER", "paymentOperatorCode": "TRC20", "account": {"accountNumber": "a-b"}},
        {"paymentMethodCode": "WALLET_TRANSFER", "account": {"accountNumber": "no wallet"}},
    ],
)
async def test_a_payout_method_that_breaks_the_schema_is_a_400(merchant: Caller, method: object) -> None:
    assert (await merchant.post("/payouts/SCHEMA", {**payout(), "paymentMethod": method})).status_code == 400
