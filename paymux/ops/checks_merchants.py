"""What the doctor looks at about merchants: stored secrets and their keys, wallets and shops, where notices go and who refuses them."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from paymux.clock import iso
from paymux.http.client import url_fault
from paymux.http.guard import is_public
from paymux.keyring import Keyring, Undecipherable, UnknownKey
from paymux.ops.finding import Case, Finding, Severity, several
from paymux.storage import installation
from paymux.storage.query import Query, Tx, load
from paymux.webhooks.model import secret_about

_q = load("paymux.ops")

PAGE = 500
LOOKUPS_MAX = 100
LOOKUP_S = 4
TOLD_EACH = 3  # refusing receivers; more of them are told together
ASKS = "ecomtrade24"  # the API that opens payments only for a wallet and an approved shop
GIVEN_UP_AMONG = 200_000  # of the newest notices
TRIED = (
    "A notice is tried again as its API has it (Echelon's for 8 minutes, ETpay's for 12 hours, the others' for 72 at most), in order "
    "per payment, then given up."
)


async def _all(case: Case, query: Query) -> list[Any]:
    """Every row of a paged query."""

    async def work(tx: Tx) -> list[Any]:
        rows: list[Any] = []
        after = 0
        while page := await tx.fetch(query, after=after, page=PAGE):
            rows += page
            after = page[-1]["id"]
        return rows

    return await case.read(work)


async def keys(case: Case) -> list[Finding]:
    """Whether what is stored under secret keys can be read with those that were given."""
    if case.keyring is None:
        return []
    ring = case.keyring

    async def work(tx: Tx) -> list[Any]:
        return list(await tx.fetch(_q.key_ids))

    rows = await case.read(work)
    known, recorded = set(ring.key_ids()), (await case.read(installation.facts)).get("key_id")
    found = [_unknown_key(row, ring, row["key_id"] == recorded) for row in rows if row["key_id"] not in known]
    if recorded is not None and recorded not in known and recorded not in {row["key_id"] for row in rows}:
        found.append(_unknown_installation(recorded, ring))
    old = [row for row in rows if row["key_id"] in known and row["key_id"] != ring.key_id]
    if old:
        found.append(
            Finding(
                check="keys",
                severity=Severity.LOOK,
                what="; ".join(_under(row) for row in old) + ": under an earlier secret key.",
                means="They work only as long as the earlier key stays in PAYMUX_SECRET_KEYS_OLD; if that key leaked, they leaked with it.",
                mend="For each merchant: paymux merchant key ID --rotate, paymux merchant webhook ID --rotate-secret; the shop takes over "
                "both. When nothing is left, take the earlier key out",
            )
        )
    unreadable = [str(row["merchant_id"]) for row in await _all(case, _q.endpoints_after) if not _readable(ring, row)]
    if unreadable:
        found.append(
            Finding(
                check="keys",
                severity=Severity.WRONG,
                what=f"The stored webhook secret of merchants {several(unreadable)} was changed or belongs to another row.",
                means="Their notices cannot be signed and are not sent, so their shops do not learn of payments.",
                mend="Restore a backup if somebody edited the database; else: paymux merchant webhook ID --rotate-secret",
            )
        )
    return found


def _under(row: Any) -> str:
    return f"{row['keys']} API keys and {row['secrets']} webhook secrets of {row['merchants']} merchants"


def _unknown_installation(recorded: str, ring: Keyring) -> Finding:
    return Finding(
        check="keys",
        severity=Severity.WRONG,
        what=f"The database was last served with the secret key with the id {recorded}; the keys that were given have the ids "
        f"{', '.join(ring.key_ids())}.",
        means="The server does not start with them. Nothing is stored under that key, so nothing is lost.",
        mend="Put that key back into PAYMUX_SECRET_KEY, or add it to PAYMUX_SECRET_KEYS_OLD. If it is lost: "
        "paymux migrate --new-secret-key",
    )


def _unknown_key(row: Any, ring: Keyring, recorded: bool) -> Finding:
    given = ", ".join(ring.key_ids())
    return Finding(
        check="keys",
        severity=Severity.WRONG,
        what=f"{_under(row)} are stored under the secret key with the id {row['key_id']}; the keys that were given have the ids {given}.",
        means=("The server does not start with these keys. If it did: t" if recorded else "T")
        + "hose merchants' shops are answered 401 and can take no payment, and their notices cannot be signed. Nothing is lost: with "
        "the right key everything works again.",
        mend="If PAYMUX_SECRET_KEY was mistyped or replaced: put the former one back. If it was rotated: add the former one to "
        "PAYMUX_SECRET_KEYS_OLD and restart. If it is lost: paymux migrate --new-secret-key, then paymux merchant key ID --rotate and "
        "paymux merchant webhook ID --rotate-secret for each merchant",
    )


def _readable(ring: Keyring, row: Any) -> bool:
    try:
        ring.decrypt(row["secret"], secret_about(row["merchant_id"]))
    except UnknownKey:  # told by its id already
        return True
    except Undecipherable:
        return False
    return True


async def merchants(case: Case) -> list[Finding]:
    """Active merchants that cannot be paid, have no shop, or are not told."""
    rows = await _all(case, _q.merchants_after)
    names = {row["id"]: f"{row['id']} ({row['name']})" for row in rows}
    asking = [row for row in rows if row["newest_payment"] in (None, ASKS)]  # who is paid by another API needs neither
    missing = [names[row["id"]] for row in asking if not (row["wallet"] or "").strip()]
    malformed = [names[row["id"]] for row in asking if (row["wallet"] or "").strip() and case.wallet(row["wallet"]) is None]
    shopless = [names[row["id"]] for row in asking if not row["shops"]]
    untold = [names[row["id"]] for row in rows if row["newest_payment"] is not None and not row["endpoints"]]
    found = []
    for broken, how in ((missing, "no wallet"), (malformed, "a wallet that cannot be paid to")):
        if broken:
            found.append(
                Finding(
                    check="wallets",
                    severity=Severity.WRONG,
                    what=f"{_merchants(broken)} {how}.",
                    means="EcomTrade24's API refuses their shops every new payment: there is no place to forward the money to.",
                    mend="paymux merchant wallet ID 0x… (an address on Polygon that the merchant owns), or paymux merchant disable ID",
                )
            )
    if shopless:
        found.append(
            Finding(
                check="merchants",
                severity=Severity.LOOK,
                what=f"{_merchants(shopless)} no approved shop.",
                means="EcomTrade24's API opens payments for approved domains only, so these merchants cannot open any by it.",
                mend="paymux merchant shop ID shop.example.com approved",
            )
        )
    if untold:
        found.append(
            Finding(
                check="merchants",
                severity=Severity.LOOK,
                what=f"{_merchants(untold)} payments, and no webhook address.",
                means="These shops are not told that they were paid; they must ask, or they do not deliver.",
                mend="paymux merchant webhook ID --url https://…, then paymux webhook resend --merchant ID --state unaddressed",
            )
        )
    return found


def _merchants(names: Sequence[str]) -> str:
    return f"Merchant{'s' if len(names) > 1 else ''} {several(names)} {'have' if len(names) > 1 else 'has'}"


async def addresses(case: Case) -> list[Finding]:
    """Webhook addresses that would not be called."""
    rows = [row for row in await _all(case, _q.endpoints_after) if row["enabled"] and row["url"]]
    bad = [f"{_whose(row)} ({fault})" for row in rows if (fault := url_fault(row["url"]))]
    callable_rows = [row for row in rows if not url_fault(row["url"])]
    hosts = sorted({_host(row["url"]) for row in callable_rows})[:LOOKUPS_MAX]
    judged = dict(zip(hosts, await asyncio.gather(*(_judge(case, host) for host in hosts)), strict=True))
    private = [f"{_whose(row)} ({_host(row['url'])})" for row in callable_rows if judged.get(_host(row["url"])) == "private"]
    nowhere = [f"{_whose(row)} ({_host(row['url'])})" for row in callable_rows if judged.get(_host(row["url"])) == "nowhere"]
    found = []
    if bad:
        found.append(_unreached(f"The webhook address of {several(bad)} cannot be called.", "paymux merchant webhook ID --url https://…"))
    if private and case.settings.allow_private_urls:
        found.append(
            Finding(
                check="addresses",
                severity=Severity.NOTE,
                what=f"Notices of {several(private)} go to an address that is not public; that is allowed as set here "
                "(PAYMUX_ALLOW_PRIVATE_URLS).",
                means="Fine for local work, if the server was started with the same setting. In production such an address would be "
                "refused.",
                mend="Nothing to do here",
            )
        )
    elif private:
        found.append(
            _unreached(
                f"The webhook address of {several(private)} is private, loopback or reserved, so it is never called as set here "
                "(PAYMUX_ALLOW_PRIVATE_URLS is off).",
                "Give it a public address: paymux merchant webhook ID --url https://…; for local work only: "
                "PAYMUX_ALLOW_PRIVATE_URLS=1, for the server and for the doctor",
            )
        )
    if nowhere:
        found.append(_unreached(f"The webhook host of {several(nowhere)} has no address.", "Correct the URL or the DNS; dig HOST"))
    return found


def _unreached(what: str, mend: str) -> Finding:
    return Finding(
        check="addresses",
        severity=Severity.WRONG,
        what=what,
        means="Their shops are not told of payments: goods that were paid for are not sent. The payments themselves are right, and what "
        "was given up can be sent again.",
        mend=f"{mend}; then paymux webhook resend --merchant ID --state given_up",
    )


def _whose(row: Any) -> str:
    return f"merchant {row['merchant_id']}" + (f", shop {row['shop']}" if row["shop"] else "")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


async def _judge(case: Case, host: str) -> str:
    try:
        ipaddress.ip_address(host)
        found = [host]
    except ValueError:
        try:
            async with asyncio.timeout(LOOKUP_S):
                found = await asyncio.to_thread(case.lookup, host, 443)
        except (OSError, UnicodeError):  # TimeoutError is an OSError
            return "nowhere"
    if not found:
        return "nowhere"
    return "public" if all(is_public(address) for address in found) else "private"


async def receivers(case: Case) -> list[Finding]:
    """Receivers that do not acknowledge what they are sent."""

    async def work(tx: Tx) -> tuple[list[Any], list[Any]]:
        refused = await tx.fetch(_q.refusing_receivers)
        given_up = await tx.fetch(_q.given_up, among=GIVEN_UP_AMONG)
        return list(refused), list(given_up)

    refused, given_up = await case.read(work)
    found = [_many_refuse(refused)] if len(refused) > TOLD_EACH else [_refusing(row) for row in refused]
    if given_up:
        told = [f"merchant {row['merchant_id']} ({row['found']})" for row in given_up]
        found.append(
            Finding(
                check="receivers",
                severity=Severity.LOOK,
                what=f"Notices were given up after all their tries: {several(told)}.",
                means="These shops were never told of those payments, unless they asked.",
                mend="When the receiver works again: paymux webhook resend --merchant ID --state given_up",
            )
        )
    return found


def _refusing(row: Any) -> Finding:
    next_try = f"; the next try is at {iso(row['next_at'])}" if row["next_at"] else ""
    return Finding(
        check="receivers",
        severity=Severity.WRONG,
        what=f"The receiver of {_whose(row)} at {_host(row['url'] or '')} does not acknowledge: {row['found']} "
        f"notices wait there since {iso(row['oldest'])}. Its last answer: {_said(row)}{next_try}.",
        means=f"That shop does not know yet that it was paid. {TRIED}",
        mend=f"paymux webhook list --merchant {row['merchant_id']} --state waiting; paymux webhook show {row['newest']} shows what it was "
        "sent and what it said. Let the shop mend it, then, not to wait for the next try: "
        f"paymux webhook resend --merchant {row['merchant_id']} --state waiting",
    )


def _many_refuse(rows: list[Any]) -> Finding:
    """One finding for all of them: so many at once rarely have a reason each."""
    told = [f"merchant {row['merchant_id']} at {_host(row['url'] or '')} ({row['found']})" for row in rows]
    answers = [f"{answer} ({count})" for answer, count in Counter(_said(row) for row in rows).most_common()]
    waiting, oldest = sum(row["found"] for row in rows), min(row["oldest"] for row in rows)
    return Finding(
        check="receivers",
        severity=Severity.WRONG,
        what=f"{len(rows)} receivers do not acknowledge, {waiting} notices wait since {iso(oldest)}: {several(told)}. "
        f"Their last answers: {several(answers)}.",
        means=f"Those shops do not know yet that they were paid. {TRIED}",
        mend="If they began at once, it is our way out: try DNS and the firewall from this machine, with dig HOST and curl -v URL. "
        f"Else ask the shops: paymux webhook list --merchant ID --state waiting; paymux webhook show {rows[0]['newest']} shows what was "
        "sent and answered. Then, not to wait for the next try: paymux webhook resend --merchant ID --state waiting",
    )


def _said(row: Any) -> str:
    return row["error"] or (f"HTTP {row['status']}" if row["status"] else "no answer is stored")
