"""The writer of the books: every key once, no guarded balance below zero, accounts made when they are needed."""

import asyncio

import pytest

from paymux.ledger import book
from paymux.ledger.chart import GUARDED, Account, Kind, clearing, fees, held, in_transit, payable
from paymux.ledger.check import SIDES
from paymux.ledger.postings import (
    Cause,
    Transfer,
    Why,
    foreign,
    foreign_returned,
    opening,
    payout_held,
    payout_released,
    payout_sent,
    received,
    returned,
    settled,
)
from paymux.storage.query import Tx
from tests.payments.samples import NOW
from tests.payments.stage import Stage

CAUSE = Cause(payment_id=5, version=3, merchant_id=1, provider="bank", currency="EUR", event_at=NOW - 1)
PAYOUT = Cause(None, 1, 1, "bank", "EUR", NOW, payout_id=6)


def move(key: str, debit: Account, credit: Account, units: int, why: Why = Why.PAID) -> Transfer:
    return Transfer(key, 1, None, debit, credit, units, why, NOW)


async def post(stage: Stage, *transfers: Transfer) -> None:
    async def work(tx: Tx) -> None:
        await book.post(tx, transfers, stage.now)

    await stage.storage.write(work)


async def balance(stage: Stage, account: Account) -> int:
    async def work(tx: Tx) -> int:
        return (await book.available(tx, [account]))[account]

    return await stage.storage.write(work)


def test_what_is_owed_cannot_go_below_zero_and_what_others_owe_can() -> None:
    assert {Kind.PAYABLE, Kind.HELD, Kind.RESERVE, Kind.IN_TRANSIT, Kind.INVENTORY} == GUARDED
    assert not clearing(1, "bank", "EUR").guarded
    assert not fees(1, "EUR").guarded


def test_every_reason_has_its_two_accounts() -> None:
    assert set(SIDES) == set(Why)
    posted = [
        *received(CAUSE, 70, 10, 20, 3), *foreign(CAUSE, 5), *foreign_returned(CAUSE, 5), *returned(CAUSE, 10), *settled(CAUSE, 87),
        *payout_held(PAYOUT, 7, 1), *payout_sent(PAYOUT, 7, 1), *payout_released(PAYOUT, 8), opening(1, "bank", "EUR", 5, NOW),
    ]  # fmt: skip
    assert {transfer.reason for transfer in posted} == {why for why in Why if not why.startswith("exchange.")}
    for transfer in posted:
        kinds = tuple(account.kind.partition(":")[0] for account in (transfer.debit, transfer.credit))
        assert kinds == SIDES[transfer.reason]
        part = f":{CAUSE.provider}:{CAUSE.currency}" if transfer.reason in (Why.FOREIGN_RETURNING, Why.FOREIGN_RETURNED) else ""
        subject = {"payment": f"payment:5:3:{transfer.reason}", "payout": f"payout:6:1:{transfer.reason}", "opening": "opening:1:EUR"}
        assert transfer.key == subject[transfer.reason.partition(".")[0]] + part


@pytest.mark.parametrize("units", [0, -1])
def test_a_transfer_moves_something(units: int) -> None:
    with pytest.raises(AssertionError):
        move("k", payable(1, "EUR"), fees(1, "EUR"), units)


def test_a_transfer_has_one_currency() -> None:
    with pytest.raises(AssertionError):
        move("k", payable(1, "EUR"), fees(1, "USD"), 1)


async def test_a_transfer_makes_its_accounts_and_moves_the_guarded_balance(stage: Stage) -> None:
    await post(
        stage, move("a", clearing(1, "bank", "EUR"), payable(1, "EUR"), 100), move("b", payable(1, "EUR"), fees(1, "EUR"), 3, Why.FEE)
    )
    assert await balance(stage, payable(1, "EUR")) == 97
    found = await stage.rows("SELECT kind, balance FROM account ORDER BY kind")
    assert found == [("clearing:bank", None), ("fees", None), ("payable", 97)]
    assert await stage.faults() == []


