"""Pages of lists: their sizes, their tokens, and when all comes at once.

Whoever answers, a token says the same: it goes on at any other who is at the same revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.lists import filters, page_tokens
from cqar_shared.lists.filters import Filter
from cqar_shared.sql import entity_queries
from cqar_shared.sql.tables import table_of

PAGE_MAX: Final = 1_000
#: Without a page size a list is answered whole or refused, never cut without a word.
WHOLE_MAX: Final = 5_000


class ListPage(NamedTuple):
    """One page of a list, in key order.

    Attributes:
        next_token: Empty on the last page.
        total: All that match, on whatever page.
    """

    messages: list[Any]
    next_token: str
    total: int


class PageRequest(NamedTuple):
    """A page as it was asked for, where nothing was wrong with that.

    Attributes:
        filters: What the entities must pass.
        mark: Names the list, so that a token of another is known.
        after: The last key of the page before, in parts; None for the first page.
        most: Entities on it.
        is_whole: All there is was asked for.
    """

    kind: AnyKind
    filters: Sequence[Filter]
    mark: bytes
    after: list[str] | None
    most: int
    is_whole: bool

    def require_answerable(self, total: int) -> None:
        """Refuse to answer all at once where so many match.

        Raises:
            TooLarge: All was asked for, and is too much.
        """
        if self.is_whole:
            require_whole(total)

    def page(self, total: int, found: Sequence[tuple[list[str], Any]]) -> ListPage:
        """The page.

        Args:
            total: How many entities pass the filters.
            found: Key, in parts, and message of those after `after`: `most`, and one more if
                there is one.
        """
        more = (
            page_tokens.make(self.mark, found[self.most - 1][0]) if len(found) > self.most else ""
        )
        return ListPage([message for _, message in found[: self.most]], more, total)


def asked_for(kind: AnyKind, wanted: Sequence[Filter], size: int, token: str) -> PageRequest:
    """Read what a request says of a page.

    Args:
        kind: The kind listed.
        wanted: What entities must pass.
        size: At most `PAGE_MAX`; 0 asks for all there is.
        token: Of the page before; empty for the first.

    Raises:
        Invalid: The size is out of range, a filter asks for what cannot be, or the token is
            of another list.
    """
    if not 0 <= size <= PAGE_MAX:
        raise Invalid([FieldViolation("page_size", "OUT_OF_RANGE", f"must be 0 to {PAGE_MAX}")])
    filters.require_storable(kind, wanted)
    mark = page_tokens.mark_of("list", kind.name, sorted((f.field, f.value) for f in wanted))
    after = _key_in(token, mark, kind) if token else None
    return PageRequest(kind, wanted, mark, after, size or WHOLE_MAX, is_whole=not size)


def require_whole(total: int) -> None:
    """Refuse to answer all at once where that is too much.

    Raises:
        TooLarge: It is.
    """
    if total > WHOLE_MAX:
        raise TooLarge(f"{total} match; at most {WHOLE_MAX} come at once: set page_size")


def _key_in(token: str, mark: bytes, kind: AnyKind) -> list[str]:
    columns = [table_of(kind).c[name] for name in kind.key]
    key = page_tokens.parts_in(token, mark, len(columns))
    if not all(map(entity_queries.storable, columns, key)):
        raise page_tokens.other_query()
    return key
