"""A shop on EcomTrade24 Pay's API in fifty lines: create a session, send the buyer there, believe only signed webhooks.

Run it with BASE_URL, API_KEY and WEBHOOK_SECRET in the environment (SHOP_DOMAIN and SHOP_PORT if yours differ). It opens one
order, prints where to pay it, and says when it is paid. The merchant's webhook URL is http://127.0.0.1:8090/webhook then: an address
of this machine, which the gateway calls only when its server runs with PAYMUX_ALLOW_PRIVATE_URLS=on (`paymux demo` does).
"""

import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE_URL, API_KEY, WEBHOOK_SECRET = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ["WEBHOOK_SECRET"]
ORDERS = {f"ORD-{os.getpid()}": {"amount": "49.99", "currency": "EUR", "paid": False}}
SEEN: set[str] = set()


def open_session(order_id: str) -> str:
    order = {name: ORDERS[order_id][name] for name in ("amount", "currency")}
    wish = {**order, "order_id": order_id, "domain": os.environ.get("SHOP_DOMAIN", "shop.example.com"), "email": "buyer@example.com"}
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{BASE_URL}/gateway/session.php", json.dumps(wish).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return str(json.load(answer)["checkout_url"])
    except urllib.error.HTTPError as refused:
        sys.exit(f"the gateway refused the session: {refused.code} {code_in(refused.read())}")


def code_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])  # such as domain_not_allowed
    except (ValueError, KeyError, TypeError):  # not the gateway's: a proxy's page, for example
        return "without an error code"


def take(body: bytes, signature: str) -> int:
    expected = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()  # over the bytes as they came
    if not hmac.compare_digest(expected.encode(), signature.strip().lower().removeprefix("sha256=").encode()):
        return 401
    event = json.loads(body)
    order, once = ORDERS.get(event["order_id"]), f"{event['session_id']}:{event['status']}"
    if event["test"] or order is None or once in SEEN:  # a repeat is answered like the first
        return 200
    if (event["amount"], event["currency"]) != (order["amount"], order["currency"]):
        return 422
    SEEN.add(once)
    if event["status"] in ("paid", "settled", "completed") and not order["paid"]:
        order["paid"] = True
        print(f"order {event['order_id']} is paid: send the goods", flush=True)
    return 200


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(take(body, self.headers.get("X-EcomTrade24-Signature", "")) if self.path == "/webhook" else 404)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say only what matters to a shop."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("SHOP_PORT", "8090"))), Shop)
    for order_id in ORDERS:
        print(f"pay order {order_id} here: {open_session(order_id)}", flush=True)
    server.serve_forever()
