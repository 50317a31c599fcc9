"""A merchant on Echelon's API in forty lines: a token for one payin, the payin itself, a callback that only says "look", and the look.

Run it with BASE_URL, MERCHANT_CODE and SECRET in the environment (CURRENCY and SHOP_PORT if yours differ). It creates one payin, prints
where the customer pays to, and says how it ended.
"""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BASE_URL, PORT, CURRENCY = os.environ["BASE_URL"], int(os.environ.get("SHOP_PORT", "8090")), os.environ.get("CURRENCY", "IDR")
ME = {"merchantCode": os.environ["MERCHANT_CODE"], "secret": os.environ["SECRET"]}
ORDER, ENDED = f"ORD-{os.getpid()}", set[str]()


def ask(method: str, path: str, body: dict[str, Any] | None = None, token: str = "") -> dict[str, Any]:
    headers = {"X-API-Version": "2", "Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(BASE_URL + path, data, headers, method=method), timeout=15) as answer:
        return dict(json.load(answer))


def token_for(action: str, order: str) -> str:
    return str(ask("POST", "/auth-tokens-by-action", {**ME, "action": action, "idPayment": order})["token"])


def create(order: str, amount: int) -> dict[str, Any]:
    money = {"amount": amount, "currencyCode": CURRENCY}
    wish = {
        "paymentRequested": {"money": money},
        "paymentMethod": {"paymentMethodCode": "OFFLINE"},
        "returnUrl": "https://shop.example.com/",
    }
    wish["callbackUrl"] = f"http://127.0.0.1:{PORT}/callback"
    answer = ask("POST", f"/payins/{order}", wish, token_for("PAYIN_CREATE", order))
    return dict(answer["paymentMethodResponse"])


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["idEntity"]
        status = ask("GET", f"/payins/{order}", token=token_for("PAYIN_INFO", order))["process"][
            "status"
        ]  # the callback itself proves nothing
        if order not in ENDED and status != "PROCESSING":
            ENDED.add(order)
            print(f"order {order} ended: {status}", flush=True)
        self.send_response(200)  # exactly 200, else it comes again
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say only what matters to a shop."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Shop)
    created = create(ORDER, 10_000)
    print(f"order {ORDER}: pay to account {created['account']['accountNumber']}, reference {created['reference']}", flush=True)
    server.serve_forever()
