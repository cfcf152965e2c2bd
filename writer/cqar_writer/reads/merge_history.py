"""Reads from the outbox what the merge of an asset changed, and what was before it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Final

from cqc.assets.v1.asset_pb2 import Asset
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.relinking import Moved
from cqar_shared.replication import positions
from cqar_writer.reads.entity_history import entries_of
from cqar_writer.store import outbox

#: Change sets that are in memory at once; each has at most 8 MiB.
ROWS_AT_ONCE: Final = 8


async def moved_by_merge(tx: AsyncConnection, asset_id: str) -> list[Moved]:
    """Return what the newest merge of an asset changed; nothing if it never was merged.

    Raises:
        EntityNotFound: The asset never existed.
    """
    revision = await _revision_of_merge(tx, asset_id)
    if revision is None:
        return []
    (payload,) = await outbox.payloads_at(tx, [revision])
    after = await asyncio.to_thread(_relinked, payload)
    before = await _states_before(tx, list(after), revision)
    return await asyncio.to_thread(_moved, after, before)


async def _revision_of_merge(tx: AsyncConnection, asset_id: str) -> int | None:
    async with aclosing(entries_of(tx, (ASSET.name, asset_id), None)) as entries:
        async for entry in entries:
            was, became = map(Asset.FromString, (entry.before, entry.after))
            if became.merged_into and not was.merged_into:
                return int(entry.change_set.revision)
    return None


def _relinked(packed: bytes) -> dict[Ref, bytes]:
    """Return the entities of a change set that a merge may change, empty where it removed them."""
    return {
        (change.kind, change.key): b"" if change.deleted else change.entity
        for change in _changes(packed)
        if change.kind in KIND_BY_NAME and KIND_BY_NAME[change.kind].check_relinked is not None
    }


def _changes(packed: bytes) -> Iterable[replication_pb2.Change]:
    return replication_pb2.ChangeSet.FromString(positions.unpack(packed)).changes


async def _states_before(
    tx: AsyncConnection, refs: Sequence[Ref], revision: int
) -> dict[Ref, bytes]:
    """Return the entities as they were before a revision; those that were there."""
    by_revision: defaultdict[int, set[Ref]] = defaultdict(set)
    for ref, changed_at in (await outbox.last_changes(tx, refs, revision)).items():
        by_revision[changed_at].add(ref)
    states: dict[Ref, bytes] = {}
    left = iter(sorted(by_revision))
    while some := list(islice(left, ROWS_AT_ONCE)):
        payloads = await outbox.payloads_at(tx, some)
        for changed_at, payload in zip(some, payloads, strict=True):
            wanted = by_revision[changed_at]
            states |= await asyncio.to_thread(_states_in, payload, wanted)
    return states


def _states_in(packed: bytes, wanted: set[Ref]) -> dict[Ref, bytes]:
    changed = {(c.kind, c.key): c for c in _changes(packed) if (c.kind, c.key) in wanted}
    return {ref: bytes(c.entity) for ref, c in changed.items() if not c.deleted}


def _moved(after: dict[Ref, bytes], before: dict[Ref, bytes]) -> list[Moved]:
    def decoded(kind: str, payload: bytes) -> Entity | None:
        entity: Entity | None = (
            entity_codec.decode(KIND_BY_NAME[kind], payload) if payload else None
        )
        return entity

    return [
        Moved(kind, key, decoded(kind, before.get((kind, key), b"")), decoded(kind, payload))
        for (kind, key), payload in after.items()
    ]
