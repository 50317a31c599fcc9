"""A storage on either engine, with the newest schema."""

from collections.abc import AsyncIterator

import pytest

from paymux.storage.writer import Storage
from tests.storage.ad_hoc import opened
from tests.storage.ready import migrated_file, migrated_postgres, ready_url

__all__ = ["migrated_file", "migrated_postgres", "ready_url", "storage"]


@pytest.fixture
async def storage(ready_url: str) -> AsyncIterator[Storage]:
    """One open storage; both engines in turn."""
    found = await opened(ready_url)
    yield found
    await found.close()
