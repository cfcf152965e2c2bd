"""Makes the kernel detect dead TCP connections within seconds.

Without these options a connection whose peer vanished (a host gone, a link cut) fails only when the
kernel gives up: after 15 minutes if something was sent, after two hours if nothing was.
"""

from __future__ import annotations

import math
import socket
import struct
from typing import Any, Final

#: A connection ends if sent data is not acknowledged for this long, or the peer's window stays
#: closed.
UNACKNOWLEDGED_MS: Final = 3_000
#: Idle time before the first probe, time between probes, and number of probes.
IDLE_S, ASKED_APART_S, ASKED_TIMES = 2, 1, 2

#: IPPROTO_TCP option -> value; they need SO_KEEPALIVE.
TCP_OPTIONS: Final = {
    socket.TCP_KEEPIDLE: IDLE_S,
    socket.TCP_KEEPINTVL: ASKED_APART_S,
    socket.TCP_KEEPCNT: ASKED_TIMES,
    socket.TCP_USER_TIMEOUT: UNACKNOWLEDGED_MS,
}
#: linux/tcp.h: eight bytes of flags, then 32-bit numbers; the twelfth is the time since data was
#: last received, in milliseconds.
_LAST_DATA_RECV: Final = struct.Struct("=8x44xI")


def watch(transport: Any) -> None:
    """Set the options on a transport's socket, if it is a TCP socket."""
    if (opened := tcp_socket_of(transport)) is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in TCP_OPTIONS.items():
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def redis_settings(url: str) -> dict[str, Any]:
    """The options as arguments of the Redis client; empty for a Unix socket."""
    if url.startswith("unix:"):
        return {}
    return {"socket_keepalive": True, "socket_keepalive_options": TCP_OPTIONS}


def tcp_socket_of(transport: Any) -> Any:
    """A transport's socket; None if it is not a TCP socket."""
    found = transport.get_extra_info("socket")
    families = (socket.AF_INET, socket.AF_INET6)
    return found if found is not None and found.family in families else None


def silent_s(transport: Any) -> float:
    """Seconds since data was last received; infinite if not known or not a TCP socket."""
    if (opened := tcp_socket_of(transport)) is None:
        return math.inf
    try:
        info = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV.size)
    except OSError:
        return math.inf  # closed meanwhile
    if len(info) < _LAST_DATA_RECV.size:
        return math.inf
    (milliseconds,) = _LAST_DATA_RECV.unpack(info)
    return float(milliseconds / 1000)
