"""`paymux etpay …`, and what a merchant gets on ETpay's wire when it is created: a code, a token, an account."""

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from paymux.cli.run import AsJson, Declined, Id, Where, bad_option, between, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.dialects.etpay.account import Account
    from paymux.keyring import Keyring
    from paymux.merchants.create import NewMerchant
    from paymux.storage.query import Tx

DIALECT = "etpay"
TOKEN_CHARS, PASSWORD_CHARS = 64, 40


async def join(
    keyring: "Keyring",
    tx: "Tx",
    merchant_id: int,
    new: "NewMerchant",
    now: int,
    account: "Account | None" = None,
    code: str = "",
    token: str = "",
) -> dict[str, str]:
    """Give a merchant its ETpay credentials. Without an account of its own it gets a sandbox one in its currency."""
    from paymux import ids
    from paymux.dialects.etpay.account import Account, country, currency_for
    from paymux.merchants.create import add_key, put_profile

    if account is None:
        currency = currency_for(new.currency, new.country)
        bank = f"{country(currency)}_test"
        account = Account(currency=currency, account_bank=bank, account_type="cuenta_corriente", account=f"{merchant_id:08d}")
    name = re.sub(r"[^a-z0-9]+", "_", new.name.lower()).strip("_")[:30] or "merchant"
    code = code or f"{country(account.currency)}_{name}_{merchant_id}"
    token = token or ids.token(TOKEN_CHARS)
    await put_profile(tx, merchant_id, DIALECT, code, _facts(account), now)
    await add_key(keyring, DIALECT, tx, merchant_id, token, now)
    return {"merchant_code": code, "merchant_api_token": token}


