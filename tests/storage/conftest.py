"""A storage on either engine, with the newest schema."""

from collections.abc import AsyncIterator

import pytest

from paymux.storage.writer import Storage
from tests.storage.ad_hoc import opened


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """One open storage; both engines in turn."""
    found = await opened(database_url)
    yield found
    await found.close()
