"""A database URL becomes a storage: `sqlite:////abs/file.db` or `postgresql://user@host:port/db`."""

from pathlib import Path

from paymux.errors import StorageError
from paymux.storage.postgres import PostgresStorage
from paymux.storage.sqlite import SqliteStorage
from paymux.storage.writer import Storage


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
