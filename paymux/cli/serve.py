"""`paymux serve`, `work` and `migrate`: the processes of a running gateway.

SIGTERM and SIGINT drain: no new connections, requests under way and deliveries get a few seconds, then the process ends,
within ten seconds in any case. What was answered before was committed before, so an end in between loses nothing.
"""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import structlog

from paymux.cli import lean
from paymux.cli.run import Port, Where, between, settings_for
from paymux.errors import SettingsError

if TYPE_CHECKING:
    import uvicorn

    from paymux.app.core import Core
    from paymux.app.node import Node
    from paymux.config import Settings

GRACE_S = 4  # for requests under way
CLOSING_S = 3  # for the last commits and the database's connections
HARD_END_S = 9.5
BACKLOG = 2048
SWITCH_S = 0.0002  # so soon SQLite's writer gets the interpreter: every commit waits for it, and Python's own 5 ms are a whole batch
RESTART_PAUSE_S = 1  # a worker that dies at once must not be started in a circle

log = structlog.get_logger()
Ready = Callable[["Core", "Node"], Awaitable[None]]


def serve(
    *, host: str | None = None, port: Port | None = None, workers: Annotated[int | None, between(1, 64)] = None, where: Where | None = None
) -> None:
    """Serve the API, the pages and the background duties.

    Parameters
    ----------
    host
        The address to listen on (PAYMUX_HOST).
    port
        The port to listen on; 0 takes a free one (PAYMUX_PORT).
    workers
        Serving processes; more than one needs PostgreSQL (PAYMUX_WORKERS).
    """
    settings = settings_for(where, host=host, port=port, workers=workers)
    if settings.workers > 1 and settings.database.startswith("sqlite:"):
        raise SettingsError(
            "--workers: SQLite has one writer, so it is served by one process (which answers thousands of requests a second). "
            "Use --workers 1, or a postgresql:// database."
        )
    listener = listen(settings.host, settings.port)
    if settings.workers == 1:
        run_server(settings, listener)
    else:
        _supervise(settings, listener)


def work(*, where: Where | None = None) -> None:
    """Do the background duties only: deliver notices, ask providers, expire. Run as many as you like beside serving processes."""
    settings = settings_for(where)
    asyncio.run(_work(settings))


def migrate(*, new_secret_key: bool = False, where: Where | None = None) -> None:
    """Bring the database to this program's schema. Safe to repeat; other nodes wait.

    Parameters
    ----------
    new_secret_key
        The secret key that this database knows is lost: take the one that is set now instead. Every merchant then needs a new API key and
        a new webhook secret.
    """
    from paymux.cli.run import run

    async def newest(core: "Core") -> int:
        from paymux.storage.migrate import applied

        return await core.storage.read(applied)

    schema = run(where, newest, secret_key=new_secret_key, migrating=True, new_secret_key=new_secret_key)
    print(f"The schema is {schema:04d}, as this program wants it.")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a sentence that says why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "something else listens there: stop it, or choose another with --port" if taken else f"{error}"
        raise SettingsError(f"cannot listen on {host} port {port}: {why}") from None


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(settings: "Settings", listener: socket.socket, ready: Ready | None = None, parent: int | None = None) -> None:
    """Serve until a signal (or, with `parent`, until that pipe closes because the process above is gone)."""
    import uvloop

    with lean.hidden("watchfiles"):  # for reloading while one develops
        import uvicorn  # noqa: F401

    from paymux.storage.connect import serve_alone

    serve_alone(settings.database)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, ready, parent))


async def _serve(settings: "Settings", listener: socket.socket, ready: Ready | None, parent: int | None) -> None:
    from paymux.app.core import Core
    from paymux.app.node import Node

    core = await Core.open(settings)
    try:
        node = Node(core)
        up = asyncio.Event()
        server = _server(node, up)
        with _stopped_by_signals(lambda: setattr(server, "should_exit", True), parent):
            _say_mode(settings)
            node.start()
            gc.collect()
            gc.freeze()  # what lives as long as the process is not looked through again
            sys.setswitchinterval(SWITCH_S)
            gc.set_threshold(50_000, 20, 50)  # requests leave few cycles; looking for them seldom keeps the slowest answers quick
            greeting = asyncio.create_task(_greet(server, up, listener, core, node, ready))
            try:
                await server.serve(sockets=[listener])
            finally:
                greeting.cancel()
                await node.stop()
        if greeting.done() and not greeting.cancelled() and (fault := greeting.exception()):
            raise fault
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(core.close(), CLOSING_S)
    log.info("stopped")


