"""A database URL becomes a storage: `sqlite:////abs/file.db` or `postgresql://user@host:port/db`."""

import fcntl
import os
import threading
from pathlib import Path

import structlog

from paymux.clock import ticks
from paymux.errors import StorageError
from paymux.storage.postgres import PostgresStorage
from paymux.storage.sqlite import SqliteStorage
from paymux.storage.writer import Storage

DRAINED_S = 12.0  # a server that was asked to stop has ended by then
LOOK_AGAIN_S = 0.1

log = structlog.get_logger()


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another engine's."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def storage_for(url: str, postgres_lanes: int = 2) -> Storage:
    """The storage of a URL, not yet opened."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        if not path or path == ":memory:":
            raise StorageError("SQLite needs a file: sqlite:////absolute/path/paymux.db")
        return SqliteStorage(Path(path))
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresStorage(url, postgres_lanes)
    raise StorageError(
        f"unknown database URL {url.split('://')[0]}://…: use sqlite:////absolute/file.db or postgresql://user@host:port/name"
    )


def must_exist(url: str) -> None:
    """Refuse an SQLite file that is not there, so that looking for it does not make one."""
    path = sqlite_file(url)
    if path is not None and not path.exists():
        raise StorageError(f"there is no database at {path.absolute()}: check PAYMUX_DATABASE; paymux migrate makes a new one")


def serve_alone(url: str) -> None:
    """Be the only server of an SQLite file until this process ends, however it ends. One that is stopping is waited for."""
    path = sqlite_file(url)
    if path is None:
        return
    path = path.resolve()
    place = path.with_name(f"{path.name}-serving")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)  # never closed: the lock lives as long as the process
        if not _locked(held):
            log.warning("waiting for the server that has this database", file=str(path))
            _await_lock(held, path)
        os.ftruncate(held, 0)
        os.pwrite(held, b"%d\n" % os.getpid(), 0)
    except OSError as error:
        raise StorageError(f"cannot lock {place}: {error.strerror}. Check that its folder is writable.") from error


def _locked(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _await_lock(held: int, path: Path) -> None:
    ends_s = ticks() + DRAINED_S
    while not _locked(held):
        if ticks() >= ends_s:
            by = os.pread(held, 20, 0).decode("ascii", "replace").strip()
            os.close(held)
            raise StorageError(
                f"{path} is being served already{f' by process {by}' if by else ''}: SQLite has one writer, so one server. Stop that one "
                "first, or use a postgresql:// database for several"
            )
        threading.Event().wait(LOOK_AGAIN_S)
