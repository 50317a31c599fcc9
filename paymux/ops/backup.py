"""Make a consistent copy while the server runs, restore it beside, prove it, and only then give it its name.

SQLite: the file is copied inside one reading transaction, so writers go on and the copy is one moment. PostgreSQL: pg_dump (custom
format) of an exported snapshot, restored with pg_restore into a new database of the same server, which is dropped afterwards. Proven
means: the pages are sound, every table has as many rows as that moment had, older schemas migrate, and the ledger check finds no fault.

The secret key is no part of a backup: without it the API keys and webhook secrets in it are of no use.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from paymux import ids
from paymux.clock import ticks
from paymux.errors import PaymuxError, StorageError
from paymux.ledger.check import Progress
from paymux.payments.verify import Told, verify
from paymux.payouts.verify import verify_payouts
from paymux.storage.connect import sqlite_file, storage_for
from paymux.storage.migrate import applied, migrate, migrations
from paymux.storage.query import Tx, load
from paymux.storage.scratch import create_scratch, drop_scratch
from paymux.storage.sqlite import SqliteTx
from paymux.storage.writer import Storage

_q = load("paymux.ops")

SQLITE_BEGINS, DUMP_BEGINS = b"SQLite format 3\0", b"PGDMP"
FAULTS_SHOWN = 10

Say = Callable[[str], None]


class NotGood(PaymuxError):
    """A copy that was made or looked at is not a good backup; the text says why."""


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """A proven backup."""

    file: str
    bytes: int
    schema: int
    rows: Mapping[str, int]
    took_ms: int


class Prover:
    """What a proof needs: the words that shops must have been told, and where progress is said."""

    def __init__(self, told: Told, say: Say, wall: Callable[[], int]) -> None:
        self._told, self._say, self._wall = told, say, wall

    @property
    def progress(self) -> Progress:
        return lambda what, rows: self._say(f"proving: read {rows} {what}")

    async def prove(self, storage: Storage, expected: Mapping[str, int] | None) -> tuple[int, Mapping[str, int]]:
        """The schema and the rows of a restored copy; `NotGood` with every reason. The copy is migrated if its schema is older."""
        if damage := await storage.read(_damage):
            raise NotGood("the copy is damaged: " + "; ".join(damage))
        schema, newest = await storage.read(applied), migrations(storage.engine)[-1].number
        if not 0 < schema <= newest:
            raise NotGood(f"the copy has schema {schema}; this program knows 1 to {newest}: prove it with the program that made it")
        if schema < newest:
            self._say(f"proving that schema {schema} migrates to {newest}")
            await migrate(storage, self._wall())
        rows = await storage.snapshot(_rows)
        if schema == newest and expected is not None and rows != expected:
            less = [f"{name} {rows[name]} instead of {count}" for name, count in expected.items() if rows[name] != count]
            raise NotGood(f"rows are missing or too many in the copy: {', '.join(less)}")

        async def work(tx: Tx) -> list[str]:
            from paymux.app.core import PAYOUTS_TOLD

            faults = [*await verify(tx, self._told, self.progress), *await verify_payouts(tx, PAYOUTS_TOLD, self.progress)]
            return [f"{fault.code}: {fault.sentence}" for fault in faults]

        if faults := await storage.snapshot(work):
            more = f"\nand {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
            raise NotGood("the books in the copy do not add up (paymux doctor explains):\n" + "\n".join(faults[:FAULTS_SHOWN]) + more)
        return schema, rows

    async def make(self, url: str, target: Path) -> Good:
        """Copy the database of `url` to `target`, proven; nothing stays under that name otherwise."""
        began_s = ticks()
        if target.exists():
            raise NotGood(f"{target} exists already: choose another name, a backup is never written over")
        partial = _new_file(target.parent, f".{target.name}.partial-{ids.hex_token(4)}")
        try:
            expected = await self._copy(url, partial)
            self._say("copied; restoring it beside")
            schema, rows = await self._proven(url, partial, expected)
            _sync(partial)
            _name(partial, target)
            _sync(target.parent)
        finally:
            partial.unlink(missing_ok=True)
        return Good(file=str(target), bytes=target.stat().st_size, schema=schema, rows=rows, took_ms=_ms_since(began_s))

    async def verify(self, url: str, file: Path) -> Good:
        """Prove an existing backup. A dump is restored on the server of `url`."""
        began_s = ticks()
        log = file.with_name(f"{file.name}-wal")
        if log.exists() and log.stat().st_size:
            raise NotGood(
                f"{file} has SQLite's log beside it ({log.name}): it is a database in use, or was copied by hand. What stands in the log "
                "is not in the file, so the file proves nothing. Make a backup: paymux backup --to FILE"
            )
        schema, rows = await self._proven(url, file, None)
        return Good(file=str(file), bytes=file.stat().st_size, schema=schema, rows=rows, took_ms=_ms_since(began_s))

    async def _proven(self, url: str, file: Path, expected: Mapping[str, int] | None) -> tuple[int, Mapping[str, int]]:
        try:
            with file.open("rb") as opened:
                begins = opened.read(len(SQLITE_BEGINS))
        except OSError as error:
            raise NotGood(f"{file} cannot be read: {error.strerror}") from error
        if begins == SQLITE_BEGINS:
            restored = _restored_file(file)
        elif begins.startswith(DUMP_BEGINS):
            if sqlite_file(url) is not None:
                raise NotGood(f"{file} is a dump of PostgreSQL: say --database postgresql://… of a server that it may be restored on")
            restored = _restored_dump(url, file)
        else:
            raise NotGood(f"{file} is neither an SQLite file nor a dump of pg_dump's custom format")
        try:
            async with restored as storage:
                return await self.prove(storage, expected)
        except PaymuxError:
            raise
        except Exception as error:  # whatever a damaged file makes a driver say
            raise NotGood(f"the copy cannot be restored and read: {type(error).__name__}: {error}") from error

    async def _copy(self, url: str, partial: Path) -> dict[str, int]:
        """Write the copy; how many rows that moment had. No counts (and no migration) of an older schema."""
        path = sqlite_file(url)
        if path is not None and not path.exists():
            raise StorageError(f"there is no database at {path.absolute()}")
        storage = storage_for(url)
        await storage.open()

        def told(done: int, pages: int) -> None:
            self._say(f"copying: {done * 100 // max(1, pages)} %")

        async def work(tx: Tx) -> dict[str, int]:
            current = await applied(tx) == migrations(tx.engine)[-1].number
            rows = await _rows(tx) if current else {}
            if isinstance(tx, SqliteTx):
                tx.copy_to(partial, told)
            else:
                snapshot = (await tx.fetch(_q.export_snapshot))[0]["snapshot"]
                await self._dump(url, partial, snapshot)
            return rows

        try:
            return await storage.snapshot(work)
        finally:
            await storage.close()

    async def _dump(self, url: str, partial: Path, snapshot: str) -> None:
        self._say("copying with pg_dump")
        await _program(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={partial}")


async def _damage(tx: Tx) -> list[str]:
    return [str(row["fault"]) for row in await tx.fetch(_q.damage)]


async def _rows(tx: Tx) -> dict[str, int]:
    return {row["name"]: row["found"] for row in sorted(await tx.fetch(_q.row_counts), key=lambda row: str(row["name"]))}


@asynccontextmanager
async def _restored_file(file: Path) -> AsyncIterator[Storage]:
    """A copy of an SQLite backup in a folder of its own, opened."""
    with tempfile.TemporaryDirectory(prefix=".paymux-restored-", dir=_roomy(file.parent), ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "paymux.db"
        await asyncio.to_thread(shutil.copyfile, file, copy)
        storage = storage_for(f"sqlite:///{copy}")
        try:
            try:
                await storage.open()
            except StorageError as error:
                raise NotGood(f"the copy cannot be opened: {error.__cause__ or error}") from error
            yield storage
        finally:
            await storage.close()


def _roomy(folder: Path) -> Path | None:
    """Beside the backup, where there is room for one more; a read-only place is left for the system's temporary folder."""
    return folder.resolve() if os.access(folder, os.W_OK) else None


