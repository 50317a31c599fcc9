"""A shop's web server for tests: records the notices it is sent, checks their signatures as EcomTrade24's manual does in PHP, and is
where buyers come back to. Each receiver has a thread and a port of 127.0.0.1 of its own. Nothing here knows pytest.

    with Receiver(secret="test-webhook-secret") as shop:
        ... webhook_url=shop.hook, return_url=shop.page("/order/success?id=1") ...
        shop.wait_for(lambda: "paid" in shop.words(1459))
"""

import hmac
import json
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WAIT_S = 20.0  # for what happens in milliseconds unless something is broken


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice as it came; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    came_at: int  # Unix milliseconds
    genuine: bool
    accepted: bool  # whether it was answered with 2xx while somebody waited for it

    @property
    def id(self) -> str:
        return self.headers["x-ecomtrade24-delivery"]

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def genuine(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """The manual's check: HMAC-SHA256 of the raw bytes, against the first of the two headers that is there."""
    sent = headers.get("x-ecomtrade24-signature") or headers.get("x-signature") or ""
    return hmac.compare_digest(hmac.new(secret.encode(), body, sha256).hexdigest(), sent)


@dataclass(slots=True)
class Visit:
    """A buyer's browser on one of the shop's pages."""

    target: str  # path with query, as it came
    at: float = field(default_factory=time.monotonic)


class Receiver:
    """`status` is what a genuine notice is answered with; a false one gets 401. `hangs`: no answer until `free()`. Without `signed`
    every notice counts as genuine: a shop whose API signs none."""

    def __init__(self, secret: str = "test-webhook-secret", *, signed: bool = True) -> None:
        self.secret, self.status, self.signed = secret, 200, signed
        self.deliveries: list[Delivery] = []
        self.visits: list[Visit] = []
        self.asked = 0  # notices that began to come, those that hang too
        self._changed = threading.Condition()
        self._gate = threading.Event()
        self._gate.set()
        self._server: _Server | None = None
        self._port = 0
        self.start()

    def start(self) -> None:
        """Listen (again, after `refuse`) on the same port."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def refuse(self) -> None:
        """Stop listening: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    def hang(self) -> None:
        """Answer nothing from now on, until `free`."""
        self._gate.clear()

    def free(self) -> None:
        self._gate.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.free()
        self.refuse()

    @property
    def hook(self) -> str:
        return self.page("/hook")

    def page(self, target: str) -> str:
        """The address of one of the shop's pages."""
        return f"http://127.0.0.1:{self._port}{target}"

    def of(self, session_id: int) -> list[Delivery]:
        """What came for a session, in order."""
        with self._changed:
            return [delivery for delivery in self.deliveries if delivery.fields["session_id"] == session_id]

    def words(self, session_id: int) -> list[str]:
        """The statuses that a session's notices told, in order; only those that were accepted."""
        return [delivery.fields["status"] for delivery in self.of(session_id) if delivery.accepted]

    def wait_for(self, condition: Callable[[], bool], what: str = "the notice", within_s: float = WAIT_S) -> None:
        """Wait until the condition holds; it is looked at after each notice and each visit."""
        with self._changed:
            if not self._changed.wait_for(condition, within_s):
                raise AssertionError(f"{what} did not come within {within_s:g} s; came: {[d.body for d in self.deliveries][-5:]}")

    def visited(self, session_page: str, within_s: float = WAIT_S) -> Visit:
        """The first visit to a page; waits for it."""

        def found() -> list[Visit]:
            return [visit for visit in self.visits if visit.target == session_page]

        self.wait_for(lambda: bool(found()), f"the buyer (at {session_page})", within_s)
        return found()[0]

    def take(self, path: str, headers: dict[str, str], body: bytes, gone: Callable[[], bool]) -> int | None:
        """Judge a notice; None if nobody waits for the answer any more."""
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
        came_at = time.time_ns() // 1_000_000
        heard = self._gate.wait(60) and not gone()
        good = not self.signed or genuine(headers, body, self.secret)
        status = self.status if good else 401
        with self._changed:
            self.deliveries.append(Delivery(path, headers, body, came_at, good, heard and 200 <= status < 300))
            self._changed.notify_all()
        return status if heard else None

    def see(self, target: str) -> None:
        with self._changed:
            self.visits.append(Visit(target))
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """End the connections that are kept alive."""
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hung up is of no interest."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it was killed in the middle
            self.close_connection = True
            return
        status = self.server.receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body, self._gone)
        if status is None:
            self.close_connection = True
            return
        self._answer(status, "text/plain", b"ok" if status < 300 else b"no")

    def _gone(self) -> bool:
        """Whether the other side has hung up."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def do_GET(self) -> None:
        self.server.receiver.see(self.path)
        self._answer(200, "text/html", b"<!doctype html><html lang=en><title>Shop</title><link rel=icon href='data:,'><h1>The shop</h1>")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
