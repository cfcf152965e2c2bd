"""Connects to NATS, and reconnects whenever the connection is lost, even silently."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import ParseResult

from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.errors import Error as NatsError

from cqar_shared.runtime import tcp_keepalive

log = logging.getLogger(__name__)

#: Time between two attempts to reconnect.
RECONNECT_S: Final = 0.5
#: Pings that detect a silently lost connection.
PING_EVERY_S: Final = 1
PINGS_UNANSWERED_MAX: Final = 2
#: Longest wait of a publish while the send buffer is full.
FLUSH_TIMEOUT_S: Final = 2.0
#: Longest wait for the remaining messages on close.
CLOSE_TIMEOUT_S: Final = 1


class _Wire(TcpTransport):
    """A transport that closes a connection at once.

    nats-py's own waits until the kernel has sent the remaining bytes. With a server that hangs
    this takes 15 minutes, without a reconnect meanwhile.
    """

    def __bool__(self) -> bool:
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        await super().connect(uri, buffer_size, connect_timeout)
        if self._io_writer is not None:
            tcp_keepalive.watch(self._io_writer.transport)

    def writelines(self, payload: Sequence[bytes]) -> None:
        if self._io_writer is not None:
            self._io_writer.writelines(payload)

    async def drain(self) -> None:
        if self._io_writer is not None:
            await self._io_writer.drain()

    def close(self) -> None:
        if self._io_writer is not None:
            self._io_writer.transport.abort()


async def connect(url: str, name: str) -> Client:
    """Return a connected client."""
    client = Client()
    await connect_client(client, url, name)
    return client


async def connect_client(client: Client, url: str, name: str) -> None:
    """Connect and stay connected; it retries for ever and logs failures.

    While there is no connection, the client's requests fail or time out.
    """
    # nats-py makes its own transport only if there is none.
    client._transport = wire = _Wire()  # type: ignore[no-untyped-call]  # noqa: SLF001

    async def note(error: Exception) -> None:
        log.warning("nats: %s", error or type(error).__name__)
        # nats-py leaves the socket of an unanswered attempt open, and makes another one.
        if not client.is_connected:
            wire.close()

    async def note_lost() -> None:
        if not client.is_closed:
            log.warning("nats: disconnected")

    async def note_back() -> None:
        log.info("nats: reconnected")

    await client.connect(
        url,
        name=name,
        error_cb=note,
        disconnected_cb=note_lost,
        reconnected_cb=note_back,
        max_reconnect_attempts=-1,
        reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]  # it is slept for
        connect_timeout=2,
        ping_interval=PING_EVERY_S,
        max_outstanding_pings=PINGS_UNANSWERED_MAX,
        flush_timeout=FLUSH_TIMEOUT_S,
        allow_reconnect=True,
    )


async def close(client: Client) -> None:
    """Send the remaining messages and close; do not wait for a server that does not read."""
    try:
        if client.is_connected:
            await client.flush(CLOSE_TIMEOUT_S)
    except (NatsError, OSError, TimeoutError) as error:
        log.warning("nats: closed without a word: %s", error or type(error).__name__)
    transport: Any = client._transport  # noqa: SLF001
    if transport is not None:
        transport.close()
    # nats-py would write them to the closed connection, and raise.
    client._pending, client._pending_data_size = [], 0  # noqa: SLF001
    await client.close()
