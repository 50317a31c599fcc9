"""ETpay's stories over HTTP: a shop creates, a buyer pays at the sandbox's bank or does not, the shop is told and asks."""

import asyncio
import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest

from tests.etpay_shop import CODE, HIDDEN, SITE, EtpayShop, Session, claims_of, etpay_shop, token_in
from tests.node import LiveNode, together
from tests.receiver import Receiver


@pytest.fixture
async def shop(live: LiveNode) -> EtpayShop:
    return await etpay_shop(live)


def genuine(token: str, key: str) -> bool:
    head, _, given = token.rpartition(".")
    return urlsafe_b64encode(hmac.new(key.encode(), head.encode(), sha256).digest()).decode().rstrip("=") == given


async def words(session: Session) -> list[str]:
    return [row["word"] for row in await session.shop.live.notices(await session.id())]


async def test_a_paid_session_is_told_redirected_and_found_with_one_token(shop: EtpayShop) -> None:
    session = await shop.create()
    assert await shop.status(session_token=session.token) == []
    await session.pay()
    page = (await session.get()).text
    assert "Detalle de la transacción" in page
    assert "11.111.111-1" in page
    assert "$50.000" in page
    url = await session.leave()
    assert url.startswith(f"{SITE}/ok?order=9&jwt=")
    token = token_in(url)
    assert genuine(token, session.signature)
    claims = claims_of(token)
    assert claims["payment_token"] in page
    facts = ("merchant_order_id", "merchant_amount", "user_bank", "user_rut", "user_account", "payment_status", "payment_process")
    assert [claims[name] for name in facts] == [
        "OC-700104", 50000, "Banco de prueba", "111111111", "Cuenta Corriente 12345678", "success", "auto"
    ]  # fmt: skip
    for names in ({"session_token": session.token}, {"payment_token": claims["payment_token"]}, {"merchant_order_id": "OC-700104"}):
        assert await shop.status(**names, merchant_code=shop.code) == [claims]
    assert await shop.status(session_token=session.token, merchant_order_id="another") == []
    assert (await session.get()).status_code == 200, "the receipt again"
    await shop.live.assert_books_hold()


@pytest.mark.parametrize("address", ["https://user:word@shop.example/", "https://shop.example:0/", "https://shop.example/a b"])
async def test_an_address_that_cannot_be_called_is_refused_before_a_notice_depends_on_it(shop: EtpayShop, address: str) -> None:
    answer = await shop.post(payment_webhook_url=address)
    assert (answer.status_code, answer.json()["field"]) == (400, "payment_webhook_url")


async def test_a_login_that_the_bank_refuses_three_times_ends_the_session(shop: EtpayShop) -> None:
    session = await shop.create()
    for left in ("Le quedan 2 intentos", "Le queda 1 intento"):
        await session.identify("0000")
        page = (await session.get()).text
        assert left in page.replace("<bdi>", "").replace("</bdi>", "")
        assert await session.state() == "awaiting"
    await session.identify("0000")
    assert await session.state() == "failed"
    assert await told(session) == ("authentication_failed", "No se completó la confirmación con su banco.")
    url = await session.leave()
    assert url.startswith(f"{SITE}/no?jwt=")
    claims = claims_of(token_in(url))
    assert (claims["payment_status"], claims["user_rut"]) == ("error", None)
    assert genuine(token_in(url), session.signature)
    assert await words(session) == ["error"]


async def told(session: Session) -> tuple[str | None, str]:
    """Why the last try was declined, as it is kept, and what its payer reads first."""
    found = await session.shop.live.core.reads.with_attempts(await session.id())
    [first] = re.findall(r'<p class="lead">([^<]+)</p>', (await session.get()).text)
    assert found is not None
    return found[1][-1].decline_reason, first


