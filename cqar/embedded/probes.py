"""Readiness probes: one request per protocol.

An open port does not mean ready: PostgreSQL accepts connections while it recovers, Valkey while it
loads. A probe returns False instead of raising, because a server that has not started yet is the
normal case.
"""

import asyncio
from collections.abc import Awaitable, Callable

PROBE_SECONDS = 2.0

Probe = Callable[[], Awaitable[bool]]


def http(address: str, path: str) -> Probe:
    """Ready when GET `path` returns 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    return lambda: _answers(address, request.encode(), lambda line: b" 200" in line[:13])


def nats(address: str) -> Probe:
    """Ready when the server answers a PING; it opens its port after JetStream has recovered.

    A demand for a password counts too, so the probe needs none.
    """
    request = b'CONNECT {"verbose":false}\r\nPING\r\n'
    ready = (b"PONG", b"-ERR 'Authorization Violation'")
    return lambda: _answers(address, request, lambda line: line.startswith(ready), skip=b"INFO")


def valkey(address: str) -> Probe:
    """Ready when the server answers a PING or demands a password."""
    ready = (b"+PONG", b"-NOAUTH")
    return lambda: _answers(address, b"PING\r\n", lambda line: line.startswith(ready))


async def _answers(
    address: str, request: bytes, accept: Callable[[bytes], bool], skip: bytes | None = None
) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(request)
                line = await reader.readline()
                while skip is not None and line.startswith(skip):
                    line = await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, ValueError):  # ValueError: a line beyond the reader's limit
        return False
    return accept(line)
