"""The writer's reads from PostgreSQL: always the newest."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared import rules
from shared.cache import Cache
from shared.errors import Invalid, NotFound, TooLarge, Violation
from shared.history import Position
from shared.kind import AnyKind
from shared.working_set import Find, Stored
from writer import search, store
from writer.cached import CachedReading
from writer.newest import Newest

PAGE_MAX: Final = 1_000
#: Without a page size a list is answered whole or refused, never cut without a word.
WHOLE_MAX: Final = 5_000
#: What a search without a limit answers.
SEARCH_LIMIT: Final = 20


class Page(NamedTuple):
    """One page of a list, in key order.

    Attributes:
        next_token: Empty on the last page.
        total: All that match, on whatever page.
    """

    messages: list[Any]
    next_token: str
    total: int


class Reading:
    """The registry at one revision.

    Attributes:
        position: Where it stands.
    """

    def __init__(self, tx: AsyncConnection, position: Position) -> None:
        self._tx = tx
        self.position = position

    async def get(self, kind: AnyKind, key: str) -> Any:
        """The kind's message of an entity.

        Raises:
            NotFound: There is none.
        """
        found = await store.load(self._tx, [(kind.name, key)])
        if not found:
            raise NotFound(kind.name, key)
        return message_of(kind, found[kind.name, key])

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        """The messages of those that exist, once each, in the order of their keys."""
        found = await store.load(self._tx, sorted({(kind.name, key) for key in keys}))
        return [message_of(kind, found[ref]) for ref in sorted(found)]

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        wanted = Find(kind.name, lookup, values)
        found = await store.find(self._tx, kind, lookup, [wanted])
        return [message_of(kind, stored) for stored in found[wanted].values()]

    async def page(
        self,
        kind: AnyKind,
        where: Mapping[str, Any],
        size: int,
        token: str,
        open_at: dt.datetime | None = None,
    ) -> Page:
        """Entities whose columns have these values, after the token's key.

        Args:
            kind: The kind listed.
            where: Column -> value; None matches anything.
            size: At most `PAGE_MAX`; 0 asks for all there is.
            token: Of the page before; empty for the first.
            open_at: Only rows that have not ended at this instant.

        Raises:
            Invalid: The size is out of range, or the token is of another list.
            TooLarge: All was asked for and is more than `WHOLE_MAX`.
        """
        if not 0 <= size <= PAGE_MAX:
            raise Invalid([Violation("page_size", "OUT_OF_RANGE", f"must be 0 to {PAGE_MAX}")])
        conditions = [kind.table.c[name] == value for name, value in where.items() if value]
        if unstorable := next(_unstorable(kind, where), None):
            raise Invalid([unstorable])
        if open_at is not None:
            end = kind.table.c.delisted_at
            conditions.append(end.is_(None) | (end > open_at))
        mark = _mark(kind, where, str(open_at is None))
        after = _key_in(token, mark, kind) if token else None
        total = await store.count(self._tx, kind, conditions)
        if not size and total > WHOLE_MAX:
            raise TooLarge(f"{total} match; at most {WHOLE_MAX} come at once: set page_size")
        most = size or WHOLE_MAX
        rows = await store.page(self._tx, kind, conditions, after, most + 1)
        messages = [kind.message.FromString(payload) for _, payload in rows[:most]]
        token = _token(mark, rows[most - 1][0]) if len(rows) > most else ""
        return Page(messages, token, total)

    async def search(
        self, kind: AnyKind, query: str, where: Mapping[str, Any], limit: int, token: str
    ) -> tuple[list[Any], str]:
        """The entities that a query finds, best first, `limit` of them (20 if 0).

        Returns:
            Their messages, and the token of the next page, empty on the last.

        Raises:
            Invalid: The query is empty or too long, the limit out of range, the token another's.
        """
        violations = list(rules.check_printable("query", query))
        if not 0 <= limit <= PAGE_MAX:
            violations.append(Violation("limit", "OUT_OF_RANGE", f"must be 0 to {PAGE_MAX}"))
        columns = {name: value for name, value in where.items() if name in kind.table.c}
        violations += _unstorable(kind, columns)
        if violations:
            raise Invalid(violations)
        mark = _mark(kind, {**where, "query": query}, "search")
        after = _parts_in(token, mark) if token else None
        if after is not None and not (len(after) == 2 and after[0].isdigit()):
            raise _other_query()
        most = limit or SEARCH_LIMIT
        last = (int(after[0]), after[1]) if after else None
        hits = await search.search(self._tx, kind, query, where, last, most + 1)
        shown = hits[:most]
        messages = [kind.message.FromString(hit.payload) for hit in shown]
        last_shown = [str(shown[-1].score), shown[-1].key] if len(hits) > most else None
        return messages, _token(mark, last_shown) if last_shown else ""


def _unstorable(kind: AnyKind, where: Mapping[str, Any]) -> Iterator[Violation]:
    """What is asked for and no column of a kind can hold."""
    for name, value in where.items():
        if not value or store.storable(kind.table.c[name], value):
            continue
        if not isinstance(value, str):
            yield Violation(name, "UNKNOWN", f"{value} is no value of this field")
        elif "\0" in value:
            yield Violation(name, "NUL", "holds a NUL character")
        else:
            yield Violation(name, "NOT_A_UUID", "is no UUID")


def message_of(kind: AnyKind, stored: Stored) -> Any:
    return kind.message.FromString(stored.payload)


class Reads:
    """Where reads begin.

    Args:
        cache: None where there is no Redis.
    """

    def __init__(
        self, engine: AsyncEngine, newest: Newest | None = None, cache: Cache | None = None
    ) -> None:
        self._engine = engine
        self._newest = newest or Newest()
        self._cache = cache

    def cached(self) -> CachedReading:
        return CachedReading(self._cache, self._newest)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Reading]:
        """A view of one revision, however many reads an answer takes."""
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            position = await store.read_position(tx)
            self._newest.note(position.epoch, position.revision)
            yield Reading(tx, position)


def _token(mark: bytes, key: list[str]) -> str:
    return base64.urlsafe_b64encode(mark + "/".join(key).encode()).decode()


def _mark(kind: AnyKind, where: Mapping[str, Any], what: str) -> bytes:
    """Names a query, so that a token of another is known."""
    return hashlib.sha256(repr((kind.name, sorted(where.items()), what)).encode()).digest()[:8]


def _parts_in(token: str, mark: bytes) -> list[str]:
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        parts = raw[len(mark) :].decode().split("/")
    except (binascii.Error, UnicodeError, ValueError):
        raw, parts = b"", []
    if raw[: len(mark)] != mark:
        raise _other_query()
    return parts


def _key_in(token: str, mark: bytes, kind: AnyKind) -> list[str]:
    key = _parts_in(token, mark)
    columns = [kind.table.c[name] for name in kind.key]
    if len(key) != len(columns) or not all(map(store.storable, columns, key)):
        raise _other_query()
    return key


def _other_query() -> Invalid:
    return Invalid([Violation("page_token", "OTHER_QUERY", "is not a token of this list")])
