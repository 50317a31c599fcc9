"""A shop that is paid through an exchange order, in forty lines: create it, send the buyer to its page, believe the checked notice.

Run: EXCHANGER_URL=http://127.0.0.1:8080 EXCHANGER_KEY=… EXCHANGER_SECRET=… SHOP_URL=http://127.0.0.1:9000 python examples/exchanger_shop.py
"""

import json
import os
import time
import urllib.request
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

GATEWAY, KEY, SECRET, SHOP = (os.environ[name] for name in ("EXCHANGER_URL", "EXCHANGER_KEY", "EXCHANGER_SECRET", "SHOP_URL"))
IPN_SECRET, ROUTE, PURSE = "a secret of this shop", "5d8e5f7c1c9d440000a1e7aa", "5d8e5f3b1c9d440000a1e711"


def order(amount: str, email: str) -> str:
    """Create an order that pays our purse; the address of its payment page."""
    wish = {"routeId": ROUTE, "amount": amount, "agreement": True, "hideOutData": True, "lang": "en"}
    wish |= {"toValues": [{"key": PURSE, "value": "Z123456789012"}], "routeValues": [{"key": "email", "value": email}]}
    wish |= {"ipnUrl": f"{SHOP}/ipn", "ipnSecret": IPN_SECRET, "clientCallbackUrl": f"{SHOP}/back", "time": time.time_ns() // 1000}
    body = json.dumps(wish, separators=(",", ":"))
    signed = sha256((sha256(body.encode()).hexdigest() + SECRET).encode()).hexdigest()
    headers = {"Content-Type": "application/json", "apikey": KEY, "hash": signed}
    request = urllib.request.Request(f"{GATEWAY}/service/api/v1/public/exchanger/order/create", body.encode(), headers)
    made = json.load(urllib.request.urlopen(request))["data"]
    return f"{GATEWAY}/en/payment/{made['uid']}/{made['secret']}"


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        told = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        names = ("orderId", "newStatus", "inAmount", "outAmount", "xml_from", "xml_to", "timestamp")
        right = sha256(":".join([*(told[name] for name in names), IPN_SECRET]).encode()).hexdigest() == told.get("hash")
        print("order", told["orderUID"], told["newStatus"] if right else "a forged notice", flush=True)
        self.send_response(200 if right else 400)
        self.end_headers()


if __name__ == "__main__":
    print(order("2", "buyer@example.com"), flush=True)
    HTTPServer(("127.0.0.1", int(SHOP.rpartition(":")[2])), Shop).serve_forever()
