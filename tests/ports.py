"""Free ports of 127.0.0.1, below those that the system gives to outgoing connections and each handed out once.

A port that the system chose is free for anybody else a moment later; then two servers want one port, and a test speaks to another's.
"""

import itertools
import os
import socket

FIRST, COUNT = 10_000, 22_000
_ports = itertools.count(os.getpid() * 61)  # processes that run at once begin apart


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    while True:
        port = FIRST + next(_ports) % COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
