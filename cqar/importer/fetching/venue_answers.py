"""All answers of a product line, asked of the venue itself: page by page, bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from cqar.importer.fetching.addresses import BaseUrls
from cqar.importer.fetching.http_client import Fetched, FetchFailed, FetchResult, VenueHttp
from cqar.importer.readers.product_line import Form, ProductLine, Request, SideForm
from cqar.importer.saved_answers import DecodedAnswer, UnusableAnswer, decode

#: Of one request; the largest listing has 30.
PAGES_MAX: Final = 200
#: Of all answers of one venue together; and for how long it may be asked.
WHOLE_BYTES_MAX: Final = 96 * 1024 * 1024
WHOLE_S: Final = 900.0


class LiveAnswers(NamedTuple):
    """What a venue answered.

    Attributes:
        answers: Of the listing and of currencies.
        tickers: Of prices; asked for last, so that they are of the listing's minutes.
        failed: What it did not answer beside the listing, for people.
    """

    answers: list[DecodedAnswer]
    tickers: list[DecodedAnswer]
    failed: list[str]


class Asking:
    """One venue, asked once for everything.

    Args:
        venue_id: By which a base URL is found; a product line may read several venues.
        keep: Called with the name and the bytes of each answer that was decoded.
        progress: Called with the name of each request before it is sent.
    """

    def __init__(
        self,
        http: VenueHttp,
        base_urls: BaseUrls,
        venue_id: str,
        keep: Callable[[str, Fetched], None] = lambda _, __: None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._http = http
        self._base_urls = base_urls
        self._venue_id = venue_id
        self._keep = keep
        self._progress = progress
        self._left_bytes = WHOLE_BYTES_MAX
        self._ends_s = time.monotonic() + WHOLE_S

    def ask(self, request: Request, name: str, more: dict[str, str]) -> DecodedAnswer:
        """One answer.

        Args:
            more: What the query says beyond the declared one: the page.

        Raises:
            FetchFailed: The venue does not answer it, or has answered too much. Says why.
        """
        self._progress(name)
        self._require_left(name)
        query = {**dict(request.query), **more}
        url = self._base_urls.url(self._venue_id, request, {} if request.is_post else query)
        paced_as = self._base_urls.paced_as(self._venue_id, request)
        fetched = self._http.fetch(url, query if request.is_post else None, paced_as)
        self._left_bytes -= len(fetched.content)
        try:
            answer = decode(name, fetched.content, name)
        except UnusableAnswer as error:
            raise FetchFailed(str(error), FetchResult.NOT_JSON) from error
        self._keep(name, fetched)
        return answer

    def _require_left(self, name: str) -> None:
        if self._left_bytes <= 0:
            text = f"{name}: the venue's answers have more than {WHOLE_BYTES_MAX} bytes together"
            raise FetchFailed(text, FetchResult.TOO_LARGE)
        if time.monotonic() > self._ends_s:
            text = f"{name}: the venue's answers took more than {WHOLE_S:.0f} s together"
            raise FetchFailed(text, FetchResult.TIMEOUT)


def fetch_all(line: ProductLine, asking: Asking) -> LiveAnswers:
    """The answers to all requests of today's forms, and to those beside the listing.

    Raises:
        UnusableAnswer: The venue does not answer with its listing. Says why.
    """
    answers = _listing(line, asking)
    failed: list[str] = []
    answers += _beside(line, line.currencies, asking, failed)
    tickers = _beside(line, line.prices, asking, failed)
    return LiveAnswers(answers, tickers, failed)


def _listing(line: ProductLine, asking: Asking) -> list[DecodedAnswer]:
    """The answers to all requests of the listing's forms of today.

    Raises:
        UnusableAnswer: There are none, or one is not answered. Says why.
    """
    found: dict[str, DecodedAnswer] = {}
    for form in line.forms:
        for request in (*form.lists, *form.also):
            name = line.file_name(request)
            if request.is_former or name in found:
                continue
            for answer in _pages(asking, form, request, name):
                found[answer.name] = answer
    if not found:
        raise UnusableAnswer(f"{line.venue_id} has no live requests: give saved files (--file)")
    return list(found.values())


def _beside(
    line: ProductLine,
    forms: Iterable[SideForm[Any, Any]],
    asking: Asking,
    failed: list[str],
) -> list[DecodedAnswer]:
    """The answers to the first form that is asked without a key; what fails loses no listing."""
    found: list[DecodedAnswer] = []
    form = next((form for form in forms if not form.is_private), None)
    for request in form.requests if form is not None else ():
        if request.is_former or request in line.requests:
            continue
        name = line.file_name(request)
        try:
            found.append(asking.ask(request, name, {}))
        except FetchFailed as error:
            failed.append(f"{name}: {error}")
    return found


def _pages(
    asking: Asking, form: Form[Any], request: Request, file_name: str
) -> Iterator[DecodedAnswer]:
    cursor = ""
    for _ in range(PAGES_MAX):
        more = {request.pages: cursor} if cursor else {}
        name = file_name
        if more:
            name += ("&" if request.query else "?") + urlencode(more)
        answer = asking.ask(request, name, more)
        yield answer
        cursor = form.next_page(answer.value) if request.pages else ""
        if not cursor:
            return
    raise UnusableAnswer(f"{file_name} has more than {PAGES_MAX} pages")
