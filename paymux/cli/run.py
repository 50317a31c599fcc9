"""What every command shares: where the database is, the core to work with, and how results and refusals are told."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from cyclopts import Parameter, validators

from paymux.errors import PaymuxError, Refused, SettingsError, StorageError

if TYPE_CHECKING:
    from paymux.app.core import Core, KeyUse
    from paymux.config import Settings

T = TypeVar("T")
AsJson = Annotated[bool, Parameter(name="--json", help="Print one JSON object and nothing else.")]
Switch = Literal["on", "off"]
PAGE = 50
ID_MAX = 2**63 - 1  # what both databases keep


def between(least: int, most: int) -> Parameter:
    """What an option with a whole number says of it, both bounds allowed. No option is a bare int: a database would break on a long one."""
    return Parameter(validator=validators.Number(gte=least, lte=most))


Id = Annotated[int, between(0, ID_MAX)]
Units = Annotated[int, between(0, ID_MAX)]  # minor units of a currency
Port = Annotated[int, between(0, 65535)]
Limit = Annotated[int, between(1, 1000)]
Hours = Annotated[int, between(0, 24 * 30)]  # of a grace


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Options that every command has."""

    database: Annotated[str | None, Parameter(help="sqlite:////abs/file.db or postgresql://user@host:port/name (PAYMUX_DATABASE).")] = None
    config: Annotated[Path | None, Parameter(help="A TOML file with settings (PAYMUX_CONFIG).")] = None


class Declined(PaymuxError):
    """The command was understood and is refused: exit code 1."""


def settings_for(where: Where | None, *, secret_key: bool = True, **given: object) -> "Settings":
    """The settings of a command; logs go to stderr from here on. Without `secret_key` one is not asked for."""
    from paymux import config, logs

    where = where or Where()
    settings = config.load(os.environ, where.config, secret_key_required=secret_key, database=where.database, **given)
    logs.set_up(settings.log_level, settings.log_format)
    return settings


def run(
    where: Where | None,
    work: "Callable[[Core], Awaitable[T]]",
    *,
    secret_key: bool = False,
    sandbox: bool = False,
    migrating: bool = False,
    new_secret_key: bool = False,
) -> T:
    """Open the core, do `work`, close.

    `secret_key`: the work makes or reads secrets. `sandbox`: refused in live mode. `migrating`: the schema is brought up, and an SQLite
    file may be made. `new_secret_key`: the key that is set replaces one that is lost.
    """
    settings = settings_for(where, secret_key=secret_key)
    if sandbox and settings.mode == "live":
        raise Declined("this command is for the sandbox; the mode is live")
    key: KeyUse = "adopt" if new_secret_key else "claim" if secret_key else "check" if settings.secret_key else "unused"
    return asyncio.run(_run(settings, work, migrating, key))


async def _run(settings: "Settings", work: "Callable[[Core], Awaitable[T]]", migrating: bool, key: "KeyUse") -> T:
    import msgspec

    from paymux import ids
    from paymux.app.core import Core
    from paymux.storage.connect import must_exist

    if not settings.secret_key:
        # Nothing that is stored depends on it: these commands neither hash nor encrypt.
        settings = _replaced(settings, secret_key=ids.token(48))
    if not migrating:
        must_exist(settings.database)
    core = await Core.open(settings, migrating=migrating, key=key)
    try:
        return await work(core)
    except msgspec.ValidationError as error:
        raise StorageError(f"a stored value cannot be read: {error}") from error
    except Exception as error:
        if core.storage.retryable(error):
            raise StorageError(f"the database is busy or was lost ({error}): try again") from error
        raise
    finally:
        await core.close()


def _replaced(settings: "Settings", **changes: Any) -> "Settings":
    import dataclasses

    return dataclasses.replace(settings, **changes)


def bad_option(name: str, why: str) -> SettingsError:
    """What to raise for a value that an option cannot have: exit code 2."""
    return SettingsError(f"{name if name.isupper() else f'--{name}'}: {why}")


def accepted(result: "T | Refused") -> T:
    """The result of a verb, or the end of the command with the verb's reason."""
    if isinstance(result, Refused):
        raise Declined(result.detail or ", ".join(sorted(result.reasons)))
    return result


def tell_json(answer: Mapping[str, Any]) -> None:
    """The one JSON object of a command."""
    print(json.dumps(answer, ensure_ascii=False))


def warn(text: str) -> None:
    """A line for the person, beside the answer."""
    print(f"paymux: {text}", file=sys.stderr)


def moment(text: str, option: str) -> int:
    """A time as people write it (ISO 8601; UTC unless it says otherwise) in Unix milliseconds."""
    from datetime import UTC, datetime

    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise bad_option(option, f"{text!r} is not a time; write 2026-04-29T12:10 or 2026-04-29") from None
    aware = read if read.tzinfo else read.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
