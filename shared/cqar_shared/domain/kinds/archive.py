"""The entities that one revision archived: they left snapshots and are only in PostgreSQL.

Only the writer makes an archive, and nothing changes it. An entity in it may be live again; a
resolver that finds it here reads its present state from PostgreSQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec
from cqc.writer.v1 import archive_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, Lookup, RegistryView, Row
from cqar_shared.errors import FieldViolation


class ArchivedEntity(msgspec.Struct, frozen=True, kw_only=True):
    """One archived entity.

    Attributes:
        kind: symbol or venue_symbol.
        venue_id, venue_symbol: Set for a listing only.
    """

    kind: str = ""
    key: str = ""
    venue_id: str | None = None
    venue_symbol: str | None = None


class Archive(Entity, frozen=True, kw_only=True):
    """All entities that one revision archived."""

    archive_id: str = ""
    archived_at: dt.datetime | None = None
    entities: tuple[ArchivedEntity, ...] = ()


def entity_rows(archive: Archive) -> Iterator[Row]:
    for one in archive.entities:
        yield "archived_entities", {"archive_id": archive.archive_id, **msgspec.structs.asdict(one)}


def check_archive(
    before: Archive | None, after: Archive, _: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("archive_id", after.archive_id)
    yield from rules.check_immutable(before, after, "it is history", "archived_at", "entities")


def _entities(archive: Any) -> Iterator[tuple[str, str]]:
    return ((one.kind, one.key) for one in archive.entities)


def _spellings(archive: Any) -> Iterator[tuple[str, str]]:
    return ((one.venue_id, one.venue_symbol) for one in archive.entities if one.venue_id)


ARCHIVE = Kind(
    name="archive",
    entity=Archive,
    message=archive_pb2.Archive,
    key=("archive_id",),
    table="archives",
    child_tables=("archived_entities",),
    children=entity_rows,
    check=check_archive,
    lookups={
        "entity": Lookup(("kind", "key"), "archived_entities", _entities),
        "spelling": Lookup(("venue_id", "venue_symbol"), "archived_entities", _spellings),
    },
    event=lambda _, __: None,
    exported=False,
    client_writable=False,
)
