"""The served OpenAPI document of Echelon's API: true. schemathesis asks everything that it allows, and what it forbids."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as said

from tests.databases import sqlite_url
from tests.dialects.echelon.merchant import VERSION, Caller, fixture_node

HELD = [not_a_server_error, said.status_code_conformance, said.content_type_conformance, said.response_schema_conformance]
EXAMPLES = 40  # for each operation and mode
PATHS = (
    "/auth-tokens", "/auth-tokens-by-action", "/payins/!availablePaymentOptions", "/payins/{id_payin}", "/payins/{id_payin}/accounts",
    "/payins/{id_payin}/!setExternalReference", "/payouts/!availablePaymentOptions", "/payouts/{id_payout}", "/balances", "/merchant-info",
    "/currencies", "/segments", "/payment-operators", "/payment-methods", "/payment-options", "/fx-rates", "/fx-rate-pairs",
)  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A node in a thread of its own (its URL and a token), since the one who asks here waits for each answer."""
    up, down, found = threading.Event(), asyncio.Event(), []
    loop = asyncio.new_event_loop()
    folder: Path = tmp_path_factory.mktemp("openapi")

    async def run() -> None:
        async with fixture_node(sqlite_url(folder / "paymux.db")) as live:
            found.append((live.url, await Caller(live).token(validitySecs=3600)))
            up.set()
            await down.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        assert up.wait(30), "the node did not start"
        yield found[0]
    finally:
        loop.call_soon_threadsafe(down.set)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def document(served: tuple[str, str]) -> dict[str, Any]:
    answer = httpx2.get(f"{served[0]}/openapi/echelon.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_the_document_has_every_endpoint(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == set(PATHS)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_as_the_document_says(served: tuple[str, str], document: dict[str, Any], path: str, mode: GenerationMode) -> None:
    url, token = served
    headers = {**VERSION, "Authorization": f"Bearer {token}"}
    for method in document["paths"][path]:
        assert asked(url, headers, schemathesis.openapi.from_dict(document)[path][method.upper()], mode) >= 1


def asked(url: str, headers: dict[str, str], operation: Any, mode: GenerationMode) -> int:
    """Ask what the operation's strategy draws; how often."""
    seen: Counter[int] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call_and_validate(base_url=url, headers=headers, checks=HELD, timeout=10)
        seen[answer.status_code] += 1

    ask()
    return sum(seen.values())
