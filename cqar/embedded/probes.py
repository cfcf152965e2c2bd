"""Is it ready? One question per protocol, each with a real answer from the server.

That a port accepts says little: PostgreSQL accepts while it recovers, Valkey while it loads. All
of them answer False rather than raise: a server that is not there yet is the normal case.
"""

import asyncio
from collections.abc import Awaitable, Callable

PROBE_SECONDS = 2.0

Probe = Callable[[], Awaitable[bool]]


def http(address: str, path: str) -> Probe:
    """GET `path` answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    return lambda: _answers(address, request.encode(), lambda line: b" 200" in line[:13])


def nats(address: str) -> Probe:
    """The server answers a PING; it opens its port only after JetStream has recovered.

    That it wants a password is an answer too: none is needed to know that it is there.
    """
    request = b'CONNECT {"verbose":false}\r\nPING\r\n'
    said = (b"PONG", b"-ERR 'Authorization Violation'")
    return lambda: _answers(address, request, lambda line: line.startswith(said), skip=b"INFO")


def valkey(address: str) -> Probe:
    """The server answers a PING, or that it wants a password."""
    said = (b"+PONG", b"-NOAUTH")
    return lambda: _answers(address, b"PING\r\n", lambda line: line.startswith(said))


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
