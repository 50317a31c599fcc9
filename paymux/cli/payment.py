"""`paymux payment …`: the whole story of a payment, lists, and what a person decides about one."""

from functools import partial
from typing import TYPE_CHECKING, Any

from paymux.cli.run import ID_MAX, PAGE, AsJson, Declined, Id, Limit, Where, accepted, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.payments.model import Attempt, Payment
    from paymux.payments.story import Story
    from paymux.payouts.model import Payout

TIMES_ASKED_MAX = 10  # more money than that is a slip of the pen


def show(payment: str, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Show everything that is known of a payment.

    Parameters
    ----------
    payment
        Its id, or a reference such as ecomtrade24:1459.
    """

    async def work(core: "Core") -> "tuple[Story, list[Payout]]":
        from paymux.cli.reference import payment_named
        from paymux.payments.story import stories
        from paymux.payouts.read import refunds_of

        found = await core.reader.submit(stories, (await payment_named(core, payment, "PAYMENT")).id)
        assert found is not None, "it was there a moment ago, and payments are never deleted"
        return found, await core.reader.submit(refunds_of, found.payment.id)

    story, refunds = run(where, work)
    if as_json:
        return tell_json(_as_json(story, refunds))
    _tell(story)
    _tell_refunds(refunds)


def _tell_refunds(refunds: "list[Payout]") -> None:
    from paymux.cli import show as eyes

    rows = [
        (p.id, p.reference.split("/", 2)[-1], p.state, eyes.amount(p.amount_units, p.currency), eyes.time(p.created_at), p.reason)
        for p in refunds
    ]
    if rows:
        eyes.table(("id", "named", "state", "amount", "accepted (UTC)", "why not"), rows, "Refunds")


def _as_json(story: "Story", refunds: "list[Payout]") -> dict[str, Any]:
    import msgspec

    from paymux.cli.reference import name_of
    from paymux.cli.show import plain

    told: dict[str, Any] = plain(story)
    for attempt in told["attempts"]:
        attempt["choice"] = msgspec.json.decode(attempt["choice"])
    kept = ("id", "reference", "state", "amount_units", "currency", "created_at", "ended_at", "reason")
    return {"reference": name_of(story.payment), **told, "refunds": [{name: plain(one)[name] for name in kept} for one in refunds]}


def _tell(story: "Story") -> None:
    from paymux.cli import show as eyes
    from paymux.cli.reference import name_of

    p = story.payment
    facts = [
        ("state", p.state),
        ("look at it", p.attention),
        ("amount", eyes.amount(p.amount_units, p.currency)),
        ("received", eyes.amount(p.received_units, p.currency) if p.received_units else None),
        ("held", eyes.amount(p.held_units, p.currency) if p.held_units else None),
        *(("held", f"{eyes.amount(one.amount_units, one.currency)}, by {one.provider}") for one in story.foreign),
        ("refunded", eyes.amount(p.refunded_units, p.currency) if p.refunded_units else None),
        ("merchant", f"{p.merchant_id}, shop {p.shop}"),
        ("order", p.order_ref),
        ("method", p.method),
        ("buyer", " ".join(part for part in (p.email, p.country) if part) or None),
        ("created", eyes.time(p.created_at)),
        ("expires", eyes.time(p.expires_at)),
        ("paid", eyes.time(p.paid_at)),
        ("transfer in", p.txid_in),
        ("transfer out", p.txid_out),
        ("last error", p.last_error),
    ]
    eyes.fields(facts, f"Payment {p.id} ({name_of(p)})")
    rows: list[tuple[object, ...]] = [
        (eyes.time(row.happened_at), row.event, _move(row.from_state, row.to_state), row.source, row.attempt_id, row.why)
        for row in story.history
    ]
    eyes.table(("happened (UTC)", "what", "state", "told by", "attempt", "why"), rows, "History")
    for attempt in story.attempts:
        _tell_attempt(attempt)
    rows = [(eyes.time(r.happened_at), eyes.amount(r.amount_units, r.currency), r.provider, r.reference) for r in story.receipts]
    eyes.table(("happened (UTC)", "amount", "provider", "its reference"), rows, "Money that came", "none")
    rows = [(t.id, t.reason, t.debit, t.credit, eyes.amount(t.amount_units, t.currency)) for t in story.transfers]
    eyes.table(("id", "why", "debit", "credit", "amount"), rows, "Transfers in the books", "none")
    rows = [(n.id, n.word, n.state, n.tries, n.error or n.status, eyes.time(n.answered_at or n.due_at), n.url) for n in story.notices]
    eyes.table(("id", "tells", "state", "tries", "answer", "at (UTC)", "to"), rows, "Notices to the shop", "none")


def _move(before: str | None, after: str) -> str:
    return after if before in (None, after) else f"{before} → {after}"


def _tell_attempt(attempt: "Attempt") -> None:
    import msgspec

    from paymux.cli import show as eyes

    facts = [
        ("state", attempt.state + (f" ({attempt.reason})" if attempt.reason else "")),
        ("decline reason", attempt.decline_reason),
        ("route", f"{attempt.route} by {attempt.provider}, method {attempt.method}"),
        ("key", attempt.operation_key),
        ("provider's", attempt.provider_ref),
        ("started", eyes.time(attempt.started_at)),
        ("in doubt since", eyes.time(attempt.doubted_at)),
        ("ended", eyes.time(attempt.ended_at)),
        ("asked", f"{attempt.asked} times" if attempt.asked else None),
        ("next asked", eyes.time(attempt.ask_at)),
    ]
    eyes.fields(facts, f"Attempt {attempt.number} (id {attempt.id})")
    candidates = msgspec.json.decode(attempt.choice)
    eyes.table(("route", "verdict"), [(one["slug"], one["reason"]) for one in candidates], "  Every route, and why")


def list_(
    *,
    attention: bool = False,
    doubt: bool = False,
    merchant: Id | None = None,
    after: Id = 0,
    before: Id = ID_MAX,
    limit: Limit = PAGE,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """List payments: the newest of all or of a merchant (newest first), or those in doubt or on a person's list (oldest first).

    Parameters
    ----------
    attention
        Those that a person must look at.
    doubt
        Those of which nobody knows whether they are paid.
    merchant
        Those of a merchant.
    after
        With --attention or --doubt: begin behind this id.
    before
        Of the newest: begin before this id.
    limit
        At most so many.
    """
    if attention + doubt + (merchant is not None) > 1:
        raise bad_option("attention", "say one of --attention, --doubt and --merchant ID")

    async def work(core: "Core") -> "list[Payment]":
        from paymux.payments.story import Page
        from paymux.payments.story import attention as waiting
        from paymux.storage.query import load

        q = load("paymux.cli")
        if attention:
            return await core.reader.submit(waiting, Page(after, limit))
        if doubt:
            return await core.reader.submit(_listed, (q.payments_in_doubt, {"after": after, "page": limit}))
        if merchant is None:
            return await core.reader.submit(_listed, (q.payments_newest, {"before": before, "page": limit}))
        return await core.reader.submit(_listed, (q.payments_of_merchant, {"merchant_id": merchant, "before": before, "page": limit}))

    from paymux.cli import show as eyes
    from paymux.cli.reference import name_of

    found = run(where, work)
    more = found[-1].id if len(found) == limit else None
    if as_json:
        return tell_json({"payments": [{"reference": name_of(p), **eyes.plain(p)} for p in found], "next": more})
    rows = [
        (p.id, p.state, eyes.amount(p.amount_units, p.currency), eyes.time(p.created_at), p.merchant_id, p.order_ref, p.attention)
        for p in found
    ]
    columns = ("id", "state", "amount", "created (UTC)", "merchant", "order", "look at it")
    empty = "No payment waits for a person." if attention else "No payment is in doubt." if doubt else "No payments here."
    eyes.table(columns, rows, empty=empty)
    if more:
        print(f"More: {'--after' if attention or doubt else '--before'} {more}")


async def _listed(tx: Any, wishes: Any, now: int) -> "list[list[Payment]]":
    from paymux.payments.store import read_payments

    return [read_payments(await tx.fetch(query, **given)) for query, given in wishes]


def accept(payment: str, /, *, received: str | None = None, as_json: AsJson = False, where: Where | None = None) -> None:
    """Decide that a payment under review or in doubt counts as paid.

    Ends a doubt only with --received: look the operation key up at the provider first, and say how much it holds.

    Parameters
    ----------
    payment
        Its id, or a reference such as ecomtrade24:1459.
    received
        Money that the provider holds and that nobody reported, such as 49.99.
    """
    _decide(payment, "accepted", received, as_json, where)


def reject(payment: str, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Decide that a payment under review or in doubt is not paid.

    Under review: it has failed, and held money waits to go back to the buyer. In doubt: the provider was asked and knows of no money, so
    the attempt is dead and the buyer may try again.

    Parameters
    ----------
    payment
        Its id, or a reference such as ecomtrade24:1459.
    """
    _decide(payment, "rejected", None, as_json, where)


def returned(payment: str, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Note that all held money went back to the buyer, in whatever currency it came.

    Parameters
    ----------
    payment
        Its id, or a reference such as ecomtrade24:1459.
    """
    _decide(payment, "returned", None, as_json, where)


def _decide(payment: str, verdict: str, received: str | None, as_json: bool, where: Where | None) -> None:
    answer = run(where, partial(_judge, payment, verdict, received))
    if as_json:
        return tell_json(answer)
    print(f"Payment {answer['payment']} is {answer['state']}" + (": nothing changed." if answer["outcome"] == "repeated" else "."))


async def _judge(text: str, verdict: str, received: str | None, core: "Core") -> dict[str, str]:
    from paymux.cli.reference import name_of, payment_named, word_of
    from paymux.money import Money, decimal_units
    from paymux.payments.judge import Judge, Judging, Verdict

    found = await payment_named(core, text, "PAYMENT")
    money = None
    if received is not None:
        units = decimal_units(received, found.amount.currency.exponent)
        if not units:
            raise bad_option("received", f"{received!r} is not an amount of {found.currency}, such as {found.amount}")
        money = Money(units, found.amount.currency)
        if units > TIMES_ASKED_MAX * found.amount_units:
            raise Declined(
                f"--received: {money} is more than ten times the {found.amount} that were asked; nothing is changed. "
                "Look again at what the provider holds"
            )
    judging = Judging(core.door, next(iter(core.registry.providers), ""))
    wish = Judge(payment_id=found.id, verdict=Verdict(verdict), received=money, why=f"{verdict} by command")
    advanced = accepted(await core.writer.submit(judging.judge, wish))
    after = advanced.payment
    return {
        "payment": name_of(after),
        "state": after.state,
        "status": word_of(after, core.clock.now()),
        "outcome": advanced.outcome,
    }
