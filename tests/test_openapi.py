"""The served OpenAPI documents: valid, complete, and true. schemathesis asks everything that a document allows, and what it forbids."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as said

from paymux.dialects.ecomtrade24.errors import HTTP
from tests.databases import sqlite_url
from tests.node import serving
from tests.served import aside
from tests.wires import WIRES, each
from tests.wires.wire import Fuzz, Wire

HELD = [
    not_a_server_error, said.status_code_conformance, said.content_type_conformance, said.response_schema_conformance,
    said.response_headers_conformance, said.unsupported_method,
]  # fmt: skip
EXAMPLES, EXAMPLES_LEAST = 480, 20  # for each API and mode, shared by its operations; at least so many for each


@dataclass(frozen=True)
class Served:
    url: str
    fuzz: dict[str, Fuzz]  # by the API's name


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A node in a thread of its own, since the one who asks here waits for each answer."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Served]:
        async with serving(sqlite_url(tmp_path_factory.mktemp("openapi") / "paymux.db"), rate_limits=False) as live:
            yield Served(live.url, {wire.name: await wire.fuzz(live.core) for wire in WIRES})

    with aside(opened) as found:
        yield found


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    answer = httpx2.get(f"{served.url}/openapi/ecomtrade24.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def schemas(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a document with where it stands."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "schema":
                yield f"{path}/{name}", inner
            yield from schemas(inner, f"{path}/{name}")
        if path.endswith("/components/schemas"):
            yield from ((f"{path}/{name}", inner) for name, inner in node.items())


@pytest.mark.parametrize("wire", WIRES, ids=each)
def test_every_schema_of_a_document_is_one_and_every_reference_leads_somewhere(served: Served, wire: Wire) -> None:
    document = httpx2.get(f"{served.url}/openapi/{wire.name}.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)
    found = dict(schemas(document))
    assert len(found) > 10
    for path, schema in found.items():
        assert jsonschema_rs.meta.is_valid(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}), path
        jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_the_document_has_what_a_reader_needs(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert set(document["paths"]) == {
        "/gateway/me.php", "/gateway/session.php", "/gateway/session_status.php", "/gateway/status.php"
    }  # fmt: skip
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        assert {"200", "401", "403", "429", "500", "503"} <= set(operation["responses"])
        assert {int(status) for status in operation["responses"]} - {200} <= set(HTTP.values())
    used = {name for one in document["security"] for name in one}
    assert used == set(document["components"]["securitySchemes"])


def test_etpays_document_marks_what_is_an_extension_and_what_needs_the_login(served: Served) -> None:
    paths = httpx2.get(f"{served.url}/openapi/etpay.json").json()["paths"]
    manual = {"/session/initialize", "/merchant/check_payment_status", "/v1/auth/login"}
    assert manual < set(paths)
    for path in set(paths) - manual - {"/session/{token}/simulate"}:
        for operation in paths[path].values():
            assert operation["summary"].startswith("Extension of ours: ")
            assert operation["security"] == [{"login": []}]


def test_the_document_names_every_field_that_is_read(document: dict[str, Any]) -> None:
    request = document["components"]["schemas"]["SessionRequest"]
    assert {"amount", "currency", "domain"} == set(request["required"])
    assert {"email", "customer_email", "billing_email", "order_id", "merchant_ref", "meta", "method"} <= set(request["properties"])


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("wire", WIRES, ids=each)
def test_every_answer_is_as_the_document_says(served: Served, wire: Wire, mode: GenerationMode) -> None:
    found = httpx2.get(f"{served.url}/openapi/{wire.name}.json").json()
    fuzz, described = served.fuzz[wire.name], schemathesis.openapi.from_dict(found)
    examples = max(EXAMPLES // sum(map(len, found["paths"].values())), EXAMPLES_LEAST)
    for path, methods in found["paths"].items():
        for method in methods:
            seen = asked(served.url, fuzz, described[path][method.upper()], mode, examples)
            assert sum(seen.values()) >= 1, path
            if mode is GenerationMode.POSITIVE and path in fuzz.answered:
                assert seen[200] + seen[201], (path, seen)


def asked(url: str, fuzz: Fuzz, operation: Any, mode: GenerationMode, examples: int) -> Counter[int]:
    """Ask what the operation's strategy draws; which statuses came, how often."""
    seen: Counter[int] = Counter()
    held = [check for check in HELD if fuzz.methods_known or check is not said.unsupported_method]

    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        fuzz.amend(case)
        # A transfer-encoding out of the blue makes of a request what no HTTP server can read: it never comes to the API.
        assume(not any(name.lower() == "transfer-encoding" for name in case.headers or {}))
        answer = case.call_and_validate(base_url=url, headers=dict(fuzz.headers), checks=held, timeout=10)
        seen[answer.status_code] += 1

    ask()
    return seen


def test_the_documents_file_is_the_same_for_everybody(served: Served, tmp_path: Path) -> None:
    with httpx2.Client() as client:
        one, two = (client.get(f"{served.url}/openapi/ecomtrade24.json", headers={"Host": host}).content for host in ("a", "b"))
    assert one == two
