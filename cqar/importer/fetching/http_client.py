"""One answer of a venue by HTTP: sent, bounded as it is read, tried again where that helps."""

from __future__ import annotations

import datetime as dt
import enum
import json
import random
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from cqar.importer.fetching.host_pacing import HostPacing, HostRefuses
from cqar.importer.fetching.retry_after import retry_after_s
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.runtime.version import version

#: Of one answer, decompressed; the largest listing that is known has 15 MB. Decoded, an answer
#: takes ten times as much.
BYTES_MAX: Final = 32 * 1024 * 1024
CONNECT_S: Final = 5.0
#: Between two pieces of an answer; and of a whole request.
READ_S: Final = 15.0
WHOLE_S: Final = 60.0
TRIES_MAX: Final = 3
BACKOFF_FIRST_S: Final = 1.0
#: A longer wait is the schedule's.
WAIT_HERE_S_MAX: Final = 10.0
REDIRECTS_MAX: Final = 3
#: Where a host refuses and does not say for how long; 418 is Binance's ban.
REFUSED_S: Final = 60.0
BANNED_S: Final = 300.0
_TOO_MANY: Final = (418, 429)
_BANNED: Final = 418
#: Of an error's body, for its message.
_SHOWN_BYTES: Final = 2_048
_SHOWN_CHARS: Final = 200
_GZIP: Final = 31


class FetchResult(enum.StrEnum):
    """How a request ended; a metric's label."""

    OK = "OK"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_ERROR = "SERVER_ERROR"
    REFUSED = "REFUSED"
    REDIRECTED = "REDIRECTED"
    TOO_LARGE = "TOO_LARGE"
    CUT_OFF = "CUT_OFF"
    NOT_JSON = "NOT_JSON"


#: The venue may answer when it is asked once more.
_PASSING: Final = frozenset(
    {
        *(FetchResult.TIMEOUT, FetchResult.UNREACHABLE, FetchResult.SERVER_ERROR),
        *(FetchResult.CUT_OFF, FetchResult.RATE_LIMITED),
    }
)


