"""The command line without a process of its own, for the many tests that ask only what a command says and writes."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from paymux.cli import main
from tests.server import environment

Here = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """`here("merchant", "list", database_url=url)`: like `tests.server.paymux`, in this process."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level

    def run(*args: object, database_url: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in environment(database_url, env).items():
                if name.startswith("PAYMUX_"):
                    patch.setenv(name, value)
            patch.setattr(sys, "argv", ["paymux", *map(str, args)])
            capsys.readouterr()
            code: Any = 0
            try:
                main()
            except SystemExit as end:
                code = end.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, code, out, err)

    yield run
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


Told = Callable[..., dict[str, Any]]


@pytest.fixture
def told(here: Here) -> Told:
    """The JSON object of a command that succeeds, run in this process."""

    def run(*args: object, database_url: str) -> dict[str, Any]:
        done = here(*args, "--json", database_url=database_url)
        assert done.returncode == 0, f"paymux {' '.join(map(str, args))} ended with {done.returncode}: {done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run
