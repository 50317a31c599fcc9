"""`paymux backup`: a consistent copy while the server runs, restored beside and proven before it gets its name; prove one; and what a
restored database needs before it serves."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from paymux.cli.run import AsJson, Where, bad_option, between, run, settings_for, tell_json, warn

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.ops.backup import Good, Say

SKIPPED = 10_000_000
Skipped = Annotated[int, between(1, 10**12)]
SILENT_MS = 2000  # a short one says nothing on the way
STEP_MS = 1000


def backup(
    what: Literal["verify", "restored"] | None = None,
    file: Path | None = None,
    /,
    *,
    to: Path | None = None,
    skip: Skipped = SKIPPED,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Make a proven backup (--to FILE), prove one that was made (verify FILE; exit code 1 if it is not good), or say that the database was
    restored from one (restored), before it serves: no number that was handed out since that backup is then given to anything new.

    Parameters
    ----------
    what
        The word verify, with the FILE to prove behind it; or the word restored.
    file
        The backup to prove; a dump of PostgreSQL is restored on the server of --database.
    to
        The new file. It appears only after the copy was restored beside and proven.
    skip
        With restored: so many numbers are left out. More payments than that cannot have been made since the backup.
    """
    if (what is None) == (to is None) or (what == "verify") != (file is not None):
        raise bad_option("to", "say --to FILE, or verify FILE, or restored")
    if what == "restored":
        return _restored(where, skip, as_json)
    good = asyncio.run(_work(settings_for(where, secret_key=False).database, file, to))
    if as_json:
        from paymux.cli.show import plain

        return tell_json({"ok": True, **plain(good)})
    _tell(good)


def _restored(where: Where | None, skip: int, as_json: bool) -> None:
    async def work(core: "Core") -> int:
        from paymux.storage.installation import skip_ids

        return await core.storage.write(lambda tx: skip_ids(tx, skip))

    behind = run(where, work)
    if as_json:
        return tell_json({"ok": True, "ids_from": behind})
    print(f"New payments, payouts and orders get numbers above {behind:,}: none that was handed out since the backup is given again.")


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
