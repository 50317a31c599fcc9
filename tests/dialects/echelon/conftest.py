"""A node with Echelon's reference fixture for the tests of one file, on each engine in turn."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.databases import database, sqlite_url
from tests.dialects.echelon.merchant import Caller, fixture_node
from tests.node import LiveNode


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fixture_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database that the tests of one file share."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path_factory.mktemp("echelon") / "paymux.db")
        return
    with database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="module")
async def live(fixture_database: str) -> AsyncIterator[LiveNode]:
    async with fixture_node(fixture_database) as node:
        yield node


@pytest.fixture
def merchant(live: LiveNode) -> Caller:
    return Caller(live)
