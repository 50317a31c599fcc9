"""The check passes on healthy books, and finds each single thing that somebody changed behind them."""

import pytest

from paymux.ledger import check as books
from paymux.ledger.postings import Foreign
from paymux.payments import verify as payments
from paymux.payments.lifecycle import Event
from paymux.payments.model import Report, Source
from paymux.storage.query import Tx
from tests.payments.samples import HOUR, receipt
from tests.payments.stage import TOLD, Stage, about, by_clock
from tests.storage.ad_hoc import ad_hoc


def by_person(payment_id: int, event: Event, *foreign: Foreign) -> Report:
    return Report(payment_id=payment_id, event=event, source=Source.OPERATOR, happened_at=0, provider="bank", foreign=foreign)


async def lively(stage: Stage) -> None:
    """1 settled, 2 paid and a surplus returned, 3 short, 4 expired, 5 in another currency, 6 late, 7 paid by its second attempt,
    8 in another currency and returned, 9 paid, and paid again in another currency."""
    await stage.merchant()
    made = [(await stage.open(merchant_id=2 if number == 2 else 1)).payment for number in range(1, 10)]
    tries = {one.id: await stage.begin(one) for one in made if one.id not in (4,)}
    await stage.tell_together(
        [
            about(tries[1], Event.PENDING),
            about(tries[1], Event.PAID, receipt=receipt(10_000, "T-1")),
            about(tries[1], Event.SETTLED),
            about(tries[2], Event.PAID, receipt=receipt(12_000, "T-2")),
            by_person(2, Event.RETURNED),
            about(tries[3], Event.PAID, receipt=receipt(4_000, "T-3")),
            about(tries[5], Event.PAID, receipt=receipt(7_000, "T-5", "USD")),
            about(tries[7], Event.DECLINED),
            about(tries[8], Event.PAID, receipt=receipt(2_000, "T-8", "USD")),
            by_person(8, Event.REJECTED),
            by_person(8, Event.RETURNED, Foreign("bank", "USD", 2_000)),
            about(tries[9], Event.PAID, receipt=receipt(10_000, "T-9")),
            about(tries[9], Event.PAID, receipt=receipt(500, "T-10", "USD")),
        ]
    )
    again = await stage.begin(made[6])
    await stage.tell_together([about(again, Event.DOUBTED), about(again, Event.PAID, receipt=receipt(10_000, "T-7"))])
    stage.now += HOUR
    await stage.tell_together([by_clock(made[3]), about(tries[6], Event.PAID, receipt=receipt(10_000, "T-6"))])


ACCOUNT = "(SELECT id FROM account WHERE merchant_id = {} AND kind = '{}' AND currency = '{}')"
GUARDED, FREE = ACCOUNT.format(1, "payable", "EUR"), ACCOUNT.format(1, "clearing:bank", "EUR")
POST = (
    "INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at) "
    "VALUES ('planted', 1, {}, {}, {}, {}, '{}', 0, 0);"
)
REFUND = (
    "INSERT INTO payout (id, merchant_id, dialect, reference, amount_units, fee_units, currency, method, state, version, operation_key, "
    "provider, details, asked, created_at, updated_at, payment_id) SELECT 99, merchant_id, dialect, 'refund/1/R', 5, 0, currency, "
    "'refund', '{1}', 1, 'op_99', 'bank', '{{}}', 0, 1, 1, id FROM payment WHERE id = {0}"
)

