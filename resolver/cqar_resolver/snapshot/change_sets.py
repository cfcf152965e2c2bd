"""Unpacks a change set and plans its changes for a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.replication import hash_chain, positions
from cqar_shared.replication.positions import LogPosition


class UndecodableChangeSet(Exception):
    """The change set cannot be applied, and must not be skipped."""


def decode(
    local: LogPosition, head: replication_pb2.Head, commit: replication_pb2.Commit
) -> replication_pb2.ChangeSet:
    """Unpack a change set and check that it has the chain that its head states.

    Changes of kinds that resolvers do not hold are left out.

    Args:
        local: The position that the change set continues.
        head: The registry's head after the change set.
        commit: The change set as the outbox, the stream or a checkpoint holds it.

    Raises:
        UndecodableChangeSet: The chain is another, or the change set cannot be read.
    """
    try:
        chain = hash_chain.chain_of(local.chain, hash_chain.link_of(head, commit))
    except ValueError as error:
        raise UndecodableChangeSet(f"revision {head.revision}: {error}") from error
    if chain != head.chain:
        raise UndecodableChangeSet(
            f"revision {head.revision}: the content does not match the chain"
        )
    try:
        change_set = replication_pb2.ChangeSet.FromString(positions.unpack(commit.change_set))
    except (DecodeError, zstandard.ZstdError) as error:
        raise UndecodableChangeSet(f"revision {head.revision}: {error}") from error
    if not all(map(_is_resident, change_set.changes)):
        resident = list(filter(_is_resident, change_set.changes))
        del change_set.changes[:]
        change_set.changes.extend(resident)
    return change_set


def _is_resident(change: replication_pb2.Change) -> bool:
    kind = KIND_BY_NAME.get(change.kind)
    return kind is None or kind.resident


def plan(snapshot: Snapshot, change_set: replication_pb2.ChangeSet) -> Iterator[PlannedChange]:
    """Yield the plan of each change; all plans are needed before the first is applied.

    Raises:
        UndecodableChangeSet: An entity is not a message of its kind.
    """
    for change in change_set.changes:
        try:
            yield snapshot.plan(change)
        except DecodeError as error:
            raise UndecodableChangeSet(f"revision {change_set.revision}: {error}") from error
