"""From a packed change set to what a snapshot can apply. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_resolver.snapshot.snapshot import PlannedChange, Snapshot
from cqar_shared.replication import hash_chain, positions
from cqar_shared.replication.positions import LogPosition


class UndecodableChangeSet(Exception):
    """It cannot be applied, and must not be skipped."""


def decode(
    mine: LogPosition, head: replication_pb2.Head, commit: replication_pb2.Commit
) -> replication_pb2.ChangeSet:
    """Unpack a change set and check that it is the one the chain speaks of.

    Args:
        mine: The position that it continues.
        head: The registry's head after it.
        commit: As the outbox, the stream or a file holds it.

    Raises:
        Poison: It is not, or cannot be read.
    """
    try:
        chain = hash_chain.chain_of(mine.chain, hash_chain.link_of(head, commit))
    except ValueError as error:
        raise UndecodableChangeSet(f"revision {head.revision}: {error}") from error
    if chain != head.chain:
        raise UndecodableChangeSet(
            f"revision {head.revision}: its content is not what its chain says"
        )
    try:
        return replication_pb2.ChangeSet.FromString(positions.unpack(commit.change_set))
    except (DecodeError, zstandard.ZstdError) as error:
        raise UndecodableChangeSet(f"revision {head.revision}: {error}") from error


def plan(snapshot: Snapshot, change_set: replication_pb2.ChangeSet) -> Iterator[PlannedChange]:
    """Yield what each change will do; all of it is to be had before anything is applied.

    Raises:
        Poison: An entity is not what its kind says.
    """
    for change in change_set.changes:
        try:
            yield snapshot.plan(change)
        except DecodeError as error:
            raise UndecodableChangeSet(f"revision {change_set.revision}: {error}") from error
