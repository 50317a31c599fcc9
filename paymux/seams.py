"""Seams for crash tests: named moments at which a test lets the process kill itself. Does nothing elsewhere.

`PAYMUX_TEST_CRASH_AT=name` kills at the first passing of that seam, `name:3` at the third. SIGKILL: no handler, no clean-up.
"""

import os
import signal

_name, _, _count = os.environ.get("PAYMUX_TEST_CRASH_AT", "").partition(":")
_left = int(_count or 1)


def pass_by(name: str) -> None:
    """A moment between two steps that a crash must not tear apart."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
