"""The sources of rates and their stored quotes."""

from collections.abc import Sequence

import msgspec

from paymux.rates.model import Quoted, Source
from paymux.storage.query import Tx, load

_q = load("paymux.rates")


async def quotes(tx: Tx) -> dict[str, Quoted]:
    """Every source's last good quote."""
    names = Quoted.__struct_fields__
    return {row["source"]: Quoted(**{name: row[name] for name in names}) for row in await tx.fetch(_q.all_quotes)}


async def sources(tx: Tx) -> list[Source]:
    """Every source."""
    return [msgspec.json.decode(row["profile"], type=Source) for row in await tx.fetch(_q.all_sources)]


async def lock_sources(tx: Tx) -> list[Source]:
    """Every source, none of which is set up anew before the transaction ends."""
    return [msgspec.json.decode(row["profile"], type=Source) for row in await tx.fetch(_q.lock_sources)]


async def put_quotes(tx: Tx, found: Sequence[Quoted], now: int) -> list[None]:
    """Keep what looks came to."""
    for one in sorted(found, key=lambda quoted: quoted.source):
        await tx.fetch(_q.put_quote, **msgspec.structs.asdict(one))
    return [None] * len(found)


async def put_sources(tx: Tx, wishes: Sequence[Source], now: int) -> list[None]:
    """Add or change sources; what they said before is forgotten, so that the next look is believed."""
    for wish in wishes:
        await tx.fetch(_q.put_source, name=wish.name, profile=msgspec.json.encode(wish).decode(), now=now)
        await tx.fetch(_q.forget_quote, source=wish.name)
    return [None] * len(wishes)
