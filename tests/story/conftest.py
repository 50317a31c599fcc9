"""A node for the stories of one file, on each engine in turn. Each test brings merchants of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.databases import database, sqlite_url
from tests.node import LiveNode, serving


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def story_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database that the tests of one file share."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path_factory.mktemp("story") / "paymux.db")
        return
    with database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="module")
async def live(story_database: str) -> AsyncIterator[LiveNode]:
    async with serving(story_database) as node:
        yield node
