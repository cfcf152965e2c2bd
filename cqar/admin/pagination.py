"""Reads a list to its end, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from cqar.admin.connection import Connection

#: The largest page that the writer gives.
PAGE_ROWS: Final = 1_000


def pages(
    connection: Connection, method: Callable[..., Any], request: Any, page_rows: int = PAGE_ROWS
) -> Iterator[Any]:
    """All responses of a list.

    The pages may be of different revisions: an entity that changes meanwhile is in one of them or
    in none.

    Args:
        request: Its page size and page token are set here; a search states its limit itself.

    Raises:
        CallFailed: the writer refused or did not answer.
    """
    if "page_size" in request.DESCRIPTOR.fields_by_name:
        request.page_size = page_rows
    while True:
        response = connection.call(method, request)
        yield response
        if not response.next_page_token:
            return
        request.page_token = response.next_page_token


def entities(
    connection: Connection,
    method: Callable[..., Any],
    request: Any,
    field: str,
    page_rows: int = PAGE_ROWS,
) -> Iterator[Any]:
    """All entities of a list, from the responses' field of this name; else like `pages`."""
    for response in pages(connection, method, request, page_rows):
        yield from getattr(response, field)
