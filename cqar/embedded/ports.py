"""TCP ports for a stack: the well-known one where it is free, else one that stays ours.

A free port is not taken from the system (`bind` to port 0): those lie in the range outgoing
connections draw from, so while a killed server is down its port may become somebody's local port
and it could not come back on the same address. We draw from below that range instead (Linux
begins it at 32768, the IANA range at 49152).
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cqar.embedded.failures import EmbeddedError, UnsafePath
from cqar.embedded.process import is_running
from cqar.embedded.process_identity import start_ticks

OWN_PORTS = range(20_000, 32_000)
DRAWS_MAX = 1_000


class PortReservation(msgspec.Struct, frozen=True):
    """A port that a living process picked: it is not bound yet, or bound, or to be bound again.

    `start_ticks` is when the process started, in kernel ticks: process ids are reused.
    """

    port: int
    pid: int
    start_ticks: int = msgspec.field(name="began")


def pick_ports(preferred: Mapping[str, int]) -> dict[str, int]:
    """A distinct free port on 127.0.0.1 for every name; the preferred one wherever it is free.

    A picked port is ours as long as this process lives, also before it is bound and while what
    was killed is not back yet: stacks of this user see each other's picks in a file that they
    lock. Our own are given again when they are free.
    """
    picked: dict[str, int] = {}
    me = os.getpid()
    with _reservations() as reserved:
        others = {r.port for r in reserved if r.pid != me}
        for name, port in preferred.items():
            taken = others | set(picked.values())
            if port in taken or not is_free_port(port):
                picked[name] = _draw(taken | set(preferred.values()))
            else:
                picked[name] = port
        reserved |= {PortReservation(port, me, start_ticks(me)) for port in picked.values()}
    return picked


@contextmanager
def _reservations() -> Iterator[set[PortReservation]]:
    """Living processes' reservations; what the set holds at the end is kept."""
    path = Path(tempfile.gettempdir()) / f"cqar-ports-{os.getuid()}.json"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise UnsafePath(path, f"cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "r+b") as file:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise UnsafePath(path, "belongs to another user")
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            known = msgspec.json.decode(file.read() or b"[]", type=set[PortReservation])
        except msgspec.MsgspecError:
            known = set()
        kept = {r for r in known if is_running(r.pid) and start_ticks(r.pid) == r.start_ticks}
        yield kept
        file.seek(0)
        file.truncate()
        file.write(msgspec.json.encode(kept))


def is_free_port(port: int) -> bool:
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
        if port not in taken and is_free_port(port):
            return port
    message = f"no free TCP port on 127.0.0.1 in {OWN_PORTS.start}-{OWN_PORTS.stop - 1}"
    raise EmbeddedError(message)
