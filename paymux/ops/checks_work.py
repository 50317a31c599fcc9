"""What the doctor looks at about money under way: doubts, what waits for a person, duties that nobody does, and the books."""

from collections.abc import Sequence
from typing import Any

from paymux.clock import MINUTE, SECOND, iso
from paymux.ledger.check import Fault
from paymux.ops.finding import Case, Finding, Severity, lasting, several
from paymux.ops.standing import standing
from paymux.payments.verify import verify
from paymux.payouts.verify import verify_payouts
from paymux.storage.query import Tx, load

_q = load("paymux.ops")

STUCK_MS = 15 * MINUTE
IDLE_MS = 2 * MINUTE  # what is due for so long and was not done is done by nobody


async def routes(case: Case) -> list[Finding]:
    """Whether a buyer has any way to pay."""
    if not case.routes:
        return [
            Finding(
                check="routes",
                severity=Severity.WRONG if case.live else Severity.LOOK,
                what=f"No provider is there in {case.settings.mode} mode, so there is no route."
                + (" Paymux ships with the sandbox's providers only." if case.live else ""),
                means="Nobody can pay: payments are opened, and every buyer is told that no method is available.",
                mend="Write a provider, and let the server have it: docs/providers.md tells how. To try Paymux without one: "
                "PAYMUX_MODE=sandbox with a database of its own",
            )
        ]
    down = case.routes & await case.read(_down)
    if down != case.routes:
        return []
    return [
        Finding(
            check="routes",
            severity=Severity.WRONG if case.live else Severity.LOOK,
            what=f"Every route is set down: {several(sorted(down))}.",
            means="Nobody can pay: payments are opened, and every buyer is told that no method is available.",
            mend=f"paymux route list; paymux route set {min(down)} --health up, for each provider that works",
        )
    ]


async def _down(tx: Tx) -> frozenset[str]:
    return frozenset(row["slug"] for row in await tx.fetch(_q.routes_down))


async def doubts(case: Case) -> list[Finding]:
    """Attempts of which nobody knows whether they are paid, for longer than a few questions take."""
    rows = await case.read(_unclear)
    found, now = [], case.now()
    stuck_ms = max(STUCK_MS, 3 * case.settings.poll_max_s * SECOND)
    stuck = [row for row in rows if _is_stuck(case, row, now, stuck_ms)]
    if stuck:
        first = stuck[0]["payment_id"]
        oldest = min(row["doubted_at"] or row["started_at"] for row in stuck)
        found.append(
            Finding(
                check="doubts",
                severity=Severity.WRONG,
                what=f"Nobody knows whether this is paid, the oldest since {iso(oldest)}: {several([_doubt(case, row) for row in stuck])}.",
                means="The buyer may have paid without the shop knowing. Nothing is guessed: no second provider is tried, nothing expires, "
                "and nothing is booked until it is known.",
                mend=f"paymux payment list --doubt lists them; paymux payment show {first} names the provider and the operation key: "
                "look it up there and have "
                "the provider answer. It is asked again by itself, and the doubt ends with its answer; a server must run. Where it never "
                f"answers, end the doubt with what it shows you: paymux payment accept {first} --received AMOUNT if it holds the money, "
                f"paymux payment reject {first} if it knows of none and never will. "
                + ("" if case.live else "In the sandbox: paymux sandbox report --payment ecomtrade24:ID --outcome paid (or declined)"),
            )
        )
    elif rows:
        oldest = min(row["doubted_at"] or row["started_at"] for row in rows)
        found.append(
            Finding(
                check="doubts",
                severity=Severity.NOTE,
                what=f"{len(rows)} attempts are in doubt, the oldest since {iso(oldest)}; they are being asked about.",
                means="Most doubts end by themselves with one of the next questions.",
                mend="Nothing to do yet",
            )
        )
    return found + await _payouts_in_doubt(case, now, stuck_ms)


