"""Compares every table that is read with the replayed state: altered, missing and extra rows.

Everything is read in one database snapshot. Rows are fetched by key; a table with more rows than
the state produces has extra ones.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from cqar.admin.audit_differences import EXTRA, MISSING, Differences
from cqar.admin.audit_replay import entity_of, us_of
from cqar.admin.audit_state import RecordedTerms, ReplayedEntity, ReplayedState
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol
from cqar_shared.sql import entity_queries, rows
from cqar_shared.sql.tables import metadata

ROWS_AT_ONCE: Final = 1_000

_CURRENT: Final = """
    SELECT key, revision, payload, deleted, archived FROM current WHERE kind = $1 AND key = ANY($2)
"""
_TERMS: Final = """
    SELECT l.listing_id::text, l.since, l.payload FROM listing_terms l
    JOIN unnest($1::uuid[], $2::timestamptz[]) AS w(listing_id, since)
    ON l.listing_id = w.listing_id AND l.since = w.since
"""
_MIGRATED_AT: Final = "SELECT min(since) FROM listing_terms WHERE listing_id = ANY($1::uuid[])"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: Takes the number of entities compared so far.
Progress = Callable[[int], None]


class TableAudit:
    """Compares all tables.

    Args:
        connection: In the audit's transaction.
    """

    def __init__(self, connection: Any, state: ReplayedState, differences: Differences) -> None:
        self._connection = connection
        self._state = state
        self._differences = differences
        #: When the migration gave a time to terms that had none.
        self._migrated_at: dt.datetime | None = None
        #: Table -> number of rows that the state produces, and of those that exist.
        self._expected: Counter[str] = Counter()
        self._existing: Counter[str] = Counter()

    async def compare(self, progress: Progress) -> None:
        """Compare all tables.

        Raises:
            TooManyDifferences: the audit stops.
        """
        await self._date_terms()
        done = 0
        order = {kind.name: index for index, kind in enumerate(KINDS)}
        for name in sorted(self._state.kinds(), key=lambda name: order.get(name, len(order))):
            for batch in self._state.of_kind(name):
                await self._compare_current(name, batch)
                if name in KIND_BY_NAME:
                    await self._compare_rows(KIND_BY_NAME[name], batch)
                done += len(batch)
                progress(done)
        for terms in self._state.terms():
            await self._compare_terms(terms)
        await self._require_no_extra()

    async def _date_terms(self) -> None:
        """Read when the migration gave a time to terms that had none.

        No change set records it. The migration gave all of them the same time, so one row tells it.
        """
        if undated := self._state.undated():
            self._migrated_at = await self._connection.fetchval(_MIGRATED_AT, undated)
            if self._migrated_at is not None:
                self._state.date_terms(us_of(self._migrated_at))

    # ------------------------------------------------------------ rows that must exist

    async def _compare_current(self, kind: str, batch: list[ReplayedEntity]) -> None:
        fetched = await self._connection.fetch(_CURRENT, kind, [entity.key for entity in batch])
        by_key = {row["key"]: row for row in fetched}
        self._count("current", len(batch), len(by_key))
        for entity in batch:
            where, row = f"{kind}/{entity.key}", by_key.get(entity.key)
            if row is None:
                self._differences.add("current", where, MISSING)
                continue
            for name in ("revision", "payload", "deleted", "archived"):
                if row[name] != getattr(entity, name):
                    self._differences.add("current", where, name)

    async def _compare_rows(self, kind: AnyKind, batch: list[ReplayedEntity]) -> None:
        decoded = (entity_of(kind.name, replayed) for replayed in batch)
        entities = [self._as_migrated(entity) for entity in decoded if entity is not None]
        for name, expected in rows.rows_of(kind, entities).items():
            if expected:
                query = rows.differing(metadata.tables[name], "CAST($1 AS json)")
                differing = await self._connection.fetch(query, rows.document(expected))
                missing = sum(row["found"] is None for row in differing)
                self._count(name, len(expected), len(expected) - missing)
                for row in differing:
                    self._add_row(name, row)

    def _as_migrated(self, entity: Entity) -> Entity:
        """The entity as its row has it: the migration changed rows, not payloads."""
        if self._migrated_at is None or not isinstance(entity, VenueSymbol) or entity.terms_since:
            return entity
        if not self._state.is_undated_since(entity.listing_id, us_of(self._migrated_at)):
            return entity
        return msgspec.structs.replace(entity, terms_since=self._migrated_at)

    def _add_row(self, table: str, row: Any) -> None:
        if row["found"] is None:
            self._differences.add(table, row["key"], MISSING)
            return
        stored, expected = _columns(row["found"]), _columns(row["expected"])
        for name in stored:
            if stored[name] != expected.get(name):
                self._differences.add(table, row["key"], name)

    async def _compare_terms(self, batch: list[RecordedTerms]) -> None:
        ids = [terms.listing_id for terms in batch]
        times = [_EPOCH + dt.timedelta(microseconds=terms.since_us) for terms in batch]
        payloads = {
            (row["listing_id"], row["since"]): row["payload"]
            for row in await self._connection.fetch(_TERMS, ids, times)
        }
        self._count("listing_terms", len(batch), len(payloads))
        for terms, since in zip(batch, times, strict=True):
            payload = payloads.get((terms.listing_id, since))
            if payload != terms.payload:
                where = f"{terms.listing_id}/{since}"
                what = MISSING if payload is None else "payload"
                self._differences.add("listing_terms", where, what)

    def _count(self, table: str, expected: int, existing: int) -> None:
        self._expected[table] += expected
        self._existing[table] += existing

    # ------------------------------------------------------------ rows that must not exist

    async def _require_no_extra(self) -> None:
        names = [name for kind in KINDS for name in (kind.table, *kind.child_tables)]
        for name in ("current", *names, "listing_terms"):
            count = await self._connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608
            if count > self._existing[name]:
                await self._add_extra(name)

    async def _add_extra(self, table: str) -> None:
        """Report the table's extra rows. This is rare, so every row is looked at."""
        is_produced = {"current": self._produces_current, "listing_terms": self._produces_terms}
        kind = next((k for k in KINDS if table in {k.table, *k.child_tables}), None)
        if kind is not None:
            owner = f"{entity_queries.key_sql(kind)} AS owner, "
        keys = [column.name for column in metadata.tables[table].primary_key]
        order = " || '/' || ".join(f"t.{name}::text" for name in keys)
        query = f"SELECT {owner if kind else ''}{order} AS pk, t.* FROM {table} t"  # noqa: S608
        async for row in self._connection.cursor(query, prefetch=ROWS_AT_ONCE):
            produced = self._produces(kind, table, row) if kind else is_produced[table](row)
            if not produced:
                self._differences.add(table, row["pk"], EXTRA)

    def _produces_current(self, row: Any) -> bool:
        return self._state.get((row["kind"], row["key"])) is not None

    def _produces_terms(self, row: Any) -> bool:
        return self._state.has_terms(str(row["listing_id"]), us_of(row["since"]))

    def _produces(self, kind: AnyKind, table: str, row: Any) -> bool:
        entity = entity_of(kind.name, self._state.get((kind.name, row["owner"])))
        if entity is None:
            return False
        expected = rows.rows_of(kind, [entity])[table]
        return row["pk"] in {_key_of(metadata.tables[table], given) for given in expected}


def _key_of(table: sa.Table, row: rows.Given) -> str:
    names: Iterable[str] = (column.name for column in table.primary_key)
    return "/".join(str(row[n] if isinstance(row, dict) else getattr(row, n)) for n in names)


def _columns(row: str) -> dict[str, Any]:
    columns: dict[str, Any] = json.loads(row, parse_float=Decimal)
    return columns
