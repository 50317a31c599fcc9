"""A shop on ETpay's API in forty lines: create a session, send the buyer to the funnel, believe only tokens that it can verify.

Run it with API_URL, MERCHANT_CODE and MERCHANT_API_TOKEN in the environment (SHOP_PORT if yours differs). It opens one order, prints
where to pay it, and says when it is paid. Needs only the standard library; etpay-sdk's `verify` does what `claims` does.
"""

import base64
import hmac
import json
import os
import urllib.request
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API_URL, CODE, TOKEN = os.environ["API_URL"], os.environ["MERCHANT_CODE"], os.environ["MERCHANT_API_TOKEN"]
PORT = int(os.environ.get("SHOP_PORT", "8091"))
ORDERS = {f"OC-{os.getpid()}": {"amount": 50000, "paid": False}}
SIGNATURES: dict[str, str] = {}  # session token -> signature token: kept until the end, never shown to a browser


def open_session(order_id: str) -> str:
    wish = {"merchant_code": CODE, "merchant_api_token": TOKEN, "merchant_order_id": order_id, "order_amount": ORDERS[order_id]["amount"]}
    wish |= {"payment_webhook_url": f"http://127.0.0.1:{PORT}/webhook"}
    with urllib.request.urlopen(f"{API_URL}/session/initialize", json.dumps(wish).encode(), timeout=15) as answer:
        made = json.load(answer)
    SIGNATURES[made["token"]] = made["signature_token"]
    return f"{API_URL}/session/{made['token']}"


def claims(token: str) -> dict[str, object] | None:
    signed, _, given = token.rpartition(".")
    head, body = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
    key = SIGNATURES.get(body.get("session_token"), "")
    right = base64.urlsafe_b64encode(hmac.new(key.encode(), signed.encode(), sha256).digest()).rstrip(b"=")
    return body if key and head.get("alg") == "HS256" and hmac.compare_digest(right, given.encode()) else None


def take(body: bytes) -> int:
    told = claims(json.loads(body)["payment"])
    order = ORDERS.get(str(told["merchant_order_id"])) if told else None
    if told is None or order is None or (told["merchant_amount"], told["merchant_currency"]) != (order["amount"], "CLP"):
        return 401
    if told["payment_status"] == "success" and not order["paid"]:  # a repeat is answered like the first
        order["paid"] = True
        print(f"order {told['merchant_order_id']} is paid: send the goods", flush=True)
    return 200


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(take(self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say only what matters to a shop."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Shop)
    for order_id in ORDERS:
        print(f"pay order {order_id} here: {open_session(order_id)}", flush=True)
    server.serve_forever()
