"""`paymux doctor`: what is wrong, what it means for the money, and how to mend it."""

import asyncio
import os
from typing import TYPE_CHECKING

from paymux.cli.run import AsJson, Declined, Where, tell_json, warn
from paymux.errors import SettingsError

if TYPE_CHECKING:
    from paymux.ledger.check import Progress
    from paymux.ops.doctor import Diagnosis
    from paymux.ops.finding import Case, Finding

SILENT_MS = 2000
STEP_MS = 2000


def doctor(*, skip: tuple[str, ...] = (), as_json: AsJson = False, where: Where | None = None) -> None:
    """Find what is wrong and explain it. Reads only; works with and without a running server; exit code 1 if something is wrong.

    Parameters
    ----------
    skip
        Leave a check out, such as books, which reads everything; may be given more than once.
    """
    from paymux.ops.doctor import GROUND, ROWS, SCHEMA, Diagnosis, diagnose

    if unknown := set(skip) - {*GROUND, *SCHEMA, *ROWS}:
        raise SettingsError(f"--skip: there is no check {', '.join(sorted(unknown))}; there are {', '.join([*GROUND, *SCHEMA, *ROWS])}")
    try:
        case = _case(where or Where())
    except SettingsError as error:
        diagnosis = Diagnosis([_bad_settings(str(error))], [], [*GROUND, *SCHEMA, *ROWS])
    else:
        diagnosis = asyncio.run(diagnose(case, frozenset(skip)))
    _tell_json(diagnosis) if as_json else _tell(diagnosis)
    if diagnosis.wrong:
        count = sum(finding.severity == "wrong" for finding in diagnosis.findings)
        raise Declined(f"{count} {'thing is' if count == 1 else 'things are'} wrong")


def _case(where: Where) -> "Case":
    from paymux import config, logs
    from paymux.app.core import TOLD
    from paymux.dialects.ecomtrade24.domain import wallet
    from paymux.keyring import Keyring
    from paymux.ops.finding import Case
    from paymux.providers.protocol import Registry
    from paymux.providers.sandbox.bank import all_providers

    settings = config.load(os.environ, where.config, secret_key_required=False, database=where.database)
    logs.set_up(settings.log_level, settings.log_format)
    ring = Keyring(settings.secret_key, settings.secret_keys_old) if settings.secret_key else None
    registry = Registry(all_providers(ring or Keyring("0" * 32)) if settings.mode == "sandbox" else {})
    return Case(
        settings=settings,
        told=TOLD,
        providers=frozenset(registry.providers),
        routes=frozenset(route.slug for route in registry.routes()),
        wallet=wallet,
        keyring=ring,
        progress=_progress(),
    )


def _progress() -> "Progress":
    from paymux.clock import Clock

    said_at = Clock.wall() + SILENT_MS - STEP_MS

    def progress(what: str, rows: int) -> None:
        nonlocal said_at
        if Clock.wall() - said_at >= STEP_MS:
            said_at = Clock.wall()
            warn(f"proving the books: read {rows} {what}")

    return progress


def _bad_settings(text: str) -> "Finding":
    from paymux.ops.finding import Finding, Severity

    return Finding(
        check="settings",
        severity=Severity.WRONG,
        what=f"The settings cannot be used: {text}",
        means="No command and no server starts, so nothing can be opened, paid or told.",
        mend="Correct what is named; paymux settings lists every setting with what it may be",
    )


def _tell_json(diagnosis: "Diagnosis") -> None:
    from paymux.cli.show import plain

    tell_json({"ok": not diagnosis.wrong, **plain(diagnosis)})


def _tell(diagnosis: "Diagnosis") -> None:
    from rich.text import Text

    from paymux.cli.show import console

    styles = {"wrong": "bold red", "look": "bold yellow", "note": "bold"}
    out = console()
    for finding in diagnosis.findings:
        out.print(Text(f"{finding.severity.upper():<6}", style=styles[finding.severity]) + Text(finding.check, style="bold"))
        for name, text in (("What", finding.what), ("Means", finding.means), ("Mend", finding.mend)):
            out.print(Text(f"  {name:<6} ", style="dim") + Text(text, style="default"), soft_wrap=True)
        out.print()
    if diagnosis.passed:
        out.print(f"In order: {', '.join(diagnosis.passed)}.", soft_wrap=True)
    if diagnosis.left_out:
        out.print(f"Not looked at: {', '.join(diagnosis.left_out)}.", soft_wrap=True)
