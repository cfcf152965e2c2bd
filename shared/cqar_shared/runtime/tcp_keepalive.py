"""TCP connections whose silent end the kernel tells within seconds.

A connection that is lost without a word (a host gone, a link cut) is an error only when the kernel
gives up: after a quarter of an hour where something was sent, after two hours where nothing was.
"""

from __future__ import annotations

import math
import socket
import struct
from typing import Any, Final

#: What is sent and not acknowledged for this long ends the connection, also where the other side
#: takes nothing.
UNACKNOWLEDGED_MS: Final = 3_000
#: Of a connection on which nothing is sent: after so long it is asked for, so often, so apart.
IDLE_S, ASKED_APART_S, ASKED_TIMES = 2, 1, 2

#: Option of IPPROTO_TCP -> its value; they count where SO_KEEPALIVE is set.
TCP_OPTIONS: Final = {
    socket.TCP_KEEPIDLE: IDLE_S,
    socket.TCP_KEEPINTVL: ASKED_APART_S,
    socket.TCP_KEEPCNT: ASKED_TIMES,
    socket.TCP_USER_TIMEOUT: UNACKNOWLEDGED_MS,
}
#: linux/tcp.h: eight bytes of flags, then numbers of 32 bits, of which the twelfth says how long
#: ago, in milliseconds, data came last.
_LAST_DATA_RECV: Final = struct.Struct("=8x44xI")


def watch(transport: Any) -> None:
    """Have the kernel look for the other end of a transport's socket, if that is one of TCP's."""
    if (opened := tcp_socket_of(transport)) is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in TCP_OPTIONS.items():
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def redis_settings(url: str) -> dict[str, Any]:
    """The same of Redis' connections, as its client takes it; nothing where the URL is a path's."""
    if url.startswith("unix:"):
        return {}
    return {"socket_keepalive": True, "socket_keepalive_options": TCP_OPTIONS}


def tcp_socket_of(transport: Any) -> Any:
    """A transport's socket; None where that is none of TCP's."""
    found = transport.get_extra_info("socket")
    families = (socket.AF_INET, socket.AF_INET6)
    return found if found is not None and found.family in families else None


def silent_s(transport: Any) -> float:
    """For how long nothing has come; endless where that is not known, as of other sockets."""
    if (opened := tcp_socket_of(transport)) is None:
        return math.inf
    try:
        told = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV.size)
    except OSError:
        return math.inf  # it is closed by now
    if len(told) < _LAST_DATA_RECV.size:
        return math.inf
    (milliseconds,) = _LAST_DATA_RECV.unpack(told)
    return float(milliseconds / 1000)
