"""A real `paymux serve` for tests, and the command line beside it. Nothing here knows pytest.

Everything runs as a person would run it: a process of its own, settings in the environment, loopback only.

    with RunningServer(database_url) as server:
        merchant = create_merchant(database_url, plan="pro", webhook_url=receiver.url)
        ... server.url ...
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.ports import free_port

SECRET_KEY = "a secret key for tests, not used anywhere else"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15  # the promise is 10
COMMAND_TIMEOUT_S = 60
ROOT = Path(__file__).parent.parent


def environment(database_url: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process gets: the system's own variables, a secret key, private addresses allowed, and `env` over them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYMUX_")}
    own = {"PAYMUX_DATABASE": database_url, "PAYMUX_SECRET_KEY": SECRET_KEY, "PAYMUX_ALLOW_PRIVATE_URLS": "on", "PYTHONPATH": str(ROOT)}
    return kept | own | dict(env or {})


def paymux(*args: object, database_url: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; its exit code is the caller's to judge."""
    command = [sys.executable, "-m", "paymux", *(str(arg) for arg in args)]
    return subprocess.run(
        command,
        env=environment(database_url, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def answer_of(*args: object, database_url: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that a command with `--json` printed; fails if the command did."""
    done = paymux(*args, "--json", database_url=database_url, env=env)
    assert done.returncode == 0, f"paymux {' '.join(map(str, args))} ended with {done.returncode}: {done.stderr.strip()}"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def create_merchant(database_url: str, **options: str | Iterable[str] | None) -> dict[str, Any]:
    """`paymux merchant create`: what it printed. `domain=["a.example"]`, `webhook_url=None` leaves it out.

    By default: a pro merchant in Germany with the shop shop.example.com and a wallet.
    """
    defaults = {
        "name": "A Shop",
        "email": "owner@example.com",
        "plan": "pro",
        "country": "DE",
        "domain": "shop.example.com",
        "wallet": "0x" + "1" * 40,
    }
    args: list[str] = []
    for name, value in (defaults | options).items():
        values: list[str] = [] if value is None else [value] if isinstance(value, str) else list(value)
        for one in values:
            args += [f"--{name.replace('_', '-')}", one]
    return answer_of("merchant", "create", *args, database_url=database_url)


def report(database_url: str, payment: object, outcome: str) -> dict[str, Any]:
    """`paymux sandbox report`: `payment` is an EcomTrade24 session id, or a whole REF."""
    reference = payment if isinstance(payment, str) and ":" in payment else f"ecomtrade24:{payment}"
    return answer_of("sandbox", "report", "--payment", reference, "--outcome", outcome, database_url=database_url)


def advance_clock(database_url: str, seconds: int) -> dict[str, Any]:
    """`paymux sandbox clock --advance`."""
    return answer_of("sandbox", "clock", "--advance", seconds, database_url=database_url)


def open_session(url: str, api_key: str, **fields: object) -> tuple[int, dict[str, Any]]:
    """POST /gateway/session.php of EcomTrade24's API: status and answer. By default 49.99 EUR at shop.example.com."""
    wish = {"amount": "49.99", "currency": "EUR", "domain": "shop.example.com", "email": "buyer@example.com"} | fields
    return call("POST", f"{url}/gateway/session.php", wish, {"Authorization": f"Bearer {api_key}"})


def call(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """One request with a JSON body, and the JSON object it was answered with."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


class RunningServer:
    """`paymux serve` on a free port of 127.0.0.1, ready when entered, always ended when left.

    `url` has no slash at its end; `log` is the file with what the server wrote to stderr.
    """

    def __init__(self, database_url: str, env: Mapping[str, str] | None = None, *, options: Iterable[str] = (), port: int = 0) -> None:
        self._database_url, self._env, self._options = database_url, dict(env or {}), list(options)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        descriptor, name = tempfile.mkstemp(prefix="paymux-server-", suffix=".log")
        os.close(descriptor)
        self.log = Path(name)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """The process that was started; with `--workers` the one above the workers."""
        return self._running().pid

    def start(self) -> None:
        """Start it (again, after `stop` or `kill`) on the same port, and wait until it is healthy."""
        assert self._process is None, "it is running"
        command = [sys.executable, "-m", "paymux", "serve", "--host", "127.0.0.1", "--port", str(self.port), *self._options]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment(self._database_url, self._env), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        ends = time.monotonic() + START_TIMEOUT_S
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise AssertionError(f"the server did not start: {self.text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> float:
        """SIGTERM, as a supervisor would; returns how many seconds it took to end. It must end by itself, and cleanly."""
        process = self._running()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not stop within {STOP_TIMEOUT_S} s: {self.text()[-4000:]}") from None
        self._process = None
        assert code == 0, f"the server ended with {code}: {self.text()[-4000:]}"
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL: the machine lost its power."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def text(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text("utf-8", "replace")

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it is not running"
        return self._process

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        self.log.unlink(missing_ok=True)
