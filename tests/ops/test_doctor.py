"""The doctor finds and explains what is planted, on both engines, and changes nothing."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from paymux.clock import DAY, HOUR, Clock
from paymux.ops import checks_ground
from paymux.ops.doctor import diagnose
from paymux.ops.finding import Severity
from paymux.payments.report import Told
from paymux.storage.migrate import Migration, migrations
from tests.databases import Server, sqlite_url
from tests.ops.ward import Ward, case, only, visit, ward, wrongs
from tests.ports import free_port

pytestmark = pytest.mark.anyio


async def test_nothing_is_wrong_with_a_healthy_installation(database_url: str) -> None:
    async with ward(database_url):
        found = await visit(database_url)
    assert wrongs(found) == []
    assert found.left_out == []
    assert {finding.check for finding in found.findings} <= {"server", "durability"}


async def test_a_wrong_key_is_told_by_its_id(database_url: str) -> None:
    async with ward(database_url) as w:
        found = await visit(database_url, secret_key="another secret key, which nothing is stored under")
    told = only(found, "keys")
    assert wrongs(found) == ["keys"]
    assert w.core.keyring.key_id in told.what
    assert "1 API keys and 1 webhook secrets" in told.what
    assert "401" in told.means
    assert "PAYMUX_SECRET_KEYS_OLD" in told.mend


async def test_what_still_lies_under_an_old_key_is_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        old = w.core.settings.secret_key
        found = await visit(database_url, secret_key="the new secret key after the rotation", secret_keys_old=[old])
    assert wrongs(found) == []
    assert only(found, "keys").severity is Severity.LOOK
    assert "--rotate" in only(found, "keys").mend


async def test_a_webhook_secret_moved_to_another_row_is_found(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.merchant()
        await w.run("UPDATE endpoint SET secret = (SELECT e.secret FROM endpoint e WHERE e.merchant_id = 1) WHERE merchant_id = 2;")
        found = await visit(database_url)
    assert wrongs(found) == ["keys"]
    assert "merchants 2 " in only(found, "keys").what


async def test_a_stale_schema_stops_the_checks_of_rows(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def later(engine: str) -> list[Migration]:
        known = migrations(engine)
        return [*known, Migration(known[-1].number + 1, "later", "SELECT 1;")]

    async with ward(database_url):
        monkeypatch.setattr(checks_ground, "migrations", later)
        found = await visit(database_url)
    assert wrongs(found) == ["schema"]
    assert "paymux migrate" in only(found, "schema").mend
    assert "books" in found.left_out


async def test_a_newer_schema_asks_for_the_newer_program(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("INSERT INTO migration (number, name, applied_at) VALUES (999, 'later', 0);")
        found = await visit(database_url)
    assert wrongs(found) == ["schema"]
    assert "newer Paymux" in only(found, "schema").mend


@pytest.mark.parametrize(("free", "severity"), [(0, Severity.WRONG), (500 << 20, Severity.LOOK)])
async def test_a_full_disk_is_found(database_url: str, free: int, severity: Severity) -> None:
    async with ward(database_url):
        found = await visit(database_url, free=free)
    assert only(found, "disk").severity is severity
    assert "503" in only(found, "disk").means


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "paymux.db"
    found = await visit(sqlite_url(path))
    assert "database" in wrongs(found)
    assert "paymux migrate" in only(found, "database").mend
    assert not path.parent.exists()
    assert "books" in found.left_out


async def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "paymux.db"
    path.write_text("this is a diary")
    found = await visit(sqlite_url(path))
    assert "not an SQLite database" in only(found, "database").what
    assert path.read_text() == "this is a diary"


async def test_a_dead_database_server_is_told_without_its_password() -> None:
    port = free_port()
    found = await visit(f"postgresql://paymux:hunter2hunter2@127.0.0.1:{port}/paymux")
    told = only(found, "database")
    assert wrongs(found) == ["database"]
    assert f"127.0.0.1:{port}/paymux" in told.what
    assert "pg_isready" in told.mend
    assert "hunter2" not in repr(found)


async def test_a_missing_postgres_database_is_told(postgres: Server) -> None:
    told = only(await visit(postgres.url("nobody_made_this")), "database")
    assert "createdb" in told.mend


async def test_a_receiver_that_refuses_is_found_with_its_answer(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("UPDATE notice SET tries = 1, due_at = due_at + 60000;")
        await w.run(
            "INSERT INTO notice_answer (notice_id, number, url, status, answer, error, took_ms, answered_at) "
            "VALUES (1, 1, 'https://shop.example.com/hook?key=abc', 500, 'no', 'HTTP 500', 12, 0);"
        )
        found = await visit(database_url)
    told = only(found, "receivers")
    assert wrongs(found) == ["receivers"]
    assert "merchant 1 at shop.example.com" in told.what
    assert "HTTP 500" in told.what
    assert "key=abc" not in told.what
    assert "paymux webhook resend --merchant 1 --state waiting" in told.mend


async def test_many_receivers_that_refuse_are_told_in_one_sentence(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run(
            "INSERT INTO endpoint (merchant_id, shop, url, secret, enabled, created_at, updated_at) "
            "SELECT merchant_id, s.n || '.example.com', 'https://' || s.n || '.example.com/', secret, 1, 0, 0 FROM endpoint, "
            "(SELECT 'a' AS n UNION ALL SELECT 'b' UNION ALL SELECT 'c' UNION ALL SELECT 'd') s WHERE shop = '';"
        )
        await w.run(
            "INSERT INTO notice (merchant_id, dialect, word, delivery, endpoint_id, body, state, tries, due_at, created_at) "
            "SELECT merchant_id, 'ecomtrade24', 'test', 'd' || id, id, '{}', 'waiting', 2, 1, 1 FROM endpoint WHERE shop <> '';"
        )
        found = await visit(database_url)
    told = only(found, "receivers")
    assert "4 receivers do not acknowledge" in told.what
    assert "at a.example.com (1)" in told.what
    assert "our way out" in told.mend


async def test_notices_that_were_given_up_are_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("UPDATE notice SET state = 'given_up', due_at = NULL, ended_at = 1;")
        found = await visit(database_url)
    assert only(found, "receivers").severity is Severity.LOOK
    assert "--state given_up" in only(found, "receivers").mend


@pytest.mark.parametrize("sql", ["payment", "notice", "transfer"])
async def test_rows_from_the_future_tell_of_a_clock_that_went_back(database_url: str, sql: str) -> None:
    async with ward(database_url) as w:
        await w.run(f"UPDATE {sql} SET created_at = created_at + {HOUR};")
        found = await visit(database_url)
    assert wrongs(found) == ["clock"]
    assert "59 minutes" in only(found, "clock").what
    assert "timedatectl" in only(found, "clock").mend


async def test_a_clock_unlike_the_database_servers_is_found(postgres_url: str) -> None:
    async with ward(postgres_url):
        seen = case(postgres_url)
        seen.wall = lambda: Clock.wall() + DAY
        told = await checks_ground.database(seen) + await checks_ground.clocks(seen)
        assert seen.storage is not None
        await seen.storage.close()
    assert ["behind this machine's" in finding.what for finding in told] == [True]


async def test_a_moved_sandbox_clock_is_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run(f"UPDATE installation SET value = '{DAY}' WHERE name = 'clock_offset_ms';")
        await w.run(f"UPDATE payment SET created_at = created_at + {DAY};")
        await w.run("UPDATE notice SET state = 'delivered', due_at = NULL;")
        found = await visit(database_url)
        skipping = await diagnose(case(database_url), frozenset({"mode"}))
    assert wrongs(found) == wrongs(skipping) == []
    assert "--reset" in only(found, "clock").mend
    assert "--reset" in only(skipping, "clock").mend


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/hook", "https://[::1]/hook", "https://10.1.2.3:8443/hook", "https://intern.example/hook"]
)
async def test_a_private_webhook_address_is_found(database_url: str, url: str) -> None:
    async with ward(database_url) as w:
        await w.merchant(webhook_url=url)
        addresses = ("192.168.1.5",) if "intern" in url else ("93.184.216.34",)
        found = await visit(database_url, addresses=addresses)
        allowed = await visit(database_url, addresses=addresses, allow_private_urls=True)
    told = only(found, "addresses")
    assert wrongs(found) == ["addresses"]
    assert "merchant 2" in told.what
    assert "as set here (PAYMUX_ALLOW_PRIVATE_URLS is off)" in told.what
    assert "as set here (PAYMUX_ALLOW_PRIVATE_URLS)" in only(allowed, "addresses").what
    assert "PAYMUX_ALLOW_PRIVATE_URLS" in told.mend
    assert wrongs(allowed) == []


async def test_a_webhook_host_without_an_address_is_found(database_url: str) -> None:
    async with ward(database_url):
        found = await visit(database_url, addresses=())
    assert wrongs(found) == ["addresses"]
    assert "has no address" in only(found, "addresses").what


@pytest.mark.parametrize("value", [None, " ", "0x123"])
async def test_a_missing_wallet_is_found(database_url: str, value: str | None) -> None:
    async with ward(database_url) as w:
        await w.merchant(wallet=value)
        found = await visit(database_url)
    assert wrongs(found) == ["wallets"]
    assert "Merchant 2 (A Shop)" in only(found, "wallets").what


async def test_a_disabled_merchant_needs_no_wallet(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.merchant(wallet=None)
        await w.run("UPDATE merchant SET active = 0 WHERE id = 2;")
        found = await visit(database_url)
    assert wrongs(found) == []


async def test_a_merchant_that_is_not_told_is_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.merchant(webhook_url=None, shops=())
        await w.tell(await w.payment(2), Told.PAID)
        found = await visit(database_url)
    assert wrongs(found) == []
    assert [finding.what for finding in found.findings if finding.check == "merchants"] == [
        "Merchant 2 (A Shop) has no approved shop.",
        "Merchant 2 (A Shop) has payments, and no webhook address.",
    ]


async def _doubt(w: Ward, since_ms: int, ask_at: str = "started_at + 999999999") -> int:
    payment = await w.payment()
    await w.tell(payment, Told.PENDING)
    await w.run(
        f"UPDATE attempt SET state = 'unclear', doubted_at = started_at - {since_ms}, ask_at = {ask_at} WHERE payment_id = {payment.id};"
    )
    await w.run(f"UPDATE payment SET state = 'unclear' WHERE id = {payment.id};")
    await w.run(f"UPDATE history SET to_state = 'unclear', event = 'doubted' WHERE payment_id = {payment.id} AND to_state = 'pending';")
    return payment.id


@pytest.mark.parametrize(("since_ms", "ask_at"), [(HOUR, "started_at + 999999999"), (0, "NULL")])
async def test_a_stuck_doubt_is_found(database_url: str, since_ms: int, ask_at: str) -> None:
    async with ward(database_url) as w:
        payment_id = await _doubt(w, since_ms, ask_at)
        found = await visit(database_url)
    told = only(found, "doubts")
    assert wrongs(found) == ["doubts"]
    assert f"payment {payment_id} " in told.what
    for command in (f"show {payment_id} ", f"accept {payment_id} --received ", f"reject {payment_id} "):
        assert f"paymux payment {command}" in told.mend


async def test_a_young_doubt_is_only_noted(database_url: str) -> None:
    async with ward(database_url) as w:
        await _doubt(w, 0)
        found = await visit(database_url)
    assert wrongs(found) == []
    assert only(found, "doubts").severity is Severity.NOTE


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE account SET balance = balance + 1 WHERE balance IS NOT NULL;", "wrong_balance"),
        ("UPDATE transfer SET amount_units = amount_units - 1;", "wrong_received"),
        ("DELETE FROM receipt;", "wrong_receipts"),
        ("UPDATE payment SET state = 'settled';", "wrong_state"),
        ("DELETE FROM notice;", "untold"),
    ],
)
async def test_books_that_do_not_add_up_are_found(database_url: str, sql: str, code: str) -> None:
    async with ward(database_url) as w:
        await w.run(sql)
        found = await visit(database_url)
    assert wrongs(found) == ["books"]
    assert code in only(found, "books").what
    assert "paymux ledger check" in only(found, "books").mend


async def test_the_wrong_mode_is_found(database_url: str) -> None:
    async with ward(database_url):
        found = await visit(database_url, mode="live", base_url="https://pay.example.com")
    assert "mode" in wrongs(found)
    assert "PAYMUX_MODE=sandbox" in only(found, "mode").mend


async def test_a_fast_but_forgetful_postgres_is_wrong_in_live_mode(postgres_url: str) -> None:
    async with ward(postgres_url) as w:
        play = await visit(postgres_url)
        await w.run("UPDATE installation SET value = 'live' WHERE name = 'mode';")
        real = await visit(postgres_url, mode="live", base_url="https://pay.example.com")
    assert only(play, "durability").severity is Severity.LOOK
    assert only(real, "durability").severity is Severity.WRONG
    assert "fsync=off" in only(real, "durability").what


async def test_duties_that_nobody_does_are_found(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.payment()
        await w.run(f"UPDATE payment SET expires_at = expires_at - {2 * HOUR} WHERE id = 2;")
        await w.run(f"UPDATE notice SET due_at = due_at - {HOUR};")
        found = await visit(database_url)
    assert wrongs(found) == ["duties"]
    assert "1 open payments" in only(found, "duties").what
    assert "1 notices" in only(found, "duties").what


async def test_what_waits_for_a_person_is_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.tell(await w.payment(), Told.REVIEW)
        found = await visit(database_url)
    assert wrongs(found) == []
    assert "1 (1 flagged)" in only(found, "attention").what


async def test_without_a_route_nobody_can_pay(database_url: str) -> None:
    async with ward(database_url) as w:
        play = await visit(database_url, routes=())
        await w.run("UPDATE installation SET value = 'live' WHERE name = 'mode';")
        real = await visit(database_url, routes=(), mode="live", base_url="https://pay.example.com")
    assert only(play, "routes").severity is Severity.LOOK
    assert only(real, "routes").severity is Severity.WRONG
    assert "No provider is there in live mode" in only(real, "routes").what
    assert "docs/providers.md" in only(real, "routes").mend


async def test_routes_that_are_all_set_down_are_worth_a_look(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("INSERT INTO route_setting (slug, health, updated_at) VALUES ('alder', 'down', 0), ('gone', 'up', 0);")
        one_left = await visit(database_url)
        await w.run("INSERT INTO route_setting (slug, health, updated_at) VALUES ('birch', 'down', 0);")
        found = await visit(database_url)
    assert "routes" in one_left.passed
    assert only(found, "routes").severity is Severity.LOOK
    assert "alder, birch" in only(found, "routes").what
    assert "paymux route set alder --health up" in only(found, "routes").mend


async def test_a_server_that_does_not_answer_is_sought_where_the_settings_say(database_url: str) -> None:
    async with ward(database_url):
        told = only(await visit(database_url), "server")
    assert "http://127.0.0.1:1 does not answer. That is the address of the settings as the doctor sees them" in told.what
    assert "PAYMUX_HOST and PAYMUX_PORT for the doctor to what the server was started with" in told.mend


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"trusted_proxies": "127.0.0.1"}, "PAYMUX_BASE_URL"),
        ({"mode": "live"}, "PAYMUX_BASE_URL"),
        ({"mode": "live", "base_url": "http://pay.example.com"}, "TLS"),
        ({"mode": "live", "base_url": "https://pay.example.com", "allow_private_urls": True}, "PAYMUX_ALLOW_PRIVATE_URLS"),
    ],
)
async def test_settings_that_fit_badly_are_told(tmp_path: Path, settings: dict[str, Any], word: str) -> None:
    found = await visit(sqlite_url(tmp_path / "none.db"), **settings)
    assert word in only(found, "settings").mend


async def test_a_check_that_breaks_is_a_finding_and_stops_no_other(database_url: str) -> None:
    async with ward(database_url) as w:
        await w.run("ALTER TABLE shop RENAME TO shed;")
        found = await visit(database_url)
    assert wrongs(found) == ["merchants"]
    assert "could not be looked at" in only(found, "merchants").what
    assert "books" in found.passed


async def test_a_visit_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "paymux.db"
    async with ward(sqlite_url(path)) as w:
        await _doubt(w, HOUR)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    await visit(sqlite_url(path))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
