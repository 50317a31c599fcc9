"""What the doctor looks at below everything: settings, disk, the database itself, its schema, its durability, the clocks."""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

from paymux.clock import SECOND, iso
from paymux.errors import StorageError
from paymux.http.call import Call, Reply
from paymux.http.client import Client
from paymux.ops.finding import Case, Finding, Severity, lasting
from paymux.storage import installation
from paymux.storage.connect import storage_for
from paymux.storage.migrate import applied, migrations
from paymux.storage.query import Tx, load

_q = load("paymux.ops")

CONNECT_S = 10
MIB = 1 << 20
DISK_FULL = 64 * MIB
DISK_LOW = 1024 * MIB
WAL_LARGE = 256 * MIB
CLOCK_APART_MS = 5 * SECOND
FUTURE_MS = 60 * SECOND
_HEADER = b"SQLite format 3\0"
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_STRONGER = ("local", "remote_write", "remote_apply")


async def settings(case: Case) -> list[Finding]:
    """Settings that fit each other badly."""
    given, found = case.settings, []
    if case.keyring is None:
        found.append(
            Finding(
                check="settings",
                severity=Severity.WRONG,
                what="PAYMUX_SECRET_KEY is not set.",
                means="The server does not start: API keys cannot be recognised and webhook secrets cannot be read.",
                mend="Set the key that this installation was made with. Only for a new one: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
        )
    if given.base_url is None and (given.trusted_proxies or case.live):
        where = "behind a proxy (PAYMUX_TRUSTED_PROXIES)" if given.trusted_proxies else "in live mode"
        found.append(
            Finding(
                check="settings",
                severity=Severity.LOOK,
                what=f"PAYMUX_BASE_URL is not set {where}.",
                means="Checkout links and callback addresses are built from what each request says its host is; a wrong Host header "
                "sends a buyer, or a provider's report of a payment, elsewhere.",
                mend="PAYMUX_BASE_URL=https://pay.your-domain.example, then restart",
            )
        )
    if case.live and given.base_url is not None and given.base_url.startswith("http:"):
        found.append(
            Finding(
                check="settings",
                severity=Severity.LOOK,
                what="PAYMUX_BASE_URL begins with http:// in live mode.",
                means="API keys and buyers' addresses cross the network in clear, and links to the checkout can be changed on the way.",
                mend="Put TLS in front (docs/operating.md, Reverse proxy and TLS) and set PAYMUX_BASE_URL=https://…",
            )
        )
    if case.live and given.allow_private_urls:
        found.append(
            Finding(
                check="settings",
                severity=Severity.WRONG,
                what="PAYMUX_ALLOW_PRIVATE_URLS is on in live mode.",
                means="A merchant can point a webhook at machines inside your network, and read the answers.",
                mend="Unset PAYMUX_ALLOW_PRIVATE_URLS and restart",
            )
        )
    return found


async def disk(case: Case) -> list[Finding]:
    """Free space where the database lies, if that is on this machine."""
    place = case.file.resolve().parent if case.file is not None else None
    if place is None and case.storage is not None and (urlsplit(case.settings.database).hostname or "") in _LOCAL:
        named = (await case.read(_server_settings)).get("data_directory")
        place = Path(named) if named else None
    if place is None:
        return []
    free = case.free_bytes(place)
    if free >= DISK_LOW:
        return []
    full = free < DISK_FULL
    return [
        Finding(
            check="disk",
            severity=Severity.WRONG if full else Severity.LOOK,
            what=f"The disk is {'full' if full else 'nearly full'}: {free // MIB} MiB are free at {place}.",
            means="Nothing can be committed on a full disk: new payments are answered with 503, providers' reports are not taken and "
            "are made again. What was committed is safe.",
            mend=f"Free space there or move the database to a larger disk; see what uses it: du -xh {place} | sort -h | tail",
        )
    ]


async def database(case: Case) -> list[Finding]:
    """Open the database, without making one."""
    if case.file is not None and (fault := _file_fault(case)):
        return [fault]
    storage = storage_for(case.settings.database)
    try:
        async with asyncio.timeout(CONNECT_S):
            await storage.open()
    except (StorageError, OSError) as error:
        why = str(error) or f"no answer within {CONNECT_S} s"
        return [_dead(f"The database cannot be used ({address(case.settings.database)}): {why}", _how_to_revive(case, why))]
    case.storage = storage
    return []


def address(url: str) -> str:
    """A database URL without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url.removeprefix("sqlite:///")
    return f"{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"


def _dead(what: str, mend: str) -> Finding:
    means = (
        "Nothing can be opened, paid or told: shops get 503 and try again, providers repeat their reports. What was committed is not lost."
    )
    return Finding(check="database", severity=Severity.WRONG, what=what, means=means, mend=mend)


def _file_fault(case: Case) -> Finding | None:
    path = case.file
    assert path is not None
    if not path.exists():
        return _dead(
            f"There is no database at {path.absolute()}.",
            "If this is a new installation: paymux migrate. Else check PAYMUX_DATABASE and the working directory, or restore a backup: "
            f"cp /your/backup {path.absolute()}",
        )
    user = f"user {os.geteuid()}"
    for place in (path, path.parent):
        if not os.access(place, os.R_OK | os.W_OK):
            return _dead(f"{place.absolute()} cannot be read and written by {user}.", f"chown -R paymux: {path.parent.absolute()}")
    with path.open("rb") as file:
        begins = file.read(len(_HEADER))
    if begins and begins != _HEADER:
        return _dead(f"{path.absolute()} is not an SQLite database.", "Check PAYMUX_DATABASE; if the file is damaged, restore a backup.")
    return None


def _how_to_revive(case: Case, why: str) -> str:
    if case.file is not None:
        return f"Look at {case.file.absolute()}: its folder must be writable and its disk must have room; else restore a backup."
    parts = urlsplit(case.settings.database)
    if "password" in why or "authentication" in why:
        return "The user name or password in PAYMUX_DATABASE is wrong: correct it, or in psql: ALTER ROLE paymux PASSWORD '…'"
    if "does not exist" in why:
        return f"createdb -h {parts.hostname or 'localhost'} {parts.path[1:]}, then paymux migrate (or restore a backup into it)"
    return f"Start PostgreSQL there and see that it answers: pg_isready -h {parts.hostname or 'localhost'} -p {parts.port or 5432}"


async def schema(case: Case) -> list[Finding]:
    """Whether the tables are those of this program."""
    assert case.storage is not None
    found, newest = await case.read(applied), migrations(case.storage.engine)[-1].number
    if found == newest:
        case.offset_ms = await case.read(installation.clock_offset) if not case.live else 0  # here: every check of rows follows this one
        return []
    if found > newest:
        what, mend = f"The database has schema {found}, this program knows only {newest}.", "Start the newer Paymux that was used before."
    elif found:
        what, mend = f"The database has schema {found}, this program wants {newest}.", "paymux backup --to FILE, then paymux migrate"
    else:
        what, mend = "The database is empty.", "paymux migrate (a server does it at its start)"
    means = "This program does not serve from it, so that no row is read or written in a wrong meaning. Nothing is lost."
    return [Finding(check="schema", severity=Severity.WRONG, what=what, means=means, mend=mend)]


async def mode(case: Case) -> list[Finding]:
    """Whether the database was started in this mode."""
    recorded = (await case.read(installation.facts)).get("mode")
    if recorded in (None, case.settings.mode):
        return []
    return [
        Finding(
            check="mode",
            severity=Severity.WRONG,
            what=f"The database was first started in {recorded} mode, the settings say {case.settings.mode}.",
            means="The server does not start, so that play money and real money never meet in one ledger.",
            mend=f"PAYMUX_MODE={recorded}, or PAYMUX_DATABASE of an installation in {case.settings.mode} mode",
        )
    ]


async def _server_settings(tx: Tx) -> dict[str, str]:
    return {row["name"]: row["setting"] for row in await tx.fetch(_q.server_settings)}


async def durability(case: Case) -> list[Finding]:
    """Whether a commit survives a crash, and whether SQLite's log is folded into the file."""
    found = []
    if case.file is not None:
        wal = case.file.with_name(case.file.name + "-wal")
        size = wal.stat().st_size if wal.exists() else 0
        if size > WAL_LARGE:
            found.append(
                Finding(
                    check="durability",
                    severity=Severity.LOOK,
                    what=f"SQLite's log {wal} has grown to {size // MIB} MiB.",
                    means="Nothing is lost, but reads become slower and the disk fills: somebody keeps an old reading open.",
                    mend="End commands that have run for long (ledger check, backup, an open sqlite3 shell); a restart folds the log in",
                )
            )
        return found
    said = await case.read(_server_settings)
    weak = [name for name, wanted in _DURABLE.items() if said.get(name, wanted) not in (wanted, *_STRONGER)]
    if weak:
        found.append(
            Finding(
                check="durability",
                severity=Severity.WRONG if case.live else Severity.LOOK,
                what=f"PostgreSQL runs with {', '.join(f'{name}={said[name]}' for name in weak)}.",
                means="A payment that was answered can be gone after a crash, or the whole database damaged.",
                mend="In psql: " + " ".join(f"ALTER SYSTEM SET {name} = on;" for name in weak) + " SELECT pg_reload_conf();",
            )
        )
    if said.get("in_hot_standby", "off") == "on" or said.get("default_transaction_read_only", "off") == "on":
        found.append(
            _dead("PostgreSQL takes no writes here: it is a standby, or read-only.", "Point PAYMUX_DATABASE at the primary server")
        )
    return found


async def clocks(case: Case) -> list[Finding]:
    """This machine's clock against the database's, and against what is stored."""
    found = []
    if case.file is None:
        before = case.wall()
        theirs = (await case.read(_server_time))[0]["at"]
        apart = theirs - (before + case.wall()) // 2
        if abs(apart) > CLOCK_APART_MS:
            found.append(
                _clock(f"The database server's clock is {lasting(abs(apart))} {'ahead of' if apart > 0 else 'behind'} this machine's.")
            )
    newest, stored_by_wall = await case.read(_newest), await case.read(_migrated)
    ahead = max(newest - case.now(), stored_by_wall - case.wall())
    if ahead > FUTURE_MS:
        moved = "" if case.live else " (or the sandbox's clock was moved ahead and put back)"
        found.append(_clock(f"Rows are stored with times that are {lasting(ahead)} in the future: this machine's clock went back{moved}."))
    if case.offset_ms:
        found.append(
            Finding(
                check="clock",
                severity=Severity.LOOK,
                what=f"The sandbox's clock is moved ahead by {lasting(case.offset_ms)}: for the rules it is {iso(case.now())}.",
                means="Payments expire, retries and questions come as if it were that late. No real money is in a sandbox.",
                mend="paymux sandbox clock --reset",
            )
        )
    return found


def _clock(what: str) -> Finding:
    return Finding(
        check="clock",
        severity=Severity.WRONG,
        what=what,
        means="Payments expire too early or too late, retries and signatures carry wrong times (receivers refuse signatures that are "
        "minutes old), and two nodes can send one notice twice.",
        mend="timedatectl set-ntp true (on every node and on the database's machine), then look again: timedatectl",
    )


async def _server_time(tx: Tx) -> list[dict[str, int]]:
    return [dict(row) for row in await tx.fetch(_q.server_time)]


async def _newest(tx: Tx) -> int:
    return int((await tx.fetch(_q.newest_times))[0]["at"] or 0)


async def _migrated(tx: Tx) -> int:
    return int((await tx.fetch(_q.migrated_at))[0]["at"] or 0)


async def server(case: Case) -> list[Finding]:
    """Whether a server answers where the settings say."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(case.settings.host, case.settings.host)
    url = f"http://[{host}]:{case.settings.port}" if ":" in host else f"http://{host}:{case.settings.port}"
    client = Client(allow_private=True)
    try:
        answer = await client.send(Call("GET", f"{url}/healthz", timeout_s=3))
    finally:
        await client.aclose()
    if isinstance(answer, Reply) and answer.status == 200:
        return []
    said = f"answers {answer.status}" if isinstance(answer, Reply) else "does not answer"
    return [
        Finding(
            check="server",
            severity=Severity.NOTE,
            what=f"A server at {url} {said}. That is the address of the settings as the doctor sees them here.",
            means="Without a running server nobody can pay, and notices wait.",
            mend="If it listens elsewhere: set PAYMUX_HOST and PAYMUX_PORT for the doctor to what the server was started with, its --host "
            "and --port included. Else: paymux serve, or systemctl status paymux; journalctl -u paymux -n 50",
        )
    ]
