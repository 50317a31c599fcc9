"""What the doctor finds of one API or another: wallets and shops, payouts, the exchange's orders. Rows are planted, books not looked at."""

import pytest

from paymux.clock import HOUR, Clock
from paymux.ops.doctor import diagnose
from tests.ops.ward import Ward, case, only, ward, wrongs

pytestmark = pytest.mark.anyio


async def _payout(w: Ward, act_at: int, state: str = "accepted", doubted_at: int | None = None) -> None:
    await w.run(
        "INSERT INTO payout (merchant_id, dialect, reference, amount_units, fee_units, currency, method, state, version, operation_key, "
        "provider, details, asked, act_at, doubted_at, created_at, updated_at) VALUES (1, 'etpay', 'payout/1/OUT-1', 1000, 0, 'EUR', "
        f"'transfer', '{state}', 1, 'op_1', 'sandbox-bank', '{{}}', 40, {act_at}, {doubted_at or 'NULL'}, 1, 1);"
    )


async def test_who_is_paid_by_another_api_needs_neither_wallet_nor_shop(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.merchant(wallet=None, shops=())
        payment = await w.payment(2)
        assert "wallets" in wrongs(await diagnose(case(database_url), frozenset({"books"})))
        await w.run(f"UPDATE payment SET dialect = 'etpay' WHERE id = {payment.id};")
        found = await diagnose(case(database_url), frozenset({"books"}))
    assert [finding.check for finding in found.findings if finding.check in ("wallets", "merchants")] == []


async def test_payouts_and_orders_that_nobody_acts_on_are_found(database_url: str) -> None:
    past = Clock.wall() - HOUR
    async with ward(database_url) as w:
        await _payout(w, act_at=past)
        await w.run(
            "INSERT INTO exchange_order (id, rid, secret, merchant_id, direction_id, from_code, to_code, in_units, out_units, fee_units, "
            "rounding_units, commission_units, received_units, reserved_units, status, version, payout, asked, details, created_at, "
            "expires_at, updated_at) VALUES ('a', 'A', '', 0, 'd', 'BTC', 'ETH', 1, 1, 0, 0, 0, 0, 0, 'waitPayment', 1, 'none', 0, "
            f"'{{}}', 1, {past}, 1);"
        )
        found = await diagnose(case(database_url), frozenset({"books"}))
    assert wrongs(found) == ["duties"]
    told = only(found, "duties").what
    assert "1 payouts wait to be sent or asked about, 1 unpaid orders of the exchange are past their time" in told


@pytest.mark.parametrize(("since_ms", "wrong"), [(HOUR, ["doubts"]), (0, [])])
async def test_a_payout_of_which_nobody_knows_for_long_is_found(database_url: str, since_ms: int, wrong: list[str]) -> None:
    async with ward(database_url) as w:
        await _payout(w, act_at=Clock.wall() + HOUR, state="unclear", doubted_at=Clock.wall() - since_ms)
        found = await diagnose(case(database_url), frozenset({"books"}))
    assert wrongs(found) == wrong
    if wrong:
        assert "payout 1 (sandbox-bank was asked 40 times about op_1)" in only(found, "doubts").what
