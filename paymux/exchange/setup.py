"""What an operator sets up: currencies, directions, and what the inventory holds."""

import re
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from paymux.errors import Refusal, Refused, refuse
from paymux.exchange.model import Currency, Direction
from paymux.exchange.postings import stocked
from paymux.ledger import book
from paymux.ledger.chart import inventory
from paymux.money import EXPONENT_MAX, currency
from paymux.storage.query import Tx, load

_q = load("paymux.exchange")
_storage = load("paymux.storage")
_PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """Put so many units into the inventory (or take them out, where negative); one key is booked once."""

    key: str
    code: str
    units: int


async def put_currencies(tx: Tx, wishes: Sequence[Currency], now: int) -> list[Refused | None]:
    """Add or change currencies; the decimals of one that is there never change."""
    known = {row["code"]: msgspec.json.decode(row["profile"], type=Currency) for row in await tx.fetch(_q.all_currencies)}
    results: list[Refused | None] = []
    for wish in wishes:
        core = currency(wish.code)
        before = known.get(wish.code)
        if not 0 <= wish.decimals <= EXPONENT_MAX:
            results.append(refuse(Refusal.CURRENCY_MISMATCH, f"{wish.code}: decimals are 0 to {EXPONENT_MAX}"))
        elif not _PLAIN.fullmatch(wish.usd_rate):
            results.append(refuse(Refusal.CURRENCY_MISMATCH, f"{wish.code}: the rate in USD is a plain decimal"))
        elif core is not None and core.exponent != wish.decimals:
            results.append(refuse(Refusal.CURRENCY_MISMATCH, f"{wish.code} has {core.exponent} decimals in the books"))
        elif before is not None and (before.decimals, before.id) != (wish.decimals, wish.id):
            results.append(refuse(Refusal.CURRENCY_MISMATCH, f"{wish.code} keeps its id and its {before.decimals} decimals"))
        else:
            await tx.fetch(_q.put_currency, code=wish.code, profile=msgspec.json.encode(wish).decode(), now=now)
            results.append(None)
    await tx.fetch(_storage.grow_version)
    return results


async def put_directions(tx: Tx, wishes: Sequence[Direction], now: int) -> list[Refused | None]:
    """Add or change directions; the two currencies of one that is there never change."""
    known = {row["id"]: (row["from_code"], row["to_code"]) for row in await tx.fetch(_q.all_directions)}
    codes = {row["code"] for row in await tx.fetch(_q.all_currencies)}
    results: list[Refused | None] = []
    for wish in wishes:
        pair = (wish.from_code, wish.to_code)
        if fault := _fault(wish, codes):
            results.append(refuse(Refusal.CURRENCY_MISMATCH, fault))
        elif known.get(wish.id, pair) != pair or any(other == pair for key, other in known.items() if key != wish.id):
            results.append(refuse(Refusal.DUPLICATE_REFERENCE, f"{pair[0]} to {pair[1]}: another direction has this pair or this id"))
        else:
            profile = msgspec.json.encode(wish).decode()
            await tx.fetch(_q.put_direction, id=wish.id, from_code=pair[0], to_code=pair[1], profile=profile, now=now)
            known[wish.id] = pair
            results.append(None)
    await tx.fetch(_storage.grow_version)
    return results


def _fault(wish: Direction, codes: set[str]) -> str | None:
    if missing := {wish.from_code, wish.to_code} - codes:
        return f"there is no currency {', '.join(sorted(missing))}"
    floating = msgspec.structs.astuple(wish.floating) if wish.floating else ()
    limits = (wish.fee, wish.min, wish.max, wish.reserve or "0", wish.commission_percent, *floating)
    tiers = [text for one in wish.discounts for text in (one.more_than, one.percent)]
    if not all(_PLAIN.fullmatch(text) for text in (wish.rate_in, wish.rate_out, wish.margin_percent.removeprefix("-"), *limits, *tiers)):
        return "rates, limits and percents are plain decimals"
    if min(Fraction(wish.rate_in), Fraction(wish.rate_out)) <= 0 or Fraction(wish.margin_percent) <= -100:
        return "rates are above zero"
    discounts = [(Fraction(one.more_than), Fraction(one.percent)) for one in wish.discounts]
    if discounts != sorted(discounts, reverse=True) or any(percent >= 100 for _, percent in discounts):
        return "discounts stand with the largest amount first, percents are 0 to 99"
    return "the commission is at most 100 percent" if Fraction(wish.commission_percent) > 100 else None


async def stock(tx: Tx, wishes: Sequence[Stock], now: int) -> list[int | Refused]:
    """Move money into or out of the inventory; the units that it has then."""
    results: list[int | Refused] = []
    for wish in wishes:
        account = inventory(wish.code)
        has = (await book.available(tx, [account]))[account]
        repeated = bool((await tx.fetch(_q.used_transfer, key=f"stock:{wish.key}"))[0]["found"])
        if repeated or not wish.units:
            results.append(has)
        elif has + wish.units < 0:
            results.append(refuse(Refusal.INSUFFICIENT_BALANCE, f"the inventory has {has} units of {wish.code}"))
        else:
            await book.post(tx, [stocked(f"stock:{wish.key}", wish.code, wish.units, now)], now)
            results.append(has + wish.units)
    return results
