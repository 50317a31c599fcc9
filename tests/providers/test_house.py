"""The company half: its books, its callbacks, and what an operator's command may change in them."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from paymux.clock import DAY, HOUR, MINUTE, SECOND
from paymux.http.call import Call, Reply, Unreachable
from paymux.money import Money, known
from paymux.providers.protocol import Cancelled, Flagged, Pending, Received, Started, Turned, Unclear
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import LEADS_TO, MOVES, Act, Charge, State, act_on
from paymux.providers.sandbox.firms import FIRMS
from paymux.providers.sandbox.house import books
from paymux.providers.sandbox.house.books import Deed, retry_ms
from paymux.providers.sandbox.transport import in_process_send
from paymux.routing.choose import bank_currencies, choose, methods_available
from paymux.routing.model import METHODS, Wish
from tests.providers.town import ALDER, BIRCH, CEDAR, Town

ROUTES = [firm.route for firm in FIRMS.values()]
RATES = {"EUR": Decimal("1.08"), "JPY": Decimal("0.0067")}


async def click(town: Town, reference: str, act: Act) -> None:
    assert await town.writer.submit(books.act, Deed(reference, act))


async def ask(town: Town, name: str = ALDER) -> Any:
    return await town.provider(name).ask("op_1", town.send)


def slugs(**wish: Any) -> list[str]:
    given = {"package": "pro", "amount_units": 4999, "currency": "EUR", "method": "card", "has_email": True, **wish}
    return [route.slug for route in choose(Wish(**given), ROUTES, RATES).routes]


def test_a_plain_card_payment_goes_alder_birch_cedar() -> None:
    assert slugs() == ["alder", "birch", "cedar"]
    assert slugs(method=None) == ["alder", "birch", "cedar"]


def test_amount_currency_method_and_email_change_the_choice() -> None:
    assert slugs(amount_units=100) == ["alder", "cedar"]
    assert slugs(currency="JPY") == ["alder", "cedar"]
    assert slugs(has_email=False) == ["alder", "cedar"]
    assert slugs(method="klarna") == slugs(method="ideal") == slugs(method="bank") == ["birch"]
    assert slugs(method="paypal") == slugs(method="revolut") == ["alder"]
    assert slugs(method="other") == ["cedar"]
    assert slugs(currency="KZT") == ["alder", "cedar"]
    assert choose(Wish(package="free", method="klarna", currency="EUR"), ROUTES, RATES).only_email_missing
    assert bank_currencies(ROUTES) == ["EUR", "USD"]
    assert all(methods_available(Wish(package="free", has_email=True), ROUTES, RATES)[method] for method in METHODS)


async def test_a_company_turns_down_what_it_does_not_do(town: Town) -> None:
    birch = town.provider(BIRCH)
    for changes in ({"amount": Money(4999, known("GBP"))}, {"method": "paypal"}, {"email": None}, {"amount": Money(0, known("EUR"))}):
        assert isinstance(await birch.start(town.order(BIRCH, **changes), "birch", town.send), Turned)
    assert isinstance(await town.provider(ALDER).start(town.order(callback_url="/callbacks"), "alder", town.send), Turned)
    assert isinstance(await birch.start(town.order(BIRCH), "birch", town.send), Started)


async def test_starts_at_the_same_moment_with_one_key_are_one_charge(town: Town) -> None:
    answers = await asyncio.gather(*(town.provider().start(town.order(), "alder", town.send) for _ in range(20)))
    assert len(set(answers)) == 1


async def test_one_company_knows_nothing_of_anothers_operations(town: Town) -> None:
    await town.started(ALDER)
    cedar = town.provider(CEDAR)
    assert await cedar.ask("op_1", town.send) != await ask(town)
    assert type(await cedar.cancel("op_1", town.send)).__name__ == "NotFound"
    assert isinstance(await cedar.start(town.order(CEDAR), "cedar", town.send), Unclear)
    assert (await ask(town)) == await town.provider().ask("op_1", town.send)


async def test_a_paid_charge_cannot_be_cancelled(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)
    assert isinstance(await town.provider().cancel("op_1", town.send), Received)
    assert isinstance(await ask(town), Received)


async def test_what_was_cancelled_is_never_paid(town: Town) -> None:
    started = await town.started()
    assert await town.provider().cancel("op_1", town.send) == Cancelled()
    town.now += HOUR
    assert await town.duty() == 0
    done = await town.writer.submit(books.act, Deed(started.reference, Act.APPROVE))
    assert done is not None
    assert not done.allowed
    assert await ask(town) == Cancelled()


async def test_what_happened_by_itself_comes_before_a_cancellation(town: Town) -> None:
    await town.started(amount=Money(900001, known("EUR")))
    assert isinstance(await town.provider().cancel("op_1", town.send), Received)


async def test_clicks_at_the_same_moment_count_the_money_once(town: Town) -> None:
    started = await town.started()
    await asyncio.gather(*(click(town, started.reference, Act.APPROVE) for _ in range(20)))
    status = await ask(town)
    assert isinstance(status, Received)
    assert [transfer.amount.units for transfer in status.transfers] == [4999]
    await town.duty()
    assert len(town.heard) == 1


async def test_the_rest_of_a_short_payment_is_a_second_transfer(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.SHORT)
    await click(town, started.reference, Act.REST)
    await click(town, started.reference, Act.REST)
    await click(town, started.reference, Act.SETTLE)
    status = await ask(town)
    assert isinstance(status, Received)
    assert [(transfer.reference, transfer.amount.units) for transfer in status.transfers] == [("op_1.1", 2499), ("op_1.2", 2500)]
    await town.duty()
    last = town.heard[-1]
    assert last is not None
    assert last.status == status


async def test_a_callback_comes_again_until_it_is_acknowledged(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)
    town.ear_status = 500
    for tries in range(1, 12):
        assert await town.duty() == 1
        assert await town.duty() == 0
        assert len(town.posted) == tries
        town.now += retry_ms(tries) - 1
        assert await town.duty() == 0
        town.now += 1
    town.ear_status = 204
    assert await town.duty() == 1
    town.now += 30 * DAY
    assert await town.duty() == 0
    assert len({body for _, _, body in town.posted}) == 1
    assert {path for path, _, _ in town.posted} == {"/callbacks/sandbox-alder"}


async def test_a_callback_ends_after_thirty_tries(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)
    town.ear_status = 404
    for _ in range(40):
        await town.duty()
        town.now += HOUR
    assert len(town.posted) == books.TRIES_MAX


async def test_a_core_that_breaks_while_it_listens_is_told_again(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)

    async def broken(*_: object) -> int:
        raise RuntimeError

    assert await town.house.duty(broken) == 1
    town.now += retry_ms(1)
    assert await town.duty() == 1
    assert isinstance(town.heard[0], msgspec.Struct)


async def test_a_callback_whose_worker_died_comes_again(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)
    [claimed] = await town.writer.submit(books.claim_callbacks, 10)
    assert await town.writer.submit(books.claim_callbacks, 10) == []
    town.now += books.CLAIMED_MS
    assert [one.id for one in await town.writer.submit(books.claim_callbacks, 10)] == [claimed.id]


async def test_a_round_is_bounded(town: Town) -> None:
    for number in range(5):
        await town.started(operation_key=f"op_{number}", amount=Money(900001, known("EUR")))
    assert await town.house.duty(town.post, batch=2) == 4  # two scripts, two callbacks
    while await town.house.duty(town.post, batch=2):
        pass
    assert len(town.heard) == 5


async def test_callbacks_of_one_change_come_in_order(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.DISORDER)
    await town.duty()
    assert [type(callback.status) for callback in town.heard if callback] == [Received, Pending]


@pytest.mark.parametrize(
    ("word", "kind"),
    [("paid", Received), ("settled", Received), ("declined", Turned), ("pending", Pending), ("review", Flagged), ("expired", Cancelled)],
)
async def test_the_house_agrees_with_what_an_operator_reported(town: Town, word: Any, kind: type) -> None:
    started = await town.started()
    await click(town, started.reference, Act.REVIEW)
    for _ in range(2):
        assert await town.writer.submit(books.mark, ("op_1", word))
    status = await ask(town)
    assert isinstance(status, kind)
    if isinstance(status, Received):
        assert [(one.reference, one.amount.units) for one in status.transfers] == [("report:op_1", 4999)]
        assert (status.settled_txid is not None) is (word == "settled")
    assert await town.duty() == 0  # what was on its way would contradict it


async def test_an_operators_word_never_takes_money_back(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, Act.APPROVE)
    await town.writer.submit(books.mark, ("op_1", "declined"))
    assert isinstance(await ask(town), Received)
    await town.writer.submit(books.mark, ("op_1", "settled"))
    status = await ask(town)
    assert isinstance(status, Received)
    assert [one.reference for one in status.transfers] == ["op_1.1"]
    assert status.settled_txid


async def test_marking_what_is_not_there_does_nothing(town: Town) -> None:
    assert await town.writer.submit(books.mark, ("op_unknown", "paid")) is False


async def test_nobody_gets_in_without_a_genuine_token(town: Town) -> None:
    await town.started()
    genuine = {"Authorization": f"Bearer {messages.token(town.keyring, ALDER)}"}
    url = messages.HOST + messages.CHARGES + "/op_1"

    async def status(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> int:
        answer = await town.send(Call(method, url, headers, body))
        assert isinstance(answer, Reply)
        return answer.status

    assert await status("GET", url, genuine) == 200
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {messages.token(town.keyring, ALDER)}"}):
        assert await status("GET", url, headers) == 401
        assert await status("POST", url + "/cancel", headers) == 401
        assert await status("POST", messages.HOST + messages.CHARGES, headers, b"{}") == 401
    for body in (b"", b"{}", b"\xff", b'{"operation_key": 1}'):
        assert await status("POST", messages.HOST + messages.CHARGES, genuine, body) == 400
    for key in ("%00", "op_1%0a", "a" * 101, "%2e%2e", "op_1'--"):
        assert await status("GET", f"{messages.HOST}{messages.CHARGES}/{key}", genuine) == 404


async def test_a_hanging_company_is_let_go_in_time_and_a_broken_one_is_unreachable(town: Town) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    async def refused(*_: object) -> None:
        raise ConnectionRefusedError

    async def hangs(*_: object) -> None:
        await asyncio.sleep(60)

    call = Call("GET", messages.HOST, timeout_s=0.02)
    assert await in_process_send(hangs)(call) == Unreachable("timeout", "sandbox.invalid: no complete reply within 0.02 s", sent=True)
    for app, kind, sent in ((broken, "protocol", True), (refused, "refused", False)):
        answer = await in_process_send(app)(call)
        assert isinstance(answer, Unreachable)
        assert (answer.kind, answer.sent) == (kind, sent)


async def test_a_reply_that_is_too_long_is_not_taken(town: Town) -> None:
    call = Call("GET", messages.HOST + "/nowhere", body_max_bytes=3)
    answer = await town.send(call)
    assert isinstance(answer, Unreachable)
    assert answer.kind == "too_large"
    cut = await town.send(Call("GET", messages.HOST + "/nowhere", body_max_bytes=3, keep_first=True))
    assert isinstance(cut, Reply)
    assert (len(cut.body), cut.cut) == (3, True)


def test_no_act_takes_money_back_or_opens_what_is_over() -> None:
    for (state, _), after in MOVES.items():
        assert state is not State.PAID or after is State.PAID
        assert state not in (State.DECLINED, State.CANCELLED, State.EXPIRED)
    assert set(LEADS_TO) == set(Act) - {Act.LATE}


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", State)
def test_every_act_in_every_state_leaves_a_charge_that_makes_sense(state: State, act: Act) -> None:
    charge = Charge(
        operation_key="op_1", reference="r", provider=ALDER, amount_units=1, currency="EUR", method="card", description="", return_url="",
        callback_url="", state=state, created_at=0, updated_at=0,
    )  # fmt: skip
    done = act_on(charge, act, SECOND)
    if done is None:
        return
    assert bool(done.charge.transfers) is (done.charge.state is State.PAID) or state is State.PAID
    assert all(transfer.units > 0 for transfer in done.charge.transfers)
    assert (done.charge.next_act is None) is (done.charge.due_at is None)
    assert done.charge.due_at is None or done.charge.due_at > MINUTE
