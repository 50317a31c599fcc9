"""Look at the sources: a bounded duty beside the requests. A source that is dead, slow or lies never blocks anything: the last good quote
stays with its age, until the directions that use it close by themselves."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from paymux.http.call import Call, Reply
from paymux.http.client import Client
from paymux.rates import book
from paymux.rates.model import Kind, Quoted, Source, average, judged, read_rate
from paymux.storage.query import Tx
from paymux.storage.writer import Storage

TIMEOUT_S = 5
FILE_BYTES_MAX = 65536

log = structlog.get_logger()


class Looker:
    """The duty."""

    def __init__(self, storage: Storage, client: Client) -> None:
        self._storage, self._client = storage, client

    async def look(self, now: int) -> int:
        """Look at what is due, all at the same time; how much it was."""
        known, sources = await self._storage.read(_state)
        due = [one for one in sources if one.name not in known or now - known[one.name].looked_at >= one.every_s * 1000 - 500]
        if not due:
            return 0
        plain = [one for one in due if one.kind is not Kind.AVERAGE]
        found = await asyncio.gather(*(self._ask(one) for one in plain))
        fresh = {one.name: judged(known.get(one.name), *said, one.name, now) for one, said in zip(plain, found, strict=True)}
        for one in due:
            if one.kind is Kind.AVERAGE:
                fresh[one.name] = _mean(one, {**known, **fresh}, now)
        for quoted in fresh.values():
            if quoted.fault:
                log.warning("rates.source_failed", source=quoted.source, fault=quoted.fault)
        await self._storage.write(lambda tx: _keep(tx, due, list(fresh.values()), now))
        return len(due)

    async def _ask(self, source: Source) -> tuple[str | None, str]:
        """(rate, what was wrong)."""
        if source.kind is Kind.FIXED:
            return read_rate(source.place.encode(), ""), "not a rate"
        if source.kind is Kind.FILE:
            try:
                document = await asyncio.to_thread(_first_bytes, Path(source.place))
            except OSError as error:
                return None, f"cannot be read: {error.strerror}"
        else:
            answer = await self._client.send(Call("GET", source.place, timeout_s=TIMEOUT_S))
            if not isinstance(answer, Reply):
                return None, answer.detail
            if answer.status != 200:
                return None, f"HTTP {answer.status}"
            document = answer.body
        return read_rate(document, source.pointer), "there is no rate in it"


async def _state(tx: Tx) -> tuple[dict[str, Quoted], list[Source]]:
    return await book.quotes(tx), await book.sources(tx)


async def _keep(tx: Tx, asked: list[Source], found: list[Quoted], now: int) -> None:
    """Write what was found. What a source said at a place that it no longer has is forgotten, and a mean of it, too."""
    stands = {one.name: one for one in await book.lock_sources(tx)}
    moved = {one.name for one in asked if stands.get(one.name) != one}
    moved |= {one.name for one in asked if one.kind is Kind.AVERAGE and moved.intersection(one.place.split())}
    await book.put_quotes(tx, [one for one in found if one.source not in moved], now)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX)


def _mean(source: Source, known: dict[str, Quoted], now: int) -> Quoted:
    """The mean of the members whose newest look was good; it is as old as the oldest of them."""
    members = [known[name] for name in source.place.split() if name in known and not known[name].fault]
    rate = average([one.rate for one in members if one.rate])
    found = judged(known.get(source.name), rate, "no member has a rate", source.name, now)
    ages = [one.quoted_at for one in members if one.quoted_at is not None]
    return msgspec.structs.replace(found, quoted_at=min(ages)) if ages and not found.fault else found
