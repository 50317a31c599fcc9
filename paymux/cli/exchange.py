"""`paymux exchange …`: orders and what an operator decides of them, the inventory, keys, and what the exchange offers.

Every decision is written into the order's history with who made it and why.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from paymux.cli.run import PAGE, AsJson, Declined, Id, Switch, Where, accepted, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.exchange.model import Order

Why = Annotated[str, Parameter(help="The reason, for the order's history.")]
Action = Literal["confirm", "progress", "hold", "return", "delete", "done", "fail", "reopen"]
LEADS: dict[str, str] = {
    "confirm": "inProgressPayout",  # the money is there, or: try the payout again
    "progress": "inProgress",
    "hold": "hold",
    "return": "returned",
    "delete": "deleted",
    "done": "done",
    "fail": "errorPayment",
    "reopen": "waitPayment",
}


def act(uid: Id, action: Action, /, *, why: Why = "", as_json: AsJson = False, where: Where | None = None) -> None:
    """Lead an order on: confirm (its money came; also retries a payout), progress, hold, return, delete, done, fail, reopen."""
    order = run(where, partial(_act, uid, action, why), secret_key=True)
    _tell(order, as_json)


async def _act(uid: int, action: str, why: str, core: "Core") -> "Order":
    from paymux.exchange.change import Step
    from paymux.exchange.lifecycle import Actor, Status

    step = Step(uid=uid, actor=Actor.OPERATOR, to=Status(LEADS[action]), why=f"by command: {why or action}")
    return accepted(await core.writer.submit(core.exchange.change, step)).order


def late(uid: Id, decision: Literal["return", "accept"], /, *, why: Why = "", as_json: AsJson = False, where: Where | None = None) -> None:
    """Decide about money that came after an order's end: return it, or accept it (the exchange keeps it)."""
    order = run(where, partial(_late, uid, decision, why), secret_key=True)
    _tell(order, as_json)


async def _late(uid: int, decision: str, why: str, core: "Core") -> "Order":
    from paymux.exchange.change import Late, Step
    from paymux.exchange.lifecycle import Actor

    step = Step(uid=uid, actor=Actor.OPERATOR, late=Late(decision), why=f"by command: {why}" if why else "by command")
    return accepted(await core.writer.submit(core.exchange.change, step)).order


def receive(uid: Id, /, *, amount: str, reference: str, as_json: AsJson = False, where: Where | None = None) -> None:
    """Note money that came for an order: exactly what was asked goes on to the payout, anything else waits for a decision.

    Parameters
    ----------
    amount
        How much came, in the order's first currency.
    reference
        The bank's or chain's own name for it; one reference is counted once.
    """
    order = run(where, partial(_receive, uid, amount, reference), secret_key=True)
    _tell(order, as_json)


async def _receive(uid: int, amount: str, reference: str, core: "Core") -> "Order":
    from paymux.exchange.change import Receipt, Step
    from paymux.exchange.lifecycle import Actor

    found = await _found(core, uid)
    units = units_of(amount, found.details.from_decimals, "amount")
    step = Step(uid=uid, actor=Actor.PROVIDER, receipt=Receipt(f"noted:{reference}", units), why="noted by command")
    return accepted(await core.writer.submit(core.exchange.change, step)).order


async def _found(core: "Core", uid: int) -> "Order":
    from paymux.exchange import store

    found = await core.storage.read(lambda tx: store.find(tx, [uid]))
    if uid not in found:
        raise Declined(f"there is no order {uid}")
    return found[uid]


def units_of(amount: str, decimals: int, option: str) -> int:
    """Exact units of an amount as people write it."""
    from paymux.money import decimal_units

    units = decimal_units(amount, decimals)
    if not units:
        raise bad_option(option, f"{amount!r} is not an amount with at most {decimals} decimals")
    return units


def _tell(order: "Order", as_json: bool) -> None:
    if as_json:
        return tell_json({"order": f"exchanger:{order.uid}", "status": order.status, "version": order.version})
    print(f"exchanger:{order.uid} is {order.status}")


