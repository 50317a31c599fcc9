"""`paymux backup`: a consistent copy while the server runs, restored beside and proven before it gets its name; or prove one."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from paymux.cli.run import AsJson, Where, bad_option, settings_for, tell_json, warn

if TYPE_CHECKING:
    from paymux.ops.backup import Good, Say

SILENT_MS = 2000  # a short one says nothing on the way
STEP_MS = 1000


def backup(
    verify: Literal["verify"] | None = None,
    file: Path | None = None,
    /,
    *,
    to: Path | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Make a proven backup (--to FILE), or prove one that was made (verify FILE). Exit code 1 if it is not good.

    Parameters
    ----------
    verify
        The word verify, with the FILE to prove behind it.
    file
        The backup to prove; a dump of PostgreSQL is restored on the server of --database.
    to
        The new file. It appears only after the copy was restored beside and proven.
    """
    if (verify is None) == (to is None) or (verify is None) != (file is None):
        raise bad_option("to", "say either --to FILE, or verify FILE")
    good = asyncio.run(_work(settings_for(where, secret_key=False).database, file, to))
    if as_json:
        from paymux.cli.show import plain

        return tell_json({"ok": True, **plain(good)})
    _tell(good)


async def _work(url: str, file: Path | None, to: Path | None) -> "Good":
    from paymux.app.core import TOLD
    from paymux.clock import Clock
    from paymux.ops.backup import Prover

    prover = Prover(TOLD, _say(), Clock.wall)
    if to is not None:
        return await prover.make(url, to)
    assert file is not None, "the options were looked at"
    return await prover.verify(url, file)


def _say() -> "Say":
    from paymux.clock import Clock

    said_at = Clock.wall() + SILENT_MS - STEP_MS

    def say(text: str) -> None:
        nonlocal said_at
        if Clock.wall() - said_at >= STEP_MS:
            said_at = Clock.wall()
            warn(text)

    return say


def _tell(good: "Good") -> None:
    from paymux.cli import show as eyes

    rows = ", ".join(f"{count} {name}" for name, count in good.rows.items() if count)
    eyes.fields(
        [
            ("size", f"{good.bytes / (1 << 20):.1f} MiB"),
            ("schema", good.schema),
            ("rows", rows),
            ("took", f"{good.took_ms / 1000:.1f} s"),
            ("not in it", "PAYMUX_SECRET_KEY: keep it apart, without it no API key and no webhook secret in here can be used"),
        ],
        f"Good: {good.file}",
    )
