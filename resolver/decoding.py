"""From a packed change set to what a snapshot can apply. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from resolver.snapshot import Planned, Snapshot
from shared import history
from shared.history import Position


class Poison(Exception):
    """It cannot be applied, and must not be skipped."""


def decode(mine: Position, head: replication_pb2.Head, packed: bytes) -> replication_pb2.ChangeSet:
    """Unpack a change set and check that it is the one the chain speaks of.

    Args:
        mine: The position that it continues.
        head: The registry's head after it.
        packed: A ChangeSet, as the outbox and the stream hold it.

    Raises:
        Poison: It is not, or cannot be read.
    """
    if history.chain_of(mine.chain, head.epoch, head.revision, packed) != head.chain:
        raise Poison(f"revision {head.revision}: its payload is not what its chain says")
    try:
        return replication_pb2.ChangeSet.FromString(history.unpack(packed))
    except (DecodeError, zstandard.ZstdError) as error:
        raise Poison(f"revision {head.revision}: {error}") from error


def plan(snapshot: Snapshot, change_set: replication_pb2.ChangeSet) -> Iterator[Planned]:
    """Yield what each change will do; all of it is to be had before anything is applied.

    Raises:
        Poison: An entity is not what its kind says.
    """
    for change in change_set.changes:
        try:
            yield snapshot.plan(change)
        except DecodeError as error:
            raise Poison(f"revision {change_set.revision}: {error}") from error
