"""What every test may ask for: an empty database on either engine, and a browser.

With CI set a missing PostgreSQL or browser fails the tests that need it; elsewhere it skips them and says why.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser import BrowserUnavailable, Opened, open_browser
from tests.databases import PostgresUnavailable, Server, database, postgres_server, sqlite_url
from tests.receiver import Receiver
from tests.stage.stage import Stage

OPENED = pytest.StashKey[Opened]()
BUSY_MACHINE_S = 20  # within which a page has what a test waits for
expect.set_options(timeout=BUSY_MACHINE_S * 1000)

for name in [name for name in os.environ if name.startswith("PAYMUX_") and not name.startswith("PAYMUX_TEST_")]:
    del os.environ[name]  # settings of the person who runs the tests are not the tests' settings

settings.register_profile("everywhere", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("everywhere")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crash-rounds", type=int, default=20, help="how often the crash test kills a server at a random moment")


@pytest.hookimpl(tryfirst=True)  # before `-m browser` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser come last: they are the slowest, and an open browser occupies the thread's event loop."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def missing(why: Exception) -> BaseException:
    if os.environ.get("CI"):
        return pytest.fail.Exception(str(why), pytrace=False)
    return pytest.skip.Exception(str(why))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for the whole run, started when the first test asks for it."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except PostgresUnavailable as why:
            raise missing(why) from None
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with database(postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "paymux.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A shop's server."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    """An installation on each engine in turn, whose books are checked at the end."""
    with Stage(database_url) as stage:
        yield stage
        stage.prove()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test whose browser hung, and had to be ended, is run once more with a new one: what hung was not ours."""
    if "browser" not in getattr(item, "fixturenames", ()):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    opened = item.session.stash.get(OPENED, None)
    if opened is not None and opened.hung:
        opened.hung = False
        print(f"\nThe browser hung in {item.nodeid}; once more with a new one")
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """One browser for the whole run."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open_browser())
        except BrowserUnavailable as why:
            raise missing(why) from None
        request.session.stash[OPENED] = opened
        yield opened


@pytest.fixture
def new_page(browser: Opened) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own; arguments are Playwright's for a context (`locale`, `viewport`, `java_script_enabled`, …)."""
    contexts: list[BrowserContext] = []

    def opened(**options: object) -> Page:
        context = browser.browser().new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(BUSY_MACHINE_S * 1000)
        contexts.append(context)
        return context.new_page()

    with browser.watch():
        yield opened
        for context in contexts:
            with contextlib.suppress(PlaywrightError):  # of a browser that had to be ended
                context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page as most people see it: 1280 by 720, light, JavaScript on."""
    return new_page()
