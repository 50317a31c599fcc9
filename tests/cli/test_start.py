"""What a command loads before it does anything: half of its time."""

import subprocess
import sys

LOADED = """
import paymux.cli, paymux.app.core, sys
print(*sorted(name for name in sys.modules if name.startswith("paymux.checkout") or name.endswith(".routes") or name in given))
"""


def test_a_command_loads_no_door_and_nothing_that_only_doors_and_calls_need() -> None:
    libraries = {"uvicorn", "httpx2", "httpcore2", "jinja2", "starlette", "joserfc", "rich", "prometheus_client"}
    seen = subprocess.run([sys.executable, "-c", f"given = {libraries}\n{LOADED}"], capture_output=True, text=True, check=True)
    assert seen.stdout.split() == []
