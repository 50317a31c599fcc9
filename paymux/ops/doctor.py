"""`paymux doctor`: every check in turn, each finding explained. Reads only, with and without a server beside it.

A check that rests on another (rows on the schema, the schema on the database) is left out, and said so, when that one failed. A check
that breaks is a finding itself.
"""

from collections.abc import Sequence

import msgspec
import structlog

from paymux.logs import scrub
from paymux.ops import checks_ground, checks_merchants, checks_work
from paymux.ops.finding import Case, Check, Finding, Severity

log = structlog.get_logger()

# Name -> check, in the order in which a person would look.
GROUND: dict[str, Check] = {
    "settings": checks_ground.settings,
    "database": checks_ground.database,
    "disk":     checks_ground.disk,
    "server":   checks_ground.server,
}  # fmt: skip
SCHEMA: dict[str, Check] = {"schema": checks_ground.schema}
ROWS: dict[str, Check] = {
    "mode":       checks_ground.mode,
    "durability": checks_ground.durability,
    "clock":      checks_ground.clocks,
    "keys":       checks_merchants.keys,
    "merchants":  checks_merchants.merchants,
    "addresses":  checks_merchants.addresses,
    "receivers":  checks_merchants.receivers,
    "duties":     checks_work.duties,
    "routes":     checks_work.routes,
    "doubts":     checks_work.doubts,
    "attention":  checks_work.attention,
    "books":      checks_work.books,
}  # fmt: skip


class Diagnosis(msgspec.Struct, frozen=True):
    """What was found, which checks found nothing, and which could not be made."""

    findings: Sequence[Finding]
    passed: Sequence[str]
    left_out: Sequence[str]

    @property
    def wrong(self) -> bool:
        return any(finding.severity is Severity.WRONG for finding in self.findings)


async def diagnose(case: Case, without: frozenset[str] = frozenset()) -> Diagnosis:
    """Make every check but those of `without`; closes the database that it opens."""
    findings: list[Finding] = []
    passed: list[str] = []
    left_out: list[str] = []

    async def make(checks: dict[str, Check]) -> None:
        for name, check in checks.items():
            if name in without:
                left_out.append(name)
                continue
            found = await _made(name, check, case)
            findings.extend(found)
            if not found:
                passed.append(name)

    try:
        await make(GROUND)
        if case.storage is not None:
            await make(SCHEMA)
        if "schema" in passed:
            await make(ROWS)
        else:
            left_out += [*([] if case.storage is not None else SCHEMA), *ROWS]
    finally:
        if case.storage is not None:
            await case.storage.close()
    order = list(Severity)
    return Diagnosis(sorted(findings, key=lambda finding: order.index(finding.severity)), passed, left_out)


async def _made(name: str, check: Check, case: Case) -> list[Finding]:
    try:
        return await check(case)
    except Exception as error:
        log.debug("doctor.check_broke", check=name, exc_info=True)
        return [
            Finding(
                check=name,
                severity=Severity.WRONG,
                what=f"This could not be looked at: {type(error).__name__}: {scrub(str(error))}",
                means="Unknown: the database may be damaged, locked, or changed by hand.",
                mend="Try again; if it stays: paymux backup verify a good backup, and restore it, or report this with "
                "PAYMUX_LOG_LEVEL=debug paymux doctor",
            )
        ]