async def test_a_payer_is_told_that_the_money_was_not_enough(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.pay("96")
    assert await session.state() == "failed"
    assert await told(session) == ("insufficient_funds", "No había saldo suficiente o se alcanzó un límite de su cuenta.")
    page = (await session.get()).text
    assert "No se cobró nada." in page
    assert 'data-return-s="20"' in page, "the shop's page waits until the reason is read"
    assert await words(session) == ["error"]


async def test_a_rejected_transfer_ends_the_session_at_once(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.pay("99")
    assert await session.state() == "failed"
    assert (await shop.status(session_token=session.token))[0]["payment_status"] == "error"
    await session.identify()
    assert await session.state() == "failed", "a second payment cannot begin"
    assert await told(session) == ("do_not_honor", "No se cobró nada. Puede volver a la tienda e intentarlo de nuevo.")


async def test_a_bank_that_is_down_changes_nothing_and_another_one_serves(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.identify("5030")
    assert "El banco no responde" in (await session.get()).text
    assert await session.state() == "awaiting"
    session.here = ""
    await session.identify(bank="cl_estado")
    await session.step(action="choose", account="2")
    await session.step(action="answer", number="0", value="11111111")
    await session.step(action="answer", number="1", value="12")
    (claims,) = await shop.status(session_token=session.token)
    assert (claims["user_bank"], claims["user_account"]) == ("BancoEstado", "Cuenta Vista 87654321")


async def test_a_slow_transfer_is_waited_for_and_then_told(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.pay("97")
    assert await session.state() == "pending"
    assert "No pague otra vez" in (await session.get()).text
    assert await shop.status(session_token=session.token) == []
    assert (await session.step(action="cancel")).status_code == 303
    assert await session.state() == "pending", "what is on its way cannot be cancelled"
    await shop.live.advance_clock(61)
    duties = {duty.name: duty for duty in shop.live.node.duties()}
    async with asyncio.timeout(10):
        while await session.state() != "paid":  # the node's own round may have the callback in hand just now
            await duties["sandbox"].run()
            await asyncio.sleep(0.01)
    assert await words(session) == ["success"]


async def test_a_line_that_breaks_sends_the_buyer_back_with_the_system_error_and_tells_nothing(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.pay("98")
    assert await session.state() == "unclear"
    page = (await session.get()).text
    assert "Aún no sabemos" in page
    assert "No pague otra vez" in page
    assert 'data-return-s="20"' in page
    assert "Aún no sabemos" not in (await (await shop.create()).get("?broken=1")).text, "nothing was sent"
    answer = await session.get("?go=broken")
    token = token_in(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{SITE}/no?jwt=")
    assert genuine(token, session.token)
    claims = claims_of(token)
    assert (claims["session_token"], claims["system_error"], list(claims)) == (
        session.token,
        True,
        ["session_token", "system_error", "iat"],
    )
    assert await words(session) == []


async def test_who_cancels_goes_back_without_being_charged(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.to_the_last_question()
    await session.step(action="cancel")
    assert await session.state() == "failed"
    page = (await session.get()).text
    assert 'http-equiv="refresh" content="0;url=?go=1"' in page
    assert (await session.leave()).startswith(f"{SITE}/no?jwt=")
    await session.step(action="answer", number="1", value="12")
    assert await session.state() == "failed"
    await shop.live.assert_books_hold()


async def test_a_cancel_that_comes_after_another_tab_began_ends_nothing(shop: EtpayShop) -> None:
    session = await shop.create()
    seen = await shop.live.payment(await session.id())  # what the first tab's click goes by
    await session.to_the_last_question()
    await shop.live.node.transfers.cancel(seen, None, shop.live.core.clock.now())
    assert await session.state() == "awaiting", "the bank may still move the money"
    await session.step(action="answer", number="1", value=CODE)
    assert await session.state() == "paid"
    await shop.live.assert_books_hold()


async def test_an_abandoned_session_expires_and_is_told_even_if_nobody_looked(shop: EtpayShop) -> None:
    session, other = await shop.create(), await shop.create(merchant_order_id="OC-2")
    await session.get()
    await shop.live.advance_clock(30 * 60 + 1)
    (claims,) = await shop.status(merchant_order_id="OC-2")
    assert (claims["payment_status"], claims["session_token"]) == ("error", other.token)
    page = await session.get()
    assert page.status_code == 410
    assert await words(session) == ["error"]
    assert (await session.leave()).startswith(f"{SITE}/no?jwt=")
    (asked,) = await shop.status(session_token=session.token)
    assert asked == claims_of(token_in(await session.leave()))


@pytest.mark.parametrize("clicks", [12])
async def test_one_payment_whatever_the_buyer_double_clicks(shop: EtpayShop, clicks: int) -> None:
    session = await shop.create()
    await together([session.identify() for _ in range(3)])
    await together([session.step(action="choose", account="1") for _ in range(3)])
    await together([session.step(action="answer", number="0", value="11111111") for _ in range(3)])
    await together([session.step(action="answer", number="1", value="12") for _ in range(clicks)])
    assert await session.state() == "paid"
    assert await shop.live.transfers(await session.id()) == [("payment.paid", 50000)]
    assert await words(session) == ["success"]
    await shop.live.assert_books_hold()


async def test_another_reader_of_the_address_sees_no_account(shop: EtpayShop) -> None:
    session = await shop.create()
    await session.identify()
    assert "Cuenta Corriente" in (await session.get()).text
    for query in ("?", "?k=" + "0" * 32):
        assert "Cuenta Corriente" not in (await session.get(query)).text
    session.here = session.path
    await session.step(action="choose", account="1")
    session.here = session.path
    assert "Elija su banco" in (await session.get()).text


async def test_no_page_holds_hidden_metadata_or_a_token(shop: EtpayShop) -> None:
    session = await shop.create()
    pages = [(await session.get()).text]
    log_in = {"action": "identify", "bank": "cl_test", "payer": "111111111", "password": "secreto-88"}
    key, code = ({"action": "answer", "number": number, "value": value} for number, value in (("0", "11111111"), ("1", "12")))
    for form in (log_in, {"action": "choose", "account": "1"}, key, code):
        await session.step(**form)
        pages.append((await session.get()).text)
    assert "Cuenta Servicio Gas" in pages[0]
    for page in pages:
        for secret in (HIDDEN, session.token, session.signature, shop.token, "secreto-88", "eyJ"):
            assert secret not in page


async def test_the_webhook_is_heard_before_the_browser_leaves(live: LiveNode) -> None:
    with Receiver(signed=False) as receiver:
        shop = await etpay_shop(live, webhook_url="http://127.0.0.1:9/never")
        session = await shop.create(payment_webhook_url=receiver.hook)
        await session.pay()
        token = token_in(await session.leave())
        (heard,) = receiver.deliveries
        assert heard.headers["content-type"] == "application/json"
        assert heard.fields == {"payment": token}


async def test_equal_order_ids_are_independent_sessions_newest_first(shop: EtpayShop) -> None:
    one, two = await shop.create(), await shop.create()
    assert one.token != two.token
    assert one.signature != two.signature
    await one.pay()
    await two.pay()
    found = await shop.status(merchant_order_id="OC-700104")
    assert [claims["session_token"] for claims in found] == [two.token, one.token]


async def test_another_merchant_finds_nothing(live: LiveNode, shop: EtpayShop) -> None:
    session = await shop.create()
    await session.pay()
    other = await etpay_shop(live)
    assert await other.status(session_token=session.token) == []
    assert (await other.ask(session_token=session.token, merchant_code=shop.code)).status_code == 401


async def test_a_shop_that_needs_it_gets_a_boolean(live: LiveNode) -> None:
    shop = await etpay_shop(live, boolean_status=True)
    paid, cancelled = await shop.create(), await shop.create()
    await paid.pay()
    await cancelled.step(action="cancel")
    assert (await shop.status(session_token=paid.token))[0]["payment_status"] is True
    assert (await shop.status(session_token=cancelled.token))[0]["payment_status"] is False


@pytest.mark.parametrize(("outcome", "target"), [("success", "/ok?"), ("error", "/no?"), ("cancel", "/no?")])
async def test_a_session_can_be_ended_without_its_pages(shop: EtpayShop, outcome: str, target: str) -> None:
    session = await shop.create()
    url = f"{session.path}/simulate"
    answer = await shop.live.http.post(url, json={"outcome": outcome})
    assert answer.status_code == 200, answer.text
    assert answer.json()["redirect_url"].startswith(SITE + target)
    assert claims_of(token_in(answer.json()["redirect_url"]))["payment_status"] == ("success" if outcome == "success" else "error")
    assert (await shop.live.http.post(url, json={"outcome": "success"})).status_code == 409


async def test_a_simulated_system_error_is_told_to_the_browser_alone(shop: EtpayShop) -> None:
    session = await shop.create()
    url = f"{session.path}/simulate"
    answer = await shop.live.http.post(url, json={"outcome": "system_error"})
    assert genuine(token_in(answer.json()["redirect_url"]), session.token)
    assert (await shop.live.http.post(url, json={"outcome": "success"})).status_code == 409
    assert await words(session) == []
    assert (await shop.live.http.post(url, json={"outcome": "nothing"})).status_code == 400
    assert (await shop.live.http.post(f"/session/{'x' * 64}/simulate", json={"outcome": "error"})).status_code == 404


@pytest.mark.parametrize("site", [None, "https://tienda.example/inicio"])
async def test_late_money_keeps_the_word_that_was_told(live: LiveNode, site: str | None) -> None:
    shop = await etpay_shop(live, site_url=site)
    session = await shop.create()
    await shop.live.advance_clock(30 * 60 + 1)
    await shop.live.sweep()
    await shop.live.report(await session.id(), "paid")
    assert await session.state() == "review"
    page = (await session.get()).text
    assert "No pague otra vez" in page
    assert f'class="button quiet" href="{site or "?go=broken"}"' in page, "not to where a shop says: failed, try again"
    left = (await session.get("?go=broken")).headers["location"]
    assert claims_of(token_in(left)).get("system_error") is True, "the outcome is not known, whatever was told before the money came"
    assert (await session.get("?go=1")).headers["location"] == f"{session.path}?", "a page that was left open leads here, too"
    assert [claims["payment_status"] for claims in await shop.status(session_token=session.token)] == ["error"]
    assert await words(session) == ["error"]


@pytest.mark.parametrize("embedded", [True, False])
async def test_only_the_merchants_own_pages_may_embed_the_funnel(live: LiveNode, embedded: bool) -> None:
    shop = await etpay_shop(live, site_url="http://127.0.0.1:8090/shop")
    session = await shop.create()
    page = await session.get("?embedded=1" if embedded else "?")
    policy = page.headers["content-security-policy"]
    if embedded:
        assert "frame-ancestors http://127.0.0.1:8090 https://shop.example.com https://www.shop.example.com" in policy
        assert "x-frame-options" not in page.headers
    else:
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"


async def test_an_embedding_page_is_handed_the_outcome(shop: EtpayShop) -> None:
    session = await shop.create()
    assert (await session.get("?result=1")).status_code == 404
    await session.pay()
    told: dict[str, Any] = (await session.get("?result=1")).json()
    assert told["event"] == "success"
    assert genuine(told["jwt"], session.signature)
    widget = await shop.live.http.get("/widget.js")
    assert widget.headers["content-type"].startswith("text/javascript")
    assert "ETpay" in widget.text


async def test_reading_a_page_many_times_at_once_changes_nothing(shop: EtpayShop) -> None:
    session = await shop.create()
    assert (await shop.live.http.head(session.path)).status_code == 200
    assert await session.state() == "created"
    pages = await asyncio.gather(*(session.get() for _ in range(20)))
    assert {page.status_code for page in pages} == {200}
    assert await session.state() == "awaiting"
    assert (await shop.live.http.get("/session/" + "a" * 64)).status_code == 404
