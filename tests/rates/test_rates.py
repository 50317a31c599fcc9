"""Rate sources: read exactly, believed only if they do not jump, and never in anybody's way when they are dead, slow or lying."""

import asyncio
import socket
from decimal import Decimal
from pathlib import Path
from time import monotonic

import msgspec
import pytest

from paymux.exchange.model import Direction
from paymux.exchange.setup import put_directions
from paymux.rates.book import put_sources, quotes
from paymux.rates.look import Looker
from paymux.rates.model import Kind, Quoted, Source, average, judged, published, read_rate
from tests.exchange.shop import R3, WISH_R3, Exchange, error, exchanging

GOOD = Quoted(source="s", rate="100", quoted_at=1000, fault=None, looked_at=1000)


@pytest.mark.parametrize(
    ("document", "pointer", "rate"),
    [
        (b" 65000.5\n", "", "65000.5"), (b'{"a":{"b":[1,{"c/d":65000.50}]}}', "/a/b/1/c~1d", "65000.50"), (b'{"a":"1.5"}', "/a", "1.5"),
        (b'{"a":1e5}', "/a", "100000"), (b'{"a":true}', "/a", None), (b'{"a":-1}', "/a", None), (b"0", "", None), (b"", "", None),
        (b"<html>", "/a", None), (b'{"a":1}', "/b", None), (b'{"a":NaN}', "/a", None), (b".", "", None), (b"1.2.3", "", None),
        (b'{"a":1e9999999999999999999999}', "/a", None), (b'{"a":1e999999999}', "/a", None), (b'{"a":1e-999999999}', "/a", None),
    ],
)  # fmt: skip
def test_a_rate_is_a_plain_decimal_above_zero(document: bytes, pointer: str, rate: str | None) -> None:
    found = read_rate(document, pointer)
    assert (found and Decimal(found)) == (rate and Decimal(rate))


@pytest.mark.parametrize("rate", ["1000", "10", "200", "50"])
def test_a_jump_is_refused_and_the_last_good_quote_stays_with_its_age(rate: str) -> None:
    found = judged(GOOD, rate, "", "s", 5000)
    assert (found.rate, found.quoted_at, found.looked_at) == ("100", 1000, 5000)
    assert "jumped" in (found.fault or "")


def test_a_dead_source_keeps_its_last_good_quote_and_a_new_one_has_none() -> None:
    assert judged(GOOD, None, "HTTP 500", "s", 5000).rate == "100"
    assert judged(None, None, "HTTP 500", "s", 5000).rate is None
    assert judged(GOOD, "101.5", "", "s", 5000) == Quoted(source="s", rate="101.5", quoted_at=5000, fault=None, looked_at=5000)


def test_margins_and_means_are_exact() -> None:
    assert published("65000", "1.5") == ("1.015", "65000")
    assert published("65000", "0") == ("1", "65000")
    assert average(["1", "2", "2"]) == "1.666666666666"
    assert average([]) is None


def test_a_mean_of_small_rates_is_as_exact_as_they_are() -> None:
    assert average(["0.0000000000104", "0.0000000000106"]) == "0.0000000000105"
    assert average(["0.0000000000000000012345678901234"]) == "0.00000000000000000123456789012"
    assert average(["0.5", "0.25"]) == "0.375"


async def quoted_by(exchange: Exchange, source: Source, age_max_s: int = 60) -> None:
    core = exchange.live.core
    await core.writer.submit(put_sources, source)
    catalogue = await core.reader.submit(core.shelf.read, None)
    direction: Direction = msgspec.structs.replace(catalogue.directions[R3], source=source.name, quote_age_max_s=age_max_s)
    await core.writer.submit(put_directions, direction)


async def out_for_a_tenth(exchange: Exchange) -> object:
    answer = await exchange.post("public/exchanger/order/create", WISH_R3)
    return answer["data"]["outAmount"] if answer["success"] else error(answer)[0]


