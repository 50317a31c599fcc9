"""`paymux sandbox …`: report what a provider would, and move the clock. Works beside a running server and without one."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from paymux.cli.run import AsJson, Where, accepted, bad_option, between, run, tell_json
from paymux.decline import DeclineReason

if TYPE_CHECKING:
    from paymux.app.core import Core

ORDER, PAYOUT = "exchanger:", "echelon-payout:"
ADVANCE_S_MAX = 100 * 366 * 86400

Reason = Annotated[DeclineReason, Parameter(name="--decline-reason", name_transform=str.lower)]  # the words as they are everywhere
Outcome = Literal["paid", "declined", "pending", "review", "settled", "expired"]


def report(
    *,
    payment: str,
    outcome: Outcome,
    amount: str | None = None,
    decline_reason: Reason | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Report an outcome as if the sandbox's provider had; opens the attempt if the buyer has not. A repeat changes nothing.

    Parameters
    ----------
    payment
        Which one, such as ecomtrade24:1459, exchanger:1409, echelon:M000001/ORDER-1 or echelon-payout:M000001/OUT-1.
    outcome
        What is reported; declined is final for the payment, expired is the clock's.
    amount
        How much came, where an order of the exchange was paid with another amount than asked.
    decline_reason
        Why a payment is declined; payouts and orders of the exchange have no such reason.
    """
    if decline_reason is not None and (outcome != "declined" or payment.startswith((ORDER, PAYOUT))):
        raise bad_option("decline-reason", "only a payment that is reported as declined has one")
    answer = run(
        where,
        partial(_report, payment, outcome, amount, decline_reason=decline_reason),
        sandbox=True,
        secret_key=payment.startswith(ORDER),
    )
    if as_json:
        return tell_json(answer)
    done = "changed nothing: it was reported before" if answer["outcome"] == "repeated" else "is"
    print(f"{answer['payment']} {done} {answer['status']}" if done == "is" else f"{answer['payment']} {done}; it is {answer['status']}")


async def _report(text: str, outcome: str, amount: str | None, core: "Core", decline_reason: DeclineReason | None = None) -> dict[str, str]:
    if text.startswith(ORDER):
        return await _report_order(text.removeprefix(ORDER), outcome, amount, core)
    if amount is not None:
        raise bad_option("amount", "only an order of the exchange (exchanger:1409) can be paid with another amount")
    from paymux.cli.reference import name_of, payment_named, word_of
    from paymux.payments.model import Outcome
    from paymux.payments.report import SandboxReport, Told

    if text.startswith(PAYOUT):
        return await _report_payout(text, outcome, core)
    found = await payment_named(core, text)
    told = SandboxReport(found.id, Told(outcome), decline_reason or DeclineReason.UNKNOWN)
    advanced = accepted(await core.writer.submit(core.reporter.report, told))
    payment = advanced.payment
    return {
        "payment": text if text.startswith("echelon:") else name_of(payment),
        "state": payment.state,
        "status": word_of(payment, core.clock.now()),
        "outcome": Outcome.REPEATED if advanced.outcome is Outcome.REPEATED else Outcome.CHANGED,
    }


async def _report_order(text: str, outcome: str, amount: str | None, core: "Core") -> dict[str, str]:
    from paymux.cli.exchange import units_of
    from paymux.exchange import store
    from paymux.exchange.report import Outcome, SandboxReport

    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_option("payment", f"{text!r} is no order's number; write exchanger:1409")
    uid = int(text)
    found = await core.storage.read(lambda tx: store.find(tx, [uid]))
    decimals = found[uid].details.from_decimals if uid in found else 0
    units = units_of(amount, decimals, "amount") if amount is not None and uid in found else None
    changed = accepted(await core.writer.submit(core.order_reporter.report, SandboxReport(uid, Outcome(outcome), units)))
    status = changed.order.status
    return {"payment": f"{ORDER}{uid}", "state": status, "status": status, "outcome": "repeated" if changed.repeated else "changed"}


async def _report_payout(text: str, outcome: str, core: "Core") -> dict[str, str]:
    from paymux.cli.reference import echelon_reference
    from paymux.cli.run import Declined
    from paymux.dialects.echelon.statuses import PAYOUT_WORDS
    from paymux.payments.model import Outcome
    from paymux.payouts.lifecycle import PayoutEvent
    from paymux.payouts.read import by_reference
    from paymux.payouts.report import SandboxPayoutReport

    events = {"paid": PayoutEvent.PAID, "declined": PayoutEvent.FAILED, "pending": PayoutEvent.PENDING}
    if outcome not in events:
        raise bad_option("outcome", f"a payout is {', '.join(events)}, never {outcome}")
    reference = await echelon_reference(core, text.removeprefix(PAYOUT))
    payout = await core.reader.submit(by_reference, ("echelon", reference)) if reference else None
    if payout is None:
        raise Declined(f"there is no payout {text}")
    advanced = accepted(await core.writer.submit(core.payout_reporter.report, SandboxPayoutReport(payout.id, events[outcome])))
    return {
        "payment": text,
        "state": advanced.payout.state,
        "status": PAYOUT_WORDS[advanced.payout.state],
        "outcome": Outcome.CHANGED if advanced.changed else Outcome.REPEATED,
    }


def clock(
    *,
    advance: Annotated[int | None, between(0, ADVANCE_S_MAX)] = None,
    reset: bool = False,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Move the sandbox's clock, or put it back; without either say what it shows. The next request sees it.

    Parameters
    ----------
    advance
        Seconds to move it forward, added to earlier ones; a hundred years at most.
    reset
        Back to the time of this machine.
    """
    if advance is not None and reset:
        raise bad_option("reset", "either --advance or --reset")
    offset_ms, now = run(where, partial(_move, advance, reset), sandbox=True)
    from paymux.clock import SECOND, iso

    if as_json:
        return tell_json({"offset_seconds": offset_ms // SECOND, "now": iso(now)})
    print(f"The sandbox's clock shows {iso(now)}" + (f", {offset_ms // SECOND} s ahead." if offset_ms else ", the time of this machine."))


async def _move(advance: int | None, reset: bool, core: "Core") -> tuple[int, int]:
    from paymux.clock import SECOND, Clock
    from paymux.storage import installation

    offset = await installation.move_clock(core.storage, lambda old: 0 if reset else old + (advance or 0) * SECOND)
    return offset, Clock.wall() + offset
