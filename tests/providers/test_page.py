"""The buyer's page: what it shows, what its buttons do, what it refuses."""

import re

import pytest
from msgspec.structs import replace

from paymux.clock import HOUR
from paymux.decline import DeclineReason
from paymux.http.call import Call, Reply
from paymux.money import Money, known
from paymux.providers.protocol import Callback, Cancelled, Flagged, Pending, Received, Turned, Waiting
from paymux.providers.sandbox import messages
from paymux.providers.sandbox.charge import Act, State
from paymux.providers.sandbox.house import page
from paymux.providers.sandbox.magic import documented
from paymux.providers.sandbox.transport import in_process_send
from tests.providers.town import Town

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def get(town: Town, path: str, method: str = "GET", body: bytes = b"") -> Reply:
    answer = await in_process_send(town.house.pages)(Call(method, "http://localhost:8080" + path, FORM, body, body_max_bytes=10**6))
    assert isinstance(answer, Reply)
    return answer


async def click(town: Town, reference: str, act: str) -> Reply:
    return await get(town, f"/sandbox/pay/{reference}", "POST", f"do={act}".encode())


async def test_the_page_is_where_the_start_said(town: Town) -> None:
    started = await town.started()
    assert started.url == f"http://localhost:8080/sandbox/pay/{started.reference}"
    answer = await get(town, f"/sandbox/pay/{started.reference}")
    text = answer.body.decode()
    assert answer.status == 200
    assert "<strong>Sandbox</strong>" in text
    assert "Approve 49.99 EUR" in text
    assert "24.99 EUR comes." in text
    assert "54.98 EUR comes." in text
    assert "ORD-10001" in text
    assert "<script" not in text
    assert "style=" not in text
    assert all(amount in text for amount, _, _ in documented())


@pytest.mark.parametrize(("code", "units", "shown"), [("JPY", 500, "500 JPY"), ("KWD", 1234567, "1234.567 KWD"), ("EUR", 5, "0.05 EUR")])
async def test_amounts_are_shown_exactly(town: Town, code: str, units: int, shown: str) -> None:
    started = await town.started(amount=Money(units, known(code)))
    assert f"Approve {shown}<" in (await get(town, f"/sandbox/pay/{started.reference}")).body.decode()


async def test_the_policy_is_strict_and_lets_the_form_go_back(town: Town) -> None:
    started = await town.started(return_url="https://shop.example:8443/thanks?order=1&x=2")
    headers = (await get(town, f"/sandbox/pay/{started.reference}")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://shop.example:8443;" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("act", "kind", "callbacks"),
    [
        ("approve", Received, 1), ("decline", Turned, 1), ("pending", Pending, 1), ("time_out", Cancelled, 1), ("short", Received, 1),
        ("over", Received, 1), ("late", Waiting, 0), ("twice", Received, 2), ("disorder", Received, 2), ("review", Flagged, 1),
    ],
)  # fmt: skip
async def test_each_button_changes_the_charge_and_sends_the_buyer_back(town: Town, act: str, kind: type, callbacks: int) -> None:
    started = await town.started()
    woken = town.woken
    for _ in range(2):  # the second click changes nothing
        answer = await click(town, started.reference, act)
        assert (answer.status, answer.headers["location"]) == (303, "http://localhost:8080/checkout/1")
        assert isinstance(await town.provider().ask("op_1", town.send), kind)
    assert town.woken > woken
    await town.duty()
    assert len(town.heard) == callbacks


@pytest.mark.parametrize("state", ["open", "pending", "review"])
async def test_a_decline_says_the_reason_that_was_chosen(town: Town, state: str) -> None:
    started = await town.started()
    path = f"/sandbox/pay/{started.reference}"
    if state != "open":
        await click(town, started.reference, state)
    text = (await get(town, path)).body.decode()
    assert re.findall(r'<option value="([a-z_]+)">', text) == list(DeclineReason)
    for body in (b"do=decline&decline_reason=bored", b"do=decline&decline_reason=%00", b"do=decline&decline_reason=Lost_card"):
        answer = await get(town, path, "POST", body)
        assert (answer.status, "That reason is not known here." in answer.body.decode()) == (400, True)
    assert (await get(town, path, "POST", b"do=decline&decline_reason=lost_card")).status == 303
    assert (await get(town, path, "POST", b"do=decline&decline_reason=expired_card")).status == 303  # a second click changes nothing
    lost = Turned(why="declined by the provider", decline_reason=DeclineReason.LOST_CARD)
    assert await town.provider().ask("op_1", town.send) == await town.provider().cancel("op_1", town.send) == lost
    await town.duty()
    assert town.heard[-1] == Callback(operation_key="op_1", status=lost)
    text = (await get(town, path)).body.decode()
    assert ("lost_card" in text, "<select" in text) == (True, False)


