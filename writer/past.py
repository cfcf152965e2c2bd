"""The registry's past, read off the outbox: who changed what, when and why.

The outbox is never deleted, so every state that ever was can be told again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared import history
from shared.entities import KIND_BY_NAME
from shared.errors import NotFound, TooLarge
from shared.kind import Ref
from writer import outbox

PAGE_MAX: Final = 200
#: Change sets read at once: at most 900 KiB each, compressed.
ROWS_AT_ONCE: Final = 64
#: An export is put together in memory; a million entities are about 500 MiB.
ENTITIES_MAX: Final = 2_000_000


class Entry(NamedTuple):
    """One change of an entity; a payload is empty where it was not there."""

    change_set: replication_pb2.ChangeSet
    before: bytes
    after: bytes


def change_set_of(row: outbox.OutboxRow) -> replication_pb2.ChangeSet:
    return replication_pb2.ChangeSet.FromString(history.unpack(row.payload))


def trace_of(row: outbox.OutboxRow) -> str:
    """The W3C trace context of the request that made a revision; empty unless it was traced."""
    return change_set_of(row).traceparent


async def entries_of(
    tx: AsyncConnection, ref: Ref, before: int | None, most: int
) -> tuple[list[Entry], int | None]:
    """An entity's changes, newest first, and the revision to go on before, if there is more.

    Raises:
        NotFound: It never was.
    """
    rows = await outbox.rows_of(tx, ref, before, most + 1)
    if not rows and before is None:
        raise NotFound(ref[0], ref[1])
    sets = [change_set_of(row) for row in rows]
    payloads = [_payload_in(change_set, ref) for change_set in sets]
    entries = [
        Entry(change_set, payloads[place + 1] if place + 1 < len(payloads) else b"", after)
        for place, (change_set, after) in enumerate(zip(sets, payloads, strict=True))
    ]
    more = entries[most - 1].change_set.revision if len(entries) > most else None
    return entries[:most], more


def _payload_in(change_set: replication_pb2.ChangeSet, ref: Ref) -> bytes:
    found = (c for c in change_set.changes if (c.kind, c.key) == ref)
    change = next(found, None)
    return b"" if change is None or change.deleted else change.entity


async def state_at(engine: AsyncEngine, revision: int) -> dict[Ref, bytes]:
    """Every live entity of an exported kind as of a revision, in the order of kinds.

    Raises:
        NotFound: The registry has not come so far.
        TooLarge: It has more entities than one export holds.
    """
    state: dict[Ref, bytes] = {}
    reached = 0
    async for row in _rows_until(engine, revision):
        reached = row.revision
        for change in change_set_of(row).changes:
            if change.deleted:
                state.pop((change.kind, change.key), None)
            elif change.kind in KIND_BY_NAME and KIND_BY_NAME[change.kind].exported:
                state[change.kind, change.key] = change.entity
        if len(state) > ENTITIES_MAX:
            message = f"more than {ENTITIES_MAX} entities: copy the database instead"
            raise TooLarge(message)
    if reached < revision:
        raise NotFound("revision", str(revision))
    order = {name: place for place, name in enumerate(KIND_BY_NAME)}
    return dict(sorted(state.items(), key=lambda item: (order[item[0][0]], item[0][1])))


async def _rows_until(engine: AsyncEngine, revision: int) -> AsyncIterator[outbox.OutboxRow]:
    after = 0
    while after < revision:
        async with engine.connect() as tx:
            rows = await outbox.rows_after(tx, after, ROWS_AT_ONCE)
        for row in rows:
            if row.revision <= revision:
                yield row
        if not rows:
            return
        after = rows[-1].revision