def show(uid: Id, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """Show everything that is known of an order: history, books, notices."""
    story = run(where, partial(_story, uid))
    if as_json:
        return tell_json(story)
    from paymux.cli import show as eyes

    eyes.fields([(name, value) for name, value in story["order"].items() if value not in (None, "")], f"Order exchanger:{uid}")
    for name in ("history", "transfers", "notices"):
        rows = story[name]
        if rows:
            eyes.table(list(rows[0]), [list(row.values()) for row in rows], name.capitalize())


async def _story(uid: int, core: "Core") -> dict[str, Any]:
    from paymux.exchange.story import story

    found = await core.storage.read(lambda tx: story(tx, uid))
    if found is None:
        raise Declined(f"there is no order {uid}")
    return found


def list_(*, as_json: AsJson = False, where: Where | None = None) -> None:
    """List orders that wait for somebody, the newest first; ended ones with money that came late among them."""
    from paymux.exchange.story import waiting

    async def work(core: "Core") -> list[dict[str, Any]]:
        return await core.storage.read(lambda tx: waiting(tx, PAGE))

    rows = run(where, work)
    if as_json:
        return tell_json({"orders": rows})
    from paymux.cli import show as eyes

    names = ("uid", "status", "from_code", "to_code", "in_amount", "out_amount", "payout", "late")
    eyes.table(names, [[row[name] for name in names] for row in rows], "Orders that wait", "No order waits.")


def stock(code: str, /, *, add: str | None = None, take: str | None = None, key: str | None = None, where: Where | None = None) -> None:
    """Put money into the inventory, or take it out; without either say what there is.

    Parameters
    ----------
    add
        How much is put in.
    take
        How much is taken out.
    key
        A name for this booking: the same one is booked once.
    """
    if add is not None and take is not None:
        raise bad_option("take", "either --add or --take")
    print(run(where, partial(_stock, code, add, take, key)))


async def _stock(code: str, add: str | None, take: str | None, key: str | None, core: "Core") -> str:
    from paymux import ids
    from paymux.exchange.calculate import plain_units
    from paymux.exchange.setup import Stock
    from paymux.exchange.setup import stock as verb

    catalogue = await core.reader.submit(core.shelf.read, None)
    currency = catalogue.currencies.get(code)
    if currency is None:
        raise Declined(f"the exchange has no currency {code}")
    given = add or take
    units = units_of(given, currency.decimals, "add" if add else "take") if given else 0
    wish = Stock(key=key or ids.hex_token(16), code=code, units=units if add else -units)
    has = accepted(await core.writer.submit(verb, wish))
    return f"The inventory has {plain_units(has, currency)} {code}."


def setup(file: Path, /, *, where: Where | None = None) -> None:
    """Add or change currencies and directions: a JSON file with the lists "currencies", "directions" and "sources"."""
    added = run(where, partial(_setup, file))
    print(f"{added[0]} currencies, {added[1]} directions and {added[2]} rate sources are set.")


async def _setup(file: Path, core: "Core") -> tuple[int, int, int]:
    import msgspec

    from paymux.exchange.fields import regexp_fault
    from paymux.exchange.model import Currency, Direction
    from paymux.exchange.setup import put_currencies, put_directions
    from paymux.rates.book import put_sources
    from paymux.rates.model import Source

    class File(msgspec.Struct, forbid_unknown_fields=True):
        currencies: list[Currency] = []
        directions: list[Direction] = []
        sources: list[Source] = []

    try:
        read = msgspec.json.decode(file.read_bytes(), type=File)
    except (OSError, msgspec.DecodeError) as error:
        raise bad_option("FILE", f"{file}: {error}") from None
    for direction in read.directions:
        for field in (*direction.from_fields, *direction.to_fields, *direction.route_fields):
            if fault := regexp_fault(field.regexp):
                raise Declined(f"{direction.from_code} to {direction.to_code}, field {field.id}: {fault}")
    for currency in read.currencies:
        accepted(await core.writer.submit(put_currencies, currency))
    for direction in read.directions:
        accepted(await core.writer.submit(put_directions, direction))
    for source in read.sources:
        await core.writer.submit(put_sources, source)
    return len(read.currencies), len(read.directions), len(read.sources)


def key(
    merchant_id: Id,
    /,
    *,
    operator: bool = False,
    address: list[str] | None = None,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Give a merchant a key pair for the exchanger's API and print it, this once.

    Parameters
    ----------
    operator
        The key may call what only operators may.
    address
        Only this address may use it; may be given several times.
    """
    pair = run(where, partial(add_key, merchant_id, operator, tuple(address or ())), secret_key=True)
    if as_json:
        return tell_json(pair)
    from paymux.cli import show as eyes

    eyes.fields(list(pair.items()), f"Merchant {merchant_id}: keep these, they are not shown again.")


async def add_key(merchant_id: int, operator: bool, addresses: tuple[str, ...], core: "Core") -> dict[str, str]:
    """A key pair and the merchant's partner code."""
    from paymux.exchange.keys import Member, NewPair, put_members
    from paymux.merchants.directory import load_merchants

    if not await core.storage.read(lambda tx: load_merchants(tx, [merchant_id])):
        raise Declined(f"there is no merchant {merchant_id}")
    partner = await core.writer.submit(put_members, Member(merchant_id=merchant_id))
    pair = await core.writer.submit(core.exchange_keys.add, NewPair(merchant_id=merchant_id, operator=operator, addresses=addresses))
    if pair is None:
        raise Declined(f"merchant {merchant_id} has as many keys as it may have: revoke one first")
    return {"partner": partner, "public_key": pair.key, "secret_key": pair.secret}


def reliable(merchant_id: Id, switch: Switch, /, *, where: Where | None = None) -> None:
    """Repeat the IPN of a merchant's orders until it is taken (on), or send it once, as the manual says (off)."""

    async def work(core: "Core") -> str:
        from paymux.exchange.keys import Member, put_members
        from paymux.merchants.directory import load_merchants

        if not await core.storage.read(lambda tx: load_merchants(tx, [merchant_id])):
            raise Declined(f"there is no merchant {merchant_id}")
        return await core.writer.submit(put_members, Member(merchant_id=merchant_id, reliable_ipn=switch == "on"))

    run(where, work)
    print(f"Merchant {merchant_id}: the IPN of new orders is {'repeated until it is taken' if switch == 'on' else 'sent once'}.")
