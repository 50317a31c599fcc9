"""uvicorn, as this project serves with it: what one connection may hold is bounded in time and in length, as bodies are (`body.py`).

uvicorn's keep-alive ends a connection that rests between two requests. A connection that never asks, whose head or trailers never end,
that goes on with a body whose answer it has, or that never reads its answers it would keep for ever, and heads, trailers and requests
sent ahead of any number and length in memory.
"""

import asyncio
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_TIMEOUT_S = 10.0  # for a whole head; a new connection gets as long to begin with one, and a body that was answered early to end
HEAD_BYTES_MAX = 64 * 1024  # of a head that comes in parts; one that came at once is no longer than what a socket is asked for
AHEAD_MAX = 64  # requests sent ahead of the answer to the first
UNREAD_S = 60.0  # so long somebody may leave what was sent lying while more waits


class BoundedHeads(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = self._in_body = self._body_came = self._declined = False
        self._came = 0  # bytes while the server waited for the end of a head, or in a body that were none of it
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None  # `cycle` is the newest, which may wait behind it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited()
        self._taken()
        super().connection_lost(exc)
        self._gone()

    def data_received(self, data: bytes) -> None:
        self._body_came = False
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as fault:
            self._feed_anew(data, fault)
        if self._in_body:
            self._came = 0 if self._body_came else self._came + len(data)
        elif self._in_head or self.cycle is None or self.cycle.response_complete:
            self._came += len(data)
            if self._patience is None and not self.transport.is_closing():
                self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, 408)
        if self._came > HEAD_BYTES_MAX:
            self._refuse(431)

    def _feed_anew(self, data: bytes, fault: Exception) -> None:
        """What is no request is refused, as by uvicorn. With an offer of another protocol httptools would take the body for that one's
        words, and what comes of it later for a request: so the head is read anew without the offer."""
        while isinstance(fault, httptools.HttpParserUpgrade):
            data = self._head_without_offer() + data[fault.args[0] :]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
            try:
                self.parser.feed_data(data)
                return
            except (httptools.HttpParserUpgrade, httptools.HttpParserError) as next_one:
                fault = next_one
        self.logger.warning("Invalid HTTP request received.")
        self.send_400_response("Invalid HTTP request received.")

    def _head_without_offer(self) -> bytes:
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(one.strip() for one in value.split(b",") if one.strip().lower() not in (b"upgrade", b"http2-settings"))
            if value and name not in (b"upgrade", b"http2-settings"):
                lines.append(name + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def eof_received(self) -> None:
        self._must_be_read()

    def on_message_begin(self) -> None:
        self._in_head, self._declined = True, False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # a trailer is no header: it came past whoever judges headers before us
            return
        name = name.lower()  # and as uvicorn does it: a call for each header is felt
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= AHEAD_MAX:
            raise OverflowError("too many requests were sent ahead")  # ends the parser's work on what came with them
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("this is no proxy")
            self._declined = True
            return
        self._in_head, self._in_body, self._came = False, True, 0
        if self._patience is not None:
            self._awaited()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._declined:  # it goes on in `_feed`
            return
        self._in_body, self._came = False, 0
        if self._patience is not None:
            self._awaited()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._must_be_read()
        elif self._in_body and not self._busy and self._patience is None:
            self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, 408)

    def send_400_response(self, msg: str) -> None:
        if self._in_head and self._busy:  # it would be read as the answer to a request before
            self.transport.close()
        else:
            super().send_400_response(msg)
        self._gone()
        self._must_be_read()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._must_be_read()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._must_be_read()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._taken()

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _awaited(self) -> None:
        self._came = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _must_be_read(self) -> None:
        """Let what waits to be sent not wait for ever: closing alone would."""
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _refuse(self, status: int) -> None:
        """End the connection, and say why to who has begun to ask and waits for nothing else."""
        self._awaited()
        if self.transport.is_closing():
            return
        if self._in_head and not self._busy:
            dates = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
            self.transport.write(STATUS_LINE[status] + dates + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
        self._gone()
        self._must_be_read()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _gone(self) -> None:
        """Whoever answers here is told that nobody listens: at once, for a closed connection cannot be written to."""
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()


def configured(application: Any, *, grace_s: int, backlog: int = 2048) -> uvicorn.Config:
    """The server's settings. `grace_s`: seconds for requests under way when it stops."""
    return uvicorn.Config(
        application,
        http=BoundedHeads,
        loop="none",
        lifespan="off",
        interface="asgi3",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace_s,
        backlog=backlog,
    )
