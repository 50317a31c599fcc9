"""Carries calls to an ASGI application in this process as if it were elsewhere: time-outs, refused connections and all.

Durations are real seconds (`Call.timeout_s`): a hanging company hangs whatever the sandbox's clock says.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from paymux.http.call import Call, Reply, Unreachable
from paymux.providers.protocol import Send

Message = MutableMapping[str, Any]
Asgi = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def in_process_send(app: Asgi) -> Send:
    """A `Send` that asks the application directly. Raises nothing but cancellation, as the real client."""

    async def send(call: Call) -> Reply | Unreachable:
        host = urlsplit(call.url).hostname or "nowhere"
        loop = asyncio.get_running_loop()
        started_s, answer = loop.time(), _Answer(call.body)
        try:
            async with asyncio.timeout(call.timeout_s):
                await app(_scope(call), answer.receive, answer.send)
        except TimeoutError:
            return Unreachable("timeout", f"{host}: no complete reply within {call.timeout_s:g} s", sent=True)
        except ConnectionRefusedError:
            return Unreachable("refused", f"{host}: the connection was refused", sent=False)
        except Exception as error:  # its bug is, seen from here, a connection that broke
            return Unreachable("protocol", f"{host}: the connection broke ({type(error).__name__})", sent=True)
        body, cut = bytes(answer.body), False
        if len(body) > call.body_max_bytes:
            if not call.keep_first:
                return Unreachable("too_large", f"{host}: the reply is longer than {call.body_max_bytes} bytes", sent=True)
            body, cut = body[: call.body_max_bytes], True
        return Reply(answer.status, answer.headers, body, round((loop.time() - started_s) * 1000), cut)

    return send


class _Answer:
    """One exchange: hands the request's body over, collects the reply."""

    def __init__(self, body: bytes) -> None:
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self.status, self.body = 0, bytearray()
        self.headers: dict[str, str] = {}

    async def receive(self) -> Message:
        message, self._request = self._request, None
        return message or {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for raw_name, raw_value in message.get("headers", ()):
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _scope(call: Call) -> Message:
    parts = urlsplit(call.url)
    headers = [(b"host", parts.netloc.encode("ascii")), (b"content-length", str(len(call.body)).encode())]
    headers += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in call.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": headers,
        "server": (parts.hostname or "", parts.port or 443),
        "client": ("127.0.0.1", 0),
        "state": {},
    }
