"""Reads the registry's past off the outbox: who changed what, when and why.

The outbox is never deleted, so every state that ever was can be restored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import EntityNotFound, TooLarge
from cqar_shared.replication import positions
from cqar_shared.runtime.event_loop import run_off_loop
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.store import outbox

PAGE_MAX: Final = 200
#: Change sets of an entity's history that are read at once; each has at most 900 KiB, compressed.
STATES_AT_ONCE: Final = 8
#: A change set of this size is unpacked within 1 ms; a larger one in a thread.
SMALL_BYTES_MAX: Final = 256 * 1024
#: Change sets that an export, which reads them all, reads at once.
ROWS_AT_ONCE: Final = 64
#: An export is put together in memory; a million entities are about 500 MiB.
ENTITIES_MAX: Final = 2_000_000


class HistoryEntry(NamedTuple):
    """One change of an entity.

    Attributes:
        change_set: The change set that it was part of, without the changes.
        before, after: The serialised entity; empty where it did not exist.
        past: The entity as it was at earlier instants, which the change told of.
    """

    change_set: replication_pb2.ChangeSet
    before: bytes
    after: bytes
    past: Sequence[bytes] = ()


class _State(NamedTuple):
    change_set: replication_pb2.ChangeSet
    payload: bytes
    past: Sequence[bytes]


def change_set_of(row: OutboxRow) -> replication_pb2.ChangeSet:
    return unpacked(row.payload)


def unpacked(payload: bytes) -> replication_pb2.ChangeSet:
    return replication_pb2.ChangeSet.FromString(positions.unpack(payload))


def is_large(payload: bytes) -> bool:
    """Whether unpacking it takes so long that it is done in a thread."""
    return positions.unpacked_bytes(payload) > SMALL_BYTES_MAX


def trace_of(row: OutboxRow) -> str:
    """Return the W3C trace context of the request that made a revision; empty if not traced."""
    return change_set_of(row).traceparent


async def entries_of(
    tx: AsyncConnection, ref: Ref, before: int | None
) -> AsyncGenerator[HistoryEntry, None]:
    """Yield an entity's changes, newest first.

    Args:
        before: Begin before this revision; None begins with the newest change.

    Raises:
        EntityNotFound: The entity never existed.
    """
    newer = None
    async for state in _states_of(tx, ref, before):
        if newer is not None:
            yield HistoryEntry(newer.change_set, state.payload, newer.payload, newer.past)
        newer = state
    if newer is not None:
        yield HistoryEntry(newer.change_set, b"", newer.payload, newer.past)
    elif before is None:
        raise EntityNotFound(ref[0], ref[1])


async def _states_of(tx: AsyncConnection, ref: Ref, before: int | None) -> AsyncIterator[_State]:
    """Yield an entity after each of its changes, newest first; unpack one change set at a time."""
    while payloads := await outbox.payloads_of(tx, ref, before, STATES_AT_ONCE):
        for payload in payloads:
            state = await run_off_loop(is_large(payload), _state_in, payload, ref)
            before = state.change_set.revision
            yield state
        if len(payloads) < STATES_AT_ONCE:
            return


def _state_in(payload: bytes, ref: Ref) -> _State:
    change_set = unpacked(payload)
    change = next((c for c in change_set.changes if (c.kind, c.key) == ref), None)
    entity = b"" if change is None or change.deleted else change.entity
    past = [] if change is None else list(change.past)
    change_set.ClearField("changes")
    # A copy: the memory of a parsed message stays as long as any part of it.
    header = replication_pb2.ChangeSet()
    header.CopyFrom(change_set)
    return _State(header, entity, past)


async def state_at(
    engine: AsyncEngine, database: PrimaryDatabase, revision: int
) -> dict[Ref, bytes]:
    """Return every live entity of an exported kind as of a revision, in the order of kinds.

    Raises:
        EntityNotFound: The registry has not reached the revision.
        TooLarge: The registry had more than `ENTITIES_MAX` entities.
        ServiceNotReady: The database ceased to be the registry's meanwhile.
    """
    state: dict[Ref, bytes] = {}
    reached = 0
    async for rows in _rows_until(engine, database, revision):
        reached = rows[-1].revision
        await asyncio.to_thread(_replay, rows, state)
    if reached < revision:
        raise EntityNotFound("revision", str(revision))
    return await asyncio.to_thread(_in_order, state)


def _replay(rows: Iterable[OutboxRow], state: dict[Ref, bytes]) -> None:
    for row in rows:
        for change in change_set_of(row).changes:
            if change.deleted:
                state.pop((change.kind, change.key), None)
            elif change.kind in KIND_BY_NAME and KIND_BY_NAME[change.kind].exported:
                state[change.kind, change.key] = change.entity
        if len(state) > ENTITIES_MAX:
            message = f"more than {ENTITIES_MAX} entities: copy the database instead"
            raise TooLarge(message)


def _in_order(state: dict[Ref, bytes]) -> dict[Ref, bytes]:
    order = {name: number for number, name in enumerate(KIND_BY_NAME)}
    return dict(sorted(state.items(), key=lambda item: (order[item[0][0]], item[0][1])))


async def _rows_until(
    engine: AsyncEngine, database: PrimaryDatabase, revision: int
) -> AsyncIterator[list[OutboxRow]]:
    after = 0
    while after < revision:
        async with engine.connect() as tx:
            await database.place(tx)
            rows = await outbox.rows_after(tx, after, ROWS_AT_ONCE)
        if not rows:
            return
        after = rows[-1].revision
        included = [row for row in rows if row.revision <= revision]
        if included:
            yield included
