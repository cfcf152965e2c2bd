"""Entities as the revisions that made them, sealed as the writer seals its own. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.replication import positions
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow

#: Packed, so many listings are some 400 KiB; a change set may have 900.
ENTITIES_A_REVISION: Final = 4_000
ACTOR: Final = "bench"


class Change(NamedTuple):
    """An entity as it becomes.

    Attributes:
        before: Its payload until now; empty where it is new.
        after: Its payload from now on.
    """

    kind: AnyKind
    key: str
    entity: Entity
    before: bytes
    after: bytes


def sealed(head: HeadRow, changes: Sequence[Change], at: dt.datetime) -> tuple[OutboxRow, HeadRow]:
    """The revision after `head` that makes these changes, and the head after it.

    It announces no events: a million of them would be published when a writer starts.
    """
    revision, live = head.revision + 1, head.live_count
    change_set = replication_pb2.ChangeSet(epoch=head.epoch, revision=revision, actor=ACTOR)
    change_set.committed_at.FromDatetime(at)
    set_hash = positions.set_hash_from(head.set_hash)
    for kind, key, _, before, after in changes:
        change_set.changes.add(kind=kind.name, key=key, entity=after)
        set_hash += positions.hash_of(kind.name, key, after)
        if before:
            set_hash -= positions.hash_of(kind.name, key, before)
        live += not before
    nothing = replication_pb2.DomainEvents()
    row = revision_rows.sealed(head, change_set, nothing, live, set_hash, at)
    moved = head._replace(
        revision=revision, chain=row.chain, live_count=live, set_hash=row.set_hash
    )
    return row, moved
