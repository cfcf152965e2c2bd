"""Checks that a row of `current` matches the newest change set of its entity.

The chain covers change sets, but not `current`. This is checked where an altered row would let a
caller in: for API keys.
"""

from __future__ import annotations

import asyncio
from typing import Final

import sqlalchemy as sa
import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import Ref
from cqar_shared.replication import positions
from cqar_shared.sql import row_check

#: (kind, lookup) whose results are checked.
ASKED: Final = frozenset({("api_key", "hash")})
#: A change set of this size is read within 1 ms; a larger one is read in a thread.
SMALL_BYTES_MAX: Final = 256 * 1024

_NEWEST: Final = sa.text(
    "SELECT o.payload FROM entity_revisions e JOIN outbox o ON o.revision = e.revision"
    " WHERE e.kind = :kind AND e.key = :key ORDER BY e.revision DESC LIMIT 1"
)


async def require_newest(tx: AsyncConnection, ref: Ref, revision: int, payload: bytes) -> None:
    """Check that an entity and its revision are the newest in its history.

    Args:
        tx: A transaction with one snapshot since the entity was read.

    Raises:
        DataLoss: `current` differs from the history, or the history does not have the entity.
    """
    rows = await tx.execute(_NEWEST, {"kind": ref[0], "key": ref[1]})
    packed: bytes = rows.scalar_one_or_none() or b""
    if _is_small(packed):
        newest = _state_of(packed, ref)
    else:
        newest = await asyncio.to_thread(_state_of, packed, ref)
    if newest != (revision, payload):
        raise row_check.altered("current", f"{ref[0]} {ref[1]}")


def _is_small(packed: bytes) -> bool:
    try:
        return positions.unpacked_bytes(packed) <= SMALL_BYTES_MAX
    except zstandard.ZstdError:
        return True


def _state_of(packed: bytes, ref: Ref) -> tuple[int, bytes] | None:
    try:
        change_set = replication_pb2.ChangeSet.FromString(positions.unpack(packed))
    except (zstandard.ZstdError, DecodeError):
        return None
    for change in change_set.changes:
        if (change.kind, change.key) == ref and not change.deleted:
            return change_set.revision, change.entity
    return None