@asynccontextmanager
async def _restored_dump(url: str, file: Path) -> AsyncIterator[Storage]:
    """A dump, restored into a database of its own on the server of `url`, opened."""
    scratch = await create_scratch(url)
    try:
        await _program(scratch, "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "--jobs=2", str(file))
        storage = storage_for(scratch)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()
    finally:
        await asyncio.shield(drop_scratch(url, scratch))


async def _program(url: str, name: str, *options: str) -> None:
    """Run one of PostgreSQL's programs on a database; its password goes by the environment, where `ps` does not show it."""
    found = shutil.which(name)
    if found is None:
        raise StorageError(
            f"{name} is not installed here; it comes with PostgreSQL's client (on Debian: apt-get install postgresql-client)"
        )
    parts = urlsplit(url)
    environment = dict(os.environ)
    if parts.password is not None:
        environment["PGPASSWORD"] = unquote(parts.password)
        parts = parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}")
    process = await asyncio.create_subprocess_exec(
        found, *options, f"--dbname={parts.geturl()}", env=environment, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.terminate()
        raise
    if process.returncode != 0:
        why = said.decode("utf-8", "replace").strip()
        hint = " Install the client of the server's version." if "version mismatch" in why else ""
        raise NotGood(f"{name} failed: {why}{hint}")


def _new_file(folder: Path, name: str) -> Path:
    """An empty file that only its owner reads: a backup holds buyers' e-mail addresses."""
    path = folder / name
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise NotGood(f"cannot write into {folder}: {error.strerror}") from error
    return path


def _name(partial: Path, target: Path) -> None:
    """Give a file its name, and never another file's: a rename would replace what came there meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise NotGood(f"{target} exists already: something else was put there meanwhile") from None
    except OSError:  # a file system without links
        partial.rename(target)


def _sync(path: Path) -> None:
    """Until it lies on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ms_since(began_s: float) -> int:
    return round((ticks() - began_s) * 1000)
