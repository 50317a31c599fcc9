"""What was handed out after a backup was made is not given to anything new in a database that was restored from it."""

import json

from paymux.exchange import store as orders
from paymux.payouts import store as payouts
from paymux.storage.query import Tx
from tests.node import serving
from tests.server import paymux


async def test_ids_of_a_restored_database_begin_beyond_all_that_were_handed_out(database_url: str) -> None:
    async with serving(database_url) as live:
        shop = await live.merchant()
        before = [(await shop.create(order_id=f"A-{number}"))["session_id"] for number in range(2)]
    assert before == [1, 2]
    done = paymux("backup", "restored", "--skip", "1000", "--json", database_url=database_url)
    assert json.loads(done.stdout) == {"ok": True, "ids_from": 1002}, done.stderr
    async with serving(database_url) as live:
        again = await live.merchant()
        after = [(await again.create(order_id=f"B-{number}"))["session_id"] for number in range(3)]

        async def others(tx: Tx) -> tuple[list[int], list[int]]:
            return await payouts.next_ids(tx, 1), await orders.next_uids(tx, 1)

        assert await live.write(others) == ([1003], [1003])
        await live.assert_books_hold()
    assert after == [1003, 1004, 1005]
    again_told = paymux("backup", "restored", database_url=database_url)
    assert "numbers above 10,001,005" in again_told.stdout or "numbers above 10,001,003" in again_told.stdout


async def test_who_only_looks_at_an_empty_database_makes_nothing_in_it(database_url: str) -> None:
    for _ in range(2):
        for arguments in (("backup", "restored"), ("payment", "list")):
            done = paymux(*arguments, database_url=database_url)
            assert done.returncode != 0
            assert "paymux migrate makes" in done.stderr


async def test_what_is_asked_of_a_restored_database_has_bounds(database_url: str) -> None:
    for arguments, said in ((("restored", "--skip", "0"), "skip"), (("restored", "file"), "say --to FILE")):
        done = paymux("backup", *arguments, database_url=database_url)
        assert done.returncode == 2
        assert said in done.stderr