async def _greet(
    server: "uvicorn.Server", up: asyncio.Event, listener: socket.socket, core: "Core", node: "Node", ready: Ready | None
) -> None:
    await up.wait()
    log.info("serving", url=address(listener), pid=os.getpid())
    if ready is not None:
        try:
            await ready(core, node)
        except BaseException:
            server.should_exit = True
            raise


def _server(node: "Node", up: asyncio.Event) -> "uvicorn.Server":
    import uvicorn

    from paymux.http.server import configured

    class Server(uvicorn.Server):
        """Signals are ours (uvicorn would raise them again at the end), and the duties stop while the requests drain."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            up.set()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await asyncio.gather(self._drain(sockets), node.stop())

        async def _drain(self, sockets: list[socket.socket] | None) -> None:
            node.write_answers()  # idle connections are closed in the same breath
            await super().shutdown(sockets)

    return Server(configured(node, grace_s=GRACE_S, backlog=BACKLOG))


async def _work(settings: "Settings") -> None:
    from paymux.app.core import Core
    from paymux.app.node import Node

    core = await Core.open(settings, migrating=False)
    try:
        node = Node(core)
        stop = asyncio.Event()
        with _stopped_by_signals(stop.set, None):
            _say_mode(settings)
            node.start()
            log.info("working", pid=os.getpid())
            await stop.wait()
            await node.stop()
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(core.close(), CLOSING_S)
    log.info("stopped")


def _say_mode(settings: "Settings") -> None:
    if settings.mode == "sandbox":
        log.warning("SANDBOX MODE: no real money")


@contextlib.contextmanager
def _stopped_by_signals(stop: Callable[[], object], parent: int | None) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT; whatever hangs then, the process ends in time."""
    loop = asyncio.get_running_loop()
    last = threading.Timer(HARD_END_S, _end_hard)
    last.daemon = True

    def asked() -> None:
        if not last.is_alive() and not last.finished.is_set():
            log.info("stopping")
            last.start()
            stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    if parent is not None:

        def orphaned() -> None:
            loop.remove_reader(parent)
            asked()

        loop.add_reader(parent, orphaned)
    yield
    # The signals stay ours, and the timer runs on: closing may hang, too.


def _end_hard() -> None:
    print("paymux: ended by force; what was answered is committed, what was not will be done again", file=sys.stderr, flush=True)
    os._exit(1)


def _supervise(settings: "Settings", listener: socket.socket) -> None:
    """Fork the workers, which share the listening socket; start again one that dies; end when all have ended."""
    import uvicorn  # noqa: F401 - loaded once, shared by the workers

    import paymux.app.node  # noqa: F401

    alive: set[int] = set()
    held, parent_gone = os.pipe()[::-1]  # nobody writes: it closes with this process, however that ends
    state = {"stopping": False, "code": 0}

    def stop(number: int, _: object) -> None:
        state["stopping"] = True
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    signals = {signal.SIGTERM, signal.SIGINT}
    for number in signals:
        signal.signal(number, stop)
    log.info("supervising", workers=settings.workers, url=address(listener), pid=os.getpid())
    while True:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # a signal between fork and note would miss the child
        while len(alive) < settings.workers and not state["stopping"]:
            pid = os.fork()
            if pid == 0:
                os.close(held)
                _worker(settings, listener, parent_gone, signals)
            alive.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        if not alive:
            sys.exit(state["code"])
        pid, status = os.waitpid(-1, 0)
        alive.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        if state["stopping"]:
            if code != -signal.SIGTERM:  # one that had not begun yet
                state["code"] = max(state["code"], abs(code))
        elif code == 2:  # it cannot start as it was asked, nor could the next
            state["code"] = 2
            stop(signal.SIGTERM, None)
        else:
            log.error("worker.died", pid=pid, code=code)
            threading.Event().wait(RESTART_PAUSE_S)


def _worker(settings: "Settings", listener: socket.socket, parent_gone: int, signals: set[signal.Signals]) -> None:
    code = 1
    try:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        run_server(settings, listener, parent=parent_gone)
        code = 0
    except SettingsError as error:
        print(f"paymux: {error}", file=sys.stderr)
        code = 2
    except Exception as error:
        from paymux.errors import StorageError

        code = 2 if isinstance(error, StorageError) else 1
        if code == 2:
            print(f"paymux: {error}", file=sys.stderr)
        else:
            log.exception("worker.failed")
    finally:
        sys.stderr.flush()
        os._exit(code)
