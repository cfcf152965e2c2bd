"""Every table that is read, against what the change sets made: nothing otherwise, missing or extra.

All in one view of PostgreSQL. Rows that are compared are asked for by their keys; that there are no
others, their number says.
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

#: Told how many entities are compared.
Progress = Callable[[int], None]


class TableAudit:
    """Compares them.

    Args:
        connection: In a transaction with one view.
    """

    def __init__(self, connection: Any, state: ReplayedState, differences: Differences) -> None:
        self._connection = connection
        self._state = state
        self._differences = differences
        #: When listings that had no instant were given one.
        self._dated: dt.datetime | None = None
        #: Table -> how many of its rows the change sets make, and how many of those are there.
        self._expected: Counter[str] = Counter()
        self._found: Counter[str] = Counter()

    async def compare(self, told: Progress) -> None:
        """All of them.

        Raises:
            TooManyDifferences: More differs than is worth looking at.
        """
        await self._date_terms()
        done = 0
        order = {kind.name: place for place, kind in enumerate(KINDS)}
        for name in sorted(self._state.kinds(), key=lambda name: order.get(name, len(order))):
            for some in self._state.of_kind(name):
                await self._compare_current(name, some)
                if name in KIND_BY_NAME:
                    await self._compare_rows(KIND_BY_NAME[name], some)
                done += len(some)
                told(done)
        for terms in self._state.terms():
            await self._compare_terms(terms)
        await self._require_no_more()

    async def _date_terms(self) -> None:
        """Read when listings that had no instant were given one, by the migration that did so.

        No change set says when that was: it was once, so the first of them says it of all.
        """
        if undated := self._state.undated():
            self._dated = await self._connection.fetchval(_MIGRATED_AT, undated)
            if self._dated is not None:
                self._state.date_terms(us_of(self._dated))

    # ------------------------------------------------------------ what is to be there

    async def _compare_current(self, kind: str, some: list[ReplayedEntity]) -> None:
        found = await self._connection.fetch(_CURRENT, kind, [one.key for one in some])
        by_key = {row["key"]: row for row in found}
        self._note("current", len(some), len(by_key))
        for one in some:
            where, row = f"{kind}/{one.key}", by_key.get(one.key)
            if row is None:
                self._differences.add("current", where, MISSING)
                continue
            for name in ("revision", "payload", "deleted", "archived"):
                if row[name] != getattr(one, name):
                    self._differences.add("current", where, name)

    async def _compare_rows(self, kind: AnyKind, some: list[ReplayedEntity]) -> None:
        found = (entity_of(kind.name, one) for one in some)
        entities = [self._as_migrated(entity) for entity in found if entity is not None]
        for name, given in rows.rows_of(kind, entities).items():
            if given:
                query = rows.differing(metadata.tables[name], "CAST($1 AS json)")
                differing = await self._connection.fetch(query, rows.document(given))
                missing = sum(row["found"] is None for row in differing)
                self._note(name, len(given), len(given) - missing)
                for row in differing:
                    self._add_row(name, row)

    def _as_migrated(self, entity: Entity) -> Entity:
        """The entity as its row has it: the migration dated rows, and no payloads."""
        if self._dated is None or not isinstance(entity, VenueSymbol) or entity.terms_since:
            return entity
        if not self._state.is_undated_since(entity.listing_id, us_of(self._dated)):
            return entity
        return msgspec.structs.replace(entity, terms_since=self._dated)

    def _add_row(self, table: str, row: Any) -> None:
        if row["found"] is None:
            self._differences.add(table, row["key"], MISSING)
            return
        found, expected = _columns(row["found"]), _columns(row["expected"])
        for name in found:
            if found[name] != expected.get(name):
                self._differences.add(table, row["key"], name)

    async def _compare_terms(self, some: list[RecordedTerms]) -> None:
        ids = [one.listing_id for one in some]
        moments = [_EPOCH + dt.timedelta(microseconds=one.since_us) for one in some]
        found = {
            (row["listing_id"], row["since"]): row["payload"]
            for row in await self._connection.fetch(_TERMS, ids, moments)
        }
        self._note("listing_terms", len(some), len(found))
        for one, moment in zip(some, moments, strict=True):
            payload = found.get((one.listing_id, moment))
            if payload != one.payload:
                where = f"{one.listing_id}/{moment}"
                what = MISSING if payload is None else "payload"
                self._differences.add("listing_terms", where, what)

    def _note(self, table: str, expected: int, found: int) -> None:
        self._expected[table] += expected
        self._found[table] += found

    # ------------------------------------------------------------ what is not

    async def _require_no_more(self) -> None:
        names = [name for kind in KINDS for name in (kind.table, *kind.child_tables)]
        for name in ("current", *names, "listing_terms"):
            count = await self._connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608
            if count > self._found[name]:
                await self._add_extra(name)

    async def _add_extra(self, table: str) -> None:
        """Name rows that nothing makes: seldom, so each row is looked at."""
        is_made = {"current": self._makes_current, "listing_terms": self._makes_terms}
        kind = next((k for k in KINDS if table in {k.table, *k.child_tables}), None)
        if kind is not None:
            owner = f"{entity_queries.key_sql(kind)} AS owner, "
        keys = [column.name for column in metadata.tables[table].primary_key]
        order = " || '/' || ".join(f"t.{name}::text" for name in keys)
        query = f"SELECT {owner if kind else ''}{order} AS pk, t.* FROM {table} t"  # noqa: S608
        async for row in self._connection.cursor(query, prefetch=ROWS_AT_ONCE):
            made = self._makes(kind, table, row) if kind else is_made[table](row)
            if not made:
                self._differences.add(table, row["pk"], EXTRA)

    def _makes_current(self, row: Any) -> bool:
        return self._state.get((row["kind"], row["key"])) is not None

    def _makes_terms(self, row: Any) -> bool:
        return self._state.has_terms(str(row["listing_id"]), us_of(row["since"]))

    def _makes(self, kind: AnyKind, table: str, row: Any) -> bool:
        held = self._state.get((kind.name, row["owner"]))
        entity = entity_of(kind.name, held)
        if entity is None:
            return False
        made = rows.rows_of(kind, [entity])[table]
        return row["pk"] in {_key_of(metadata.tables[table], one) for one in made}


def _key_of(table: sa.Table, row: rows.Given) -> str:
    names: Iterable[str] = (column.name for column in table.primary_key)
    return "/".join(str(row[n] if isinstance(row, dict) else getattr(row, n)) for n in names)


def _columns(row: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row, parse_float=Decimal)
    return found
