"""Picks TCP ports for a stack: the well-known port if it is free, else a reserved one.

The system's free ports (`bind` to port 0) are not used: they are in the range of outgoing
connections. While a killed server is down, its port could become a local port of another process,
and the server could not come back on the same address. Ports are drawn from below that range
(Linux begins it at 32768, IANA at 49152).
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
#: Ports that a user may listen on.
PORT_RANGE = range(1_024, 65_536)
DRAWS_MAX = 1_000


class PortReservation(msgspec.Struct, frozen=True):
    """A port that a running process picked, whether it is bound at the moment or not.

    `start_ticks` is when the process started, in kernel ticks: process ids are reused.
    """

    port: int
    pid: int
    start_ticks: int = msgspec.field(name="began")


def pick_ports(preferred: Mapping[str, int]) -> dict[str, int]:
    """A distinct free port on 127.0.0.1 for every name; the preferred one wherever it is free.

    A picked port is reserved as long as this process lives, even while nothing listens on it:
    stacks of this user record their ports in a file that they lock. A port that this process
    reserved may be picked again once it is free.
    """
    picked: dict[str, int] = {}
    own_pid = os.getpid()
    with _reservations() as reserved:
        others = {r.port for r in reserved if r.pid != own_pid}
        for name, port in preferred.items():
            reserved_ports = others | set(picked.values())
            if port in reserved_ports or not is_free_port(port):
                picked[name] = _draw(reserved_ports | set(preferred.values()))
            else:
                picked[name] = port
        reserved |= {
            PortReservation(port, own_pid, start_ticks(own_pid)) for port in picked.values()
        }
    return picked


@contextmanager
def _reservations() -> Iterator[set[PortReservation]]:
    """The reservations of running processes; changes to the set are written at the end."""
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
    # SO_REUSEADDR as the servers set it: without it, a stack's own closed connections (TIME_WAIT,
    # 60 s) would keep its successor off the preferred ports.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _draw(reserved_ports: set[int]) -> int:
    for _ in range(DRAWS_MAX):
        port = random.choice(OWN_PORTS)  # not a secret
        if port not in reserved_ports and is_free_port(port):
            return port
    message = f"no free TCP port on 127.0.0.1 in {OWN_PORTS.start}-{OWN_PORTS.stop - 1}"
    raise EmbeddedError(message)
