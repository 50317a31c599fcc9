"""The served OpenAPI document of the exchanger's API: true. schemathesis asks everything that it allows, and what it forbids, signed as an
operator signs where a method needs it."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as said

from paymux.cli.exchange_fixtures import OPERATOR_KEY, OPERATOR_SECRET
from paymux.dialects.exchanger.auth import signature
from paymux.dialects.exchanger.params import Unreadable, read_body, read_query, signed_texts
from tests.databases import sqlite_url
from tests.exchange.shop import BASE, exchanging
from tests.served import aside

HELD = [not_a_server_error, said.status_code_conformance, said.content_type_conformance, said.response_schema_conformance]
EXAMPLES = 12  # for each operation and mode
PUBLIC = (
    "route/get", "route-v2/get", "route/get/one", "route/get/one/by-xml", "route/get/one/by-friendlyURL", "order/create", "order/get",
    "order/update-status", "order/get-lasts", "favorite/get",
)  # fmt: skip
METHODS = (
    *(f"public/exchanger/{name}" for name in PUBLIC), "public/site/status/get", "user/exchanger/order/history",
    "user/exchanger/order/update/owner", "user/auth/api/create", "user/auth/api/get/list", "user/auth/api/delete", "user/auth/session/get",
    "admin/exchanger/order/update-status", "admin/exchanger/order/get", "admin/exchanger/route/get", "admin/exchanger/route/get/one",
)  # fmt: skip
_times = count(1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = sqlite_url(tmp_path_factory.mktemp("openapi") / "paymux.db")
    with aside(lambda: exchanging(database)) as exchange:
        yield exchange.live.url


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    answer = httpx2.get(f"{url}/openapi/exchanger.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_the_document_has_every_method_once(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {BASE + name for name in METHODS}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all("requestBody" not in path["get"] for path in document["paths"].values() if "get" in path)
    parameters = document["paths"][f"{BASE}public/exchanger/order/get"]["get"]["parameters"]
    assert [one["name"] for one in parameters] == ["orderUID", "orderSecret", "type"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("method", METHODS)
def test_every_answer_is_as_the_document_says(url: str, document: dict[str, Any], method: str, mode: GenerationMode) -> None:
    for verb, operation in document["paths"][BASE + method].items():
        if mode is GenerationMode.NEGATIVE and not {"requestBody", "parameters"} & set(operation):
            continue  # what takes nothing can be given nothing wrong
        seen = asked(url, schemathesis.openapi.from_dict(document)[BASE + method][verb.upper()], mode)
        assert sum(seen.values()) >= 1
        assert 200 in seen or mode is GenerationMode.NEGATIVE


def asked(url: str, operation: Any, mode: GenerationMode) -> Counter[int]:
    """Ask what the operation's strategy draws; how it was answered."""
    seen: Counter[int] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.query = {**(case.query or {}), "time": str(next(_times))}
        answer = case.call_and_validate(base_url=url, headers=signed(case, url), checks=HELD, timeout=10)
        seen[answer.status_code] += 1

    ask()
    return seen


def signed(case: Any, url: str) -> dict[str, str]:
    """The headers with which an operator signs a request."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url=url)).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    try:
        read = read_body(body, prepared.headers.get("content-type", ""))
    except Unreadable:
        read = {}  # it is refused before anybody looks at who asks
    text = next(signed_texts(read_query(urlsplit(prepared.url or "").query.encode()), read))
    return {"apikey": OPERATOR_KEY, "hash": signature(text, OPERATOR_SECRET)}
