"""`paymux demo`: what it prints works as pasted, and a second start goes on with the first one's merchant."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port
from tests.server import ROOT, open_session


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PAYMUX_")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "paymux", "demo", "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl+C" in line:
                break
        yield process, said
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=15)
    assert process.returncode == 0, rest


def shop_said(folder: Path, gateway: str, key: str) -> str:
    """What the example shop says first."""
    env = os.environ | {"BASE_URL": gateway, "API_KEY": key, "WEBHOOK_SECRET": "s", "SHOP_PORT": str(free_port())}
    command = [sys.executable, str(ROOT / "examples" / "ecomtrade24_shop.py")]
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as shop:
        assert shop.stdout is not None
        said = shop.stdout.readline()
        shop.terminate()
    return said


def line_of(said: str, name: str) -> str:
    found = re.search(rf"^ *{re.escape(name)} +(.+)$", said, re.MULTILINE)
    assert found, said
    return found.group(1)


def test_the_demo_prints_what_works_as_pasted_and_comes_back_the_same(tmp_path: Path) -> None:
    with running_demo(tmp_path) as (process, said):
        assert "SANDBOX MODE: no real money" in said
        key = line_of(said, "API key")
        curl = re.search(r"^curl .*$", said, re.MULTILINE)
        assert curl
        assert '"domain":"shop.example.com"' in curl.group()
        opened = json.loads(subprocess.run(curl.group(), shell=True, capture_output=True, check=True).stdout)
        assert opened["ok"] is True
        assert open_session(line_of(said, "Gateway"), key, domain="shop.example")[0] == 200
        assert shop_said(tmp_path, line_of(said, "Gateway"), key).startswith("pay order ORD-")
        assert shop_said(tmp_path, line_of(said, "Gateway"), "wrong") == "the gateway refused the session: 401 invalid_api_key\n"
        with urllib.request.urlopen(line_of(said, "Pay this order"), timeout=15) as page:
            assert page.status == 200
        paid = subprocess.run(
            line_of(said, "or by command"),
            shell=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert paid.stdout.endswith(b"is paid\n")
        assert process.stdout is not None
        assert "paid, signature verified" in next(line for line in process.stdout if "webhook" in line)
        with urllib.request.urlopen(line_of(said, "or in the shop").split()[0], timeout=15) as page:
            assert "<span class=ok>paid</span>" in page.read().decode()
    for name in ("secret-key", "demo.json"):
        assert (tmp_path / "paymux-data" / name).stat().st_mode & 0o777 == 0o600
    with running_demo(tmp_path) as (_, said):
        assert line_of(said, "API key") == key
