"""Processes that are measured: started, awaited, looked at through /proc, and ended by their own id whatever happens.

Each runs in a session of its own, so that Ctrl-C reaches only the one who measures, and Linux ends it when that one dies.
"""

import contextlib
import ctypes
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
SERVE = (sys.executable, "-m", "paymux", "serve")
# Every limit on, none reached: the work of counting is measured, a refusal would be none of it.
SETTINGS = {
    "PAYMUX_MODE": "sandbox",
    "PAYMUX_RATE_LIMITS": "on",
    "PAYMUX_SESSION_PER_MINUTE": "1000000",
    "PAYMUX_SESSION_PER_MINUTE_UNLIMITED": "1000000",
    "PAYMUX_STATUS_PER_KEY_PER_MINUTE": "1000000",
    "PAYMUX_STATUS_PER_MERCHANT_PER_MINUTE": "1000000",
    "PAYMUX_ECHELON_PER_SECOND": "1000000",
    "PAYMUX_ORDER_PER_MINUTE": "1000000",
    "PAYMUX_LOG_LEVEL": "info",
    "PAYMUX_LOG_FORMAT": "json",
}
_TICKS = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """The text holds the end of its log."""


@dataclass(slots=True)
class Running:
    """A server that answers. `ready_s`: from its start to its first answer."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    ready_s: float = 0.0

    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> float:
        """Resident memory, in millions of bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0


def environment(secret_key: str) -> dict[str, str]:
    """Our own environment, with the settings of the measured server and none of a person's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYMUX_")}
    return kept | SETTINGS | {"PAYMUX_SECRET_KEY": secret_key}


@contextlib.contextmanager
def gateway(name: str, url: str, secret_key: str, folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Running]:
    """`paymux serve` on a database; `more` settings beside the common ones."""
    port = free_port()
    command = [*SERVE, "--host", "127.0.0.1", "--port", str(port), "--database", url]
    with server(name, command, port, "/healthz", folder, environment(secret_key) | (more or {})) as running:
        yield running


@contextlib.contextmanager
def hello(size: int, folder: Path) -> Iterator[Running]:
    """The bare server."""
    port = free_port()
    with server("hello", [sys.executable, "-m", "bench.hello", str(port), str(size)], port, "/", folder, dict(os.environ)) as running:
        yield running


@contextlib.contextmanager
def server(name: str, command: Sequence[str], port: int, path: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Running]:
    """Start, await the first 200, stop."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = child(command, environ=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    running = Running(name, process, port, log)
    try:
        _await(running, path, started)
        yield running
    finally:
        stop(process)


def child(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: object = None,
    stderr: object = None,
) -> subprocess.Popen[bytes]:
    """A process that does not outlive us."""
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        env=environ,
        stdin=stdin,
        stdout=stdout,  # type: ignore[call-overload]
        stderr=stderr,
        start_new_session=True,
        preexec_fn=_die_along if sys.platform.startswith("linux") else None,
    )
    return process


_LIBC = ctypes.CDLL(None)


def _die_along() -> None:
    _LIBC.prctl(1, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(running: Running, path: str, started: float) -> None:
    ends = started + READY_TIMEOUT_S
    while time.perf_counter() < ends and running.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
            try:
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    running.ready_s = time.perf_counter() - started
                    return
            finally:
                connection.close()
        time.sleep(0.005)
    raise DidNotStart(f"{running.name} did not start:\n{running.log.read_text(errors='replace')[-3000:]}")
