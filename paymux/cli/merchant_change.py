"""`paymux merchant …` for merchants that exist: switches, shops, keys, policies, webhooks."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from paymux.cli.merchant import DIALECT, Plan, Unchecked, domain_named, facts_of, judge_url, judge_wallet, secret_given, url_given
from paymux.cli.run import AsJson, Declined, Hours, Id, Switch, Units, Where, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.change import ChangeMerchant, RotateKey
    from paymux.merchants.model import Merchant


def _changed(where: Where | None, change: "ChangeMerchant") -> "Merchant":
    from paymux.merchants.change import change_merchants

    async def work(core: "Core") -> Any:
        return await core.writer.submit(change_merchants, change)

    merchant = run(where, work)
    if merchant is None:
        raise Declined(f"there is no merchant {change.id}")
    found: Merchant = merchant
    return found


def _change(where: Where | None, merchant_id: int, **given: Any) -> "Merchant":
    from paymux.merchants.change import ChangeMerchant

    return _changed(where, ChangeMerchant(id=merchant_id, **given))


def disable(merchant_id: Id, /, *, where: Where | None = None) -> None:
    """Refuse every key of a merchant from the next request on. Payments under way go on."""
    _change(where, merchant_id, active=False)
    print(f"Merchant {merchant_id} is disabled.")


def enable(merchant_id: Id, /, *, where: Where | None = None) -> None:
    """Let a disabled merchant in again."""
    _change(where, merchant_id, active=True)
    print(f"Merchant {merchant_id} is enabled.")


def plan(merchant_id: Id, new: Plan, /, *, where: Where | None = None) -> None:
    """Move a merchant to another plan; sessions that exist keep their mode."""
    from paymux.merchants.model import Plan as Plans

    _change(where, merchant_id, plan=Plans(new))
    print(f"Merchant {merchant_id} is on the plan {new}.")


def wallet(merchant_id: Id, address: str, /, *, unchecked: Unchecked = False, where: Where | None = None) -> None:
    """Set where a merchant's money is forwarded; payments that exist keep theirs."""
    judge_wallet(address, "ADDRESS", unchecked)
    _change(where, merchant_id, wallet=address)
    print(f"Merchant {merchant_id} has the wallet {address}.")


def smart_routing(merchant_id: Id, switch: Switch, /, *, where: Where | None = None) -> None:
    """Switch a merchant's automatic routing on or off."""
    _change(where, merchant_id, smart_routing=switch == "on")
    print(f"Smart routing of merchant {merchant_id} is {switch}.")


def method(merchant_id: Id, name: str, switch: Switch, /, *, where: Where | None = None) -> None:
    """Switch one buyer-facing method of a merchant on or off."""
    from paymux.routing.model import METHODS

    if name not in METHODS:
        raise bad_option("method", f"{name!r} is none of {', '.join(METHODS)}")
    _change(where, merchant_id, methods={name: switch == "on"})
    print(f"Method {name} of merchant {merchant_id} is {switch}.")


def shop(merchant_id: Id, domain: str, status: Literal["approved", "pending", "blocked"], /, *, where: Where | None = None) -> None:
    """Register a shop of a merchant, or change its status; only an approved one can create payments."""
    from paymux.merchants.change import SetShop, set_shops
    from paymux.merchants.model import ShopStatus

    wish = SetShop(merchant_id=merchant_id, domain=domain_named(domain, "DOMAIN"), status=ShopStatus(status))

    async def work(core: "Core") -> Any:
        return await core.writer.submit(set_shops, wish)

    if run(where, work) is None:
        raise Declined(f"there is no merchant {merchant_id}")
    print(f"Shop {wish.domain} of merchant {merchant_id} is {status}.")


# API -> (its word for the key, characters of a random one; None: a key of ours with its prefix)
KEYS: dict[str, tuple[str, int | None]] = {DIALECT: ("api_key", None), "etpay": ("merchant_api_token", 64)}


