"""Logs: one event a line on stderr, as JSON or text, with nothing in it that must stay secret.

Use: `log = structlog.get_logger()`, `log.info("payment.opened", payment=12)`. Records of the standard library's logging
(uvicorn, asyncio, libraries) go the same way. In text form a traceback follows its event, each line behind "  | ".

Redacted wherever they stand: values whose name speaks of a secret, key, token, password, authorization, cookie, e-mail or
signature; and inside any text, tracebacks too: e-mail addresses, `Bearer …`, `name=value` and `"name": "value"` of such
names, a URL's user part, JSON web tokens. Times are UTC. Values are cut at a length.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog

from paymux import clock

REDACTED = "[redacted]"
TEXT_CHARS_MAX = 2000
TRACEBACK_CHARS_MAX = 12_000
ITEMS_MAX = 50
DEPTH_MAX = 5

_NAMES = r"secret|token|passw(?:or)?d|passphrase|authorization|cookie|e-?mail|signature|api-?key|apikey"
_SECRET_NAME = re.compile(rf"{_NAMES}|(?:^|[^a-z])(?:keys?|sig|mac|otp|pin)(?:$|[^a-z])", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHOWN = frozenset({"key_id", "operation_key"})  # names of keys, which say nothing about them

# Parts are bounded, so that a hostile text cannot make a search slow. A value may end with the text: it may have been cut.
_NAME_IN_TEXT = rf"(?:{_NAMES})[\w.-]{{0,40}}|(?:(?<![a-z0-9])key|(?-i:(?<=[a-z])Key)|(?<![a-z0-9])sig)"
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), instead)
    for pattern, instead in (
        (r"\b(Bearer|Basic)\s+[\w.~+/=-]+", rf"\1 {REDACTED}"),
        (r"(?<=://)[^\s/@'\"]{1,200}@", f"{REDACTED}@"),
        (rf"({_NAME_IN_TEXT})(\\+[\"']\s*:\s*)(\\+)([\"']).*?(?:(?<!\\)\3\4|$)", rf"\1\2\3\4{REDACTED}\3\4"),  # JSON inside a quoted text
        (rf"({_NAME_IN_TEXT})([\"']?\s*[=:]\s*b?)([\"'])(?:\\++.?|(?!\3)[^\\])*+(?:\3|$)", rf"\1\2\3{REDACTED}\3"),
        (rf"({_NAME_IN_TEXT})(=|%3D|[\"']?:\s*)(?![\"'\s]|\[redacted\]|(?:Bearer|Basic)\s)[^\s&;,\"')\]}}]+", rf"\1\2{REDACTED}"),
        (r"[\w.+\-]{1,64}(?:@|%40)[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}", REDACTED),
        (r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*", REDACTED),
    )
)
_WORTH_A_LOOK = re.compile(rf"@|%40|eyJ|bearer|basic|key|sig|{_NAMES}", re.IGNORECASE)  # spares most texts the searches above

Event = MutableMapping[str, Any]


def set_up(level: str = "info", form: Literal["auto", "json", "text"] = "auto", stream: TextIO | None = None) -> None:
    """Send every event to `stream` (stderr). `auto` is text on a terminal, else JSON. May be called again."""
    out = sys.stderr if stream is None else stream
    as_text = form == "text" or (form == "auto" and out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            clean,
            _stamp,
            _text if as_text else _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
    logging.getLogger("uvicorn.access").disabled = True  # we write our own
    for name in ("httpcore2", "httpx2", "asyncio", "asyncpg"):  # their debug lines show whole headers
        logging.getLogger(name).setLevel(logging.WARNING)


def clean(_logger: object, _method: str, event: Event) -> Event:
    """The processor that redacts and cuts. Nothing may be added to an event after it."""
    return {_scrub(name, 100): _clean_value(name, value, 0) for name, value in event.items()}


def scrub(text: str) -> str:
    """A text without the secrets that can be recognised in it."""
    if _WORTH_A_LOOK.search(text):
        for pattern, instead in _IN_TEXT:
            text = pattern.sub(instead, text)
    return text


def _clean_value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _is_secret(name):
        return REDACTED
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _scrub(value, TRACEBACK_CHARS_MAX if name == "exception" else TEXT_CHARS_MAX)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return _scrub(f"{type(value).__name__}: {value}", TEXT_CHARS_MAX)
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {_scrub(str(key), 100): _clean_value(str(key), inner, depth + 1) for key, inner in list(value.items())[:ITEMS_MAX]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_pair(item, depth + 1) for item in list(value)[:ITEMS_MAX]]
    try:
        return _scrub(str(value), TEXT_CHARS_MAX)
    except Exception as error:  # a broken __str__ must not lose the event
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _clean_pair(item: Any, depth: int) -> Any:
    """An item of a list; a pair of name and value, as headers come, is judged by its name."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str | bytes):
        name = item[0].decode("latin-1") if isinstance(item[0], bytes) else item[0]
        return [_scrub(name, 100), _clean_value(name, item[1], depth)]
    return _clean_value("", item, depth)


def _is_secret(name: str) -> bool:
    return name not in _SHOWN and _SECRET_NAME.search(_CAMEL.sub("_", name)) is not None


def _scrub(text: str, chars_max: int) -> str:
    # Scrubbed before it is cut, or a cut could hide the mark by which a secret is recognised; far beyond the cut nothing is read.
    text = scrub(text[: 4 * chars_max])
    return text if len(text) <= chars_max else text[:chars_max] + "…"


def _stamp(_logger: object, _method: str, event: Event) -> Event:
    at = clock.Clock.wall()
    return {"at": f"{clock.iso(at)[:19]}.{at % 1000:03d}Z", **event}


def _json(_logger: object, _method: str, event: Event) -> str:
    return json.dumps(event, ensure_ascii=False, default=str).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _text(_logger: object, _method: str, event: Event) -> str:
    rest = dict(event)
    at, level, name, traceback = (rest.pop(key, "") for key in ("at", "level", "event", "exception"))
    shown = name if isinstance(name, str) and name.isprintable() else _word(name)
    line = f"{at} {level:<7} {shown}" + "".join(f" {key}={_word(value)}" for key, value in rest.items())
    return line + "".join(f"\n  | {part}" for part in str(traceback).splitlines())


def _word(value: object) -> str:
    """A value on one line; quoted when it has blanks or anything that a reader or a terminal could mistake."""
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    return value if value.isprintable() and value and not any(char in value for char in ' "=') else json.dumps(value)


class _Bridge(logging.Handler):
    """Hands records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # arguments that do not fit the text
            message = str(record.msg)
        level = record.levelname.lower() if record.levelname.lower() in {"debug", "info", "warning", "error", "critical"} else "info"
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exc_info"] = record.exc_info
        getattr(structlog.get_logger(), level)(message, **fields)
