"""`paymux fixtures load NAME`: the reference data of a contract, for tests and for people who try it. Loading again changes nothing."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from paymux.cli.run import AsJson, Declined, Where, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.create import NewMerchant

# EcomTrade24's worked examples: (id, plan, key); a shop, a wallet and a webhook secret in common, no webhook URL.
ECOMTRADE24 = ((12, "pro", "KEY_PRO"), (13, "free", "KEY_FREE"))
SHOP, WALLET, WEBHOOK_SECRET = "shop.example.com", "0x" + "1" * 40, "test-webhook-secret"


# ETpay's worked examples: (currency, code, token, what the merchant gave). The manual shows no token; these are fixed for tests.
ETPAY: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "CLP", "cl_demo_cl", "E1ETpayDemoChileTokenForTestsOnly0123456789ABCDEFabcdefGHIJKLmno",
        {
            "name": "Sandbox Developer Merchant", "account_bank": "cl_estado", "account_type": "cuenta_vista", "account": "19687526",
            "terms_url": "https://www.etpay.com/terms-conditions",
        },
    ),
    (
        "MXN", "mx_demo", "E10ETpayDemoMexicoTokenForTestsOnly0123456789ABCDEFabcdefGHIJKLm",
        {"name": "Sandbox Developer Merchant", "account_bank": "mx_bbva", "account_type": "cuenta_corriente", "account": "19687526"},
    ),
)  # fmt: skip


# Who may log in for refunds and payouts; the password of each is this text, a hyphen and the merchant's code.
ETPAY_LOGIN = ("payouts", "E2ETpayDemoPayoutsPasswordForTestsOnly0123")


def load(name: str, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Load reference data into the database.

    Parameters
    ----------
    name
        Which: ecomtrade24, etpay, echelon or exchanger.
    """
    if name not in FIXTURES:
        raise bad_option("NAME", f"there are no fixtures {name!r}; known: {', '.join(FIXTURES)}")
    added = run(where, FIXTURES[name], secret_key=True, sandbox=True, migrating=True)
    if as_json:
        return tell_json({"fixtures": name, "added": added})
    merchants = ", ".join(map(str, added))
    print(f"Fixtures {name}: " + (f"merchants {merchants} added." if added else "all there already."))


async def load_all(core: "Core") -> None:
    """Everything, for the demo."""
    for load_one in FIXTURES.values():
        await load_one(core)


async def _ecomtrade24(core: "Core") -> list[int]:
    from paymux.merchants.create import NewMerchant
    from paymux.merchants.model import Plan

    wanted = [
        NewMerchant(
            id=merchant_id,
            name=f"Example merchant {merchant_id}",
            email=f"m{merchant_id}@example.com",
            plan=Plan(plan),
            country="DE",
            wallet=WALLET,
            shops=(SHOP,),
            webhook_secret=WEBHOOK_SECRET,
            api_key=key,
        )
        for merchant_id, plan, key in ECOMTRADE24
    ]
    return [new.id for new in wanted if new.id is not None and await core.writer.submit(partial(add_missing, core, "ecomtrade24"), new)]


async def _etpay(core: "Core") -> list[int]:
    from paymux.cli.etpay import join
    from paymux.dialects.etpay.account import LOGIN, Account
    from paymux.merchants.create import NewMerchant, add_key, create_merchant
    from paymux.merchants.model import Plan

    user, password = ETPAY_LOGIN

    async def verb(tx: Any, commands: Any, now: int) -> list[list[int]]:
        added = []
        for currency, code, token, given in ETPAY:
            there = (await core.directory.by_key(tx, [("etpay", token)], now))[0].merchant
            if there is None:
                new = NewMerchant(
                    name=given["name"],
                    email=f"{code}@example.com",
                    plan=Plan.PRO,
                    country="MX" if currency == "MXN" else "CL",
                    currency=currency,
                    webhook_secret=WEBHOOK_SECRET,
                )
                merchant_id = (await create_merchant(core.keyring, "ecomtrade24", tx, new, now)).merchant_id
                account = Account(currency=currency, payouts_user=user, **given)  # type: ignore[arg-type]
                await join(core.keyring, tx, merchant_id, new, now, account, code, token)
                await add_key(core.keyring, LOGIN, tx, merchant_id, f"{password}-{code}", now)
                added.append(merchant_id)
        return [added for _ in commands]

    return await core.writer.submit(verb, None)


async def add_missing(core: "Core", dialect: str, tx: Any, wishes: "list[NewMerchant]", now: int) -> list[bool]:
    """Create the merchants that are missing; one that is there stays as people left it."""
    from paymux.merchants.create import create_merchant
    from paymux.merchants.directory import load_merchants

    results = []
    for new in wishes:
        assert new.id is not None, "a fixture has the id of its contract"
        there = await load_merchants(tx, [new.id])
        if there and there[0][1].email != new.email:
            raise Declined(f"merchant {new.id} is somebody else here ({there[0][1].name}): load the fixtures into a database of their own")
        if not there:
            await create_merchant(core.keyring, dialect, tx, new, now)
        results.append(not there)
    return results


async def _echelon(core: "Core") -> list[int]:
    """The merchants, channels and opening balances of Echelon's contract. Channels are put back as they were; money is never repeated."""
    from paymux.dialects.echelon import catalogue

    added = await core.writer.submit(partial(_add_echelon, core), tuple(catalogue.FIXTURES))
    return [merchant_id for merchant_id, new in added if new]


async def _add_echelon(core: "Core", tx: Any, commands: Any, now: int) -> list[list[tuple[int, bool]]]:
    from paymux.dialects.echelon import catalogue
    from paymux.ledger import book
    from paymux.ledger.postings import opening
    from paymux.merchants.create import NewMerchant, add_key, create_merchant
    from paymux.merchants.model import Plan
    from paymux.merchants.profiles import Profiles, PutProfile, put_profiles
    from paymux.money import known
    from paymux.payments.turn import PROVIDER

    results = []
    for wanted in commands:
        done = []
        for code, secret in wanted:
            there = (await Profiles().by_code(tx, [(catalogue.DIALECT, code)], now))[0].merchant
            if there is None:
                new = NewMerchant(name=code, email=f"{code.lower()}@example.com", plan=Plan.PRO)
                merchant_id = (await create_merchant(core.keyring, "ecomtrade24", tx, new, now)).merchant_id
                await add_key(core.keyring, catalogue.DIALECT, tx, merchant_id, secret, now)
                brought = [
                    opening(merchant_id, PROVIDER, currency, amount * 10 ** known(currency).exponent, now)
                    for currency, amount in catalogue.OPENING.items()
                    if amount
                ]
                await book.post(tx, brought, now)
            else:
                merchant_id = there.merchant_id
            profile = catalogue.fixture_profile()
            wish = PutProfile(merchant_id=merchant_id, dialect=catalogue.DIALECT, code=code, profile=profile)
            await put_profiles(tx, [wish], now)
            done.append((merchant_id, there is None))
        results.append(done)
    return results


async def _exchanger(core: "Core") -> list[int]:
    from paymux.cli.exchange_fixtures import load_exchange

    return await load_exchange(core)


FIXTURES: "Mapping[str, Callable[[Core], Awaitable[list[int]]]]" = {
    "ecomtrade24": _ecomtrade24,
    "etpay": _etpay,
    "echelon": _echelon,
    "exchanger": _exchanger,
}
