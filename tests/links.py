"""A TCP connection that a test can stall, slow, cut or leave half-open, to a real server."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024


class Link:
    """Passes bytes both ways while `open` is set; what arrives meanwhile waits, and is not lost.

    Attributes:
        answers: While it is not set, what the server says waits, and what its clients say passes.
        delay_s: What each chunk waits on its way.
        tells_end: Whether one side learns that the other has closed.
        refuses: Whether new connections are reset at once, as where no server is.
        asked: Connections that were tried.
        passed_bytes: From the server to its clients.
    """

    def __init__(self, host: str, port: int) -> None:
        self._at = (host, port)
        self._writers: set[StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.open = asyncio.Event()
        self.open.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.delay_s = 0.0
        self.tells_end = True
        self.refuses = False
        self.asked = 0
        self.passed_bytes = 0

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""
        for writer in self._writers:
            writer.transport.abort()

    def go_down(self) -> None:
        """Be as a server that is not there, until `come_back`."""
        self.refuses = True
        self.cut()

    def come_back(self) -> None:
        self.refuses = False

    async def end(self) -> None:
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def accept(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        self.asked += 1
        try:
            if self.refuses:
                raise ConnectionRefusedError
            from_server, to_server = await asyncio.open_connection(*self._at)
        except OSError:
            to_client.transport.abort()
            return
        ends = {to_client, to_server}
        self._writers |= ends
        pumps = {
            asyncio.create_task(self._pump(from_client, to_server, answers=False)),
            asyncio.create_task(self._pump(from_server, to_client, answers=True)),
        }
        self._pumps |= pumps
        await asyncio.wait(pumps)
        self._pumps -= pumps
        self._writers -= ends
        for writer in ends:
            writer.transport.abort()

    async def _pump(self, reader: StreamReader, writer: StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self.open.wait()
                await asyncio.sleep(self.delay_s)
                if answers:
                    await self.answers.wait()
                if writer.is_closing():
                    return
                writer.write(chunk)
                await writer.drain()
                self.passed_bytes += len(chunk) * answers
        if self.tells_end:
            writer.close()


@asynccontextmanager
async def link_to(url: str) -> AsyncIterator[tuple[Link, str]]:
    """A link to the server that a URL names, and the URL that leads through it."""
    parts = urlsplit(url)
    at = f"{parts.hostname}:{parts.port}"
    link = Link(str(parts.hostname), int(parts.port or 0))
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield link, url.replace(at, f"127.0.0.1:{port}")
    finally:
        server.close()
        await link.end()
        await server.wait_closed()