async def test_the_same_key_is_posted_once_and_nothing_of_its_batch_with_it(stage: Stage) -> None:
    await post(stage, move("a", clearing(1, "bank", "EUR"), payable(1, "EUR"), 100))
    for batch in (["a"], ["b", "a"], ["c", "c"]):
        with pytest.raises(Exception, match=r"(?i)unique"):
            await post(stage, *(move(key, clearing(1, "bank", "EUR"), payable(1, "EUR"), 100) for key in batch))
    assert await balance(stage, payable(1, "EUR")) == 100
    assert await stage.rows("SELECT key FROM transfer") == [("a",)]


async def test_no_guarded_balance_goes_below_zero(stage: Stage) -> None:
    await post(stage, move("a", clearing(1, "bank", "EUR"), payable(1, "EUR"), 100))
    with pytest.raises(Exception, match=r"(?i)check"):
        await post(stage, move("b", payable(1, "EUR"), in_transit(1, "EUR"), 101))
    await post(stage, move("c", payable(1, "EUR"), in_transit(1, "EUR"), 100))
    assert (await balance(stage, payable(1, "EUR")), await balance(stage, in_transit(1, "EUR"))) == (0, 100)


async def test_only_the_sum_of_a_batch_must_not_go_below_zero(stage: Stage) -> None:
    out = move("out", held(1, "EUR"), payable(1, "EUR"), 70)
    await post(stage, out, move("in", clearing(1, "bank", "EUR"), held(1, "EUR"), 70))
    assert (await balance(stage, held(1, "EUR")), await balance(stage, payable(1, "EUR"))) == (0, 70)


async def test_nodes_that_post_to_the_same_accounts_at_once_lose_nothing(stage: Stage, ready_url: str) -> None:
    other = await Stage.at(ready_url)
    codes = ("EUR", "USD", "JPY")
    jobs = []
    for number in range(15):
        for node, order in ((stage, codes), (other, codes[::-1])):
            key = f"{id(node)}:{number}"
            jobs.append(post(node, *(move(f"{key}:{code}", clearing(1, "bank", code), payable(1, code), 10) for code in order)))
    await asyncio.gather(*jobs)
    assert [await balance(stage, payable(1, code)) for code in codes] == [300, 300, 300]
    assert await stage.faults() == []
    await other.storage.close()


async def test_an_account_that_was_made_in_a_rolled_back_transaction_is_made_anew(stage: Stage) -> None:
    await post(stage, move("first", clearing(1, "bank", "USD"), payable(1, "USD"), 1))

    async def twice_and_away(tx: Tx) -> None:
        for key in ("a", "b"):  # the second finds what the first made
            await book.post(tx, [move(key, clearing(1, "bank", "EUR"), payable(1, "EUR"), 100)], NOW)
        raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        await stage.storage.write(twice_and_away)
    await post(stage, move("c", clearing(1, "bank", "JPY"), payable(1, "JPY"), 5))  # may be given the ids that the others had
    await post(stage, move("d", clearing(1, "bank", "EUR"), payable(1, "EUR"), 70))
    assert (await balance(stage, payable(1, "EUR")), await balance(stage, payable(1, "JPY"))) == (70, 5)
    assert await stage.faults() == []


async def test_two_that_spend_the_same_money_at_once_cannot_both(stage: Stage, ready_url: str) -> None:
    other = await Stage.at(ready_url)
    await post(stage, move("a", clearing(1, "bank", "EUR"), payable(1, "EUR"), 100))
    spent = [post(node, move(f"s{place}", payable(1, "EUR"), in_transit(1, "EUR"), 60)) for place, node in enumerate((stage, other))]
    results = await asyncio.gather(*spent, return_exceptions=True)
    assert sorted(isinstance(one, Exception) for one in results) == [False, True]
    assert await balance(stage, payable(1, "EUR")) == 40
    await other.storage.close()