async def test_late_money_comes_after_two_hours(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, "late")
    assert "2026-04-29 14:10:00 UTC" in (await get(town, f"/sandbox/pay/{started.reference}")).body.decode()
    assert await town.provider().cancel("op_1", town.send) == Waiting()
    town.now += 2 * HOUR
    await town.duty()
    assert [type(callback.status) for callback in town.heard if callback] == [Received]


async def test_what_was_paid_can_be_settled(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, "approve")
    assert 'value="settle"' in (await get(town, f"/sandbox/pay/{started.reference}")).body.decode()
    assert (await click(town, started.reference, "settle")).status == 303
    assert (await click(town, started.reference, "settle")).status == 303
    await town.duty()
    last = town.heard[-1]
    assert last is not None
    assert isinstance(last.status, Received)
    assert last.status.settled_txid
    assert len(town.heard) == 2
    assert "<button" not in (await get(town, f"/sandbox/pay/{started.reference}")).body.decode()


async def test_what_is_no_longer_possible_says_so_and_changes_nothing(town: Town) -> None:
    started = await town.started()
    await click(town, started.reference, "decline")
    answer = await click(town, started.reference, "approve")
    assert answer.status == 409
    assert "no longer possible" in answer.body.decode()
    assert isinstance(await town.provider().ask("op_1", town.send), Turned)


@pytest.mark.parametrize("body", [b"", b"do=", b"do=steal", b"do=cancel", b"do=arrive", b"do=%ff", b"\xff", b"a" * 5000, b"&" * 50])
async def test_an_unknown_button_does_nothing(town: Town, body: bytes) -> None:
    started = await town.started()
    assert (await get(town, f"/sandbox/pay/{started.reference}", "POST", body)).status == 400
    assert await town.provider().ask("op_1", town.send) == Waiting()


@pytest.mark.parametrize(
    "reference",
    ["x", "", "a" * 24, "a" * 5000, "%00" * 24, "..%2f..%2fetc", "a/b/c", "%3Cscript%3E", "'--", "%F0%9F%92%A9", "op_1", "%20X: y"],
)
async def test_a_hostile_reference_is_not_found(town: Town, reference: str) -> None:
    await town.started()
    for method in ("GET", "POST"):
        answer = await get(town, f"/sandbox/pay/{reference}", method, b"do=approve" if method == "POST" else b"")
        assert answer.status == 404
        assert "<h1>There is no such payment</h1>" in answer.body.decode()
        assert "<script" not in answer.body.decode()


async def test_words_of_a_shop_cannot_become_markup(town: Town) -> None:
    started = await town.started(description="<script>alert(1)</script>\0", return_url="https://shop.example/?a='\"><script>")
    text = (await get(town, f"/sandbox/pay/{started.reference}")).body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def test_the_stylesheet_is_served_under_its_hash_alone(town: Town) -> None:
    answer = await get(town, page.stylesheet_path())
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert (await get(town, "/sandbox/static/sandbox.css")).status == 404
    assert (await get(town, "/sandbox/static/..%2fpage.py")).status == 404


async def test_every_state_has_a_page_whose_buttons_all_work(town: Town) -> None:
    charge = await town.charge((await town.started()).reference)
    for state in State:
        text = bytes(page.shown(replace(charge, state=state)).body).decode()
        assert all(act.value in text or f'value="{act.value}"' not in text for act in Act)
        told = messages.standing(replace(charge, state=state, decline_reason=DeclineReason.LOST_CARD)).decline_reason
        assert told == ("lost_card" if state is State.DECLINED else None)
        assert ("<button" in text) is (state in (State.OPEN, State.PENDING, State.REVIEW, State.PAID))


def test_only_plain_addresses_have_an_origin() -> None:
    assert page.origin("http://localhost:8080/a") == "http://localhost:8080"
    assert page.origin("https://shop.example") == "https://shop.example"
    assert page.origin("http://[::1]:80/") == "http://[::1]:80"
    for url in ("", "/a", "ftp://x/", "https://x; script-src *", "https://ü.example/", "https://a@b/", "javascript://x/"):
        assert page.origin(url) is None
