"""ETpay's funnel in a real browser: paid, refused, abandoned and expired on both engines; without a script; embedded in a shop's page."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from paymux.cli.etpay import join
from paymux.dialects.etpay.account import Account
from paymux.merchants.create import NewMerchant, create_merchant
from paymux.merchants.model import Plan
from paymux.storage.query import Tx
from tests.browser import barriers
from tests.etpay_shop import HIDDEN, ORDER, claims_of, token_in
from tests.receiver import Receiver
from tests.stage.stage import Stage

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what a page shows does not depend on the engine
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "es-CL"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(signed=False) as receiver:
        yield receiver


def session(stage: Stage, receiver: Receiver, site_url: str | None = None, **changes: Any) -> dict[str, str]:
    """A session of a new merchant: token, signature_token."""
    new = NewMerchant(name="Tienda Ejemplo", email="t@example.com", plan=Plan.PRO, webhook_url=receiver.hook)
    account = Account(currency="CLP", account_bank="cl_estado", account_type="cuenta_vista", account="19687526", site_url=site_url)

    async def work(tx: Tx) -> dict[str, str]:
        created = await create_merchant(stage.core.keyring, "ecomtrade24", tx, new, 1)
        return await join(stage.core.keyring, tx, created.merchant_id, new, 1, account)

    urls = {"payment_completed_url": receiver.page("/exito?orden=9"), "payment_cancellation_url": receiver.page("/fracaso")}
    body = {**ORDER, **stage.run(stage.core.storage.write(work)), **urls, **changes}
    answer = httpx2.post(f"{stage.url}/session/initialize", json=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def fine(page: Page, secrets: dict[str, str]) -> None:
    """Nobody is shut out, nothing secret is shown, nothing is wider than the screen."""
    assert barriers(page) == []
    content = page.content()
    assert not any(secret in content for secret in (HIDDEN, *secrets.values()) if secret and not secret.startswith("http"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def log_in(page: Page, password: str = "1111") -> None:
    page.get_by_label("RUT").fill("11.111.111-1")
    page.get_by_label("Clave del banco").fill(password)
    page.get_by_role("button", name="Continuar").click()


def test_a_buyer_pays_and_comes_back_with_the_token_that_the_shop_was_told(
    stage: Stage, receiver: Receiver, new_page: Callable[..., Page]
) -> None:
    made, page = session(stage, receiver), new_page(**PHONE)
    page.goto(f"{stage.url}/session/{made['token']}")
    fine(page, made)
    page.get_by_role("link", name="Banco de prueba").click()
    fine(page, made)
    log_in(page)
    expect(page.get_by_role("radio", name=re.compile("Cuenta Corriente 12345678"))).to_be_checked()
    fine(page, made)
    page.get_by_role("button", name=re.compile("Confirmar")).click()
    page.get_by_role("link", name="Elegir otro banco").click()  # nothing has moved yet: the talk with the bank begins anew
    page.get_by_role("link", name="Banco de prueba").click()
    log_in(page)
    page.get_by_role("button", name=re.compile("Confirmar")).click()
    page.get_by_label("Clave dinámica").fill("11111111")
    fine(page, made)
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Código").fill("12")
    page.get_by_role("button", name=re.compile("Pagar")).dblclick()
    expect(page.get_by_role("heading", name="Detalle de la transacción")).to_be_visible()
    fine(page, made)
    page.get_by_role("link", name=re.compile("Volver a")).click()
    page.wait_for_url(re.compile(r"/exito\?orden=9&jwt="))
    token = token_in(page.url)
    assert claims_of(token)["payment_status"] == "success"
    assert [delivery.fields for delivery in receiver.deliveries] == [{"payment": token}]


def test_a_buyer_who_is_refused_three_times_goes_back_to_the_failure_page(
    stage: Stage, receiver: Receiver, new_page: Callable[..., Page]
) -> None:
    made, page = session(stage, receiver, user_bank_code="cl_test", user_rut="111111111", is_rut_block=True), new_page(**PHONE)
    page.clock.install()
    page.goto(f"{stage.url}/session/{made['token']}")
    expect(page.get_by_label("RUT")).to_have_attribute("readonly", "")
    for _ in range(3):
        page.get_by_label("Clave del banco").fill("0000")
        page.get_by_role("button", name="Continuar").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="El pago no se realizó")).to_be_visible()
    fine(page, made)
    page.clock.run_for(15_000)  # it can be read to its end
    expect(page.get_by_role("heading", name="El pago no se realizó")).to_be_visible()
    page.clock.run_for(6_000)
    page.wait_for_url(re.compile(r"/fracaso\?jwt="))
    assert claims_of(token_in(page.url))["payment_status"] == "error"


@SQLITE
def test_a_line_that_breaks_says_not_to_pay_again_and_shows_the_end_by_itself(
    stage: Stage, receiver: Receiver, new_page: Callable[..., Page]
) -> None:
    made, page = session(stage, receiver, user_bank_code="cl_test"), new_page(**PHONE)
    page.goto(f"{stage.url}/session/{made['token']}")
    log_in(page)
    page.get_by_role("button", name=re.compile("Confirmar")).click()
    page.get_by_label("Clave dinámica").fill("11111111")
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Código").fill("98")
    page.get_by_role("button", name=re.compile("Pagar")).click()
    expect(page.get_by_role("heading", name="Aún no sabemos si la transferencia se hizo")).to_be_visible()
    expect(page.get_by_text("No pague otra vez")).to_be_visible()
    fine(page, made)
    with page.expect_response(re.compile("live=poll")) as asked:
        assert asked.value.ok
    payment = stage.run(stage.core.reads.by_reference("etpay", made["token"]))
    assert payment is not None
    stage.report(payment.id, "paid")
    expect(page.get_by_role("heading", name="Detalle de la transacción")).to_be_visible()


def test_an_abandoned_session_expires_under_the_buyers_eyes(stage: Stage, receiver: Receiver, new_page: Callable[..., Page]) -> None:
    made, page = session(stage, receiver), new_page(**PHONE)
    page.goto(f"{stage.url}/session/{made['token']}")
    stage.advance_clock(30 * 60 + 1)
    receiver.wait_for(lambda: len(receiver.deliveries) == 1)
    page.reload()
    expect(page.get_by_role("heading", name="El tiempo para pagar terminó")).to_be_visible()
    fine(page, made)
    page.get_by_role("link", name=re.compile("Volver a")).click()
    page.wait_for_url(re.compile(r"/fracaso\?jwt="))
    assert receiver.deliveries[0].fields == {"payment": token_in(page.url)}


@SQLITE
def test_without_a_script_every_step_works(stage: Stage, receiver: Receiver, new_page: Callable[..., Page]) -> None:
    made, page = session(stage, receiver), new_page(**PHONE, java_script_enabled=False)
    page.goto(f"{stage.url}/session/{made['token']}?lang=en")
    page.get_by_role("link", name="Banco de prueba").click()
    page.get_by_label("RUT").fill("11111111-1")
    page.get_by_label("Bank password").fill("1111")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name=re.compile("Confirm")).click()
    page.get_by_label("Dynamic key").fill("11111111")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Cancel the payment").click()
    page.wait_for_url(re.compile(r"/fracaso\?jwt="))


class ShopPage(ThreadingHTTPServer):
    """A shop's page with the widget in it; `gateway` and `token` are put into it."""

    gateway = token = ""


