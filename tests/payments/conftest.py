"""A stage on either engine, with one merchant."""

from collections.abc import AsyncIterator

import pytest

from tests.payments.stage import Stage


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A node with merchant 1; both engines in turn."""
    found = await Stage.at(database_url)
    assert await found.merchant() == 1
    yield found
    await found.storage.close()


@pytest.fixture
async def second(database_url: str, stage: Stage) -> AsyncIterator[Stage]:
    """Another node on the same database."""
    found = await Stage.at(database_url)
    yield found
    await found.storage.close()
