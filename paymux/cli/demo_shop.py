"""The little shop of `paymux demo`: a real receiver on its own port, with one page that shows its orders and what it was told.

It does what examples/ecomtrade24_shop.py does: it opens sessions over HTTP, verifies each webhook's HMAC over the raw bytes in constant
time, compares amount and currency with its order, and marks an order paid once.
"""

import hashlib
import hmac
import html
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from paymux import clock, ids

SHOP_DOMAIN = "shop.example.com"  # as in the samples of the documentation
SHOP_DOMAINS = (SHOP_DOMAIN, "shop.example")
BODY_MAX = 65536
SHOWN_MAX = 50
SUCCESS = frozenset({"paid", "settled", "completed"})
PRICE, CURRENCY = "49.99", "EUR"

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demo shop</title><style>
:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}}
h1{{font-size:1.5rem}}h2{{font-size:1.1rem;margin-top:2rem}}table{{border-collapse:collapse;width:100%}}
td,th{{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid #8886}}
button{{font:inherit;padding:.6rem 1.2rem;cursor:pointer}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem;margin:.2rem 0 1rem}}.ok{{color:#1a7f37}}.no{{color:#cf222e}}
@media(prefers-color-scheme:dark){{.ok{{color:#3fb950}}.no{{color:#ff7b72}}}}
</style></head><body><h1>Demo shop</h1><p>It sells one thing, for {price}. No real money moves.</p>
<form method="post" action="/buy"><button>Buy it</button></form>
<h2>Orders</h2><table><tr><th>Order<th>Amount<th>State</tr>{orders}</table>
<h2>Webhooks received</h2>{webhooks}<p><a href="/">Look again</a></p></body></html>"""


@dataclass(slots=True)
class Order:
    """One order of the shop; it is paid when a verified webhook said so."""

    amount: str
    currency: str
    paid: bool = False


@dataclass(slots=True)
class Received:
    """One webhook as it came."""

    at: int
    verdict: str
    good: bool
    body: str


@dataclass(slots=True)
class Shop:
    """`gateway`: its URL; `url`: the shop's own; `said`: told a line when something arrives."""

    gateway: str
    url: str
    api_key: str
    secret: str
    said: Callable[[str], None]
    orders: dict[str, Order] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open_order(self) -> dict[str, Any]:
        """A new order and its session, over HTTP: the gateway's answer."""
        order_id = f"DEMO-{ids.hex_token(4).upper()}"
        with self.lock:
            self.orders[order_id] = Order(PRICE, CURRENCY)
        wish = {
            "amount": PRICE,
            "currency": CURRENCY,
            "domain": SHOP_DOMAIN,
            "order_id": order_id,
            "email": "buyer@example.com",
            "country": "DE",
            "return_url": f"{self.url}/",
            "cancel_url": f"{self.url}/",
        }
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.gateway}/gateway/session.php", json.dumps(wish).encode(), headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=15) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def take(self, body: bytes, signature: str) -> int:
        """Judge a webhook; the status to answer with."""
        expected = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        given = signature.strip().lower().removeprefix("sha256=")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            return self._note(401, "refused: the signature is wrong", body)
        event = json.loads(body)
        name = f"{event['order_id'] or event['session_id']} {event['status']}"
        if event["test"]:
            return self._note(200, f"{name}: a test delivery, signature verified", body)
        with self.lock:
            order = self.orders.get(event["order_id"])
            once = f"{event['session_id']}:{event['status']}"
            repeated, wrong = once in self.seen, order and (event["amount"], event["currency"]) != (order.amount, order.currency)
            if not wrong:
                self.seen.add(once)
                if order and event["status"] in SUCCESS:
                    order.paid = True
        if wrong:
            return self._note(422, f"{name}: amount or currency is not the order's", body)
        note = ", a repeat" if repeated else "" if order else ", an order of somebody else"
        return self._note(200, f"{name}, signature verified{note}", body)

    def _note(self, status: int, verdict: str, body: bytes) -> int:
        with self.lock:
            self.received.append(Received(clock.Clock.wall(), verdict, status == 200, body.decode("utf-8", "replace")))
            del self.received[:-SHOWN_MAX]
        self.said(verdict)
        return status

    def page(self) -> str:
        """What a visitor sees."""
        with self.lock:
            orders = "".join(
                f"<tr><td>{html.escape(name)}<td>{order.amount} {order.currency}"
                f"<td>{'<span class=ok>paid</span>' if order.paid else 'waiting for money'}</tr>"
                for name, order in reversed(self.orders.items())
            )
            webhooks = "".join(
                f"<div>{clock.text(one.at)} UTC <span class={'ok' if one.good else 'no'}>{html.escape(one.verdict)}</span>"
                f"<pre>{html.escape(one.body)}</pre></div>"
                for one in reversed(self.received)
            )
        return PAGE.format(price=f"{PRICE} {CURRENCY}", orders=orders, webhooks=webhooks or "<p>None yet.</p>")


class Server(ThreadingHTTPServer):
    """The shop on its port, in threads of its own."""

    daemon_threads = True
    shop: Shop

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)

    def open_for(self, shop: Shop) -> None:
        """Answer from now on."""
        self.shop = shop
        threading.Thread(target=self.serve_forever, name="demo-shop", daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """GET / is the page, POST /buy opens an order, POST /webhook is the receiver."""

    server: Server

    def do_GET(self) -> None:
        if self.path.partition("?")[0] == "/":
            self._answer(200, self.server.shop.page(), {"Content-Type": "text/html; charset=utf-8"})
        else:
            self._answer(404, "There is nothing here.")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_MAX:
            return self._answer(413, "That is too long.")
        body = self.rfile.read(int(length))
        if self.path == "/webhook":
            try:
                status = self.server.shop.take(body, self.headers.get("X-EcomTrade24-Signature", ""))
            except (ValueError, KeyError, TypeError):
                status = 400
            return self._answer(status, "ok" if status == 200 else "no")
        if self.path == "/buy":
            try:
                url = self.server.shop.open_order()["checkout_url"]
            except (OSError, ValueError, KeyError) as error:
                return self._answer(502, f"The gateway did not open a session: {error}")
            return self._answer(303, "", {"Location": url})
        return self._answer(404, "There is nothing here.")

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain; charset=utf-8"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The shop says only what it was told."""
