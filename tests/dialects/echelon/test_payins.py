"""Payins: every method of the table, the sandbox's outcomes, expiry, callbacks, the bank's reference, the picture."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from paymux.dialects.echelon.methods import PAYIN, specs
from paymux.merchants.channels import Channel, Direction
from paymux.money import Money, known
from paymux.payments.lifecycle import Event
from paymux.payments.model import Receipt, Report, Source
from paymux.payments.report import Told
from paymux.payments.turn import PROVIDER
from tests.dialects.echelon.merchant import Caller, newcomer, payin
from tests.node import LiveNode, together
from tests.webhooks.receiver import receiving

OFFLINE = {"paymentMethodCode": "OFFLINE"}
CURRENCY = {
    "IMPS": "INR", "UPIID": "INR", "UPIQR": "INR", "NETBANKING": "INR",
    "P2A_V2": "INR", "PROMPTPAY": "THB", "DUITNOW": "MYR", "QRPH": "PHP",
    "VIETQR": "VND", "CAPITEC_PAY": "ZAR", "PAY_ME": "ZAR", "MOBILE_MONEY": "KES", "CRYPTO_OFFLINE": "USDC",
}  # fmt: skip
SAMPLES = {
    "paymentOperatorCode": "BNK_000", "emailAddress": "a@example.com", "phoneNumber": "0812345678", "upiId": "a.b-c@okbank",
    "said": "1" * 13,
    "productId": "P-1",
}  # fmt: skip


def sample(code: str) -> dict[str, Any]:
    """A request of a method with everything that its row names."""

    def one(spec: Any) -> Any:
        if spec.inner:
            return {inner.name: one(inner) for inner in spec.inner}
        return {"accountName": "José Ñandú-2", "accountNumber": "1234567890"}.get(spec.name) or SAMPLES[spec.name]

    return {"paymentMethodCode": code, **{spec.name: one(spec) for spec in specs(PAYIN[code].request)}}


async def everything(live: LiveNode) -> Caller:
    """A merchant with every method, each in a currency of its own kind."""
    from paymux.merchants.channels import Operator

    someone = await newcomer(live)
    codes = sorted({CURRENCY.get(code, "IDR") for code in PAYIN} | {"JPY", "TWD", "KRW", "THB", "INR"})
    profile = (await someone.profiled()).profile
    channels = tuple(
        Channel(
            direction=Direction.PAYIN,
            method=method,
            currency=code,
            from_units=1,
            to_units=10**12,
            operators=(Operator(code="BNK_000"), Operator(code="ID_OVO")),
        )
        for method in PAYIN
        for code in codes
    )
    operators = {"BNK_000": "Test bank", "ID_OVO": "OVO"}
    await someone.set_profile(msgspec.structs.replace(profile, currencies=tuple(codes), operators=operators, channels=channels))
    return someone


async def test_every_method_answers_what_its_row_says(live: LiveNode) -> None:
    someone = await everything(live)
    for code, method in PAYIN.items():
        currency = CURRENCY.get(code, "IDR")
        answer = await someone.post(f"/payins/{code}", payin(100, currency, sample(code)))
        assert answer.status_code == 201, (code, answer.text)
        response = answer.json()["paymentMethodResponse"]
        for spec in specs(method.answer):
            if spec.required:
                assert response[spec.name], (code, spec.name)
                for inner in spec.inner:
                    assert not inner.required or response[spec.name][inner.name], (code, spec.name, inner.name)
        common = {"idPayin", "idPayment", "money", "reference", "returnUrl", "acceptedAt", "expireAt", "paymentMethodCode"}
        assert set(response) - common <= {spec.name for spec in specs(method.answer)}
        assert (response.get("qrCode") is not None) is method.qr
        if method.qr:
            picture = await live.http.get(response["qrCode"])
            assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
            assert picture.content.startswith(b"\x89PNG")
            assert (await live.http.get(response["qrCode"].replace("/pi_", "/pi_x"))).status_code == 404


async def test_every_required_field_is_missed(live: LiveNode) -> None:
    someone = await everything(live)
    for code, method in PAYIN.items():
        currency = CURRENCY.get(code, "IDR")
        for spec in specs(method.request):
            body = sample(code)
            wanted = spec.required or any(name.startswith(spec.name) for name in method.by_currency.get(currency, "").split())
            del body[spec.name]
            answer = await someone.post(f"/payins/MISS-{code}-{spec.name}", payin(100, currency, body))
            needs_operator = spec.name == "paymentOperatorCode" and method.operator_except is not None
            assert answer.status_code == (400 if wanted else 406 if needs_operator else 201), (code, spec.name, answer.text)
            if wanted:
                assert spec.name in answer.json()["description"]
            for inner in spec.inner:
                if inner.required:
                    body = sample(code)
                    del body[spec.name][inner.name]
                    assert (await someone.post(f"/payins/MISS2-{code}", payin(100, currency, body))).status_code == 400


@pytest.mark.parametrize(
    ("currency", "method", "status"),
    [
        ("JPY", {**OFFLINE, "account": {"accountName": "A"}}, 400),
        ("JPY", {**OFFLINE, "account": {"accountName": "A"}, "emailAddress": "a@example.com"}, 201),
        ("THB", {**OFFLINE, "account": {"accountName": "A"}}, 400),
        ("THB", {**OFFLINE, "account": {"accountNumber": "1"}}, 201),
        ("KRW", {"paymentMethodCode": "VAPAY", "account": {"accountName": "A"}}, 201),
        ("TWD", {"paymentMethodCode": "VAPAY"}, 201),
        ("INR", {"paymentMethodCode": "P2A_V2", "paymentOperatorCode": "BNK_000"}, 400),
        ("IDR", {"paymentMethodCode": "EWALLET", "paymentOperatorCode": "ID_OVO"}, 400),
        ("IDR", {"paymentMethodCode": "EWALLET", "paymentOperatorCode": "ID_OVO", "phoneNumber": "+62812345"}, 201),
        ("IDR", {"paymentMethodCode": "EWALLET", "paymentOperatorCode": "BNK_000", "phoneNumber": "12"}, 400),
        ("INR", {"paymentMethodCode": "UPIID", "upiId": "no at sign"}, 400),
        ("INR", {"paymentMethodCode": "CAPITEC_PAY", "account": {"accountNumber": "123"}}, 400),
        ("IDR", {**OFFLINE, "account": {"accountName": "x" * 65}}, 400),
        ("IDR", {**OFFLINE, "account": {"accountName": "<b>"}}, 400),
        ("IDR", {**OFFLINE, "account": []}, 400),
        ("IDR", {"paymentMethodCode": 5}, 400),
        ("IDR", {}, 400),
    ],
)
async def test_what_a_currency_or_an_operator_demands(live: LiveNode, currency: str, method: dict[str, Any], status: int) -> None:
    someone = await everything(live)
    answer = await someone.post("/payins/DEMAND", payin(100, currency, method))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"returnUrl": None}, {"returnUrl": "ftp://x"}, {"returnUrl": "shop"}, {"returnUrl": "https://x/" + "y" * 1000},
        {"callbackUrl": "javascript:1"}, {"callbackUrl": "https://user:word@shop.example/"}, {"callbackUrl": "https://shop.example:0/"},
        {"paymentMethod": None}, {"paymentRequested": {}}, {"paymentRequested": {"money": {"amount": 5}}},
        {"paymentRequested": {"money": {"amount": "5", "currencyCode": "IDR"}}},
        {"paymentRequested": {"money": {"amount": -5, "currencyCode": "IDR"}}},
        {"paymentRequested": {"money": {"amount": True, "currencyCode": "IDR"}}}, {"customerIp": 5},
        {"paymentRequested": {"money": {"amount": 1e40, "currencyCode": "IDR"}}},
    ],
)  # fmt: skip
async def test_a_payin_that_breaks_the_schema_is_a_400(merchant: Caller, change: dict[str, Any]) -> None:
    answer = await merchant.post("/payins/SCHEMA", {**payin(), **change})
    assert answer.status_code == 400
    assert list(answer.json()) == ["description"]


async def test_amounts_are_exact_decimals(live: LiveNode, merchant: Caller) -> None:
    someone = await newcomer(live, "EUR")
    raw = json.dumps(payin("AMOUNT", "EUR", OFFLINE)).replace('"AMOUNT"', "12.340").encode()
    bearer = {"X-API-Version": "2", "Authorization": f"Bearer {await someone.token()}"}
    answer = await live.http.post("/payins/EXACT", content=raw, headers=bearer)
    assert answer.content.count(b'"amount":12.34,') == 2
    for text, status in (("42.00", 201), ("4.2e1", 201), ("42.05", 406), ("42.00000000000000000000000000007", 406)):
        raw = json.dumps(payin("AMOUNT", "IDR", OFFLINE)).replace('"AMOUNT"', text).encode()
        bearer["Authorization"] = f"Bearer {await merchant.token()}"
        answer = await live.http.post(f"/payins/EXACT-{text[-2:]}", content=raw, headers=bearer)
        assert answer.status_code == status
        assert status != 201 or answer.content.count(b'"amount":42,') == 2


@pytest.mark.parametrize(
    ("amount", "word", "reason"),
    [
        (5, "FAILED", "PAYMENT_PROCESS_ERROR"),
        (15, "FAILED", "ENTITY_EXPIRED"),
        (25, "FAILED", "DIFFERENT_AMOUNT_CONFIRMED"),
        (35, "PROCESSING", None),
        (45, "SUCCESS", None),
        (51, "SUCCESS", None),
        (100, "SUCCESS", None),
    ],
)
async def test_the_amount_decides_what_the_sandbox_does(live: LiveNode, amount: int, word: str, reason: str | None) -> None:
    someone = await newcomer(live, "EUR")
    async with receiving() as shop:
        answer = await someone.post("/payins/MAGIC", payin(amount, "EUR", OFFLINE, callbackUrl=shop.url))
        assert answer.status_code == 201
        required = answer.json()["paymentMethodResponse"].get("moneyRequired")
        assert required == ({"amount": 46, "currencyCode": "EUR"} if amount == 45 else None)
        await live.advance_clock(3)
        if word != "PROCESSING":
            assert [request.body for request in await shop.got(1)] == [b'{"idEntity":"MAGIC"}']
        found = (await someone.get("/payins/MAGIC")).json()
        assert found["process"]["status"] == word
        assert found["process"].get("failureReasons", {}).get("failureReasonCode") == reason
        assert ("processedAt" in found["process"]) is (word != "PROCESSING")
        assert found["process"].get("processedAt", "") < found["paymentMethodResponse"]["expireAt"]
        balance = (await someone.balances()).get("EUR", {"balance": 0})["balance"]
        assert balance == pytest.approx(amount - round(amount * 0.005 + 1e-9, 2) if word == "SUCCESS" else 0)
        if word == "PROCESSING":
            await live.advance_clock(7200)
            found = (await someone.get("/payins/MAGIC")).json()
            assert found["process"]["failureReasons"]["failureReasonCode"] == "ENTITY_EXPIRED"
            assert found["process"]["processedAt"] == found["paymentMethodResponse"]["expireAt"]
            await live.sweep()
            assert (await shop.got(1))[0].body == b'{"idEntity":"MAGIC"}'
    await live.assert_books_hold()


async def test_trouble_behind_the_channel_is_no_decline(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR")
    profile = (await someone.profiled()).profile
    await someone.set_profile(msgspec.structs.replace(profile, magic=((Decimal(60), "broken"), (Decimal(70), "declined"))))
    for amount, reason in ((60, "SYSTEM"), (70, "PAYMENT_PROCESS_ERROR")):
        assert (await someone.post(f"/payins/BROKEN-{amount}", payin(amount, "EUR", OFFLINE))).status_code == 201
        await live.advance_clock(3)
        assert await someone.ends(f"/payins/BROKEN-{amount}") == "FAILED"
        found = (await someone.get(f"/payins/BROKEN-{amount}")).json()
        assert found["process"]["failureReasons"]["failureReasonCode"] == reason


async def test_money_in_another_currency_is_the_wrong_one(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR")
    assert (await someone.post("/payins/FOREIGN", payin(35, "EUR", OFFLINE))).status_code == 201
    number = (await someone.payment("FOREIGN")).id
    receipt = Receipt(reference="foreign:1", amount=Money(4000, known("USD")))
    report = Report(payment_id=number, event=Event.PAID, source=Source.PROVIDER, happened_at=0, provider=PROVIDER, receipt=receipt)
    await live.advance(report)
    found = (await someone.get("/payins/FOREIGN")).json()
    assert found["process"]["failureReasons"]["failureReasonCode"] == "INCORRECT_CURRENCY"
    await live.assert_books_hold()


async def test_a_last_word_stays_while_late_money_is_looked_at(live: LiveNode) -> None:
    someone = await newcomer(live, "EUR")
    assert (await someone.post("/payins/LATE", payin(35, "EUR", OFFLINE))).status_code == 201
    number = (await someone.payment("LATE")).id
    await live.advance_clock(7300)
    await live.sweep()
    assert await someone.status("/payins/LATE") == "FAILED"
    await live.report(number, Told.PAID)
    assert (await live.payment(number)).state == "review"
    assert await someone.status("/payins/LATE") == "FAILED"
    await live.assert_books_hold()


async def test_a_hundred_creates_of_one_id_make_one_payin(live: LiveNode, merchant: Caller) -> None:
    await merchant.get("/currencies")
    answers = await together([merchant.post("/payins/RACE-100", payin(100 + number)) for number in range(100)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 99
    won = next(answer for answer in answers if answer.status_code == 201).json()
    assert (await merchant.get("/payins/RACE-100")).json()["paymentRequested"] == won["paymentRequested"]


async def test_a_callback_is_repeated_four_times_two_minutes_apart_until_exactly_200(live: LiveNode, merchant: Caller) -> None:
    async with receiving() as shop:
        shop.status = 201
        await merchant.post("/payins/REPEAT", payin(callbackUrl=shop.url))
        await live.advance_clock(3)
        for count in range(1, 6):
            got = await shop.got(count)
            await _recorded(live, "REPEAT", count)
            await live.advance_clock(119)
            assert len(shop.requests) == count
            await live.advance_clock(2)
        await live.advance_clock(100_000)
        assert {request.body for request in got} == {b'{"idEntity":"REPEAT"}'}
        assert len({request.delivery for request in got}) == 1
        assert len(shop.requests) == 5
        states = [row["state"] for row in await live.notices((await merchant.payment("REPEAT")).id)]
        assert states == ["given_up"]


async def _recorded(live: LiveNode, id_payin: str, tries: int) -> None:
    """Wait until so many tries are written down."""
    async with asyncio.timeout(10):
        payment = await Caller(live).payment(id_payin)
        while (await live.notices(payment.id))[0]["tries"] < tries:  # noqa: ASYNC110 - the deliverer tells nobody
            await asyncio.sleep(0.01)


async def test_without_a_callback_url_nobody_is_called(live: LiveNode, merchant: Caller) -> None:
    await merchant.post("/payins/QUIET", payin())
    await live.advance_clock(3)
    await merchant.ends("/payins/QUIET")
    payment = await merchant.payment("QUIET")
    assert [(row["word"], row["state"]) for row in await live.notices(payment.id)] == [("SUCCESS", "unaddressed")]


async def test_the_banks_reference_and_the_accounts_are_kept(live: LiveNode) -> None:
    someone = await newcomer(live, "INR")
    method = {"paymentMethodCode": "UPIQR", "account": {"accountName": "A Buyer"}}
    assert (await someone.post("/payins/UTR", payin(35, "INR", method))).status_code == 201
    assert (await someone.get("/payins/UTR/accounts")).json() == {
        "customerAccountRequest": {"accountName": "A Buyer"},
        "customerAccountProcess": {},
    }
    path = "/payins/UTR/!setExternalReference"
    for body, status in (
        ({}, 400),
        ({"reference": ""}, 400),
        ({"reference": "x" * 513}, 400),
        ({"reference": "first"}, 204),
        ({"reference": "UTR123"}, 204),
    ):
        answer = await someone.post(path, body)
        assert answer.status_code == status
        assert status != 204 or answer.content == b""
    found = (await someone.get("/payins/UTR")).json()["paymentMethodResponse"]
    assert found["externalReference"] == {"reference": "UTR123"}
    await live.advance_clock(7300)
    assert (await someone.post(path, {"reference": "too late"})).status_code == 204
    assert (await someone.get("/payins/UTR")).json()["paymentMethodResponse"]["externalReference"] == {"reference": "UTR123"}
    assert (await someone.post("/payins/NONE/!setExternalReference", {"reference": "x"})).status_code == 410
    await someone.post("/payins/ACC", payin(100, "INR", method))
    await live.advance_clock(3)
    await someone.ends("/payins/ACC")
    assert (await someone.get("/payins/ACC/accounts")).json()["customerAccountProcess"] == {"accountName": "A Buyer"}
