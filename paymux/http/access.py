"""The one line a request in the log, built cheaply: it is written thousands of times a second.

Where events are JSON lines, a line is put together by hand, byte for byte as the log's own processors would, and what one turn
of the event loop brings is written in one go; a process that is killed loses at most that turn's lines. In any other form (text,
a test that captures events) the event goes the common way. Nothing but the method and the path comes from outside.
"""

import asyncio
import json
from typing import Any

import structlog

from paymux import logs
from paymux.clock import Clock, iso

PATH_CHARS_MAX = 200
KNOWN_MAX = 1000
INFO = 20

log = structlog.get_logger()
_quoted = json.encoder.encode_basestring


class AccessLog:
    """Notes answered requests."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._out: Any = None  # where lines go in this turn of the loop; None: the common way
        self._second, self._stamp = -1, ""
        self._known: dict[tuple[str, str, int], str] = {}  # paths without numbers are few, and cleaned once

    def note(self, method: str, path: str, status: int, took_s: float) -> None:
        """One request was answered."""
        if not self._lines:
            self._out = _json_output()
            if self._out is not None:
                asyncio.get_running_loop().call_soon(self._write)
        if self._out is None:
            log.info("request", method=method, path=path[:PATH_CHARS_MAX], status=status, took_ms=round(took_s * 1000, 1))
            return
        wall = Clock.wall()
        if wall // 1000 != self._second:
            self._second, self._stamp = wall // 1000, iso(wall)[:19]
        self._lines.append(
            f'{{"at": "{self._stamp}.{wall % 1000:03d}Z", {self._about(method, path, status)}, "took_ms": {round(took_s * 1000, 1)}, '
            '"event": "request", "level": "info"}'
        )

    def _about(self, method: str, path: str, status: int) -> str:
        known = self._known.get((method, path, status))
        if known is None:
            clean = _quoted(logs.scrub(path[:PATH_CHARS_MAX])).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
            known = f'"method": {_quoted(method)}, "path": {clean}, "status": {status}'
            if len(self._known) < KNOWN_MAX:
                self._known[method, path, status] = known
        return known

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        self._out.msg("\n".join(lines))


def _json_output() -> Any:
    """Where JSON lines go, or None if events have another form or are not wanted at this level."""
    config = structlog.get_config()
    if not config["processors"] or config["processors"][-1] is not logs._json or not log.is_enabled_for(INFO):
        return None
    return config["logger_factory"]()