def set_(
    merchant_id: Id,
    /,
    *,
    name: str | None = None,
    site_url: str | None = None,
    success_url: str | None = None,
    failure_url: str | None = None,
    terms_url: str | None = None,
    account_bank: str | None = None,
    account_type: str | None = None,
    account: str | None = None,
    session_minutes: Annotated[int | None, between(1, 43200)] = None,
    amount_max: str | None = None,
    boolean_status: bool | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Change what ETpay's API keeps of a merchant; without options, show it. True for the next session.

    Parameters
    ----------
    merchant_id
        Whose.
    name
        What payers read; empty: the merchant's own name.
    site_url
        Where browsers go without any other URL; its origin may embed the payment page.
    success_url
        Where they go after a payment, unless the session says otherwise.
    failure_url
        Where they go after everything else.
    terms_url
        The terms that payers agree to; empty: the gateway's own page.
    account_bank
        The bank of the account that is paid into, such as cl_estado.
    account_type
        Its kind, such as cuenta_vista.
    account
        Its number.
    session_minutes
        How long a session stays open.
    amount_max
        The largest amount of a payment; empty: no limit.
    boolean_status
        Whether payment_status is true and false instead of "success" and "error".
    """
    given: dict[str, Any] = {
        "name": name,
        "site_url": _url(site_url, "site-url"),
        "success_url": _url(success_url, "success-url"),
        "failure_url": _url(failure_url, "failure-url"),
        "terms_url": _url(terms_url, "terms-url"),
        "account_bank": account_bank,
        "account_type": account_type,
        "account": account,
    }
    changes: dict[str, Any] = {key: value or None for key, value in given.items() if value is not None}
    if session_minutes is not None:
        changes["session_minutes"] = session_minutes
    if boolean_status is not None:
        changes["boolean_status"] = boolean_status
    _tell(merchant_id, *run(where, partial(_change, merchant_id, changes, amount_max)), as_json)


def login(
    merchant_id: Id, /, *, username: str | None = None, off: bool = False, as_json: AsJson = False, where: Where | None = None
) -> None:
    """Give a merchant the login for refunds and payouts, with a new password. The old one, and what it opened, is dead at once.

    Parameters
    ----------
    username
        Its name, by default the one it has, else payouts@ and the merchant's code.
    off
        Take the login away.
    """
    if username is not None and not re.fullmatch(r"[^\s\x00-\x1f]{1,100}", username):
        raise bad_option("username", "1 to 100 characters without blanks")
    made = run(where, partial(_login, merchant_id, username, off), secret_key=True)
    if as_json:
        return tell_json({"merchant_id": merchant_id, **made})
    if off:
        return print(f"Merchant {merchant_id} has no login for refunds and payouts any more.")
    from paymux.cli import show

    return show.fields(list(made.items()), f"Merchant {merchant_id}: log in at /v1/auth/login. The password is not shown again.")


async def _login(merchant_id: int, username: str | None, off: bool, core: "Core") -> dict[str, str | None]:
    import msgspec

    from paymux import ids
    from paymux.dialects.etpay.account import LOGIN, account_of
    from paymux.merchants.change import Keys, RotateKey
    from paymux.merchants.create import put_profile
    from paymux.merchants.directory import load_merchants

    async def verb(tx: Any, commands: Any, now: int) -> list[dict[str, str | None]]:
        found = await load_merchants(tx, [merchant_id])
        profile = found[0][1].profiles.get(DIALECT) if found else None
        if profile is None:
            raise Declined(f"there is no merchant {merchant_id}" if not found else f"merchant {merchant_id} has no ETpay credentials")
        account = account_of(profile)
        name = None if off else username or account.payouts_user or f"payouts@{profile.code}"
        await put_profile(tx, merchant_id, DIALECT, profile.code, _facts(msgspec.structs.replace(account, payouts_user=name)), now)
        wish = RotateKey(merchant_id=merchant_id, dialect=LOGIN, key=ids.token(PASSWORD_CHARS))
        [password] = await Keys(core.keyring).rotate(tx, [wish], now)  # with --off nobody learns the new one
        return [{"username": name, "password": None if off else password} for _ in commands]

    return await core.writer.submit(verb, None)


def _tell(merchant_id: int, code: str, kept: "Account", as_json: bool) -> None:
    from paymux.cli import show

    facts = show.plain(kept)
    if as_json:
        return tell_json({"merchant_id": merchant_id, "merchant_code": code, **facts})
    rows = [("merchant code", code), *((key.replace("_", " "), value) for key, value in facts.items())]
    return show.fields(rows, f"Merchant {merchant_id} on ETpay")


async def _change(merchant_id: int, changes: dict[str, Any], amount_max: str | None, core: "Core") -> "tuple[str, Account]":
    import msgspec

    from paymux.dialects.etpay.account import account_of
    from paymux.merchants.create import put_profile
    from paymux.merchants.directory import load_merchants
    from paymux.money import decimal_units

    async def verb(tx: Any, commands: Any, now: int) -> "list[tuple[str, Account]]":
        found = await load_merchants(tx, [merchant_id])
        profile = found[0][1].profiles.get(DIALECT) if found else None
        if profile is None:
            raise Declined(f"there is no merchant {merchant_id}" if not found else f"merchant {merchant_id} has no ETpay credentials")
        account = account_of(profile)
        if amount_max is not None:
            units = decimal_units(amount_max, account.money.exponent) if amount_max else None
            if amount_max and not units:
                raise bad_option("amount-max", f"{amount_max!r} is not an amount in {account.currency}")
            changes["amount_max_units"] = units
        changed = msgspec.structs.replace(account, **changes)
        if changed != account:
            await put_profile(tx, merchant_id, DIALECT, profile.code, _facts(changed), now)
        return [(profile.code, changed) for _ in commands]

    return await core.writer.submit(verb, None)


def _facts(account: "Account") -> str:
    import msgspec

    return msgspec.json.encode(account).decode()


def _url(text: str | None, option: str) -> str | None:
    from paymux.dialects.etpay.fields import is_url

    if text and not is_url(text):
        raise bad_option(option, f"{text!r} is not an absolute http or https URL")
    return text
