"""From a packed change set to what a snapshot can apply. Pure."""

from __future__ import annotations

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from resolver.snapshot import Staged, stage
from shared import history
from shared.history import Position


class Poison(Exception):
    """It cannot be applied, and must not be skipped."""


def decode(
    mine: Position, head: replication_pb2.Head, packed: bytes
) -> tuple[replication_pb2.ChangeSet, list[Staged]]:
    """Decode a change set and check that it is the one the chain speaks of.

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
        change_set = replication_pb2.ChangeSet.FromString(history.unpack(packed))
        return change_set, stage(change_set)
    except (DecodeError, zstandard.ZstdError) as error:
        raise Poison(f"revision {head.revision}: {error}") from error