async def test_a_source_that_dies_leaves_its_quote_until_the_direction_closes_and_nothing_else_does(
    database_url: str, tmp_path: Path
) -> None:
    async with exchanging(database_url) as exchange:
        look, file = exchange.live.node.looker.look, tmp_path / "rate.json"
        await quoted_by(exchange, Source(name="btc", kind=Kind.FILE, place=str(file), pointer="/last", every_s=0))
        assert await out_for_a_tenth(exchange) == 6801545277215051, "never quoted"
        file.write_text('{"last": 64000}')
        now = exchange.live.core.clock.now()
        await look(now)
        assert await out_for_a_tenth(exchange) == 6400
        file.write_text('{"last": 640000}')
        await look(now + 1000)
        assert await out_for_a_tenth(exchange) == 6400, "ten times as much is not believed"
        file.unlink()
        await look(now + 2000)
        assert await out_for_a_tenth(exchange) == 6400
        await exchange.live.advance_clock(120)
        assert await out_for_a_tenth(exchange) == 6801545277215051
        assert (await exchange.create())["outAmount"] == 317.42, "the others stay open"
        await exchange.live.reset_clock()


async def test_a_slow_source_blocks_nobody(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        async with exchanging(database_url) as exchange:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/rate"
            await quoted_by(exchange, Source(name="slow", kind=Kind.URL, place=url, every_s=0))
            looking = asyncio.create_task(exchange.live.node.looker.look(exchange.live.core.clock.now()))
            began = monotonic()
            assert await out_for_a_tenth(exchange) == 6801545277215051
            assert (await exchange.create())["outAmount"] == 317.42
            assert monotonic() - began < 2
            looking.cancel()


async def test_an_average_stands_on_the_members_that_answer(database_url: str) -> None:
    async with exchanging(database_url) as exchange:
        writer = exchange.live.core.writer
        for name, place in (("a", "64000"), ("b", "66000")):
            await writer.submit(put_sources, Source(name=name, kind=Kind.FIXED, place=place, every_s=0))
        await writer.submit(put_sources, Source(name="dead", kind=Kind.FILE, place="/nowhere/at/all", every_s=0))
        await quoted_by(exchange, Source(name="mean", kind=Kind.AVERAGE, place="a b dead", every_s=0))
        await exchange.live.node.looker.look(exchange.live.core.clock.now())
        assert await out_for_a_tenth(exchange) == 6500


async def test_a_source_that_says_what_is_no_number_keeps_no_other_from_being_looked_at(database_url: str, tmp_path: Path) -> None:
    async with exchanging(database_url) as exchange:
        writer, file = exchange.live.core.writer, tmp_path / "rate.json"
        file.write_text('{"last": 1e9999999999999999999999}')
        await writer.submit(put_sources, Source(name="mad", kind=Kind.FILE, place=str(file), pointer="/last", every_s=0))
        await quoted_by(exchange, Source(name="sane", kind=Kind.FIXED, place="64000", every_s=0))
        await exchange.live.node.looker.look(exchange.live.core.clock.now())
        assert await out_for_a_tenth(exchange) == 6400


async def test_what_a_source_said_before_it_was_set_up_anew_is_not_kept_after_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchanging(database_url) as exchange:
        core, look = exchange.live.core, exchange.live.node.looker.look
        ask = Looker._ask
        right = Source(name="btc", kind=Kind.FIXED, place="64000", every_s=0)

        async def meanwhile(looker: Looker, source: Source) -> tuple[str | None, str]:
            said = await ask(looker, source)
            if source.place == "100":  # a person sees the wrong place and mends it while the answer is on its way
                await core.writer.submit(put_sources, right)
            return said

        monkeypatch.setattr(Looker, "_ask", meanwhile)
        await core.writer.submit(put_sources, Source(name="mean", kind=Kind.AVERAGE, place="btc", every_s=0))
        await quoted_by(exchange, Source(name="btc", kind=Kind.FIXED, place="100", every_s=0))
        for passed_ms in (0, 1000):
            await look(core.clock.now() + passed_ms)
        assert await out_for_a_tenth(exchange) == 6400, "the new place is believed, not refused as a jump"
        found = await core.storage.read(quotes)
        assert (found["mean"].rate, found["mean"].fault) == ("64000", None)
