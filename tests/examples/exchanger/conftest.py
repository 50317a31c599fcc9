"""An exchange for the tests of one file, on each engine in turn."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.databases import database, sqlite_url
from tests.exchange.shop import Exchange, Forms, exchanging


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def exchange_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database that the tests of one file share."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path_factory.mktemp("exchange") / "paymux.db")
        return
    with database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="module")
async def exchange(exchange_database: str) -> AsyncIterator[Exchange]:
    async with exchanging(exchange_database) as found:
        yield found


@pytest.fixture
def shop() -> Iterator[Forms]:
    """A shop's server for notices."""
    with Forms() as found:
        yield found
