"""A venue's HTTP server for tests: answers by path and query, and notes what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    body: bytes


class Said(NamedTuple):
    """An answer; `cut` bytes of its declared length are not sent."""

    content: bytes = b"{}"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    cut: int = 0


Answers = Callable[[Asked], Said]


class VenueServer:
    """Where it listens, and what it was asked."""

    def __init__(self, url: str, asked: list[Asked]) -> None:
        self.url = url
        self.asked = asked

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


@contextmanager
def venue_server(answer: Answers) -> Iterator[VenueServer]:
    """Serve on a free port of this machine until the block ends."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = Asked(self.command, self.path, self.rfile.read(length))
            asked.append(request)
            said = answer(request)
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.content) + said.cut))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(said.content)

        do_POST = do_GET  # noqa: N815  (the server's own name)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield VenueServer(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
