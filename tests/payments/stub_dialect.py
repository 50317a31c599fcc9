"""Records of dialects that nobody speaks: the plainest words, and as many tries as a test wants."""

from paymux.payments.dialect import Dialect, Landing, Notice, PageRules
from paymux.payments.lifecycle import State
from paymux.payments.model import Payment
from paymux.webhooks.model import NoticeForm

TOLD = {
    State.PENDING: "pending",
    State.UNCLEAR: "pending",  # one word for two states, as a real wire has it
    State.REVIEW: "review",
    State.PAID: "paid",
    State.SETTLED: "settled",
    State.COMPLETED: "completed",
    State.EXPIRED: "expired",
    State.FAILED: "failed",
}


def _notice(payment: Payment, now: int) -> Notice | None:
    word = TOLD.get(payment.state)
    return None if word is None else Notice(word, f'{{"id":{payment.id},"word":"{word}","received":{payment.received_units}}}', None)


def stub(name: str, tries: int | None) -> Dialect:
    """A dialect of that name which allows so many tries."""
    return Dialect(
        name=name,
        tries=tries,
        notice=_notice,
        told=TOLD,
        form=NoticeForm(headers=lambda due, secret, secrets, now: {}, delays_s=(60,), accepted=lambda status: status == 200),
        page_path=lambda payment: f"/{name}/{payment.id}",
        pages=PageRules(paths=(), payment_id=lambda path, query: None, landing=lambda path, payment: Landing.SHOW),
    )


STUBS = {dialect.name: dialect for dialect in (stub("stub", None), stub("three", 3), stub("once", 1))}
