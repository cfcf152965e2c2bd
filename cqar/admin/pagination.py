"""Lists read to their end, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from cqar.admin.connection import Connection

#: The most that the writer gives at once.
PAGE_ROWS: Final = 1_000


def pages(connection: Connection, method: Callable[..., Any], request: Any) -> Iterator[Any]:
    """All answers of a list.

    They need not be of one revision: what changes meanwhile is in one of them, or in none.

    Args:
        request: Without page size and token; it gets them.

    Raises:
        CallFailed: Refused or not answered.
    """
    request.page_size = PAGE_ROWS
    while True:
        answer = connection.call(method, request)
        yield answer
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def entities(
    connection: Connection, method: Callable[..., Any], request: Any, field: str
) -> Iterator[Any]:
    """All that a list holds, in the answers' field of this name; else as `answers`."""
    for answer in pages(connection, method, request):
        yield from getattr(answer, field)
