"""A real browser for the tests of pages: the Chromium that the system has, driven by Playwright.

While it is open, the thread that opened it has a running event loop (Playwright's), so `asyncio.run` fails there:
`tests.databases.apart` runs a coroutine elsewhere, and conftest puts the tests that use a browser last.
"""

import contextlib
import shutil
from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",  # a page that asks elsewhere shows it
)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


class BrowserUnavailable(Exception):
    """No browser can be had on this machine; the text says why."""


def executable() -> str:
    """Where the system's Chromium is."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise BrowserUnavailable(f"no Chromium on the path (looked for {', '.join(NAMES)}); on Debian: apt-get install chromium")


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """One headless browser; contexts in it share nothing."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        try:
            yield browser
        finally:
            browser.close()


def barriers(page: Page) -> list[str]:
    """What on the page breaks WCAG 2.2 AA: one line for each rule and element."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": list(RULES)}})
    return [
        f"{violation['id']}: {violation['help']} — {' '.join(map(str, node['target']))}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]
