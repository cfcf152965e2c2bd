"""Shows which answers of a venue an import reads, and under which names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cqar.cli.output import print_json, say, table
from cqar.importer.readers.product_line import ProductLine, Request
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import UnusableAnswer


def show_requests(venue_id: str, *, as_json: bool) -> None:
    """Print the requests whose answers an import of the venue reads.

    Raises:
        UnusableAnswer: The venue has no reader.
    """
    line = product_line_of(venue_id)
    if line is None:
        raise UnusableAnswer(
            f"{venue_id} has no reader of CQAR's: cqar import --list-venues shows those that have."
            " What ccxt asks another venue for, an import with a wrongly named file tells"
        )
    rows = list(_rows(line))
    if as_json:
        print_json({"venue": venue_id, "reader": line.reader, "requests": rows})
        return
    cells = [
        (
            *(row["of"], row["option"], row["file_name"], row["method"], row["url"]),
            " ".join(f"{key}={value}" for key, value in row["query"].items()),
            row["pages"],
            _remarks(row),
        )
        for row in rows
    ]
    columns = ("of", "option", "file name", "method", "url", "query", "page field", "remarks")
    table(f"{line.name}, read by {line.reader}", columns, cells)
    name = line.file_name(line.requests[0])
    say(f"Save an answer and name it: cqar import {venue_id} --file '{name}=PATH'")
    if line.ticker_requests:
        name = line.file_name(line.ticker_requests[0])
        say(f"With tickers of the same minutes, as evidence: --prices '{name}=PATH'")


def _rows(line: ProductLine) -> Iterator[dict[str, Any]]:
    private = {r for form in line.currencies if form.is_private for r in form.requests}
    parts = (
        ("listing", "--file", line.requests),
        ("currencies", "--file", line.currency_requests),
        ("prices", "--prices", line.ticker_requests),
    )
    for name, option, requests in parts:
        for request in requests:
            yield {
                "of": name,
                "option": option,
                **_request(line, request),
                "is_private": request in private,
            }


def _request(line: ProductLine, request: Request) -> dict[str, Any]:
    return {
        "file_name": line.file_name(request),
        "method": "POST" if request.is_post else "GET",
        "url": f"https://{request.path}",
        "query": dict(request.query),
        "pages": request.pages,
        "is_former": request.is_former,
    }


def _remarks(row: dict[str, Any]) -> str:
    words = {"is_former": "former", "is_private": "needs a key"}
    return ", ".join(word for field, word in words.items() if row[field])
