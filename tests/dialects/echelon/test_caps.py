"""Daily caps hold whatever comes at once, give back what comes to nothing, and begin anew at midnight UTC."""

from collections.abc import Awaitable
from typing import Any

import httpx2
import pytest

from paymux.payments.report import Told
from tests.dialects.echelon.merchant import Caller, changed, newcomer, payin, payout
from tests.node import LiveNode, together

OFFLINE = {"paymentMethodCode": "OFFLINE"}
AMOUNT, FITS = 100, 12
CHANNELS = {"payins": "PAYIN:OFFLINE:EUR", "payouts": "PAYOUT:BANK_TRANSFER:EUR"}


def body(kind: str) -> dict[str, Any]:
    if kind == "payins":
        return payin(AMOUNT, "EUR", OFFLINE)
    out = payout(AMOUNT, "EUR")
    out["paymentMethod"]["paymentOperatorCode"] = "EUR_001"
    return out


async def capped(live: LiveNode, kind: str, spare: int = 99) -> Caller:
    """A merchant whose channel takes FITS payments a day and not one more."""
    someone = await newcomer(live, "EUR", EUR=100_000_00)
    profile = (await someone.profiled()).profile
    await someone.set_profile(changed(profile, CHANNELS[kind], daily_units=FITS * AMOUNT * 100 + spare))
    return someone


def creates(someone: Caller, kind: str, names: list[str]) -> list[Awaitable[httpx2.Response]]:
    return [someone.post(f"/{kind}/{name}", body(kind)) for name in names]


def refused(answers: list[httpx2.Response]) -> set[str]:
    return {answer.json()[0]["code"] for answer in answers if answer.status_code == 406}


@pytest.mark.parametrize("kind", CHANNELS)
async def test_fifty_at_the_cap_end_with_exactly_what_fits(live: LiveNode, kind: str) -> None:
    someone = await capped(live, kind)
    await someone.get("/currencies")
    answers = await together(creates(someone, kind, [f"CAP-{number}" for number in range(50)]))
    assert sorted(answer.status_code for answer in answers) == [201] * FITS + [406] * (50 - FITS)
    assert refused(answers) == {"PAYMENT_CHANNEL_DAILY_LIMITS"}
    wanted = {"money": {"amount": AMOUNT, "currencyCode": "EUR"}}
    options = (await someone.post(f"/{kind}/!availablePaymentOptions", wanted)).json()
    assert options if kind == "payins" else options[0]["code"] == "PAYMENT_CHANNEL_DAILY_LIMITS"
    assert "OFFLINE" not in str(options)
    await live.assert_books_hold()


@pytest.mark.parametrize("kind", CHANNELS)
async def test_an_id_that_is_sent_fifty_times_counts_once(live: LiveNode, kind: str) -> None:
    someone = await capped(live, kind)
    await someone.get("/currencies")
    assert sorted(answer.status_code for answer in await together(creates(someone, kind, ["ONCE"] * 50))) == [201] + [409] * 49
    rest = await together(creates(someone, kind, [f"REST-{number}" for number in range(FITS)]))
    assert sorted(answer.status_code for answer in rest) == [201] * (FITS - 1) + [406]


@pytest.mark.parametrize("kind", CHANNELS)
async def test_an_id_that_is_sent_often_beside_the_last_that_fits_does_not_pass_the_cap(live: LiveNode, kind: str) -> None:
    someone = await capped(live, kind)
    await someone.get("/currencies")
    first = await together(creates(someone, kind, [f"FILL-{number}" for number in range(FITS - 1)]))
    assert {answer.status_code for answer in first} == {201}
    answers = await together(creates(someone, kind, ["LAST", *["OFTEN"] * 20]))
    assert [answer.status_code for answer in answers].count(201) == 1
    await live.assert_books_hold()


async def test_what_comes_to_nothing_gives_its_place_back(live: LiveNode) -> None:
    for kind, end in (("payins", _decline), ("payouts", _fail)):
        someone = await capped(live, kind)
        names = [f"NOTHING-{number}" for number in range(FITS)]
        assert {answer.status_code for answer in await together(creates(someone, kind, names))} == {201}
        assert refused(await together(creates(someone, kind, ["MORE"]))) == {"PAYMENT_CHANNEL_DAILY_LIMITS"}
        await end(someone, names[0])
        assert [answer.status_code for answer in await together(creates(someone, kind, ["MORE", "TOO-MANY"]))].count(201) == 1


async def _decline(someone: Caller, name: str) -> None:
    await someone.live.report((await someone.payment(name)).id, Told.DECLINED)


async def _fail(someone: Caller, name: str) -> None:
    from paymux.payouts.lifecycle import PayoutEvent
    from paymux.payouts.report import SandboxPayoutReport

    report = SandboxPayoutReport((await someone.payout(name)).id, PayoutEvent.FAILED)
    await someone.live.core.writer.submit(someone.live.core.payout_reporter.report, report)


@pytest.mark.parametrize("kind", CHANNELS)
async def test_a_new_day_begins_at_nothing(live: LiveNode, kind: str) -> None:
    someone = await capped(live, kind)
    await together(creates(someone, kind, [f"DAY-{number}" for number in range(FITS)]))
    assert refused(await together(creates(someone, kind, ["DAY-X"]))) == {"PAYMENT_CHANNEL_DAILY_LIMITS"}
    await live.advance_clock(86_400)
    await live.sweep()  # what ends now was yesterday's, and gives nothing back today
    await someone.get("/currencies")
    again = await together(creates(someone, kind, [f"NEXT-{number}" for number in range(FITS + 1)]))
    assert sorted(answer.status_code for answer in again) == [201] * FITS + [406]
