"""TCP ports for a stack: the well-known one where it is free, else one that stays ours.

A free port is not taken from the system (`bind` to port 0): those lie in the range outgoing
connections draw from, so while a killed server is down its port may become somebody's local port
and it could not come back on the same address. We draw from below that range instead (Linux
begins it at 32768, the IANA range at 49152).
"""

import random
import socket
from collections.abc import Mapping

from cqar.embedded.errors import EmbeddedError

OWN_PORTS = range(20_000, 32_000)
DRAWS_MAX = 1_000


def pick_ports(preferred: Mapping[str, int]) -> dict[str, int]:
    """A distinct free port on 127.0.0.1 for every name; the preferred one wherever it is free.

    A port is free when it is asked, no longer than that: two callers at the same moment may be
    given the same preferred port, and the server that binds second fails.
    """
    picked: dict[str, int] = {}
    for name, port in preferred.items():
        taken = set(picked.values())
        if port in taken or not is_free(port):
            later = set(preferred.values())
            picked[name] = _draw(taken | later)
        else:
            picked[name] = port
    return picked


def is_free(port: int) -> bool:
    # SO_REUSEADDR as the servers set it: without, a stack's own closed connections (TIME_WAIT,
    # 60 s) would push its successor off the preferred ports.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _draw(taken: set[int]) -> int:
    for _ in range(DRAWS_MAX):
        port = random.choice(OWN_PORTS)  # not a secret
        if port not in taken and is_free(port):
            return port
    message = f"no free TCP port on 127.0.0.1 in {OWN_PORTS.start}-{OWN_PORTS.stop - 1}"
    raise EmbeddedError(message)