async def _payouts_in_doubt(case: Case, now: int, stuck_ms: int) -> list[Finding]:
    """Money that was perhaps sent out, for longer than a few questions take."""

    async def work(tx: Tx) -> list[Any]:
        return list(await tx.fetch(_q.payouts_in_doubt))

    stuck = [row for row in await case.read(work) if now - row["doubted_at"] >= stuck_ms]
    if not stuck:
        return []
    told = [f"payout {row['id']} ({row['provider']} was asked {row['asked']} times about {row['operation_key']})" for row in stuck]
    return [
        Finding(
            check="doubts",
            severity=Severity.WRONG,
            what=f"Nobody knows whether this was paid out, the oldest since {iso(stuck[0]['doubted_at'])}: {several(told)}.",
            means="The money is held for it and was perhaps sent. Nothing is guessed: it is never sent again, and the merchant is told "
            "nothing until it is known.",
            mend="Look the operation key up at the provider and have the provider answer: it is asked again by itself, and the doubt ends "
            "with its answer; a server must run. Do not send the money by hand before that",
        )
    ]


async def _unclear(tx: Tx) -> list[Any]:
    return list(await tx.fetch(_q.unclear_attempts))


def _is_stuck(case: Case, row: Any, now: int, stuck_ms: int) -> bool:
    since = row["doubted_at"] or row["started_at"]
    return row["ask_at"] is None or row["provider"] not in case.providers or now - since >= stuck_ms


def _doubt(case: Case, row: Any) -> str:
    if row["provider"] not in case.providers:
        asked = f"there is no provider {row['provider']} here to ask"
    elif row["ask_at"] is None:
        asked = "it is not asked about any more"
    else:
        asked = f"{row['provider']} was asked {row['asked']} times"
    return f"payment {row['payment_id']} ({asked})"


async def attention(case: Case) -> list[Finding]:
    """What waits for a person's decision."""
    heaps = (await case.read(standing)).attention
    if not heaps:
        return []
    count = sum(heap.found for heap in heaps.values())
    oldest = min(heap.oldest for heap in heaps.values() if heap.oldest is not None)
    reasons = ", ".join(f"{heap.found} {why}" for why, heap in sorted(heaps.items()))
    return [
        Finding(
            check="attention",
            severity=Severity.LOOK,
            what=f"Payments that wait for a person: {count} ({reasons}), the oldest unchanged since {iso(oldest)}.",
            means="Money is held, or a decision is open, that no rule may take by itself.",
            mend="paymux payment list --attention, then paymux payment show ID, and accept, reject or returned",
        )
    ]


async def duties(case: Case) -> list[Finding]:
    """Whether somebody expires, asks and delivers."""

    async def work(tx: Tx) -> Any:
        return (await tx.fetch(_q.undone, due=case.now() - IDLE_MS, wall=case.wall()))[0]

    row = await case.read(work)
    undone = [
        f"{row[name]} {what}"
        for name, what in (
            ("expired", "open payments are past their time"),
            ("unasked", "attempts wait to be asked about"),
            ("unpaid", "payouts wait to be sent or asked about"),
            ("orders", "unpaid orders of the exchange are past their time"),
            ("unsent", "notices wait for their next try"),
        )
        if row[name]
    ]
    if not undone:
        return []
    return [
        Finding(
            check="duties",
            severity=Severity.WRONG,
            what=f"The background duties are not done: {', '.join(undone)}, for more than {lasting(IDLE_MS)}.",
            means="Shops are not told and doubts are not cleared. Nothing is lost: it all continues where it stopped.",
            mend="Start what does them: paymux serve, or paymux work beside it. If one runs, see its log for duty.failed: "
            "journalctl -u paymux | grep duty.failed",
        )
    ]


async def books(case: Case) -> list[Finding]:
    """The whole proof of the ledger check."""
    assert case.storage is not None

    async def work(tx: Tx) -> list[Fault]:
        from paymux.app.core import PAYOUTS_TOLD

        return [*await verify(tx, case.told, case.progress), *await verify_payouts(tx, PAYOUTS_TOLD, case.progress)]

    faults: Sequence[Fault] = await case.storage.snapshot(work)
    if not faults:
        return []
    return [
        Finding(
            check="books",
            severity=Severity.WRONG,
            what=f"The books do not add up, {len(faults)} fault{'s' if len(faults) > 1 else ''}: "
            + several([f"{fault.code}: {fault.sentence}" for fault in faults])
            + ".",
            means="What a merchant is owed, or what came in, is not proven for the payments and accounts named. Somebody changed rows by "
            "hand, a restore was incomplete, or there is a defect.",
            mend="Pay nothing out by hand for those merchants. paymux ledger check --json > faults.json; paymux payment show ID for each "
            "payment named; compare with the last good backup (paymux backup verify FILE). Do not edit rows: report it with faults.json",
        )
    ]
