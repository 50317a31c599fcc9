"""`paymux merchant create`, `list` and `show`. Credentials are shown once, when they are made."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from paymux.cli.run import PAGE, AsJson, Declined, Id, Limit, Where, bad_option, run, tell_json, warn

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.create import Created, NewMerchant
    from paymux.merchants.model import Merchant

Plan = Literal["free", "pro", "unlimited"]
DIALECT = "ecomtrade24"
Unchecked = Annotated[bool, Parameter(negative="", help="Keep a wallet that payments are refused with: to try that, or for another chain.")]


def create(
    *,
    name: str,
    email: str,
    plan: Plan,
    country: str | None = None,
    domain: list[str] | None = None,
    wallet: str | None = None,
    unchecked: Unchecked = False,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    currency: list[str] | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Create a merchant and print its credentials, this once.

    Parameters
    ----------
    name
        What people call it.
    email
        The owner's address.
    plan
        What it may use: free is Hosted Checkout, the others route automatically.
    country
        Two letters, such as DE.
    domain
        A shop that is approved at once; may be given several times.
    wallet
        Where the money is forwarded, 0x and 40 hex digits.
    webhook_url
        Where notices go.
    webhook_secret
        What signs them; a random one by default.
    currency
        A currency of the merchant, the first is the main one; may be given several times.
    """
    judge_wallet(wallet, "wallet", unchecked)
    new = _new(name, email, plan, country, domain or [], wallet, webhook_url, webhook_secret, currency or [])
    currencies = [code.strip().upper() for code in currency or []]
    (created, etpay, echelon), exchanger = run(where, partial(_create, new, currencies), secret_key=True, migrating=True)
    answer = {
        "merchant_id": created.merchant_id,
        "plan": plan,
        "webhook_secret": created.webhook_secret,
        "credentials": {DIALECT: {"api_key": created.api_key}, "etpay": etpay, "echelon": echelon, "exchanger": exchanger},
    }
    if as_json:
        return tell_json(answer)
    from paymux.cli import show

    about = f"Merchant {created.merchant_id}: {name} ({plan}). Keep these, they are not shown again."
    codes = [("ETpay merchant code", etpay["merchant_code"]), ("ETpay API token", etpay["merchant_api_token"])]
    codes += [("Echelon merchant code", echelon["merchant_code"]), ("Echelon secret", echelon["secret"])]
    pairs = [("API key", created.api_key), ("webhook secret", created.webhook_secret), *codes]
    show.fields([*pairs, *((f"exchanger {name}".replace("_", " "), value) for name, value in exchanger.items())], about)


async def _create(new: "NewMerchant", currencies: list[str], core: "Core") -> "tuple[Any, dict[str, str]]":
    from paymux.cli.exchange import add_key

    everywhere = await add_merchant_everywhere(new, currencies, core)
    return everywhere, await add_key(everywhere[0].merchant_id, False, (), core)


async def add_merchant(new: "NewMerchant", core: "Core") -> "Created":
    """Write a new merchant."""
    from paymux.merchants.create import create_merchant

    async def verb(tx: Any, wishes: Any, now: int) -> "list[Created]":
        return [await create_merchant(core.keyring, DIALECT, tx, wish, now) for wish in wishes]

    return await core.writer.submit(verb, new)


async def add_merchant_everywhere(
    new: "NewMerchant", currencies: list[str], core: "Core"
) -> "tuple[Created, dict[str, str], dict[str, str]]":
    """Write a new merchant with its credentials on every wire, in one transaction."""
    from paymux.cli.echelon import enrol
    from paymux.cli.etpay import join
    from paymux.merchants.create import create_merchant

    async def verb(tx: Any, wishes: Any, now: int) -> "list[tuple[Created, dict[str, str], dict[str, str]]]":
        results = []
        for wish in wishes:
            created = await create_merchant(core.keyring, DIALECT, tx, wish, now)
            etpay = await join(core.keyring, tx, created.merchant_id, wish, now)
            echelon = await enrol(core.keyring, tx, created.merchant_id, wish.name, currencies, now, sandbox=core.sandbox)
            results.append((created, etpay, echelon))
        return results

    created = await core.writer.submit(verb, new)
    judge_url(new.webhook_url, core)
    return created


def _new(
    name: str,
    email: str,
    plan: str,
    country: str | None,
    domains: list[str],
    wallet: str | None,
    webhook_url: str | None,
    webhook_secret: str | None,
    currencies: list[str],
) -> "NewMerchant":
    from paymux import money
    from paymux.dialects.ecomtrade24 import domain as rules
    from paymux.merchants.create import NewMerchant
    from paymux.merchants.model import Plan as Plans

    if not name.strip():
        raise bad_option("name", "a merchant has a name")
    if rules.email(email) is None:
        raise bad_option("email", f"{email!r} is not an e-mail address")
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise bad_option("country", f"{country!r} is not a country of two letters, such as DE")
    codes = [code.strip().upper() for code in currencies]
    for code in codes:
        if money.currency(code) is None:
            raise bad_option("currency", f"{code!r} is not a known currency")
    return NewMerchant(
        name=name.strip(),
        email=email.strip(),
        plan=Plans(plan),
        country=country.upper() if country else None,
        currency=codes[0] if codes else None,
        wallet=wallet,
        shops=tuple(dict.fromkeys(domain_named(text, "domain") for text in domains)),
        webhook_url=url_given(webhook_url, "webhook-url") if webhook_url else None,
        webhook_secret=secret_given(webhook_secret, "webhook-secret"),
    )