class Handler(BaseHTTPRequestHandler):
    server: ShopPage

    def do_GET(self) -> None:
        body = (
            f'<!doctype html><title>Tienda</title><script src="{self.server.gateway}/widget.js"></script><button id="pay">Pagar</button>'
            "<script>window.told = []; document.getElementById('pay').onclick = () => ETpay.open({"
            f"token: '{self.server.token}', onSuccess: (jwt) => told.push(['success', jwt]), onError: (jwt) => told.push(['error', jwt]), "
            "onClose: () => told.push(['close'])});</script>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture
def shop_page() -> Iterator[ShopPage]:
    server = ShopPage(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@SQLITE
@pytest.mark.parametrize("allowed", [True, False])
def test_a_shop_embeds_the_funnel_and_is_handed_the_token_but_nobody_else_may(
    stage: Stage, receiver: Receiver, new_page: Callable[..., Page], shop_page: ShopPage, allowed: bool
) -> None:
    page = new_page(locale="es-CL")
    address = f"http://127.0.0.1:{shop_page.server_address[1]}"
    made = session(stage, receiver, site_url=f"{address}/tienda" if allowed else "https://elsewhere.example")
    shop_page.gateway, shop_page.token = stage.url, made["token"]
    page.goto(address)
    page.get_by_role("button", name="Pagar").click()
    frame = page.frame_locator("iframe")
    if not allowed:
        expect(frame.get_by_text("Banco de prueba")).to_have_count(0)
        return
    frame.get_by_role("link", name="Banco de prueba").click()
    frame.get_by_label("RUT").fill("111111111")
    frame.get_by_label("Clave del banco").fill("1111")
    frame.get_by_role("button", name="Continuar").click()
    frame.get_by_role("button", name=re.compile("Confirmar")).click()
    frame.get_by_label("Clave dinámica").fill("11111111")
    frame.get_by_role("button", name="Continuar").click()
    frame.get_by_label("Código").fill("12")
    frame.get_by_role("button", name=re.compile("Pagar")).click()
    page.wait_for_function("window.told.length === 1")
    ((event, token),) = page.evaluate("window.told")
    assert event == "success"
    assert receiver.deliveries[0].fields == {"payment": token}
    frame.get_by_role("button", name=re.compile("Volver a")).click()
    page.wait_for_function("window.told.length === 2")
    expect(page.locator("iframe")).to_have_count(0)
