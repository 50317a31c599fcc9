"""Databases beside the real one on a PostgreSQL server: a backup is restored into one, proven, and the database dropped."""

from urllib.parse import urlsplit

import asyncpg

from paymux import ids
from paymux.errors import StorageError

PREFIX = "paymux_check_"


async def create_scratch(url: str) -> str:
    """An empty database on the server of `url`, by the same user; its URL."""
    name = PREFIX + ids.hex_token(6)
    await _execute(url, f'CREATE DATABASE "{name}" TEMPLATE template0')
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def drop_scratch(url: str, scratch: str) -> None:
    """Remove it, even while something is still connected."""
    name = urlsplit(scratch).path[1:]
    assert name.startswith(PREFIX), "only what was made here is dropped"
    await _execute(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    """One statement that no transaction may hold."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StorageError(f"cannot connect to PostgreSQL: {error}") from error
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        user = urlsplit(url).username or "the user"
        raise StorageError(
            f"a backup is proven in a database of its own, and {user} may not make one: in psql as a superuser, ALTER ROLE {user} CREATEDB"
        ) from error
    except asyncpg.PostgresError as error:
        raise StorageError(f"PostgreSQL refused: {error}") from error
    finally:
        await connection.close()