def domain_named(text: str, option: str) -> str:
    """A shop's domain in its one comparable form."""
    from paymux.dialects.ecomtrade24.domain import normalised_domain

    domain = normalised_domain(text)
    if domain is None:
        raise bad_option(option, f"{text!r} is not a domain, such as shop.example.com")
    return domain


def url_given(text: str, option: str) -> str:
    """A URL that can be called."""
    from paymux.http.client import url_fault

    fault = url_fault(text)
    if fault is not None:
        raise bad_option(option, fault)
    return text


def judge_url(url: str | None, core: "Core") -> None:
    """Warn of a URL that the server will not call, as far as that shows without asking a name server; it is kept as given."""
    import ipaddress
    from urllib.parse import urlsplit

    from paymux.http.guard import is_public

    if not url or core.settings.allow_private_urls:
        return
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        public = is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        public = host != "localhost" and not host.endswith(".localhost")
    if not public:
        warn(f"warning: {host} is not a public address; kept, but the server refuses to call it unless PAYMUX_ALLOW_PRIVATE_URLS=on there")


def secret_given(text: str | None, option: str) -> str | None:
    """A secret that signs something."""
    if text is not None and not text.strip():
        raise bad_option(option, "an empty secret signs nothing; leave it out for a random one")
    return text


def judge_wallet(wallet: str | None, option: str, unchecked: bool) -> None:
    """Refuse a wallet with which the gateway would refuse payments; unchecked, warn of it and keep it as given."""
    from paymux.dialects.ecomtrade24.domain import wallet as valid

    if wallet is None or valid(wallet) is not None:
        return
    wrong = f"{wallet!r} is not a wallet (0x and 40 hex digits, owned by somebody)"
    if not unchecked:
        raise bad_option(option, f"{wrong}; payments would be refused with it, so nothing is changed. --unchecked keeps it all the same")
    warn(f"warning: {wrong}; kept, but payments will be refused with it")


def list_(*, after: Id = 0, limit: Limit = PAGE, as_json: AsJson = False, where: Where | None = None) -> None:
    """List merchants.

    Parameters
    ----------
    after
        Begin behind this id.
    limit
        At most so many.
    """
    from paymux.merchants.read import Page, merchants

    async def work(core: "Core") -> Any:
        return await core.reader.submit(merchants, Page(after, limit))

    found = run(where, work)
    from paymux.cli import show

    if as_json:
        return tell_json({"merchants": show.plain(found), "next_after": found[-1].id if len(found) == limit else None})
    rows = [(one.id, one.name, one.email, one.plan, "active" if one.active else "disabled") for one in found]
    show.table(("id", "name", "e-mail", "plan", "state"), rows, empty="No merchants here. Create one: paymux merchant create --help")
    if len(found) == limit:
        print(f"More: --after {found[-1].id}")


def show(merchant_id: Id, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Show a merchant: settings, shops, where its notices go, what it has."""
    from paymux.cli import show as eyes
    from paymux.ledger.read import balances_of
    from paymux.merchants.directory import load_merchants
    from paymux.merchants.read import endpoints

    async def work(core: "Core") -> Any:
        async def verb(tx: Any, ids: Any, now: int) -> list[Any]:
            found = await load_merchants(tx, ids)
            return [(found[0][1] if found else None, (await endpoints(tx, ids, now))[0], await balances_of(tx, ids[0]))]

        return await core.reader.submit(verb, merchant_id)

    merchant, goes_to, balances = run(where, work)
    if merchant is None:
        raise Declined(f"there is no merchant {merchant_id}")
    if as_json:
        return tell_json({**eyes.plain(merchant), "endpoints": eyes.plain(goes_to), "balances": eyes.plain(balances)})
    eyes.fields(facts_of(merchant), f"Merchant {merchant.id}: {merchant.name}")
    eyes.table(("shop", "status"), sorted(merchant.shops.items()), "Shops", "none: no payment can be created")
    rows = [(one.shop or "all shops", one.url or "nowhere yet", eyes.time(one.previous_until)) for one in goes_to]
    eyes.table(("notices of", "go to", "secret before signs until"), rows, "Webhooks")
    accounts = [(one.kind, eyes.amount(one.units, one.currency)) for one in balances]
    eyes.table(("account", "balance"), accounts, "Books", "nothing moved yet")


def facts_of(merchant: "Merchant") -> list[tuple[str, object]]:
    """What stands in a merchant's own row; the last three are its policy."""
    policy = merchant.policy
    return [
        ("e-mail", merchant.email),
        ("plan", merchant.plan),
        ("active", "yes" if merchant.active else "no: every key is refused"),
        ("country", merchant.country),
        ("wallet", merchant.wallet or "none: no payment can be created"),
        ("smart routing", "on" if merchant.smart_routing else "off"),
        ("methods off", ", ".join(sorted(merchant.methods_off)) or None),
        ("short tolerance", f"{policy.short_tolerance_units} units" if policy.short_tolerance_units else None),
        ("late money", policy.late),
        ("routes off", ", ".join(policy.routes_off) or None),
    ]
