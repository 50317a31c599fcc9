"""`paymux exchange partner-key` and `reward`: partners' keys for their own API, and what they were paid of what they earned."""

from functools import partial
from typing import TYPE_CHECKING, Any

from paymux.cli.exchange import units_of
from paymux.cli.run import AsJson, Declined, Id, Where, accepted, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core


def partner_key(merchant_id: Id, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Give a partner a new key for the partners' own API and print it, this once; the one before stops counting."""
    made = run(where, partial(_partner_key, merchant_id), secret_key=True)
    if as_json:
        return tell_json(made)
    from paymux.cli import show as eyes

    eyes.fields(list(made.items()), f"Partner {merchant_id}: keep the key, it is not shown again.")


async def _partner_key(merchant_id: int, core: "Core") -> dict[str, str]:
    from paymux.exchange.keys import Member, put_members
    from paymux.merchants.directory import load_merchants

    if not await core.storage.read(lambda tx: load_merchants(tx, [merchant_id])):
        raise Declined(f"there is no merchant {merchant_id}")
    key = await core.writer.submit(core.partners.make_key, merchant_id)
    return {"partner": await core.writer.submit(put_members, Member(merchant_id=merchant_id)), "api_key": key}


def reward(code: str, /, *, currency: str, amount: str, reference: str, as_json: AsJson = False, where: Where | None = None) -> None:
    """Note that a partner was paid of what it earned.

    Parameters
    ----------
    currency
        The currency of the exchange that it was earned in.
    amount
        How much was paid.
    reference
        Your own name for this payment; one reference is booked once.
    """
    left = run(where, partial(_reward, code, currency, amount, reference))
    if as_json:
        return tell_json(left)
    print(f"{code} earned {left['earned']} {currency} in all and was paid {left['paid']}.")


async def _reward(code: str, currency: str, amount: str, reference: str, core: "Core") -> dict[str, Any]:
    from paymux.exchange.calculate import plain_units
    from paymux.exchange.partners import Reward

    found = (await core.reader.submit(core.shelf.read, None)).currencies.get(currency)
    if found is None:
        raise Declined(f"the exchange has no currency {currency}")
    units = units_of(amount, found.decimals, "amount")
    earned = accepted(
        await core.writer.submit(core.partners.reward, Reward(code=code, currency=currency, units=units, reference=reference))
    )
    return {"partner": code, "earned": plain_units(earned.earned, found), "paid": plain_units(earned.paid, found)}
