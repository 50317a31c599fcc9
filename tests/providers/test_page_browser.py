"""The buyer's page in a real browser: the way back to another host works under its policy, without script, and nobody is shut out."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page

from paymux.providers.sandbox.charge import Act
from paymux.providers.sandbox.house import books
from paymux.providers.sandbox.house.books import Deed
from tests.browser import barriers
from tests.databases import sqlite_url
from tests.providers.town import ALDER, built


class Shop(BaseHTTPRequestHandler):
    """Where the buyer comes back to: another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Shop</title><h1>Thank you</h1>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Addresses of an open and of a paid charge's page, served on loopback."""
    shop = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    listening = socket.create_server(("127.0.0.1", 0))
    base, back = f"http://127.0.0.1:{listening.getsockname()[1]}", f"http://127.0.0.1:{shop.server_port}/thanks"
    ready = threading.Event()
    urls: list[str] = []
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with built(sqlite_url(tmp_path / "paymux.db")) as town:
            callback_url = f"{base}/callbacks/{ALDER}"
            still_open = await town.started(operation_key="op_1", return_url=back, callback_url=callback_url)
            paid = await town.started(operation_key="op_2", return_url=back, callback_url=callback_url)
            await town.writer.submit(books.act, Deed(paid.reference, Act.APPROVE))
            urls.extend((still_open.url, paid.url))
            servers.append(uvicorn.Server(uvicorn.Config(town.house.pages, log_level="error", lifespan="off")))
            ready.set()  # the socket listens already: whoever comes early waits there
            await servers[0].serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    yield urls[0], urls[1]
    servers[0].should_exit = True
    thread.join()
    shop.shutdown()
    shop.server_close()


def test_a_buyer_approves_without_script_and_comes_back_to_the_shop(new_page: Callable[..., Page], pages: tuple[str, str]) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(pages[0])
    page.get_by_role("button", name="Approve 49.99 EUR").click()
    page.wait_for_url("**/thanks")
    assert page.title() == "Shop"
    page.goto(pages[0])
    assert page.get_by_role("heading").inner_text() == "This payment is paid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_page_shuts_nobody_out(new_page: Callable[..., Page], pages: tuple[str, str], scheme: str, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    for url in (*pages, pages[0] + "x"):
        page.goto(url)
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for box in [each.bounding_box() for each in page.locator("button, a, summary").all()]:
            assert box is not None
            assert box["height"] >= 44
