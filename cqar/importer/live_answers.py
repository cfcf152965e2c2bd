"""Asks a venue for its listing. ccxt sends the requests: it knows the venue's rate limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from cqar.importer.ccxt_reading import make_exchange
from cqar.importer.readers.product_line import Form, ProductLine, Request, SideForm
from cqar.importer.saved_answers import DecodedAnswer, UnusableAnswer, decode

#: Of one request; the largest listing has 30.
PAGES_MAX: Final = 200


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


def fetch_all(line: ProductLine, progress: Callable[[str], None] = lambda _: None) -> LiveAnswers:
    """The answers to all requests of today's forms, and to those beside the listing.

    Args:
        progress: Called with the name of each request before it is sent.

    Raises:
        UnusableAnswer: The venue cannot be asked, or does not answer with its listing. Says why.
    """
    exchange = _exchange(line)
    answers = fetch_answers(line, progress, exchange)
    failed: list[str] = []
    answers += _beside(line, line.currencies, exchange, progress, failed)
    tickers = _beside(line, line.prices, exchange, progress, failed)
    return LiveAnswers(answers, tickers, failed)


def fetch_answers(
    line: ProductLine,
    progress: Callable[[str], None] = lambda _: None,
    exchange: Any = None,
) -> list[DecodedAnswer]:
    """The answers to all requests of the listing's forms of today.

    Args:
        progress: Called with the name of each request before it is sent.
        exchange: ccxt's, which keeps the venue's rate limits over all requests.

    Raises:
        UnusableAnswer: The venue cannot be asked, or does not answer. Says why.
    """
    exchange = exchange or _exchange(line)
    found: dict[str, DecodedAnswer] = {}
    for form in line.forms:
        for request in (*form.lists, *form.also):
            name = line.file_name(request)
            if request.is_former or name in found:
                continue
            for answer in _pages(exchange, form, request, name, progress):
                found[answer.name] = answer
    return list(found.values())


def _exchange(line: ProductLine) -> Any:
    if not line.ccxt_id:
        raise UnusableAnswer(f"{line.venue_id} has no live requests: give saved files (--file)")
    return make_exchange(line.ccxt_id, set())


def _beside(
    line: ProductLine,
    forms: Iterable[SideForm[Any, Any]],
    exchange: Any,
    progress: Callable[[str], None],
    failed: list[str],
) -> list[DecodedAnswer]:
    """The answers to the first form that is asked without a key; what fails loses no listing."""
    found: list[DecodedAnswer] = []
    public = (form for form in forms if not form.is_private)
    form = next(public, None)
    for request in form.requests if form is not None else ():
        if request.is_former or request in line.requests:
            continue
        name = line.file_name(request)
        progress(name)
        try:
            found.append(decode(name, _ask(exchange, request, {}), name))
        except UnusableAnswer as error:
            failed.append(str(error))
    return found


def _pages(
    exchange: Any,
    form: Form[Any],
    request: Request,
    file_name: str,
    progress: Callable[[str], None],
) -> Iterator[DecodedAnswer]:
    cursor = ""
    for _ in range(PAGES_MAX):
        more = {request.pages: cursor} if cursor else {}
        name = file_name
        if more:
            name += ("&" if request.query else "?") + urlencode(more)
        progress(name)
        answer = decode(name, _ask(exchange, request, more), name)
        yield answer
        cursor = form.next_page(answer.value) if request.pages else ""
        if not cursor:
            return
    raise UnusableAnswer(f"{file_name} has more than {PAGES_MAX} pages")


def _ask(exchange: Any, request: Request, more: dict[str, str]) -> bytes:
    query = {**dict(request.query), **more}
    url = f"https://{request.path}"
    try:
        if request.is_post:
            headers = {"Content-Type": "application/json"}
            exchange.fetch(url, "POST", headers, json.dumps(query))
        else:
            exchange.fetch(f"{url}?{urlencode(query)}" if query else url)
    except Exception as error:
        # ccxt raises a hundred kinds of errors, and whatever its parser trips over.
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise UnusableAnswer(f"{request.path} does not answer ({reason})") from error
    text: str = exchange.last_http_response
    return text.encode()