def key(
    merchant_id: Id,
    /,
    *,
    rotate: bool = False,
    api: Literal["ecomtrade24", "etpay"] = "ecomtrade24",
    grace_hours: Hours = 0,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Give a merchant a new API key; the old one is refused from the next request on, or after a grace.

    Parameters
    ----------
    rotate
        Do it.
    api
        Which API's key; every API has its own.
    grace_hours
        How long the old one still counts, so that a shop can change over.
    """
    from paymux import ids
    from paymux.clock import HOUR
    from paymux.merchants.change import RotateKey

    if not rotate:
        raise bad_option("rotate", "keys are kept as hashes and cannot be shown; say --rotate for a new one")
    word, chars = KEYS[api]
    wish = RotateKey(merchant_id=merchant_id, dialect=api, key=ids.token(chars) if chars else None, grace_ms=grace_hours * HOUR)
    new = run(where, partial(rotated, wish), secret_key=True)
    if as_json:
        return tell_json({"merchant_id": merchant_id, "credentials": {api: {word: new}}})
    from paymux.cli import show

    old = f"The old one counts for {grace_hours} more {'hour' if grace_hours == 1 else 'hours'}" if grace_hours else "The old one is dead"
    show.fields(
        [("API key" if word == "api_key" else word.replace("_", " "), new)],
        f"Merchant {merchant_id}: the new key. {old}; this one is not shown again.",
    )


async def rotated(wish: "RotateKey", core: "Core") -> str:
    """The merchant's new key."""
    from paymux.merchants.change import Keys

    new: str | None = await core.writer.submit(Keys(core.keyring).rotate, wish)
    if new is None:
        raise Declined(f"there is no merchant {wish.merchant_id}")
    return new


Routes = Annotated[list[str] | None, Parameter(help="A route's slug; may be given several times.")]


def policy(
    merchant_id: Id,
    /,
    *,
    short_tolerance: Units | None = None,
    late: Literal["review", "accept"] | None = None,
    route_off: Routes = None,
    route_on: Routes = None,
    where: Where | None = None,
) -> None:
    """Say how a merchant wants wrong money treated and which routes it does not use; without options show it.

    Parameters
    ----------
    short_tolerance
        Minor units of the payment's currency: missing this much or less counts as paid.
    late
        What becomes of the whole amount when it comes after the end.
    """
    from paymux.cli import show as eyes
    from paymux.merchants.change import ChangeMerchant, ChangePolicy, change_merchants
    from paymux.merchants.model import Late

    given: dict[str, Any] = {"routes_off": tuple(route_off or ()), "routes_on": tuple(route_on or ())}
    if short_tolerance is not None:
        given["short_tolerance_units"] = short_tolerance
    if late is not None:
        given["late"] = Late(late)

    async def work(core: "Core") -> Any:
        known = {route.slug for route in core.registry.routes()}
        for slug in given["routes_off"]:
            if slug not in known:
                raise bad_option("route-off", f"there is no route {slug}; see paymux route list")
        return await core.writer.submit(change_merchants, ChangeMerchant(id=merchant_id, policy=ChangePolicy(**given)))

    merchant = run(where, work)
    if merchant is None:
        raise Declined(f"there is no merchant {merchant_id}")
    eyes.fields(facts_of(merchant)[-3:], f"Policy of merchant {merchant_id}")


def webhook(
    merchant_id: Id,
    /,
    *,
    url: str | None = None,
    shop: str | None = None,
    secret: str | None = None,
    rotate_secret: bool = False,
    overlap_hours: Hours = 24,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Set where a merchant's notices go, or give them a new secret.

    Parameters
    ----------
    url
        Where they go from now on; an empty text: nowhere.
    shop
        Only for this shop's domain; its own URL and secret go before the merchant's.
    secret
        What signs from now on, instead of a random one.
    rotate_secret
        Make a new secret; the one before signs beside it for a while.
    overlap_hours
        For how long.
    """
    if url is None and not rotate_secret and secret is None:
        raise bad_option("url", "say --url U, --secret S or --rotate-secret")
    wanted = {
        "url": url_given(url, "url") if url else url,
        "secret": secret_given(secret, "secret"),
        "shop": domain_named(shop, "shop") if shop else "",
        "rotate": rotate_secret or secret is not None,
        "overlap_hours": overlap_hours,
    }
    made = run(where, partial(_webhook, merchant_id, wanted), secret_key=True)
    if as_json:
        return tell_json({"merchant_id": merchant_id, "shop": shop, "url": url, "webhook_secret": made})
    if url is not None:
        print(f"Notices of merchant {merchant_id} go {f'to {url}' if url else 'nowhere'}.")
    if made is not None:
        print(f"webhook secret: {made}")


async def _webhook(merchant_id: int, wanted: dict[str, Any], core: "Core") -> str | None:
    from paymux.clock import HOUR
    from paymux.webhooks.endpoints import Endpoints, Rotate, SetUrl

    if (await core.reader.submit(core.directory.by_id, merchant_id)).merchant is None:
        raise Declined(f"there is no merchant {merchant_id}")
    endpoints, shop, made = Endpoints(core.keyring), wanted["shop"], None
    if wanted["url"] is not None:
        made = (await core.writer.submit(endpoints.set_urls, SetUrl(merchant_id=merchant_id, shop=shop, url=wanted["url"]))).secret
    if wanted["rotate"]:
        overlap_ms = 0 if made else wanted["overlap_hours"] * HOUR
        wish = Rotate(merchant_id=merchant_id, shop=shop, secret=wanted["secret"], overlap_ms=overlap_ms)
        made = await core.writer.submit(endpoints.rotate, wish)
        if made is None:
            raise Declined(f"merchant {merchant_id} has no webhook{f' of its own for {shop}' if shop else ''} yet: give it one with --url")
    judge_url(wanted["url"], core)
    import structlog

    structlog.get_logger().info("merchant.webhook_set", merchant=merchant_id, shop=shop or None, rotated=made is not None)
    return made
