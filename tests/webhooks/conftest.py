"""The fixtures of this chapter: a world on each engine, and a receiver."""

from collections.abc import AsyncIterator

import pytest

from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.world import World, opened


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
