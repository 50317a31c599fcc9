"""The server kills itself at each seam, once; the next one brings the story to its end."""

import signal
import subprocess
import time

import httpx2
import pytest

from tests.crash.test_kill import ENV
from tests.receiver import Receiver
from tests.server import RunningServer
from tests.stage import aside
from tests.stage.shop import Buyer, Shop

LATER_S = 31
NOT_FOUND_S = 900
WAIT_S = 20.0


def dies(server: RunningServer) -> None:
    """It was killed, not ended: no handler, no clean-up."""
    process = server._process
    assert process is not None
    try:
        assert process.wait(WAIT_S) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the seam was not passed: {server.text()[-2000:]}") from None
    server.kill()


def wait_for(shop: Shop, session_id: int, status: str) -> None:
    ends = time.monotonic() + WAIT_S
    while (found := shop.status(session_id)) != status:
        assert time.monotonic() < ends, f"the status stayed {found}"
        time.sleep(0.05)


def broken_off(server: RunningServer, buyer: Buyer, session_id: int, method: str) -> None:
    """A buyer's choice during which the server dies."""
    with pytest.raises(httpx2.TransportError):
        buyer.post(session_id, method=method)
    dies(server)


@pytest.fixture
def api_key(database_url: str, receiver: Receiver) -> str:
    return aside.make_merchants(database_url, [receiver.hook])[0].api_key


def crashing(seam: str) -> dict[str, str]:
    return {**ENV, "PAYMUX_TEST_CRASH_AT": seam}


def restarted(database_url: str, server: RunningServer) -> RunningServer:
    """The same port without the seam."""
    return RunningServer(database_url, ENV, port=server.port)


def test_killed_after_the_attempts_row_the_company_knows_nothing_and_the_buyer_pays_by_another(
    database_url: str, receiver: Receiver, api_key: str
) -> None:
    with RunningServer(database_url, crashing("attempt.row_written")) as server:
        shop, buyer = Shop(server.url, api_key), Buyer(server.url)
        session_id = shop.open()["session_id"]
        broken_off(server, buyer, session_id, "card")
    with restarted(database_url, server), buyer:
        assert shop.status(session_id) == "awaiting_payment"
        assert buyer.choose(session_id, "klarna") is None  # the one before may still succeed
        aside.advance_clock(database_url, LATER_S)
        wait_for(shop, session_id, "pending")
        assert buyer.screen(session_id) == "unclear"
        aside.advance_clock(database_url, NOT_FOUND_S)
        wait_for(shop, session_id, "awaiting_payment")
        company = buyer.choose(session_id, "klarna")
        assert company is not None
        buyer.do(company, "approve")
        wait_for(shop, session_id, "paid")
        receiver.wait_for(lambda: receiver.words(session_id) == ["pending", "paid"])
    aside.prove(database_url)


@pytest.mark.parametrize(("method", "amount"), [("card", "9000.01"), ("other", "9000.03")])
def test_killed_after_the_companys_answer_the_payment_is_found_and_paid(
    database_url: str, receiver: Receiver, api_key: str, method: str, amount: str
) -> None:
    with RunningServer(database_url, crashing("attempt.answered")) as server:
        shop, buyer = Shop(server.url, api_key), Buyer(server.url)
        session_id = shop.open(amount)["session_id"]
        broken_off(server, buyer, session_id, method)
    with restarted(database_url, server):
        aside.advance_clock(database_url, LATER_S)
        if amount == "9000.03":  # pending; the company reports nothing by itself, so it must be asked
            wait_for(shop, session_id, "pending")
            aside.advance_clock(database_url, 400)
        wait_for(shop, session_id, "paid")
        receiver.wait_for(lambda: receiver.words(session_id)[-1:] == ["paid"])
        attempts = aside.rows(database_url, "attempts", payment_id=session_id)
        assert [attempt["state"] for attempt in attempts] == ["paid"]
    aside.prove(database_url)


def test_killed_after_the_companys_answer_an_unpaid_charge_is_ended_there_before_the_buyer_chooses_again(
    database_url: str, receiver: Receiver, api_key: str
) -> None:
    with RunningServer(database_url, crashing("attempt.answered")) as server:
        shop, buyer = Shop(server.url, api_key), Buyer(server.url)
        session_id = shop.open()["session_id"]
        broken_off(server, buyer, session_id, "card")
    with restarted(database_url, server), buyer:
        assert buyer.screen(session_id) == "waiting"
        aside.advance_clock(database_url, LATER_S)
        ends = time.monotonic() + WAIT_S
        while buyer.screen(session_id) != "choose":
            assert time.monotonic() < ends, buyer.screen(session_id)
            time.sleep(0.05)
        company = buyer.choose(session_id, "card")
        assert company is not None
        buyer.do(company, "approve")
        wait_for(shop, session_id, "paid")
        attempts = aside.rows(database_url, "attempts", payment_id=session_id)
        assert [attempt["state"] for attempt in attempts] == ["cancelled", "paid"]
        receiver.wait_for(lambda: receiver.words(session_id)[-1:] == ["paid"])
    aside.prove(database_url)


@pytest.mark.parametrize(("seam", "sent_before"), [("notice.before_send", 0), ("notice.after_send", 1)])
def test_killed_around_the_sending_of_a_notice_the_same_bytes_are_sent_again(
    database_url: str, receiver: Receiver, api_key: str, seam: str, sent_before: int
) -> None:
    with RunningServer(database_url, crashing(seam)) as server:
        shop = Shop(server.url, api_key)
        session_id = shop.open("9000.01")["session_id"]
        with Buyer(server.url) as buyer:
            buyer.routed(session_id)
        dies(server)
    assert len(receiver.of(session_id)) == sent_before
    with restarted(database_url, server):
        assert shop.status(session_id) == "paid"
        receiver.wait_for(lambda: len(receiver.of(session_id)) == sent_before + 1, "the notice again")
        assert len({(delivery.id, delivery.body) for delivery in receiver.of(session_id)}) == 1
    aside.prove(database_url)
