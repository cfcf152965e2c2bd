"""The writer's reads from PostgreSQL: always the newest."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain import rules
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.working_set import LookupKey, Stored
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.lists import filters, page_tokens, paging
from cqar_shared.lists.filters import Filter
from cqar_shared.lists.paging import ListPage
from cqar_shared.redis_store.cache import Cache
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.sql import entity_queries, row_check
from cqar_shared.sql.tables import table_of
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.reads.cached import RedisReader
from cqar_writer.store import entity_rows, search
from cqar_writer.store.voided_listings import Voided, VoidedListings

#: What a search without a limit answers.
SEARCH_LIMIT: Final = 20
#: A hit's score is at most 5000.
SCORE_DIGITS_MAX: Final = 4


class RegistryReader:
    """The registry at one revision.

    Attributes:
        position: Where it stands.
    """

    def __init__(self, tx: AsyncConnection, position: LogPosition) -> None:
        self._tx = tx
        self.position = position

    async def get(self, kind: AnyKind, key: str) -> Any:
        """The kind's message of an entity.

        Raises:
            NotFound: There is none.
        """
        found = await entity_rows.load(self._tx, [(kind.name, key)])
        if not found:
            raise EntityNotFound(kind.name, key)
        return message_of(kind, found[kind.name, key])

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        """The messages of those that exist, once each, in the order of their keys."""
        found = await entity_rows.load(self._tx, sorted({(kind.name, key) for key in keys}))
        return [message_of(kind, found[ref]) for ref in sorted(found)]

    async def exists(self, kind: AnyKind, key: str) -> bool:
        return bool(await entity_rows.load(self._tx, [(kind.name, key)]))

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        rows = await entity_rows.page(self._tx, kind, [], None, limit)
        return ["/".join(parts) for parts, _ in rows]

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        return (await self.find_each(kind, lookup, [values]))[values]

    async def find_each(
        self, kind: AnyKind, lookup: str, wanted: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        """For each of the values what `find` finds, by one query."""
        finds = [LookupKey(kind.name, lookup, values) for values in wanted]
        found = await entity_rows.find(self._tx, kind, lookup, finds)
        return {
            find.values: [message_of(kind, stored) for stored in entities.values()]
            for find, entities in found.items()
        }

    async def stored(self, kind: AnyKind, lookup: str, *values: Any) -> list[Stored]:
        """What `find` finds, as it is kept."""
        wanted = LookupKey(kind.name, lookup, values)
        return list((await entity_rows.find(self._tx, kind, lookup, [wanted]))[wanted].values())

    async def voided(self, known: VoidedListings, venue_id: str, spelling: str) -> Voided:
        """The removed listings of a venue's spelling."""
        return await known.find(self._tx, self.position.epoch, venue_id, spelling)

    async def terms(self, listing_id: str, moment: dt.datetime) -> bytes | None:
        """Return a serialised listing as it was at a moment; None if nobody knows."""
        (payload,) = await entity_queries.terms_at(self._tx, [(listing_id, moment)])
        return payload

    async def page(
        self, kind: AnyKind, wanted: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        asked = paging.asked_for(kind, wanted, size, token)
        conditions = [f.condition(kind) for f in wanted]
        total = await entity_rows.count(self._tx, kind, conditions)
        asked.require_answerable(total)
        rows = await entity_rows.page(self._tx, kind, conditions, asked.after, asked.most + 1)
        return asked.page(total, [(key, _listed(kind, wanted, key, row)) for key, row in rows])

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
        if not 0 <= limit <= paging.PAGE_MAX:
            violations.append(
                FieldViolation("limit", "OUT_OF_RANGE", f"must be 0 to {paging.PAGE_MAX}")
            )
        columns = {name: value for name, value in where.items() if name in table_of(kind).c}
        violations += filters.unstorable(kind, filters.equal(columns))
        if violations:
            raise Invalid(violations)
        mark = page_tokens.mark_of("search", kind.name, query, sorted(where.items()))
        last = _hit_in(token, mark, kind) if token else None
        most = limit or SEARCH_LIMIT
        hits = await search.search(self._tx, kind, query, where, last, most + 1)
        shown = hits[:most]
        messages = [kind.message.FromString(hit.payload) for hit in shown]
        if len(hits) <= most:
            return messages, ""
        return messages, page_tokens.make(mark, [str(shown[-1].score), shown[-1].key])


def _listed(kind: AnyKind, wanted: Sequence[Filter], key: list[str], payload: bytes) -> Any:
    """The message of an entity that a list found.

    Raises:
        DataLoss: It is not what the list asks for, by what it says itself.
    """
    whole = "/".join(key)
    message = row_check.require_own(kind, whole, payload)
    if not filters.passes_all(wanted, message):
        raise row_check.altered(kind.table, whole)
    return message


def message_of(kind: AnyKind, stored: Stored) -> Any:
    return kind.message.FromString(stored.payload)


class Reads:
    """Where reads begin.

    Args:
        database: Judges what `engine` leads to; None: by what is read here alone.
        cache: None where there is no Redis.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        database: PrimaryDatabase | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._cache = cache

    def cached(self) -> RedisReader:
        return RedisReader(self._cache, self._database.newest)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[RegistryReader]:
        """A view of one revision, however many reads an answer takes.

        Raises:
            NotReady: The database is not the registry's as it stands.
        """
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield RegistryReader(tx, position_of(await self._database.place(tx)))


def _hit_in(token: str, mark: bytes, kind: AnyKind) -> tuple[int, str]:
    """Score and key of the last hit of the page before."""
    score, key = page_tokens.parts_in(token, mark, 2)
    if not entity_queries.storable(table_of(kind).c[kind.key[0]], key):
        raise page_tokens.other_query()
    return page_tokens.whole_number(score, SCORE_DIGITS_MAX), key
