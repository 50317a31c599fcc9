"""A real browser for the tests of pages: the Chromium that the system has, driven by Playwright.

While it is open, the thread that opened it has a running event loop (Playwright's), so `asyncio.run` fails there:
`tests.databases.apart` runs a coroutine elsewhere, and conftest puts the tests that use a browser last.
"""

import contextlib
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

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
HANGS_AFTER_S = 100  # the slowest test takes a third of it on a busy machine
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


class Opened:
    """One headless browser, opened again if it died; contexts in it share nothing.

    A script in a page has no time limit, so a browser that hangs would hang the whole run: `watch` ends it, whatever waits for it then
    fails, and `hung` says that the browser was the reason.
    """

    def __init__(self, playwright: Playwright, path: str) -> None:
        self._playwright, self._path = playwright, path
        self._mark = f"--paymux-tests={uuid.uuid4().hex}"  # by which its processes are found
        self._browser: Browser | None = None
        self.hung = False

    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=self._path, args=[*ARGS, self._mark])
        return self._browser

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """For as long as one test takes."""
        timer = threading.Timer(HANGS_AFTER_S, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        self.hung = True
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self._mark.encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    def close(self) -> None:
        if self._browser is not None and self._browser.is_connected():
            self._browser.close()


@contextlib.contextmanager
def open_browser() -> Iterator[Opened]:
    """A browser for the whole run."""
    path = executable()
    with sync_playwright() as playwright:
        opened = Opened(playwright, path)
        opened.browser()
        try:
            yield opened
        finally:
            opened.close()


def barriers(page: Page) -> list[str]:
    """What on the page breaks WCAG 2.2 AA: one line for each rule and element."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": list(RULES)}})
    return [
        f"{violation['id']}: {violation['help']} — {' '.join(map(str, node['target']))}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]
