"""The command line beside a running server: what a command committed is true for the very next request."""

import json
import re
from typing import TYPE_CHECKING, Any

from paymux.cli.run import Where, run
from paymux.money import Money, known
from paymux.payments.lifecycle import Event
from paymux.payments.model import Receipt, Report, Source
from tests.cli.conftest import Here, Told
from tests.server import RunningServer, advance_clock, answer_of, call, create_merchant, open_session, paymux, report

if TYPE_CHECKING:
    from paymux.app.core import Core


def hear(database_url: str, story: dict[str, Any], event: Event, receipt: Receipt | None = None) -> None:
    """As if the provider of a payment's attempt had reported something that no command reports."""
    [tried] = story["attempts"]
    one = Report(
        payment_id=tried["payment_id"], attempt_id=tried["id"], event=event, source=Source.PROVIDER, happened_at=0, receipt=receipt
    )

    async def work(core: "Core") -> None:
        await core.writer.submit(core.door.advance, one)

    run(Where(database=database_url), work)


def status_of(server: RunningServer, key: str, session: int) -> str:
    code, answer = call("GET", f"{server.url}/gateway/session_status.php?session_id={session}", headers={"Authorization": f"Bearer {key}"})
    assert code == 200, answer
    return str(answer["status"])


def test_a_payment_is_followed_from_its_merchant_to_the_books(database_url: str) -> None:
    merchant = create_merchant(database_url, domain=["https://WWW.Shop.example.com/x", "b.example"], webhook_secret="s" * 20)
    credentials = merchant.pop("credentials")
    assert merchant == {"merchant_id": 1, "plan": "pro", "webhook_secret": "s" * 20}
    assert set(credentials["ecomtrade24"]) == {"api_key"}
    assert set(credentials["etpay"]) == {"merchant_code", "merchant_api_token"}
    assert credentials["echelon"] == {"merchant_code": "M000001", "secret": credentials["echelon"]["secret"]}
    assert set(credentials["exchanger"]) == {"partner", "public_key", "secret_key"}
    key = credentials["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        assert "SANDBOX MODE: no real money" in server.text()
        _, opened = open_session(server.url, key, order_id="ORD-1")
        first = opened["session_id"]
        done = {"payment": f"ecomtrade24:{first}", "state": "paid", "status": "paid"}
        assert report(database_url, first, "paid") == {**done, "outcome": "changed"}
        assert status_of(server, key, first) == "paid"
        assert report(database_url, first, "paid") == {**done, "outcome": "repeated"}
        refused = paymux("sandbox", "report", "--payment", f"ecomtrade24:{first}", "--outcome", "expired", database_url=database_url)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "paid" in refused.stderr
        _, opened = open_session(server.url, key, order_id="ORD-2")
        assert advance_clock(database_url, 3601)["offset_seconds"] == 3601
        assert status_of(server, key, opened["session_id"]) == "expired"
        assert answer_of("sandbox", "clock", "--reset", database_url=database_url)["offset_seconds"] == 0

        story = answer_of("payment", "show", f"ecomtrade24:{first}", database_url=database_url)
        assert [row["to_state"] for row in story["history"]] == ["created", "awaiting", "paid"]
        assert {one["reason"] for one in story["attempts"][0]["choice"]} == {"kept", "only where its method is asked for by name"}
        assert [(one["reason"], one["amount_units"]) for one in story["transfers"]] == [("payment.paid", 4999)]
        assert [(one["word"], one["state"]) for one in story["notices"]] == [("paid", "unaddressed")]
        shown = paymux("payment", "show", first, database_url=database_url)
        assert "awaiting → paid" in shown.stdout
        assert "49.99 EUR" in shown.stdout
    proven = answer_of("ledger", "check", database_url=database_url)
    assert (proven["ok"], proven["faults"], proven["read"]["payments"]) == (True, [], 2)


def test_fixtures_load_twice_and_are_the_contracts_merchants(database_url: str) -> None:
    assert answer_of("fixtures", "load", "ecomtrade24", database_url=database_url)["added"] == [12, 13]
    paymux("merchant", "plan", 13, "pro", database_url=database_url)
    assert answer_of("fixtures", "load", "ecomtrade24", database_url=database_url)["added"] == []
    assert answer_of("merchant", "show", 13, database_url=database_url)["plan"] == "pro", "what people changed stays"
    with RunningServer(database_url) as server:
        code, me = call("GET", f"{server.url}/gateway/me.php", headers={"X-API-Key": "KEY_PRO"})
        assert (code, me["merchant_id"], me["email"], me["package"]) == (200, 12, "m12@example.com", "pro")
        assert open_session(server.url, "KEY_PRO")[0] == 200


def test_a_switch_of_a_merchant_counts_for_the_next_request(database_url: str, here: Here, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        assert open_session(server.url, key)[0] == 200

        def after(*command: object) -> tuple[int, object]:
            assert (done := here("merchant", *command, database_url=database_url)).returncode == 0, done.stderr
            code, answer = open_session(server.url, key)
            return code, answer.get("error") or answer.get("checkout_mode")

        assert after("disable", 1) == (403, "merchant_disabled")
        assert after("enable", 1) == (200, "smart_router")
        assert after("smart-routing", 1, "off") == (200, "hosted")
        assert after("shop", 1, "Shop.example.com", "blocked") == (403, "domain_not_allowed")
        assert after("shop", 1, "shop.example.com", "approved")[0] == 200
        assert after("wallet", 1, "0x12", "--unchecked")[1] == "invalid_merchant_payout_wallet"
        assert after("wallet", 1, "0x" + "2" * 40)[0] == 200
        new = told("merchant", "key", 1, "--rotate", database_url=database_url)["credentials"]["ecomtrade24"]["api_key"]
        assert open_session(server.url, key)[1] == {"ok": False, "error": "invalid_api_key"}
        assert open_session(server.url, new)[0] == 200


def test_a_person_decides_what_is_under_review(database_url: str, here: Here, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        sessions = [open_session(server.url, key)[1]["session_id"] for _ in range(2)]
    for session in sessions:
        assert (
            told("sandbox", "report", "--payment", f"ecomtrade24:{session}", "--outcome", "review", database_url=database_url)["status"]
            == "manual_review"
        )
    waiting = told("payment", "list", "--attention", database_url=database_url)["payments"]
    assert [one["id"] for one in waiting] == sessions

    empty = here("payment", "accept", sessions[0], database_url=database_url)
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "say how much the provider holds" in empty.stderr
    accept = ("payment", "accept", sessions[0], "--received", "50.00")
    assert told(*accept, database_url=database_url)["outcome"] == "changed"
    assert told(*accept, database_url=database_url)["outcome"] == "repeated", "its money counts once"
    story = told("payment", "show", sessions[0], database_url=database_url)
    assert (story["payment"]["state"], story["payment"]["received_units"], story["payment"]["held_units"]) == ("paid", 5000, 1)
    assert told("payment", "returned", sessions[0], database_url=database_url)["state"] == "paid"
    assert told("payment", "reject", sessions[1], database_url=database_url)["status"] == "failed"
    assert here("payment", "accept", sessions[1], "--received", "1", database_url=database_url).returncode == 1
    assert told("payment", "list", "--attention", database_url=database_url)["payments"] == []
    listed = told("payment", "list", "--merchant", 1, "--limit", 1, database_url=database_url)
    assert ([one["id"] for one in listed["payments"]], listed["next"]) == ([sessions[1]], sessions[1])
    proven = here("ledger", "check", database_url=database_url)
    assert (proven.returncode, proven.stdout[:10]) == (0, "All holds:"), proven.stdout


def test_a_person_ends_a_doubt_with_what_the_provider_shows(database_url: str, here: Here, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        found, lost = (open_session(server.url, key)[1]["session_id"] for _ in range(2))
    for session in (found, lost):
        assert told("sandbox", "report", "--payment", f"ecomtrade24:{session}", "--outcome", "pending", database_url=database_url)
        hear(database_url, told("payment", "show", session, database_url=database_url), Event.DOUBTED)
        assert told("payment", "show", session, database_url=database_url)["payment"]["state"] == "unclear"
    doubts = told("payment", "list", "--doubt", "--limit", 1, database_url=database_url)
    assert ([one["id"] for one in doubts["payments"]], doubts["next"]) == ([found], found)
    assert [one["id"] for one in told("payment", "list", "--doubt", "--after", found, database_url=database_url)["payments"]] == [lost]
    assert [one["id"] for one in told("payment", "list", database_url=database_url)["payments"]] == [lost, found]
    unsaid = here("payment", "accept", found, database_url=database_url)
    assert (unsaid.returncode, unsaid.stdout) == (1, "")
    assert "say how much the provider holds" in unsaid.stderr
    accept = ("payment", "accept", found, "--received", "49.99")
    assert told(*accept, database_url=database_url)["state"] == "paid"
    assert told(*accept, database_url=database_url)["outcome"] == "repeated"
    assert here("payment", "reject", lost, database_url=database_url).stdout == f"Payment ecomtrade24:{lost} is awaiting.\n"
    [attempt] = told("payment", "show", lost, database_url=database_url)["attempts"]
    assert (attempt["state"], attempt["ask_at"]) == ("declined", None)
    declined = ("sandbox", "report", "--payment", f"ecomtrade24:{lost}", "--outcome", "declined", "--decline-reason", "stolen_card")
    assert told(*declined, database_url=database_url)["state"] == "failed"
    attempts = told("payment", "show", lost, database_url=database_url)["attempts"]
    assert [one["decline_reason"] for one in attempts] == ["unknown", "stolen_card"]
    assert re.findall(r"decline reason +(\w+)", here("payment", "show", lost, database_url=database_url).stdout) == [
        "unknown",
        "stolen_card",
    ]
    assert told("payment", "list", "--doubt", database_url=database_url)["payments"] == []
    for command in ("accept", "reject"):
        assert "in doubt" in here("payment", command, "--help", database_url=database_url).stdout
    assert here("ledger", "check", database_url=database_url).returncode == 0


def test_money_of_another_currency_is_shown_until_it_went_back(database_url: str, here: Here, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        session = open_session(server.url, key)[1]["session_id"]
    assert told("sandbox", "report", "--payment", f"ecomtrade24:{session}", "--outcome", "pending", database_url=database_url)
    story = told("payment", "show", session, database_url=database_url)
    usd = known("USD")
    hear(database_url, story, Event.PAID, Receipt(reference="T-1", amount=Money(7_000, usd)))
    provider = story["attempts"][0]["provider"]
    assert f"70.00 USD, by {provider}" in here("payment", "show", session, database_url=database_url).stdout
    shown = told("payment", "show", session, database_url=database_url)["foreign"]
    assert shown == [{"provider": provider, "currency": "USD", "amount_units": 7_000}]
    assert told("payment", "reject", session, database_url=database_url)["state"] == "failed"
    assert [one["id"] for one in told("payment", "list", "--attention", database_url=database_url)["payments"]] == [session]
    assert told("payment", "returned", session, database_url=database_url)["outcome"] == "changed"
    assert told("payment", "list", "--attention", database_url=database_url)["payments"] == []
    story = told("payment", "show", session, database_url=database_url)
    assert (story["foreign"], story["history"][-1]["why"]) == ([], "returned by command: 70.00 USD")
    assert here("payment", "returned", session, database_url=database_url).returncode == 1
    assert here("ledger", "check", database_url=database_url).returncode == 0


def test_notices_are_listed_by_their_state(database_url: str, told: Told) -> None:
    key = create_merchant(database_url)["credentials"]["ecomtrade24"]["api_key"]
    with RunningServer(database_url) as server:
        sessions = [open_session(server.url, key)[1]["session_id"] for _ in range(3)]
    for session in sessions:
        assert told("sandbox", "report", "--payment", f"ecomtrade24:{session}", "--outcome", "paid", database_url=database_url)

    def listed(*options: object) -> list[int]:
        found = told("webhook", "list", "--merchant", 1, *options, database_url=database_url)
        return [one["payment_id"] for one in found["notices"]]

    assert listed() == listed("--state", "unaddressed") == sessions[::-1]
    assert listed("--state", "unaddressed", "--limit", 1) == sessions[:1:-1]
    assert listed("--state", "given_up") == listed("--state", "delivered") == []


def test_a_route_that_is_down_and_the_platforms_switch_count_everywhere(database_url: str, here: Here, told: Told) -> None:
    assert here("migrate", database_url=database_url).returncode == 0
    routes = told("route", "list", database_url=database_url)["routes"]
    slug = routes[0]["slug"]
    assert here("route", "set", slug, "--health", "down", "--priority", 7, database_url=database_url).returncode == 0
    assert here("route", "set", slug, "--health", "degraded", database_url=database_url).returncode == 0
    found = {route["slug"]: route for route in told("route", "list", database_url=database_url)["routes"]}
    assert (found[slug]["health"], found[slug]["priority"]) == ("degraded", 7)
    assert here("route", "set", "nowhere", "--health", "up", database_url=database_url).returncode == 1
    assert here("routing", "off", database_url=database_url).stdout == "Automatic routing is off for the platform.\n"
    assert told("route", "list", database_url=database_url)["smart_routing"] is False
    assert here("routing", "default", database_url=database_url).stdout == "Automatic routing is on for the platform.\n"


def test_a_policy_grows_and_shrinks_by_commands(database_url: str, here: Here, told: Told) -> None:
    create_merchant(database_url)
    slug = told("route", "list", database_url=database_url)["routes"][0]["slug"]
    change = ("merchant", "policy", 1, "--short-tolerance", 5, "--late", "accept", "--route-off", slug)
    assert here(*change, database_url=database_url).returncode == 0
    assert here("merchant", "method", 1, "paypal", "off", database_url=database_url).returncode == 0
    shown = told("merchant", "show", 1, database_url=database_url)
    assert shown["policy"] == {"short_tolerance_units": 5, "late": "accept", "route_priority": {}, "routes_off": [slug]}
    assert shown["methods_off"] == ["paypal"]
    assert here("merchant", "policy", 1, "--route-on", slug, database_url=database_url).returncode == 0
    assert here("merchant", "method", 1, "paypal", "on", database_url=database_url).returncode == 0
    shown = told("merchant", "show", 1, database_url=database_url)
    assert (shown["policy"]["routes_off"], shown["policy"]["late"], shown["methods_off"]) == ([], "accept", [])


def test_json_is_one_object_and_nothing_else(database_url: str, here: Here, told: Told) -> None:
    done = here(
        "merchant",
        "create",
        "--name",
        "N",
        "--email",
        "n@example.com",
        "--plan",
        "free",
        "--wallet",
        "0x12",
        "--unchecked",
        "--json",
        database_url=database_url,
    )
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["plan"] == "free"
    assert "warning: '0x12' is not a wallet" in done.stderr
    assert told("merchant", "show", 1, database_url=database_url)["wallet"] == "0x12", "kept as given"
    assert [one["id"] for one in told("merchant", "list", database_url=database_url)["merchants"]] == [1]
