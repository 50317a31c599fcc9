"""What every provider must do, whatever company is behind it. A provider's tests subclass `Conformance` and give it a `Case`.

`send` reaches the company (or a faithful stand-in); the odd replies are the same for all: none of them may be read as a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from paymux.http.call import Call, Reply, Unreachable
from paymux.providers.protocol import (
    Callback,
    Cancelled,
    NotFound,
    NotSent,
    Order,
    Pending,
    Provider,
    Received,
    Send,
    Started,
    Unclear,
    Waiting,
)
from paymux.routing.model import METHODS

ODD_REPLIES = {
    "nothing": (200, b""),
    "a page": (200, b"<html>Everything is fine</html>"),
    "half of a body": (200, b'{"status": "pa'),
    "an empty object": (200, b"{}"),
    "a list": (200, b"[]"),
    "null": (200, b"null"),
    "not text": (200, b"\xff\xfe\x00"),
    "a word nobody knows": (200, b'{"status": "all right", "operation_key": "op_1", "reference": "r"}'),
    "no content": (204, b""),
    "a redirect": (302, b""),
    "a refusal without words": (400, b""),
    "somebody else's refusal": (403, b"<html>Blocked</html>"),
    "somebody else's not found": (404, b"<html>404</html>"),
    "a refusal in unknown words": (422, b'{"error": "hm", "why": "?"}'),
    "too many": (429, b'{"error": "slow down"}'),
    "a failure": (500, b"Internal Server Error"),
    "a failure on the way": (502, b"<html>Bad gateway</html>"),
}


@dataclass
class Case:
    """One provider and what it needs to be tried. `order` can be started by `send`; `other_order` as well, with another key."""

    provider: Provider
    send: Send
    order: Order
    other_order: Order
    signed: tuple[Mapping[str, str], bytes]  # a genuine callback


class Recorder:
    """A `Send` that remembers calls and gives one answer to all."""

    def __init__(self, answer: Reply | Unreachable) -> None:
        self.answer = answer
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Reply | Unreachable:
        self.calls.append(call)
        return self.answer


def reply(status: int, body: bytes) -> Reply:
    return Reply(status, {"content-type": "application/json"}, body, 1)


class Conformance:
    """Subclass it as `Test…` with a fixture `case`."""

    def test_its_abilities_are_whole(self, case: Case) -> None:
        provider, abilities = case.provider, case.provider.abilities
        assert abilities.routes
        assert abilities.not_found_final_after_s > 0
        for route in abilities.routes:
            assert route.provider == provider.name
            assert route.methods
            assert set(route.methods) <= set(METHODS) or route.asked_only
            assert all(len(code) == 3 for code in route.currencies)

    async def test_every_call_carries_the_key_is_encrypted_and_ends_in_time(self, case: Case) -> None:
        recorder, key = Recorder(Unreachable("timeout", "slow", sent=True)), case.order.operation_key
        await case.provider.start(case.order, self.route(case), recorder)
        await case.provider.ask(key, recorder)
        await case.provider.cancel(key, recorder)
        assert len(recorder.calls) >= 3
        for call in recorder.calls:
            assert call.url.startswith("https://")
            assert 0 < call.timeout_s <= 60
            assert key in call.url or key.encode() in call.body or key in call.headers.values()

    async def test_no_answer_is_unclear_and_never_a_failure(self, case: Case) -> None:
        recorder = Recorder(Unreachable("timeout", "slow", sent=True))
        assert isinstance(await case.provider.start(case.order, self.route(case), recorder), Unclear)
        assert isinstance(await case.provider.ask(case.order.operation_key, recorder), Unclear)
        assert isinstance(await case.provider.cancel(case.order.operation_key, recorder), Unclear)

    async def test_only_a_start_that_left_nothing_behind_was_not_sent(self, case: Case) -> None:
        recorder = Recorder(Unreachable("refused", "nobody there", sent=False))
        assert isinstance(await case.provider.start(case.order, self.route(case), recorder), NotSent)
        assert isinstance(await case.provider.ask(case.order.operation_key, recorder), Unclear)
        assert isinstance(await case.provider.cancel(case.order.operation_key, recorder), Unclear)

    @pytest.mark.parametrize(("status", "body"), ODD_REPLIES.values(), ids=ODD_REPLIES)
    async def test_an_odd_reply_is_unclear_and_never_a_failure(self, case: Case, status: int, body: bytes) -> None:
        recorder = Recorder(reply(status, body))
        for answer in (
            await case.provider.start(case.order, self.route(case), recorder),
            await case.provider.ask(case.order.operation_key, recorder),
            await case.provider.cancel(case.order.operation_key, recorder),
        ):
            assert isinstance(answer, Unclear)
            assert answer.odd

    async def test_starting_twice_with_one_key_is_one_start(self, case: Case) -> None:
        first = await case.provider.start(case.order, self.route(case), case.send)
        again = await case.provider.start(case.order, self.route(case), case.send)
        assert isinstance(first, Started | Pending | Received)
        assert again == first
        assert case.other_order.operation_key != case.order.operation_key
        other = await case.provider.start(case.other_order, self.route(case), case.send)
        assert other != first or isinstance(first, Pending)

    async def test_one_key_for_two_amounts_is_not_started(self, case: Case) -> None:
        await case.provider.start(case.order, self.route(case), case.send)
        twice = replace(case.order, amount=case.order.amount + case.order.amount)
        assert isinstance(await case.provider.start(twice, self.route(case), case.send), Unclear)

    async def test_a_key_that_was_never_started_is_not_found(self, case: Case) -> None:
        assert await case.provider.ask("op_never", case.send) == NotFound()
        assert await case.provider.cancel("op_never", case.send) == NotFound()

    async def test_what_waits_for_its_buyer_can_be_cancelled_and_stays_cancelled(self, case: Case) -> None:
        if not isinstance(await case.provider.start(case.order, self.route(case), case.send), Started):
            pytest.skip("this one moves money at the start")
        key = case.order.operation_key
        assert await case.provider.ask(key, case.send) == Waiting()
        assert await case.provider.cancel(key, case.send) == Cancelled()
        assert await case.provider.cancel(key, case.send) == Cancelled()
        assert await case.provider.ask(key, case.send) == Cancelled()
        assert not isinstance(await case.provider.start(case.order, self.route(case), case.send), Started | Pending | Received)

    def test_a_genuine_callback_is_read(self, case: Case) -> None:
        headers, body = case.signed
        assert isinstance(case.provider.read_callback(headers, body), Callback)
        shouted = {name.upper(): value for name, value in headers.items()}
        assert isinstance(case.provider.read_callback(shouted, body), Callback)

    def test_a_callback_that_was_touched_is_refused(self, case: Case) -> None:
        headers, body = case.signed
        assert case.provider.read_callback({}, body) is None
        assert case.provider.read_callback(headers, body + b" ") is None
        assert case.provider.read_callback(headers, b"") is None
        assert case.provider.read_callback(headers, b"\xff" + body) is None
        for name, value in headers.items():
            if name.lower() == "content-type":
                continue
            for changed in ("", "é", value[:-1], value[:-1] + ("0" if value[-1] != "0" else "1"), value + "0"):
                assert case.provider.read_callback({**headers, name: changed}, body) is None

    @staticmethod
    def route(case: Case) -> str:
        return case.provider.abilities.routes[0].slug
