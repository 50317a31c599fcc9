"""`python -m bench`: measure everything; `--short` in two to three minutes, `--json FILE` keeps the numbers.

Exit code 1 when an answer was wrong or missing; a target that is not reached is said, not punished: machines differ.
"""

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench import course, report


class TooLong(Exception):
    """The measurement was ended by its own limit."""


def main() -> None:
    asked = _arguments()
    plan = course.SHORT if asked.short else course.FULL
    changes = {name: value for name in ("rounds", "seconds", "stored") if (value := getattr(asked, name)) is not None}
    if asked.engine:
        changes["engines"] = (asked.engine,)
    plan = dataclasses.replace(plan, **changes)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(plan.limit_s)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="paymux-bench-", dir=asked.folder, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            folder.chmod(0o755)
            facts = report.machine(folder.parent, course.disk_sync_us(folder))
            results = course.run(plan, folder, asked.seed)
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; everything that was started has been ended")
    except TooLong:
        sys.exit(f"bench: not finished after {plan.limit_s} s; everything that was started has been ended")
    signal.alarm(0)
    report.show(Console(width=None if sys.stdout.isatty() else 160), results, plan, facts)
    print(f"Took {time.monotonic() - started:.0f} s.")
    if asked.json:
        Path(asked.json).write_text(json.dumps({"machine": facts, **report.summary(results, plan)}, indent=1) + "\n")
    sys.exit(1 if results.faults else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the real service beside pgbench, a raw SQLite loop and a hello-world."
    )
    parser.add_argument("--short", action="store_true", help="three short rounds with 100,000 stored payments, two to three minutes")
    parser.add_argument("--json", metavar="FILE", help="write every number to a file")
    parser.add_argument("--engine", choices=course.ENGINES, help="only this one")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=float, help="how long each stretch is measured")
    parser.add_argument("--stored", type=int, help="how many payments the full databases hold")
    parser.add_argument("--folder", type=Path, help="where databases are made, on the disk that is to be measured")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the shuffling")
    return parser.parse_args()


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _too_long(number: int, frame: object) -> None:
    raise TooLong


if __name__ == "__main__":
    main()