FAULTS = {
    "a stored balance was raised": ("UPDATE account SET balance = balance + 1 WHERE id = " + GUARDED, {"wrong_balance"}),
    "a guard was taken away": ("UPDATE account SET balance = NULL WHERE id = " + GUARDED, {"unguarded_account"}),
    "an account got a guard": (
        "UPDATE account SET balance = 0 WHERE id = " + ACCOUNT.format(2, "fees", "EUR"), {"unguarded_account", "wrong_balance"},
    ),
    "an account changed its currency": (
        "UPDATE account SET currency = 'USD' WHERE id = " + ACCOUNT.format(2, "fees", "EUR"),
        {"unbalanced_currency", "mixed_currencies"},
    ),
    "an account changed its merchant": (
        "UPDATE account SET merchant_id = 3 WHERE id = " + ACCOUNT.format(2, "fees", "EUR"), {"foreign_account"},
    ),
    "a transfer went elsewhere than its reason says": (
        POST.format("NULL", FREE, ACCOUNT.format(1, "fees", "EUR"), 5, "payment.paid"), {"wrong_accounts"},
    ),
    "a reason that nobody knows": (POST.format("NULL", FREE, ACCOUNT.format(1, "fees", "EUR"), 5, "gift"), {"wrong_accounts"}),
    "an amount in the books was changed": (
        "UPDATE transfer SET amount_units = amount_units + 1 WHERE payment_id = 1 AND reason = 'payment.fee'",
        {"wrong_balance", "wrong_payable", "negative_balance?"},
    ),
    "money was posted twice": (
        POST.format("7", FREE, GUARDED, 10_000, "payment.paid"), {"wrong_balance", "wrong_received", "wrong_payable", "paid_too_much"},
    ),
    "a transfer is gone": ("DELETE FROM transfer WHERE payment_id = 7 AND reason = 'payment.paid'", {
        "wrong_balance", "wrong_received", "wrong_payable", "wrong_paid", "negative_balance?"}),
    "the received amount was changed": (
        "UPDATE payment SET received_units = received_units + 1 WHERE id = 3", {"wrong_received", "wrong_receipts"},
    ),
    "the held amount was changed": ("UPDATE payment SET held_units = 0 WHERE id = 3", {"wrong_held"}),
    "the owed amount was changed": ("UPDATE payment SET payable_units = 1 WHERE id = 7", {"wrong_payable"}),
    "the refunded amount was changed": ("UPDATE payment SET refunded_units = 1 WHERE id = 7", {"wrong_refunded"}),
    "a payment that failed was refunded": (REFUND.format(8, "failed"), {"wrong_refunded"}),
    "a refund is not in its payment": (REFUND.format(7, "paid"), {"wrong_refunded"}),
    "a receipt is gone": ("DELETE FROM receipt WHERE reference = 'T-6'", {"wrong_receipts", "unpaid_attempt"}),
    "foreign money is gone": ("DELETE FROM receipt WHERE reference = 'T-5'", {"wrong_foreign", "unpaid_attempt"}),
    "more foreign money went back than came": (
        "UPDATE transfer SET amount_units = amount_units + 1 WHERE payment_id = 8 AND reason LIKE 'payment.foreign_%'",
        {"wrong_balance", "foreign_below_zero"},
    ),
    "foreign money went half of its way back": (
        "UPDATE transfer SET amount_units = amount_units - 1 WHERE payment_id = 8 AND reason = 'payment.foreign_returned'",
        {"wrong_balance", "half_returned"},
    ),
    "foreign money that nobody is told of": ("UPDATE payment SET attention = NULL WHERE id = 9", {"unwatched_foreign"}),
    "foreign money under another name": (
        "UPDATE payment SET attention = 'less money came than asked' WHERE id = 5", {"unwatched_foreign"},
    ),
    "a person is told of foreign money that went back": (
        "UPDATE payment SET attention = 'money came in another currency' WHERE id = 8", {"unwatched_foreign"},
    ),
    "a receipt names another attempt": (
        "UPDATE receipt SET attempt_id = 1 WHERE reference = 'T-6'", {"unpaid_attempt", "lost_attempt"},
    ),
    "a state was changed by hand": ("UPDATE payment SET state = 'paid' WHERE id = 4", {"wrong_state", "wrong_paid", "untold"}),
    "a paid payment went back": ("UPDATE payment SET state = 'expired' WHERE id = 7", {"wrong_state", "wrong_paid", "untold"}),
    "a settlement was forgotten": ("UPDATE payment SET state = 'paid' WHERE id = 1", {"wrong_state", "wrong_settled"}),
    "a version was changed": ("UPDATE payment SET version = version + 1 WHERE id = 4", {"wrong_version"}),
    "a history row is gone": ("DELETE FROM history WHERE payment_id = 1 AND version = 2", {"history_gap"}),
    "the last history row is gone": ("DELETE FROM history WHERE payment_id = 4 AND version = 2", {"wrong_version", "wrong_state"}),
    "a history has a forbidden move": (
        "UPDATE history SET event = 'pending' WHERE payment_id = 4 AND version = 2", {"history_forbidden"},
    ),
    "a history does not join": (
        "UPDATE history SET from_state = 'awaiting' WHERE payment_id = 4 AND version = 2", {"history_torn"},
    ),
    "a history begins elsewhere": (
        "UPDATE history SET to_state = 'awaiting' WHERE payment_id = 4 AND version = 1", {"history_forbidden", "history_torn"},
    ),
    "a notice was never written": ("DELETE FROM notice WHERE payment_id = 7 AND word = 'paid'", {"untold"}),
    "an earlier notice was never written": ("DELETE FROM notice WHERE payment_id = 1 AND word = 'pending'", {"untold"}),
    "an attempt is paid by nobody": (
        "UPDATE attempt SET state = 'paid' WHERE payment_id = 7 AND number = 1", {"unpaid_attempt"},
    ),
    "an attempt that ended lives": ("UPDATE attempt SET state = 'pending' WHERE payment_id = 7 AND number = 1", {"wrong_attempt"}),
    "an attempt has two lives": (
        "DROP INDEX attempt_alive; UPDATE attempt SET state = 'pending', ended_at = NULL WHERE payment_id = 7", {"two_alive"},
    ),
    "the first attempt is gone": ("DELETE FROM attempt WHERE payment_id = 7 AND number = 1", {"attempt_gap"}),
    "rows belong to another merchant": ("UPDATE history SET merchant_id = 2 WHERE payment_id = 4", {"foreign_row"}),
    "rows belong to no payment": ("UPDATE notice SET payment_id = 0 WHERE payment_id = 4", {"orphan", "untold"}),
    "rows belong to a payment to come": ("UPDATE notice SET payment_id = 4000 WHERE payment_id = 4", {"orphan", "untold"}),
}  # fmt: skip


