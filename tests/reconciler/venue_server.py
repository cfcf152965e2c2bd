"""A venue that is simulated: a local HTTP server that plays dated real answers by a script.

The reconciler's `base_urls` lead here as `http://127.0.0.1:PORT/{host}`, so that one server is
every venue at once. What stands under an address is its answer; before it, an address may have
manners, each for one request: then the venue limits, breaks off, answers something else, or
not at all.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

#: Requests that are remembered; the oldest go first.
ASKED_MAX: Final = 10_000
#: A request that hangs ends after so long, or when the server closes.
HANG_S_MAX: Final = 120.0
#: Of a body without end: more than any reader should take.
HUGE_BYTES: Final = 80 * 1024 * 1024
_CHUNK: Final = b" " * 65_536
JSON: Final = "application/json"
#: In an answer that tells its own time: milliseconds since 1970.
_SERVER_TIME: Final = re.compile(rb'("(?:serverTime|time)":\s*)\d{13}\b')


class Reply(NamedTuple):
    """What is sent.

    Attributes:
        cut: Of the body only so many bytes are sent, though its length is stated.
        repeats: The body again and again, until so many bytes were sent.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 -- never changed
    cut: int | None = None
    repeats: int = 0


#: What a request gets in place of its answer; None: nothing, and the connection ends.
Manner = Callable[[bytes], Reply | None]


class Asked(NamedTuple):
    """A request that came, and what it got: a manner's name, or `answer`, `unknown`."""

    address: str
    at_s: float
    got: str


def rate_limited(retry_after_s: float) -> Manner:
    return _named(
        "429", lambda _: Reply(429, b'{"code":-1003}', {"Retry-After": str(retry_after_s)})
    )


def banned(retry_after_s: float) -> Manner:
    return _named(
        "418", lambda _: Reply(418, b'{"code":-1003}', {"Retry-After": str(retry_after_s)})
    )


def older(body: bytes, taken_s: float) -> Manner:
    """An answer of before, with the time of before."""
    return _named("older", lambda _: Reply(body=with_time(body, taken_s)))


def instead(name: str, body: bytes) -> Manner:
    """Another answer, such as one of a changed form."""
    return _named(name, lambda _: Reply(body=body))


def hangs(seconds: float) -> Manner:
    def wait(_: bytes) -> None:
        time.sleep(min(seconds, HANG_S_MAX))

    return _named("hangs", wait)


def _named(name: str, manner: Manner) -> Manner:
    manner.__name__ = name
    return manner


HTML: Final = _named(
    "html",
    lambda _: Reply(
        body=b"<!doctype html><title>Just a moment</title>", headers={"Content-Type": "text/html"}
    ),
)
HALF: Final = _named("half", lambda body: Reply(body=body, cut=len(body) // 2))
#: Half of the answer, and a length to match: only its JSON is not whole.
CUT_JSON: Final = _named("cut JSON", lambda body: Reply(body=body[: len(body) // 2]))
CLOSES: Final = _named("closes", lambda _: None)
HUGE: Final = _named("huge", lambda _: Reply(body=_CHUNK, repeats=HUGE_BYTES))
#: It says that it is compressed, and is not.
NOT_GZIP: Final = _named(
    "not gzip", lambda body: Reply(body=body, headers={"Content-Encoding": "gzip"})
)
UTF_16: Final = _named("UTF-16", lambda body: Reply(body=body.decode().encode("utf-16")))
BROKEN: Final = _named("503", lambda _: Reply(503, b"upstream connect error"))
ELSEWHERE: Final = _named(
    "redirect", lambda _: Reply(302, headers={"Location": "http://127.0.0.2:9/stolen"})
)
EMPTY: Final = _named("empty", lambda _: Reply(body=b"{}"))
REFUSED: Final = _named("refused", lambda _: Reply(body=b'{"code":-1121,"msg":"Invalid."}'))
#: What a venue may do instead of answering, without any of it being news.
RUDE: Final = (
    *(HTML, HALF, CUT_JSON, CLOSES, NOT_GZIP, UTF_16, BROKEN, ELSEWHERE, EMPTY, REFUSED),
)


def with_time(body: bytes, taken_s: float) -> bytes:
    """The answer as of another time, if it tells its own."""
    return _SERVER_TIME.sub(rb"\g<1>%d" % int(taken_s * 1000), body, count=1)


def tells_time(body: bytes) -> bool:
    """Whether the answer tells its own time."""
    return _SERVER_TIME.search(body) is not None


def without_field(body: bytes, name: str) -> bytes:
    """The answer where a field has another name in every record."""
    return json.dumps(_mapped(json.loads(body), name, f"{name}Value", lambda value: value)).encode()


def with_object(body: bytes, name: str) -> bytes:
    """The answer where a field's text or number has become an object in every record."""
    return json.dumps(
        _mapped(json.loads(body), name, name, lambda value: {"value": value})
    ).encode()


def _mapped(part: Any, name: str, new_name: str, change: Callable[[Any], Any]) -> Any:
    if isinstance(part, list):
        return [_mapped(each, name, new_name, change) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        (new_name if key == name else key): (
            change(value) if key == name else _mapped(value, name, new_name, change)
        )
        for key, value in part.items()
    }


class VenueServer:
    """Serves on loopback. Thread-safe.

    Attributes:
        port: Where it listens.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, bytes] = {}
        self._manners: defaultdict[str, deque[Manner]] = defaultdict(deque)
        self._asked: deque[Asked] = deque(maxlen=ASKED_MAX)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.venue = self
        self.port: int = self._server.server_address[1]

    @property
    def base_url(self) -> str:
        """What stands in the place of every venue's host."""
        return f"http://127.0.0.1:{self.port}/{{host}}"

    def answer(self, address: str, body: bytes) -> None:
        """Answer an address so from now on.

        Args:
            address: HOST/PATH, with `?` and the query where it has one.
        """
        with self._lock:
            self._answers[address] = body

    def behave(self, address: str, *manners: Manner) -> None:
        """Treat the next requests to an address so, one each."""
        with self._lock:
            self._manners[address].extend(manners)

    def asked(self, address: str) -> list[Asked]:
        with self._lock:
            return [each for each in self._asked if each.address == address]

    def is_polite(self, address: str) -> bool:
        """Whether all manners of an address have been shown."""
        with self._lock:
            return not self._manners[address]

    def reply(self, address: str) -> Reply | None:
        """Decide what a request gets."""
        with self._lock:
            body = self._answers.get(address)
            manners = self._manners[address]
            manner = manners.popleft() if manners and body is not None else None
            got = "unknown" if body is None else manner.__name__ if manner else "answer"
            self._asked.append(Asked(address, time.time(), got))
        if body is None:
            return Reply(404, b'{"code":404}')
        body = with_time(body, time.time())
        return manner(body) if manner else Reply(body=body)

    @contextmanager
    def running(self) -> Iterator[VenueServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    venue: VenueServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        address = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        reply = self.server.venue.reply(address)
        if reply is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        headers = {"Content-Type": JSON, **reply.headers}
        headers["Content-Length"] = str(reply.repeats or len(reply.body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.repeats:
            for _ in range(reply.repeats // len(reply.body)):
                self.wfile.write(reply.body)
        self.wfile.write(reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def log_message(self, *_: object) -> None:
        """Say nothing: `asked` has it."""