class FetchFailed(UnusableAnswer):
    """A request was not answered with what can be read.

    Attributes:
        retry_after_s: Seconds that the venue wants to be left alone for; None: it did not say.
    """

    def __init__(self, text: str, result: FetchResult, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.result = result
        self.retry_after_s = retry_after_s


class Fetched(NamedTuple):
    """An answer's bytes, and when it was there."""

    content: bytes
    at: dt.datetime


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class VenueHttp:
    """Sends requests to venues. Thread-safe; close it at the end.

    Args:
        pacing: The hosts' limits, over all requests of the process.
        note: Called with how each try ended.
        wait: Waits for so many seconds before another try; may raise to end the request.
    """

    def __init__(
        self,
        pacing: HostPacing | None = None,
        note: Callable[[FetchResult], None] = lambda _: None,
        wait: Callable[[float], None] = time.sleep,
        bytes_max: int = BYTES_MAX,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._pacing = pacing or HostPacing(wait)
        self._note = note
        self._wait = wait
        self._bytes_max = bytes_max
        self._whole_s = whole_s
        self._client = httpx.Client(
            headers={
                "User-Agent": f"cqar/{version()}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            follow_redirects=False,
        )

    def close(self) -> None:
        self._client.close()

    def fetch(self, url: str, body: Mapping[str, str] | None = None, paced_as: str = "") -> Fetched:
        """The answer to a request.

        Args:
            body: Sent as JSON by POST; None: GET.
            paced_as: Whose limits it counts against; empty: the URL's host's.

        Raises:
            FetchFailed: The venue did not answer, or not with JSON. Says what it did.
        """
        delay_s = BACKOFF_FIRST_S
        host = paced_as or urlsplit(url).hostname or ""
        for attempt in range(1, TRIES_MAX + 1):
            try:
                found = self._one(url, body, host)
            except FetchFailed as error:
                self._note(error.result)
                pause_s = delay_s if error.retry_after_s is None else error.retry_after_s
                is_worth_it = error.result in _PASSING and pause_s <= WAIT_HERE_S_MAX
                if attempt == TRIES_MAX or not is_worth_it:
                    raise
                self._wait(pause_s * random.uniform(1.0, 1.25))
                delay_s *= 2
            else:
                self._note(FetchResult.OK)
                return found
        raise AssertionError

    def _one(self, url: str, body: Mapping[str, str] | None, host: str) -> Fetched:
        """One try, with the redirects that lead to the same host.

        Raises:
            FetchFailed: As `fetch`.
        """
        ends_s = time.monotonic() + self._whole_s
        for _ in range(REDIRECTS_MAX + 1):
            try:
                with self._pacing.turn(host):
                    found = self._send(url, body, ends_s, host)
            except HostRefuses as error:
                result = FetchResult.RATE_LIMITED
                raise FetchFailed(str(error), result, error.left_s) from error
            except httpx.TimeoutException as error:
                text = f"{_shown(url)} does not answer in time"
                raise FetchFailed(text, FetchResult.TIMEOUT) from error
            except httpx.RemoteProtocolError as error:
                text = f"{_shown(url)} broke off its answer ({error})"
                raise FetchFailed(text, FetchResult.CUT_OFF) from error
            except httpx.HTTPError as error:
                text = f"{_shown(url)} cannot be reached ({type(error).__name__}: {error})"
                raise FetchFailed(text[:500], FetchResult.UNREACHABLE) from error
            except httpx.InvalidURL as error:
                text = f"{_shown(url)} is no address that can be asked ({error})"
                raise FetchFailed(text, FetchResult.REDIRECTED) from error
            if isinstance(found, Fetched):
                return found
            url = found
        text = f"{_shown(url)} redirects more than {REDIRECTS_MAX} times"
        raise FetchFailed(text, FetchResult.REDIRECTED)

    def _send(
        self, url: str, body: Mapping[str, str] | None, ends_s: float, host: str
    ) -> Fetched | str:
        """The answer, or the URL of the same host that it redirects to."""
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        method = "GET" if body is None else "POST"
        self._client.cookies.clear()
        with self._client.stream(method, url, content=content, headers=headers) as response:
            if response.is_redirect:
                return _same_host(url, response, is_post=body is not None)
            if not response.is_success:
                raise self._refused(url, response, ends_s, host)
            found = _body(response, url, self._bytes_max, ends_s)
        _require_json(found, response.headers.get("content-type", ""), url)
        return Fetched(found, _utc_now())

    def _refused(self, url: str, response: httpx.Response, ends_s: float, host: str) -> FetchFailed:
        """What a status that is no success means."""
        status = response.status_code
        wait_s = retry_after_s(response.headers.get("retry-after"), _utc_now())
        said = _said(response, url, ends_s)
        if status in _TOO_MANY:
            default_s = BANNED_S if status == _BANNED else REFUSED_S
            wait_s = default_s if wait_s is None else wait_s
            self._pacing.refuse(host, wait_s)
            text = f"{_shown(url)} refuses further requests for {wait_s:.0f} s (HTTP {status})"
            return FetchFailed(text, FetchResult.RATE_LIMITED, wait_s)
        is_theirs = status >= httpx.codes.INTERNAL_SERVER_ERROR
        result = FetchResult.SERVER_ERROR if is_theirs else FetchResult.REFUSED
        text = f"{_shown(url)} answers HTTP {status}{said}"
        return FetchFailed(text, result, wait_s)


def _same_host(url: str, response: httpx.Response, *, is_post: bool) -> str:
    """Where a redirect leads.

    Raises:
        FetchFailed: Not to the same host by the same scheme, or the request was a POST.
    """
    target: str = urljoin(url, response.headers.get("location", ""))
    before, after = urlsplit(url), urlsplit(target)
    if is_post or (before.scheme, before.netloc) != (after.scheme, after.netloc):
        where = f"{after.scheme}://{after.netloc}"[:_SHOWN_CHARS]
        text = f"{_shown(url)} redirects to {_printable(where)}, which is not followed"
        raise FetchFailed(text, FetchResult.REDIRECTED)
    return target


def _body(response: httpx.Response, url: str, bytes_max: int, ends_s: float) -> bytes:
    """The body, decompressed; never more than the bound, nor for longer than a request lasts.

    Raises:
        FetchFailed: It is larger, takes longer, or ends in the middle.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        text = f"{_shown(url)} answers in the encoding {_printable(encoding)[:40]}, unasked"
        raise FetchFailed(text, FetchResult.NOT_JSON)
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > bytes_max:
        raise _too_large(url, bytes_max)
    inflater = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
    found = bytearray()
    try:
        for piece in response.iter_raw():
            if time.monotonic() > ends_s:
                text = f"{_shown(url)} takes too long to answer"
                raise FetchFailed(text, FetchResult.TIMEOUT)
            left = bytes_max - len(found)
            inflated = inflater.decompress(piece, left + 1) if inflater is not None else piece
            if len(inflated) > left:
                raise _too_large(url, bytes_max)
            found += inflated
    except zlib.error as error:
        text = f"{_shown(url)} answers what is no gzip ({error})"
        raise FetchFailed(text, FetchResult.CUT_OFF) from error
    if inflater is not None and not inflater.eof:
        raise FetchFailed(f"{_shown(url)} broke off its answer", FetchResult.CUT_OFF)
    return bytes(found)


def _too_large(url: str, bytes_max: int) -> FetchFailed:
    text = f"{_shown(url)} answers with more than {bytes_max} bytes"
    return FetchFailed(text, FetchResult.TOO_LARGE)


def _require_json(content: bytes, content_type: str, url: str) -> None:
    """Refuse a web page, and nothing at all; whether the JSON is whole, decoding finds.

    Raises:
        FetchFailed: The content is a web page.
    """
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return
    what = "nothing" if not content.strip() else "what is no JSON"
    if start == b"<" or "html" in content_type.lower():
        what = "a web page, not with JSON: was the request blocked?"
    raise FetchFailed(f"{_shown(url)} answers with {what}", FetchResult.NOT_JSON)


def _said(response: httpx.Response, url: str, ends_s: float) -> str:
    """What an error's body says, as messages may show it."""
    try:
        body = _body(response, url, _SHOWN_BYTES, ends_s)
    except (FetchFailed, httpx.HTTPError):
        return ""
    text = _printable(body.decode("utf-8", "replace").strip())
    return "" if not text or text.startswith("<") else f": {text[:_SHOWN_CHARS]}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _shown(url: str) -> str:
    """A URL without its scheme, as messages name it."""
    return _printable(url.partition("://")[2])[:_SHOWN_CHARS]
