"""A stage on either engine, with one merchant."""

from collections.abc import AsyncIterator

import pytest

from tests.payments.stage import Stage
from tests.storage.ready import migrated_file, migrated_postgres, ready_url

__all__ = ["migrated_file", "migrated_postgres", "ready_url", "second", "stage"]


@pytest.fixture
async def stage(ready_url: str) -> AsyncIterator[Stage]:
    """A node with merchant 1; both engines in turn."""
    found = await Stage.at(ready_url)
    assert await found.merchant() == 1
    yield found
    await found.storage.close()


@pytest.fixture
async def second(ready_url: str, stage: Stage) -> AsyncIterator[Stage]:
    """Another node on the same database."""
    found = await Stage.at(ready_url)
    yield found
    await found.storage.close()
