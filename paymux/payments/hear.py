"""What a provider says of an operation becomes reports. Pure. Callbacks, the poller and answers to start calls share it."""

from paymux.payments.lifecycle import AttemptState, Event
from paymux.payments.model import Attempt, LastError, Receipt, Report, Source
from paymux.providers.protocol import (
    Cancelled,
    Flagged,
    NotFound,
    Pending,
    Received,
    StartAnswer,
    Status,
    Transfer,
    Turned,
    Unclear,
    Waiting,
)


def heard(attempt: Attempt, status: Status | StartAnswer, source: Source, now: int, ask_at: int | None) -> list[Report]:
    """Reports in the order to apply. `ask_at`: when to ask again while it is not over (0: at once)."""

    def report(event: Event, why: str = "", **more: object) -> Report:
        facts: dict[str, object] = {"happened_at": 0, **more}
        return Report(
            payment_id=attempt.payment_id,
            attempt_id=attempt.id,
            event=event,
            source=source,
            why=why,
            **facts,  # type: ignore[arg-type]
        )

    match status:
        case Received():
            reports = [report(Event.PAID, happened_at=transfer.happened_at, receipt=_receipt(transfer)) for transfer in status.transfers]
            if status.settled_txid is not None:
                reports.append(report(Event.SETTLED, txid_out=status.settled_txid))
            return reports
        case Pending():
            return [report(Event.PENDING, ask_at=ask_at)]
        case Flagged():
            return [report(Event.FLAGGED, ask_at=ask_at)]
        case Turned():
            return [report(Event.DECLINED, status.why, decline_reason=status.decline_reason)]
        case Cancelled():
            return [report(Event.CANCELLED, "the provider ended it", error=attempt_error(attempt))]
        case Waiting():
            if attempt.handed_url:
                return [report(Event.HANDED_OVER, ask_at=ask_at)]
            return [report(Event.DOUBTED, "nobody was handed over", ask_at=ask_at)]
        case NotFound():
            return [report(Event.DOUBTED, "the provider does not know it yet", ask_at=ask_at)]
        case Unclear():
            doubtful = status.odd or attempt.state in (AttemptState.STARTED, AttemptState.UNCLEAR)
            return [report(Event.DOUBTED, status.why, ask_at=ask_at)] if doubtful else []
        case _:
            return [report(Event.DOUBTED, f"an answer of the kind {type(status).__name__} was not expected", ask_at=ask_at)]


def _receipt(transfer: Transfer) -> Receipt:
    return Receipt(reference=transfer.reference, amount=transfer.amount, txid=transfer.txid)


def attempt_error(attempt: Attempt) -> LastError | None:
    """An attempt that ends before its buyer was handed over is the provider's failure; afterwards it is the buyer's change of mind."""
    return None if attempt.handed_url else LastError.PROVIDER_UNAVAILABLE
