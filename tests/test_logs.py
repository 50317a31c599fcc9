"""Logs: what must not come through, and how a line looks."""

import io
import json
import logging
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
import structlog

from paymux import logs

HIDDEN = "s3cr3t-V4lue"  # must never be seen
EMAIL = "jane.doe+shop@mail.example.com"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


@pytest.fixture(params=["json", "text"])
def out(request: pytest.FixtureRequest) -> io.StringIO:
    stream = io.StringIO()
    logs.set_up("debug", request.param, stream)
    return stream


def json_event(**fields: object) -> dict[str, object]:
    stream = io.StringIO()
    logs.set_up("debug", "json", stream)
    structlog.get_logger().info("happened", **fields)
    decoded = json.loads(stream.getvalue())
    assert isinstance(decoded, dict)
    return decoded


@pytest.mark.parametrize(
    "name",
    [
        *("secret", "webhook_secret", "clientSecret", "key", "api_key", "apikey", "apiKey", "X-Api-Key", "privateKey", "keys", "token"),
        *("access_token", "merchant_api_token", "password", "passwd", "Authorization", "email", "buyer_email", "e-mail", "cookie"),
        *("signature", "X-Signature", "sig", "Set-Cookie", "SECRET_KEY"),
    ],
)
def test_a_value_with_a_secret_name_is_redacted_wherever_it_stands(out: io.StringIO, name: str) -> None:
    log = structlog.get_logger()
    log.info("flat", **{name: HIDDEN})
    log.info("nested", headers={"a": [{name: HIDDEN}]}, pairs=[(name, HIDDEN), (name.encode(), HIDDEN.encode())])
    log.info("number", **{name: 12345678})
    log.bind(**{name: HIDDEN}).info("bound")
    with structlog.contextvars.bound_contextvars(**{name: HIDDEN}):
        log.info("context")
    assert HIDDEN not in out.getvalue()
    assert "12345678" not in out.getvalue()
    assert out.getvalue().count(logs.REDACTED) == 7


TEXTS = [
    *(f"mail to {EMAIL} failed", f"<{EMAIL}>", f"?e=jane.doe%40mail.example.com&x={EMAIL}"),
    *(f"Authorization: Bearer {HIDDEN}", f"bearer {HIDDEN}", f"Authorization: Basic {HIDDEN}=="),
    *(f"GET /x?api_key={HIDDEN}&a=1", f"/x?a=1&key={HIDDEN}", f"/x?apikey={HIDDEN}", f"token={HIDDEN}", f"a%26api_key%3D{HIDDEN}"),
    *(f'{{"api_key": "{HIDDEN}", "a": 1}}', f"{{'password': '{HIDDEN}'}}", f'{{"secret":"{HIDDEN}"}}', f'{{"key": {HIDDEN}}}'),
    *(f'"{{\\"webhook_secret\\": \\"{HIDDEN}\\"}}"', f"Merchant(id=1, secret='{HIDDEN}')", f"x(token=b'{HIDDEN}')", f'secret = "{HIDDEN}"'),
    *(f'password="it\'s {HIDDEN}"', f"password: 'a \\' {HIDDEN}'", f'"password": "a \\" {HIDDEN}', f"X-Signature: {HIDDEN}"),
    *(f"postgresql://paymux:{HIDDEN}@db.example/x", f"https://{HIDDEN}@a.example/", f"set-cookie: sid={HIDDEN}", f"privateKey={HIDDEN}"),
    f"a.eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx{HIDDEN}.x",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_inside_a_text_is_redacted(out: io.StringIO, text: str) -> None:
    log = structlog.get_logger()
    log.info("field", detail=text, many=[text, {"detail": text}], **{"odd " + text: 1})
    log.info(text)
    log.warning("object", error=ValueError(text))
    logging.getLogger("library").warning("record %s", text)
    shown = out.getvalue()
    assert HIDDEN not in shown
    assert "jane.doe" not in shown
    assert "mail.example.com" not in shown


@pytest.mark.parametrize("text", TEXTS)
def test_a_traceback_tells_where_but_no_secret(out: io.StringIO, text: str) -> None:
    def fails(password: str) -> None:
        local = password  # noqa: F841 - locals must not be shown either
        try:
            raise KeyError(text)
        except KeyError as error:
            raise ValueError(f"again {text}") from error

    try:
        fails(HIDDEN)
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed too")
    shown = out.getvalue()
    assert shown.count("in fails") >= 4
    assert HIDDEN not in shown
    assert "jane.doe" not in shown


def test_what_is_no_secret_is_shown() -> None:
    event = json_event(
        payment=12, wallet="0xF9727C52B58d44dE1Dd4CCe1576Ed43D0E6fd46C", amount=Decimal("10.00"), monkey="banana", operation_key="op_1",
        key_id="ab12", ok=True, none=None, path="/gateway/status.php?session=12", text="a keyboard, the design = good",
    )  # fmt: skip
    assert {name: event[name] for name in ("payment", "amount", "monkey", "operation_key", "key_id", "ok", "none", "path", "text")} == {
        "payment": 12, "amount": "10.00", "monkey": "banana", "operation_key": "op_1", "key_id": "ab12", "ok": True, "none": None,
        "path": "/gateway/status.php?session=12", "text": "a keyboard, the design = good",
    }  # fmt: skip
    assert event["wallet"] == "0xF9727C52B58d44dE1Dd4CCe1576Ed43D0E6fd46C"


def test_values_are_cut_at_a_length_and_a_depth() -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    deep: list[object] = []
    deep.append(deep)
    event = json_event(long="x" * 100_000, many=list(range(1000)), body=b"12345", odd=Odd(), deep=deep)
    assert len(str(event["long"])) == logs.TEXT_CHARS_MAX + 1
    assert len(event["many"]) == logs.ITEMS_MAX  # type: ignore[arg-type]
    assert event["body"] == "<5 bytes>"
    assert "RuntimeError" in str(event["odd"])
    assert "…" in str(event["deep"])


@pytest.mark.parametrize(
    "unit",
    ["a", "secret", "key=", "secret='", 'token="\\', "a.", "a@", "://a", "eyJ", "Bearer ", "%40", "secret='\\", "\\", '\\"secret\\":\\"'],
)
def test_a_hostile_text_is_scrubbed_in_little_time(unit: str) -> None:
    began = time.process_time()
    logs.scrub(unit * (48_000 // len(unit)))
    assert time.process_time() - began < 1


def test_a_line_of_json_is_one_event_with_its_time_and_level() -> None:
    event = json_event(detail="one\ntwo\u2028three")
    assert (event["event"], event["level"], event["detail"]) == ("happened", "info", "one\ntwo\u2028three")
    assert str(event["at"]).endswith("Z")
    assert len(str(event["at"])) == len("2026-04-29T12:10:00.123Z")


def test_a_line_of_text_cannot_be_forged_by_a_value() -> None:
    stream = io.StringIO()
    logs.set_up("info", "text", stream)
    structlog.get_logger().info("login\nforged", name="x\n2026-01-01 forged", ansi="\x1b[31m", plain="a", two="b c=d")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert 'plain=a two="b c=d"' in stream.getvalue()


def test_the_level_holds_for_our_events_and_for_records_of_libraries() -> None:
    stream = io.StringIO()
    logs.set_up("warning", "text", stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    logging.getLogger("uvicorn.access").warning("quiet")
    logging.getLogger("library").error("loud %d", 1, 2)  # arguments that do not fit lose no event
    structlog.get_logger().warning("heard")
    assert "quiet" not in stream.getvalue()
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["error", "warning"]
