"""A TCP connection that a test can stall, slow, cut or leave half-open, to a real server."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024


@dataclass(eq=False)
class _Pair:
    """One connection through a link: what is written to its two ends.

    Attributes:
        is_halved: One end is gone, and the other is not told: what it says is lost.
    """

    to_client: StreamWriter
    to_server: StreamWriter
    is_halved: bool = False


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
        self._pairs: set[_Pair] = set()
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

    def to(self, host: str, port: int, *, keep: bool = False) -> None:
        """Lead new connections to another server.

        Args:
            keep: Whether those that there are stay, at the server that they lead to; else cut.
        """
        self._at = (host, port)
        if not keep:
            self.cut()

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""
        for pair in self._pairs:
            pair.to_client.transport.abort()
            pair.to_server.transport.abort()

    def halve(self, lost: Literal["client", "server"]) -> None:
        """Take one end of every connection away, without a word to the other; new ones are taken.

        Nobody answers the end that is left, and it never learns why.
        """
        for pair in self._pairs:
            pair.is_halved = True
            end = pair.to_client if lost == "client" else pair.to_server
            end.transport.abort()

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
        pair = _Pair(to_client, to_server)
        self._pairs.add(pair)
        pumps = {
            asyncio.create_task(self._pump(from_client, to_server, pair, answers=False)),
            asyncio.create_task(self._pump(from_server, to_client, pair, answers=True)),
        }
        self._pumps |= pumps
        await asyncio.wait(pumps)
        self._pumps -= pumps
        self._pairs.remove(pair)
        for writer in (to_client, to_server):
            writer.transport.abort()

    async def _pump(
        self, reader: StreamReader, writer: StreamWriter, pair: _Pair, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self.open.wait()
                await asyncio.sleep(self.delay_s)
                if answers:
                    await self.answers.wait()
                if pair.is_halved:
                    break
                if writer.is_closing():
                    return
                writer.write(chunk)
                await writer.drain()
                self.passed_bytes += len(chunk) * answers
        if pair.is_halved:
            with suppress(OSError):
                while await reader.read(CHUNK_BYTES):
                    pass
        elif self.tells_end:
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
