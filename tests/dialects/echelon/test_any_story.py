"""For any sequence of payins, payouts and outcomes the balances equal the ledger, and the available one obeys its formula."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paymux.money import known
from paymux.payments.report import SandboxReport, Told
from paymux.payouts.lifecycle import PayoutEvent
from paymux.payouts.report import SandboxPayoutReport
from tests.databases import apart, sqlite_url
from tests.dialects.echelon.merchant import Caller, fixture_node, newcomer, payin, payout

OFFLINE = {"paymentMethodCode": "OFFLINE"}
UNIT = 10 ** known("EUR").exponent


async def story(database_url: str, steps: list[tuple[str, int]]) -> None:
    """Take the steps on a node of their own, and look at the balances after each."""
    async with fixture_node(database_url) as live:
        someone = await newcomer(live, "EUR", EUR=300 * UNIT)
        await live.node.stop()  # the duties act when the story says so, not between two looks
        payins: list[str] = []
        payouts: list[str] = []
        for number, (step, value) in enumerate(steps):
            await take(someone, step, value, number, payins, payouts)
            await agree(someone)
        await live.assert_books_hold()


async def take(someone: Caller, step: str, value: int, number: int, payins: list[str], payouts: list[str]) -> None:
    live = someone.live
    if step == "payin":
        answer = await someone.post(f"/payins/P{number}", payin(value, "EUR", OFFLINE))
        assert answer.status_code == 201
        payins.append(f"P{number}")
    elif step == "payout":
        body: Any = payout(value, "EUR", f"0000000{value % 3}" if value % 2 else "11223344")
        body["paymentMethod"]["paymentOperatorCode"] = "EUR_001"
        available = (await someone.balances())["EUR"]["availableBalance"]
        answer = await someone.post(f"/payouts/O{number}", body)
        assert (answer.status_code == 201) is (Decimal(str(available)) >= value + Decimal("0.35"))
        if answer.status_code == 201:
            payouts.append(f"O{number}")
    elif step == "report payin" and payins:
        payment = await someone.payment(payins[value % len(payins)])
        outcome = (Told.PAID, Told.DECLINED, Told.PENDING, Told.REVIEW)[value % 4]
        await live.core.writer.submit(live.core.reporter.report, SandboxReport(payment.id, outcome))
    elif step == "report payout" and payouts:
        out = await someone.payout(payouts[value % len(payouts)])
        event = (PayoutEvent.PAID, PayoutEvent.FAILED)[value % 2]
        await live.core.writer.submit(live.core.payout_reporter.report, SandboxPayoutReport(out.id, event))
    elif step == "time":
        await live.advance_clock(value)
        await live.core.writer.submit(live.core.channels.take_turns, 100)
        await live.node.outbound.duty()
        await live.sweep()


async def agree(someone: Caller) -> None:
    """The answer against the entries of the books, and against what is still on its way."""
    from paymux.ledger.read import balances_of
    from paymux.storage.query import Tx

    item = (await someone.balances())["EUR"]
    figures = {name: Decimal(str(item[name])) for name in ("balance", "availableBalance", "pendingSettlementAmount", "pendingPayoutAmount")}
    assert figures["availableBalance"] == figures["balance"] - figures["pendingSettlementAmount"] - figures["pendingPayoutAmount"]
    assert min(figures.values()) >= 0
    merchant_id = (await someone.profiled()).merchant_id

    async def read(tx: Tx) -> dict[str, int]:
        return {one.kind: one.units for one in await balances_of(tx, merchant_id) if one.currency == "EUR"}

    books = await someone.live.core.storage.read(read)
    assert figures["availableBalance"] * UNIT == books.get("payable", 0)
    assert figures["pendingPayoutAmount"] * UNIT == books.get("payout_in_transit", 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("payin"), st.integers(1, 120)),
        st.tuples(st.just("payout"), st.integers(1, 150)),
        st.tuples(st.just("report payin"), st.integers(0, 40)),
        st.tuples(st.just("report payout"), st.integers(0, 40)),
        st.tuples(st.just("time"), st.sampled_from([1, 3, 60, 7300])),
    ),
    max_size=12,
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@example([("payin", 100), ("payout", 41), ("payout", 150), ("time", 3), ("report payout", 1), ("time", 60), ("time", 60)])
@example(
    [("payin", 25), ("payin", 15), ("time", 3), ("report payin", 0), ("payout", 120), ("payout", 120), ("payout", 120), ("time", 7300)]
)
@given(STEPS)
def test_whatever_happens_the_balances_are_those_of_the_books(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        apart(lambda: story(sqlite_url(Path(folder) / "paymux.db"), steps))
