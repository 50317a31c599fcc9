"""Sandbox companies with books of their own, on each engine, under a clock that tests move."""

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite("tests.providers.conformance")

from tests.providers.town import Town, built  # noqa: E402 - after the line above


@pytest.fixture
async def town(anyio_backend: str, database_url: str) -> AsyncIterator[Town]:
    """The house, its providers and the core's ear."""
    async with built(database_url) as town:
        yield town
