"""The loader of .sql files, and that a batch arrives on both engines exactly as it was handed over."""

from typing import Any

import pytest

from paymux.storage.query import Rows, Tx, load
from paymux.storage.writer import Storage

q = load("tests.storage")

BIGGEST = 2**63 - 1
WORDS = [
    "plain", "", "O'Brien", 'say "hi"', "back\\slash", "semi;colon", "-- no comment", ":number", "$1", "{rows}", "{1,2}", "[1]", "NULL",
    "123", "1e5", "true", "tab\tline\nreturn\r", "Überweisung", "日本", "🙂", "ע\u202eב", "\u0001", "a" * 100_000, '{"a": [null, 1.50]}',
]  # fmt: skip


async def echo(storage: Storage, batch: Rows, **params: Any) -> list[dict[str, Any]]:
    async def work(tx: Tx) -> list[dict[str, Any]]:
        return [dict(row) for row in await tx.fetch(q.echo, batch, **params)]

    return await storage.read(work)


def test_a_query_knows_its_name_its_sentence_and_its_parameters() -> None:
    assert (q.echo.name, q.echo.about) == ("echo", "The batch as it came, and two scalars, one of them twice.")
    assert set(q.echo.sqlite.params) == {"rows", "number", "text"}
    assert set(q.echo.postgres.params) == {"rows", "number", "text"}
    assert "CAST(value ->> 0 AS bigint) AS place, CAST(value ->> 1 AS text) AS word" in q.echo.postgres.sql
    number = q.echo.postgres.params.index("number") + 1
    assert q.echo.postgres.sql.count(f"${number}") == 2


def test_a_name_that_stands_nowhere_says_so() -> None:
    with pytest.raises(AttributeError, match="no query named nowhere"):
        _ = q.nowhere


async def test_each_engine_gets_its_own_text(storage: Storage) -> None:
    async def work(tx: Tx) -> str:
        found: str = (await tx.fetch(q.engine))[0]["name"]
        return found

    assert await storage.read(work) == storage.engine


async def test_text_of_every_kind_arrives_unchanged(storage: Storage) -> None:
    found = await echo(storage, list(enumerate(WORDS)), number=1, text="it's :text")
    assert [row["word"] for row in found] == WORDS
    assert {row["text"] for row in found} == {"it's :text"}


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**53 + 1, BIGGEST, -BIGGEST - 1])
async def test_whole_numbers_keep_all_their_64_bits(storage: Storage, number: int) -> None:
    [row] = await echo(storage, [(number, "x")], number=number, text="")
    assert row == {"place": number, "word": "x", "number": number, "text": "", "again": number}
    assert type(row["place"]) is int


async def test_nothing_stays_nothing(storage: Storage) -> None:
    [row] = await echo(storage, [(1, None)], number=None, text=None)
    assert row == {"place": 1, "word": None, "number": None, "text": None, "again": None}


async def test_an_empty_batch_asks_nothing(storage: Storage) -> None:
    assert await echo(storage, [], number=1, text="") == []


async def test_a_batch_may_stand_twice_in_one_statement(storage: Storage) -> None:
    async def work(tx: Tx) -> list[tuple[int, int]]:
        return [(row["one"], row["other"]) for row in await tx.fetch(q.twice, [(1,), (2,), (4,)])]

    assert await storage.read(work) == [(1, 2)]


async def test_a_batch_of_thousands_is_one_statement(storage: Storage) -> None:
    found = await echo(storage, [(place, str(place)) for place in range(5000)], number=0, text="")
    assert [row["word"] for row in found] == [str(place) for place in range(5000)]
