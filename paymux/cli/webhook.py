"""`paymux webhook …`: try a merchant's receiver, list and see notices, send them again."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from paymux.cli.run import ID_MAX, PAGE, AsJson, Declined, Id, Limit, Where, bad_option, moment, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.model import Merchant
    from paymux.webhooks.trial import Trial

State = Literal["waiting", "delivered", "given_up", "unaddressed"]
UNTOLD = ("given_up", "unaddressed")  # few among very many, as those that wait are: indexes of their own find them


def trial(merchant_id: Id, /, *, shop: str | None = None, as_json: AsJson = False, where: Where | None = None) -> None:
    """Send a test delivery; a running server (or paymux work) delivers it within a second.

    Parameters
    ----------
    shop
        As a notice of this shop; by default the merchant's first.
    """
    notice_id = run(where, partial(_send_trial, merchant_id, shop))
    if as_json:
        return tell_json({"notice_id": notice_id, "merchant_id": merchant_id})
    print(f"Test delivery {notice_id} is on its way. Its answer: paymux webhook show {notice_id}")


async def _send_trial(merchant_id: int, shop: str | None, core: "Core") -> int:
    from paymux.cli.merchant import domain_named
    from paymux.webhooks.trial import send_trials

    merchant = (await core.reader.submit(core.directory.by_id, merchant_id)).merchant
    if merchant is None:
        raise Declined(f"there is no merchant {merchant_id}")
    domain = domain_named(shop, "shop") if shop else next(iter(sorted(merchant.shops)), "")
    if shop and domain not in merchant.shops:
        raise Declined(f"{domain} is no shop of merchant {merchant_id}")

    async def verb(tx: Any, wishes: Any, now: int) -> list[int | None]:
        return await send_trials(tx, [TRIALS["ecomtrade24"](merchant, wish, now) for wish in wishes], now)

    notice_id = await core.writer.submit(verb, domain)
    if notice_id is None:
        raise Declined(f"merchant {merchant_id} has no webhook URL: paymux merchant webhook {merchant_id} --url U")
    return notice_id


def _trial(merchant: "Merchant", shop: str, now: int) -> "Trial":
    from paymux import ids
    from paymux.dialects.ecomtrade24.notices import test_body
    from paymux.dialects.ecomtrade24.statuses import TEST
    from paymux.webhooks.trial import Trial

    name = f"TEST-WEBHOOK-{ids.hex_token(5).upper()}"
    return Trial(
        merchant_id=merchant.id,
        shop=shop,
        dialect="ecomtrade24",
        word=TEST,
        delivery=f"ecomtrade24-test-{name.lower()}",
        body=test_body(merchant.id, shop, name, now),
    )


TRIALS: "Mapping[str, Callable[[Merchant, str, int], Trial]]" = {"ecomtrade24": _trial}


def list_(
    *,
    merchant: Id,
    state: State | None = None,
    before: Id = ID_MAX,
    limit: Limit = PAGE,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """List a merchant's notices, the newest first.

    Parameters
    ----------
    merchant
        Whose.
    state
        Only those in this state.
    before
        Begin before this id.
    limit
        At most so many.
    """
    from paymux.cli import show as eyes

    async def work(core: "Core") -> list[dict[str, Any]]:
        from paymux.storage.query import load

        async def verb(tx: Any, wishes: Any, now: int) -> list[Any]:
            q = load("paymux.cli")
            own = {"waiting": q.waiting_of_merchant, **dict.fromkeys(UNTOLD, q.untold_of_merchant)}
            found = own.get(state or "any", q.notices_of_merchant)
            rows = await tx.fetch(found, merchant_id=merchant, state=state or "any", before=before, page=limit)
            return [[dict(row) for row in rows] for _ in wishes]

        return await core.reader.submit(verb, None)

    found = run(where, work)
    more = found[-1]["id"] if len(found) == limit else None
    if as_json:
        return tell_json({"notices": found, "next": more})
    rows = [(n["id"], n["payment_id"], n["word"], n["state"], n["tries"], n["error"] or n["status"], eyes.time(n["due_at"])) for n in found]
    eyes.table(("id", "payment", "tells", "state", "tries", "last answer", "next try (UTC)"), rows, empty="No notices here.")
    if more:
        print(f"More: --before {more}")


def show(notice_id: Id, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Show a notice: the bytes that are sent, and every answer."""
    from paymux.cli import show as eyes

    async def work(core: "Core") -> Any:
        from paymux.storage.query import load

        async def verb(tx: Any, ids: Any, now: int) -> list[Any]:
            q = load("paymux.cli")
            found = await tx.fetch(q.notice, notice_id=ids[0])
            answers = await tx.fetch(q.answers_of_notice, notice_id=ids[0])
            return [(dict(found[0]), [dict(row) for row in answers]) if found else None]

        return await core.reader.submit(verb, notice_id)

    found = run(where, work)
    if found is None:
        raise Declined(f"there is no notice {notice_id}")
    notice, answers = found
    if as_json:
        return tell_json({**notice, "answers": answers})
    facts = [
        ("merchant", notice["merchant_id"]),
        ("payment", notice["payment_id"] or "none: a test delivery"),
        ("tells", notice["word"]),
        ("state", notice["state"]),
        ("to", notice["target"] or "nowhere: no URL is set"),
        ("delivery", notice["delivery"]),
        ("written", eyes.time(notice["created_at"])),
        ("next try", eyes.time(notice["due_at"])),
    ]
    eyes.fields(facts, f"Notice {notice_id}")
    print(f"\n{notice['body']}\n")
    rows = [(a["number"], eyes.time(a["answered_at"]), a["status"], a["error"], f"{a['took_ms']} ms", a["answer"][:200]) for a in answers]
    eyes.table(("try", "at (UTC)", "status", "fault", "took", "answer"), rows, "Answers", "none yet")


