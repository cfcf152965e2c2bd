"""A link to a server that is partitioned in one of four ways, and then is well again.

`lost`: no packet of a client's comes through any more, and no connection is made. `half-open`: the
server's end of each connection is gone, and its client never learns of it; nobody else is let in
meanwhile, and all are afterwards. `frozen`: every byte waits. `slow`: each chunk waits.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from asyncio import start_server
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.tcp_proxy import Link

#: Of each chunk, each way.
SLOW_S: Final = 0.4
#: linux/socket.h, which Python does not name.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
#: A program of one instruction, BPF_RET: of each packet keep nothing.
_NOTHING: Final = struct.pack("HBBI", 0x06, 0, 0, 0)


class Partitioned(Link):
    """Such a link.

    Attributes:
        listening: The sockets that take its connections.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.listening: list[Any] = []

    def lose(self) -> None:
        self.open.clear()
        program = ctypes.create_string_buffer(_NOTHING)
        wanted = struct.pack("@HP", 1, ctypes.addressof(program))
        for one in self._sockets():
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, wanted)

    def leave_half_open(self) -> None:
        self.refuses = True
        self.halve("server")

    def freeze(self) -> None:
        self.open.clear()

    def slow(self) -> None:
        self.delay_s = SLOW_S

    def heal(self) -> None:
        for one in self._sockets():
            with suppress(FileNotFoundError):  # it has none
                one.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        self.delay_s, self.refuses = 0.0, False
        self.open.set()

    def _sockets(self) -> list[Any]:
        writers = [pair.to_client for pair in self._pairs if not pair.to_client.is_closing()]
        return [*self.listening, *(writer.get_extra_info("socket") for writer in writers)]


#: By its name, how a link is partitioned.
KINDS: Final[dict[str, Callable[[Partitioned], None]]] = {
    "lost": Partitioned.lose,
    "half-open": Partitioned.leave_half_open,
    "frozen": Partitioned.freeze,
    "slow": Partitioned.slow,
}


@asynccontextmanager
async def partitioned_link_to(url: str) -> AsyncIterator[tuple[Partitioned, str]]:
    """A link to the server that a URL names, and the URL that leads through it."""
    parts = urlsplit(url)
    link = Partitioned(str(parts.hostname), int(parts.port or 0))
    server = await start_server(link.accept, "127.0.0.1", 0)
    link.listening = list(server.sockets)
    port = server.sockets[0].getsockname()[1]
    try:
        yield link, url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{port}")
    finally:
        link.heal()
        server.close()
        await link.end()
        await server.wait_closed()
