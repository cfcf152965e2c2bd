"""Pages of lists: sizes, tokens, and lists that are answered whole.

A token is opaque and of one query only. Every service reads it alike: a list goes on at any other
service that is at the same revision.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.lists.filters import Filter, require_storable
from cqar_shared.sql import entity_queries
from cqar_shared.sql.tables import table_of

PAGE_MAX: Final = 1_000
#: Without a page size a list is answered whole or refused, never cut without a word.
WHOLE_MAX: Final = 5_000
_SEAL_BYTES: Final = 8


class ListPage(NamedTuple):
    """One page of a list, in key order.

    Attributes:
        next_token: Empty on the last page.
        total: The number of entities that match, on all pages.
    """

    messages: list[Any]
    next_token: str
    total: int


class PageRequest(NamedTuple):
    """A valid request for a page.

    Attributes:
        filters: What the entities must pass.
        query_id: Names the list, so that a token of another list is refused.
        after: The last key of the page before, in parts; None for the first page.
        limit: The number of entities on the page, at most.
        is_whole: The whole list was asked for.
    """

    kind: AnyKind
    filters: Sequence[Filter]
    query_id: bytes
    after: list[str] | None
    limit: int
    is_whole: bool

    def require_answerable(self, total: int) -> None:
        """Refuse to answer a whole list that is too long.

        Raises:
            TooLarge: The whole list was asked for, and has more than `WHOLE_MAX` entities.
        """
        if self.is_whole:
            require_whole(total)

    def cut(self, total: int, entities: Sequence[tuple[list[str], Any]]) -> ListPage:
        """Make the page.

        Args:
            total: The number of entities that pass the filters.
            entities: Key, in parts, and message of the entities after `after`: `limit`, and one
                more if there is one.
        """
        shown = entities[: self.limit]
        is_last = len(entities) <= self.limit
        token = "" if is_last else make_token(self.query_id, shown[-1][0])
        return ListPage([message for _, message in shown], token, total)


def check_page_size(size: int, most: int = PAGE_MAX) -> Iterator[FieldViolation]:
    """Check the size of a page that a request states; 0 leaves it to the method."""
    if not 0 <= size <= most:
        yield FieldViolation("page_size", "OUT_OF_RANGE", f"must be 0 to {most}")


def page_request(kind: AnyKind, filters: Sequence[Filter], size: int, token: str) -> PageRequest:
    """Read what a request says of a page.

    Args:
        kind: The kind listed.
        filters: What entities must pass.
        size: At most `PAGE_MAX`; 0 asks for the whole list.
        token: From the page before; empty for the first.

    Raises:
        Invalid: The size is out of range, a filter's value cannot exist, or the token is of
            another list.
    """
    if violations := [*check_page_size(size)]:
        raise Invalid(violations)
    require_storable(kind, filters)
    query_id = query_id_of("list", kind.name, sorted((f.field, f.value) for f in filters))
    after = _key_in(token, query_id, kind) if token else None
    return PageRequest(kind, filters, query_id, after, size or WHOLE_MAX, is_whole=not size)


def require_whole(total: int) -> None:
    """Refuse to answer a whole list that is too long.

    Raises:
        TooLarge: The list has more than `WHOLE_MAX` entities.
    """
    if total > WHOLE_MAX:
        raise TooLarge(f"{total} match; at most {WHOLE_MAX} come at once: set page_size")


def _key_in(token: str, query_id: bytes, kind: AnyKind) -> list[str]:
    columns = [table_of(kind).c[name] for name in kind.key]
    key = token_parts(token, query_id, len(columns))
    if not all(map(entity_queries.storable, columns, key)):
        raise other_query()
    return key


# ------------------------------------------------------------ tokens


def query_id_of(*query: Any) -> bytes:
    """Name a query, so that a token of another is refused."""
    return repr(query).encode()


def make_token(query_id: bytes, parts: Sequence[str]) -> str:
    """Return the token that says where a query goes on; only the last part may hold a slash."""
    body = "/".join(parts).encode()
    return base64.urlsafe_b64encode(_seal(query_id, body) + body).decode()


def token_parts(token: str, query_id: bytes, count: int) -> list[str]:
    """Return the parts that `make_token` was given.

    Raises:
        Invalid: This is no token, or one of another query.
    """
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        seal, body = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        parts = body.decode().split("/", count - 1)
    except (binascii.Error, UnicodeError, ValueError):
        raise other_query() from None
    if seal != _seal(query_id, body) or len(parts) != count:
        raise other_query()
    return parts


def _seal(query_id: bytes, body: bytes) -> bytes:
    """Return what a token of another query, or a damaged one, does not have."""
    return hashlib.sha256(hashlib.sha256(query_id).digest() + body).digest()[:_SEAL_BYTES]


def whole_number(text: str, digits_max: int) -> int:
    """Read a part that is a number.

    Raises:
        Invalid: The part is no number of at most `digits_max` digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= digits_max):
        raise other_query()
    return int(text)


def other_query() -> Invalid:
    return Invalid([FieldViolation("page_token", "OTHER_QUERY", "is not a token of this query")])