def resend(
    *,
    notice: Id | None = None,
    merchant: Id | None = None,
    since: str | None = None,
    until: str | None = None,
    state: State | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Send notices again: the same bytes, the same delivery id, in order.

    Parameters
    ----------
    notice
        One notice, in whatever state.
    merchant
        All of a merchant that are not waiting, or those that the other options choose.
    since
        Written at this time or later, such as 2026-04-29T12:10 (UTC).
    until
        Written before this time.
    state
        Only those in this state.
    """
    if (notice is None) == (merchant is None):
        raise bad_option("notice", "say either --notice ID or --merchant ID")
    if notice is not None and (since or until or state):
        raise bad_option("notice", "one notice is sent whatever its time and state; leave the other options out")
    chosen: dict[str, Any] = {}
    if since:
        chosen["from_at"] = moment(since, "since")
    if until:
        chosen["until_at"] = moment(until, "until")
    count = run(where, partial(_resend, notice, merchant, state, chosen))
    if as_json:
        return tell_json({"resent": count})
    print(f"{count} {'notice is' if count == 1 else 'notices are'} sent again.")


async def _resend(notice: int | None, merchant: int | None, state: str | None, chosen: dict[str, Any], core: "Core") -> int:
    from paymux.storage.query import load
    from paymux.webhooks.model import NoticeState
    from paymux.webhooks.resend import Resend, resend

    if notice is not None:

        async def owner(tx: Any, ids: Any, now: int) -> list[Any]:
            return list(await tx.fetch(load("paymux.cli").notice, notice_id=ids[0])) or [None]

        row = await core.reader.submit(owner, notice)
        if row is None:
            raise Declined(f"there is no notice {notice}")
        count = await resend(core.writer, Resend(merchant_id=row["merchant_id"], notice_id=notice))
        if not count:
            raise Declined(f"notice {notice} has nowhere to go: merchant {row['merchant_id']} has no webhook URL")
        return count
    assert merchant is not None, "one of both was given"
    if (await core.reader.submit(core.directory.by_id, merchant)).merchant is None:
        raise Declined(f"there is no merchant {merchant}")
    if state:
        chosen = {**chosen, "states": (NoticeState(state),)}
    return await resend(core.writer, Resend(merchant_id=merchant, **chosen))
