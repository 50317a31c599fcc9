"""The line of a request in the log: built by hand, and byte for byte what the log itself would write."""

import asyncio
import io
import json
import re
from collections.abc import Iterator

import pytest
import structlog
import structlog.testing

from paymux import logs
from paymux.http.access import AccessLog
from paymux.http.serve import Dispatcher, Origin, Request, Response, Route, Table

PATHS = ("/gateway/session.php", '/odd"\\ path\n', "/a/owner@example.com", "/t?token=abc&x=1", "/\u2028é", "/" + "x" * 500)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def without_moment(line: str) -> str:
    return re.sub(r'^\{"at": "[0-9T:.-]{23}Z"', '{"at": ""', line)


@pytest.mark.parametrize("path", PATHS)
async def test_a_line_is_what_the_common_way_would_write(path: str) -> None:
    out = io.StringIO()
    logs.set_up(form="json", stream=out)
    AccessLog().note("GET", path, 200, 0.00124)
    await asyncio.sleep(0)
    structlog.get_logger().info("request", method="GET", path=path[:200], status=200, took_ms=1.2)
    quick, common = out.getvalue().splitlines()
    assert without_moment(quick) == without_moment(common)
    assert json.loads(quick)["level"] == "info"


async def test_lines_of_one_turn_are_written_together_and_in_order() -> None:
    out = io.StringIO()
    logs.set_up(form="json", stream=out)
    access = AccessLog()
    for number in range(3):
        access.note("GET", f"/{number}", 200, 0.0)
    assert out.getvalue() == ""
    await asyncio.sleep(0)
    assert [json.loads(line)["path"] for line in out.getvalue().splitlines()] == ["/0", "/1", "/2"]


async def test_as_text_and_below_the_level_it_goes_the_common_way() -> None:
    out = io.StringIO()
    logs.set_up(form="text", stream=out)
    AccessLog().note("GET", "/a", 200, 0.001)
    assert "info    request method=GET path=/a status=200 took_ms=1.0" in out.getvalue()
    logs.set_up(level="warning", form="json", stream=out)
    before = out.getvalue()
    AccessLog().note("GET", "/a", 200, 0.001)
    await asyncio.sleep(0)
    assert out.getvalue() == before


async def test_a_test_that_captures_events_sees_it() -> None:
    with structlog.testing.capture_logs() as events:
        AccessLog().note("GET", "/a", 200, 0.001)
    assert events == [{"event": "request", "method": "GET", "path": "/a", "status": 200, "took_ms": 1.0, "log_level": "info"}]


async def test_what_stands_for_a_name_in_a_path_is_not_logged() -> None:
    async def handler(_: Request) -> Response:
        return Response(200)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(_: object) -> None:
        return None

    def failure(_: Request, status: int, __: object) -> Response:
        return Response(status)

    table = Table("t", [Route("GET", "/session/{token}", handler)], failure)
    dispatcher = Dispatcher([table], Origin(None), failure, 1000)
    scope = {"type": "http", "method": "GET", "path": "/session/hunter2", "headers": [], "client": ("127.0.0.1", 1)}
    with structlog.testing.capture_logs() as events:
        await dispatcher(scope, receive, send)
    assert [event["path"] for event in events] == ["/session/{token}"]
