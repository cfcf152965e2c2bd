"""The state that the replayed change sets produce, in a temporary SQLite file.

A million entities take about 500 MiB. SQLite keeps them in a private file that disappears with the
process (`SQLITE_TMPDIR` sets its folder), and caches 64 MiB of it in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from cqar_shared.domain.kind import Ref

CACHE_KIB: Final = 64 * 1024
#: Limits of a batch of entities to compare: their number and their payloads' size.
BATCH_ENTITIES: Final = 1_000
BATCH_BYTES: Final = 2 * 1024 * 1024

_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE entities (
        kind TEXT, key TEXT, revision INTEGER, payload BLOB, deleted INTEGER, archived INTEGER,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE terms (
        listing_id TEXT, since INTEGER, payload BLOB, PRIMARY KEY (listing_id, since)
    ) WITHOUT ROWID;
    CREATE TABLE undated (
        listing_id TEXT, committed INTEGER, payload BLOB, PRIMARY KEY (listing_id, committed)
    ) WITHOUT ROWID;
"""


class ReplayedEntity(NamedTuple):
    """An entity as its newest change set left it.

    Attributes:
        payload: Empty if the entity was removed.
        archived: Whether it is archived; then it is neither counted nor hashed.
    """

    key: str
    revision: int
    payload: bytes
    deleted: bool
    archived: bool

    @property
    def is_counted(self) -> bool:
        return not self.deleted and not self.archived


class RecordedTerms(NamedTuple):
    """A listing as it was from a time on.

    Attributes:
        since_us: Microseconds since 1970.
    """

    listing_id: str
    since_us: int
    payload: bytes


class ReplayedState:
    """Entities and listings' terms of one replay."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._file.executescript(_TABLES)
        self._file.execute("BEGIN")

    def close(self) -> None:
        self._file.close()

    def get(self, ref: Ref) -> ReplayedEntity | None:
        query = "SELECT key, revision, payload, deleted, archived FROM entities"
        row = self._file.execute(f"{query} WHERE kind = ? AND key = ?", ref).fetchone()
        return None if row is None else _entity_of_row(row)

    def put(self, kind: str, entity: ReplayedEntity) -> None:
        self._file.execute("REPLACE INTO entities VALUES (?, ?, ?, ?, ?, ?)", (kind, *entity))

    def kinds(self) -> list[str]:
        rows = self._file.execute("SELECT DISTINCT kind FROM entities ORDER BY kind")
        return [kind for (kind,) in rows]

    def count(self) -> int:
        (count,) = self._file.execute("SELECT count(*) FROM entities").fetchone()
        return int(count)

    def of_kind(self, kind: str) -> Iterator[list[ReplayedEntity]]:
        """All entities of a kind in the order of their keys, in batches."""
        query = "SELECT key, revision, payload, deleted, archived FROM entities"
        batch, size_bytes = [], 0
        for row in self._file.execute(f"{query} WHERE kind = ? ORDER BY key", (kind,)):
            batch.append(_entity_of_row(row))
            size_bytes += len(batch[-1].payload)
            if len(batch) >= BATCH_ENTITIES or size_bytes >= BATCH_BYTES:
                yield batch
                batch, size_bytes = [], 0
        if batch:
            yield batch

    # ------------------------------------------------------------ listings' terms

    def put_terms(self, terms: RecordedTerms) -> None:
        self._file.execute("REPLACE INTO terms VALUES (?, ?, ?)", terms)

    def put_undated(self, listing_id: str, committed_us: int, payload: bytes) -> None:
        """Record a listing, as a change set left it, from before terms had a time."""
        self._file.execute(
            "REPLACE INTO undated VALUES (?, ?, ?)", (listing_id, committed_us, payload)
        )

    def undated(self) -> list[str]:
        """Up to `BATCH_ENTITIES` ids of listings whose terms had no time."""
        query = "SELECT DISTINCT listing_id FROM undated LIMIT ?"
        return [listing_id for (listing_id,) in self._file.execute(query, (BATCH_ENTITIES,))]

    def is_undated_since(self, listing_id: str, since_us: int) -> bool:
        """Whether the listing's terms had no time then, and it did not change afterwards."""
        query = "SELECT max(committed) FROM undated WHERE listing_id = ?"
        (newest,) = self._file.execute(query, (listing_id,)).fetchone()
        return newest is not None and newest <= since_us

    def date_terms(self, since_us: int) -> None:
        """Record the terms of listings without a time as valid from this time on."""
        self._file.execute(
            "INSERT INTO terms SELECT listing_id, :since, payload FROM undated AS u"
            " WHERE committed = (SELECT max(committed) FROM undated"
            " WHERE listing_id = u.listing_id AND committed <= :since)",
            {"since": since_us},
        )

    def drop_terms(self, listing_id: str) -> None:
        for table in ("terms", "undated"):
            self._file.execute(f"DELETE FROM {table} WHERE listing_id = ?", (listing_id,))  # noqa: S608

    def has_terms(self, listing_id: str, since_us: int) -> bool:
        query = "SELECT 1 FROM terms WHERE listing_id = ? AND since = ?"
        return self._file.execute(query, (listing_id, since_us)).fetchone() is not None

    def count_terms(self) -> int:
        (count,) = self._file.execute("SELECT count(*) FROM terms").fetchone()
        return int(count)

    def terms(self) -> Iterator[list[RecordedTerms]]:
        """All terms in the order of listing and time, in batches."""
        cursor = self._file.execute("SELECT * FROM terms ORDER BY listing_id, since")
        while rows := cursor.fetchmany(BATCH_ENTITIES):
            yield [RecordedTerms(*row) for row in rows]


def _entity_of_row(row: tuple[str, int, bytes, int, int]) -> ReplayedEntity:
    key, revision, payload, deleted, archived = row
    return ReplayedEntity(key, revision, payload, bool(deleted), bool(archived))
