"""Reads PostgreSQL for the writer: always the newest revision."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain import rules
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.relinking import Moved
from cqar_shared.domain.working_set import LookupKey, Stored
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.lists import paging
from cqar_shared.lists.filters import Filter, equal, passes_all, unstorable
from cqar_shared.lists.paging import ListPage
from cqar_shared.redis_store.cache import Cache
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.sql import entity_queries, row_check
from cqar_shared.sql.tables import table_of
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.reads import entity_history, merge_history
from cqar_writer.reads.cached import RedisReader
from cqar_writer.store import entity_rows, finding_rows, reject_rows, search
from cqar_writer.store.asset_price_rows import find_prices
from cqar_writer.store.finding_rows import FindingFilter, ListedFinding
from cqar_writer.store.upcoming_rows import UpcomingRow, find_upcoming
from cqar_writer.store.voided_listings import VoidedListings, VoidedMatches

#: Hits of a search without a limit.
SEARCH_LIMIT: Final = 20
#: A hit's score is at most 5000.
SCORE_DIGITS_MAX: Final = 4


class RegistryReader:
    """Reads PostgreSQL at one revision.

    Attributes:
        position: That revision.
    """

    def __init__(self, tx: AsyncConnection, position: LogPosition) -> None:
        self._tx = tx
        self.position = position

    async def get(self, kind: AnyKind, key: str) -> Any:
        """Return the kind's message of an entity.

        Raises:
            EntityNotFound: There is no such entity.
        """
        entities = await entity_rows.load(self._tx, [(kind.name, key)])
        if not entities:
            raise EntityNotFound(kind.name, key)
        return message_of(kind, entities[kind.name, key])

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        """Return the messages of those that exist, once each, in the order of their keys."""
        entities = await entity_rows.load(self._tx, sorted({(kind.name, key) for key in keys}))
        return [message_of(kind, entities[ref]) for ref in sorted(entities)]

    async def exists(self, kind: AnyKind, key: str) -> bool:
        return bool(await entity_rows.load(self._tx, [(kind.name, key)]))

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        rows = await entity_rows.page(self._tx, kind, [], None, limit)
        return ["/".join(parts) for parts, _ in rows]

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        return (await self.find_each(kind, lookup, [values]))[values]

    async def find_each(
        self, kind: AnyKind, lookup: str, values: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        """Return what `find` finds for each of the values, by one SQL query."""
        lookups = [LookupKey(kind.name, lookup, each) for each in values]
        found = await entity_rows.find(self._tx, kind, lookup, lookups)
        return {
            each.values: [message_of(kind, stored) for stored in entities.values()]
            for each, entities in found.items()
        }

    async def stored(self, kind: AnyKind, lookup: str, *values: Any) -> list[Stored]:
        """Return what `find` finds, as it is stored."""
        key = LookupKey(kind.name, lookup, values)
        return list((await entity_rows.find(self._tx, kind, lookup, [key]))[key].values())

    async def voided(self, known: VoidedListings, venue_id: str, spelling: str) -> VoidedMatches:
        """Return the removed listings of a venue's spelling."""
        return await known.find(self._tx, self.position.epoch, venue_id, spelling)

    async def states(self, kind: AnyKind, key: str) -> AsyncGenerator[bytes, None]:
        """Yield an entity as each of its changes left it, newest first; empty: removed.

        Raises:
            EntityNotFound: The entity never existed.
        """
        entries = entity_history.entries_of(self._tx, (kind.name, key), None)
        async with aclosing(entries):
            async for entry in entries:
                yield entry.after

    async def has_more_referrers(self, kind: AnyKind, key: str, limit: int) -> bool:
        """Return whether more than `limit` rows refer to an entity."""
        return await entity_rows.has_more_referrers(self._tx, kind, key, limit)

    async def rejects(
        self, venue_id: str, spelling: str, after: Sequence[Any] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Return counts of refused orders; see `reject_rows.page`."""
        return await reject_rows.page(self._tx, venue_id, spelling, after, limit)

    async def moved_by_merge(self, asset_id: str) -> list[Moved]:
        """Return what the newest merge of an asset changed."""
        return await merge_history.moved_by_merge(self._tx, asset_id)

    async def terms(self, listing_id: str, moment: dt.datetime) -> bytes | None:
        """Return a serialised listing as it was at a moment; None if nobody knows."""
        (payload,) = await entity_queries.terms_at(self._tx, [(listing_id, moment)])
        return payload

    async def upcoming(
        self,
        now: dt.datetime,
        until: dt.datetime,
        after: tuple[dt.datetime, str],
        limit: int,
        venue_id: str,
    ) -> list[UpcomingRow]:
        """Return the first instants at which something comes of listings; see `upcoming_rows`."""
        return await find_upcoming(self._tx, now, until, after, limit, venue_id)

    async def findings(
        self, wanted: FindingFilter, after: tuple[dt.datetime, str] | None, limit: int
    ) -> list[ListedFinding]:
        """Return the newest findings that pass; see `finding_rows`."""
        return await finding_rows.find(self._tx, wanted, after, limit)

    async def finding_counts(self, wanted: FindingFilter) -> dict[str, int]:
        """Return how many findings pass, by kind."""
        return await finding_rows.count_kinds(self._tx, wanted)

    async def prices(
        self,
        taken_from: dt.datetime | None,
        taken_until: dt.datetime | None,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[tuple[tuple[str, str], bytes]]:
        """Return (key, payload) of prices of assets; see `asset_price_rows`."""
        return await find_prices(self._tx, taken_from, taken_until, after, limit)

    async def page(
        self, kind: AnyKind, filters: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        page = paging.page_request(kind, filters, size, token)
        conditions = [each.condition(kind) for each in filters]
        total = await entity_rows.count(self._tx, kind, conditions)
        page.require_answerable(total)
        rows = await entity_rows.page(self._tx, kind, conditions, page.after, page.limit + 1)
        return page.cut(total, [(key, _listed(kind, filters, key, row)) for key, row in rows])

    async def search(
        self, kind: AnyKind, query: str, where: Mapping[str, Any], limit: int, token: str
    ) -> tuple[list[Any], str]:
        """Return the entities that a query finds, best first, `limit` of them (20 if 0).

        Returns:
            Their messages, and the token of the next page, empty on the last.

        Raises:
            Invalid: The query is empty or too long, the limit is out of range, or the token is
                of another query.
        """
        violations = list(rules.check_printable("query", query))
        if not 0 <= limit <= paging.PAGE_MAX:
            violations.append(
                FieldViolation("limit", "OUT_OF_RANGE", f"must be 0 to {paging.PAGE_MAX}")
            )
        columns = {name: value for name, value in where.items() if name in table_of(kind).c}
        violations += unstorable(kind, equal(columns))
        if violations:
            raise Invalid(violations)
        query_id = paging.query_id_of("search", kind.name, query, sorted(where.items()))
        last = _last_hit(token, query_id, kind) if token else None
        limit = limit or SEARCH_LIMIT
        hits = await search.search(self._tx, kind, query, where, last, limit + 1)
        shown = hits[:limit]
        messages = [kind.message.FromString(hit.payload) for hit in shown]
        if len(hits) <= limit:
            return messages, ""
        return messages, paging.make_token(query_id, [str(shown[-1].score), shown[-1].key])


def _listed(kind: AnyKind, filters: Sequence[Filter], key: list[str], payload: bytes) -> Any:
    """Return the message of an entity that a list found.

    Raises:
        DataLoss: By what the entity says itself, it does not pass the filters.
    """
    whole = "/".join(key)
    message = row_check.require_own(kind, whole, payload)
    if not passes_all(filters, message):
        raise row_check.altered(kind.table, whole)
    return message


def message_of(kind: AnyKind, stored: Stored) -> Any:
    return kind.message.FromString(stored.payload)


class Reads:
    """Begins reads.

    Args:
        database: Judges whether `engine` leads to the registry's database; None: by these reads
            alone.
        cache: None where there is no Redis.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        database: PrimaryDatabase | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._cache = cache

    def cached(self) -> RedisReader:
        return RedisReader(self._cache, self._database.newest)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[RegistryReader]:
        """Yield a reader of one revision, however many reads an answer takes.

        Raises:
            ServiceNotReady: The database is not the registry's current one.
        """
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield RegistryReader(tx, position_of(await self._database.place(tx)))


def _last_hit(token: str, query_id: bytes, kind: AnyKind) -> tuple[int, str]:
    """Return score and key of the last hit of the page before."""
    score, key = paging.token_parts(token, query_id, 2)
    if not entity_queries.storable(table_of(kind).c[kind.key[0]], key):
        raise paging.other_query()
    return paging.whole_number(score, SCORE_DIGITS_MAX), key