async def test_healthy_books_pass(stage: Stage) -> None:
    await lively(stage)
    assert await stage.faults() == []
    assert [row[0] for row in await stage.rows("SELECT state FROM payment ORDER BY id")] == [
        "settled", "paid", "review", "expired", "review", "review", "paid", "failed", "paid",
    ]  # fmt: skip


async def test_empty_books_pass(stage: Stage) -> None:
    assert await stage.faults() == []


async def test_every_planted_fault_is_found_and_no_other(stage: Stage) -> None:
    """In one go, each undone after it: the database is the slow part."""
    await lively(stage)

    class Undone(Exception):
        pass

    for name, (sql, expected) in FAULTS.items():
        found: list[books.Fault] = []

        async def plant(tx: Tx, sql: str = sql, found: list[books.Fault] = found) -> None:
            for statement in sql.split("; "):
                await tx.fetch(ad_hoc(statement))
            found += await payments.verify(tx, TOLD)
            raise Undone

        with pytest.raises(Undone):
            await stage.storage.write(plant)
        codes = {fault.code for fault in found}
        certain = {code for code in expected if not code.endswith("?")}
        assert certain <= codes <= {code.rstrip("?") for code in expected}, (name, found)
    assert await stage.faults() == []


async def test_a_fault_names_what_it_is_about(stage: Stage) -> None:
    await lively(stage)
    await stage.run("UPDATE payment SET held_units = 1 WHERE id = 3;")
    [fault] = await stage.storage.snapshot(lambda tx: payments.verify(tx, TOLD))
    assert fault == books.Fault("wrong_held", "payment 3 holds 1, in the books 4000")


async def test_of_many_faults_of_a_kind_the_first_are_shown_and_all_are_counted(stage: Stage) -> None:
    for _ in range(books.SHOWN_MAX + 5):
        await stage.open()
    await stage.run("UPDATE payment SET version = 9;")
    faults = await stage.storage.snapshot(lambda tx: payments.verify(tx, TOLD))
    assert len(faults) == books.SHOWN_MAX + 1
    assert faults[-1].sentence == "and 5 more of this kind"


async def test_pages_end_where_the_next_ones_begin(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "PAGE", 2)
    monkeypatch.setattr(books, "PAGE", 2)
    seen: list[tuple[str, int]] = []
    await lively(stage)
    assert await stage.storage.snapshot(lambda tx: payments.verify(tx, TOLD, lambda what, rows: seen.append((what, rows)))) == []
    assert [rows for what, rows in seen if what == "payments"] == [2, 4, 6, 8, 9]
    assert {what for what, _ in seen} == {"payments", "accounts", "transfers"}
    for payment_id in range(1, 10):
        await stage.run(f"UPDATE payment SET version = version + 1 WHERE id = {payment_id};")
    assert await stage.faults() == ["wrong_version"] * 9
