"""The registry's past, read off the outbox: who changed what, when and why.

The outbox is never deleted, so every state that ever was can be told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import EntityNotFound, TooLarge
from cqar_shared.replication import positions
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.store import outbox

PAGE_MAX: Final = 200
#: Change sets of an entity's history that are read at once: of at most 900 KiB, compressed.
STATES_AT_ONCE: Final = 8
#: Unpacked and read within 1 ms; what is larger, in a thread of its own.
SMALL_BYTES_MAX: Final = 256 * 1024
#: The same for an export, which reads them all.
ROWS_AT_ONCE: Final = 64
#: An export is put together in memory; a million entities are about 500 MiB.
ENTITIES_MAX: Final = 2_000_000


class HistoryEntry(NamedTuple):
    """One change of an entity; a payload is empty where it was not there.

    Attributes:
        told: Its change set, without the changes.
    """

    told: replication_pb2.ChangeSet
    before: bytes
    after: bytes


class _State(NamedTuple):
    told: replication_pb2.ChangeSet
    payload: bytes


def change_set_of(row: OutboxRow) -> replication_pb2.ChangeSet:
    return replication_pb2.ChangeSet.FromString(positions.unpack(row.payload))


def trace_of(row: OutboxRow) -> str:
    """The W3C trace context of the request that made a revision; empty unless it was traced."""
    return change_set_of(row).traceparent


async def entries_of(
    tx: AsyncConnection, ref: Ref, before: int | None
) -> AsyncGenerator[HistoryEntry, None]:
    """Yield an entity's changes, newest first, from before a revision on if given.

    Raises:
        NotFound: It never was.
    """
    newer = None
    async for state in _states_of(tx, ref, before):
        if newer is not None:
            yield HistoryEntry(newer.told, state.payload, newer.payload)
        newer = state
    if newer is not None:
        yield HistoryEntry(newer.told, b"", newer.payload)
    elif before is None:
        raise EntityNotFound(ref[0], ref[1])


async def _states_of(tx: AsyncConnection, ref: Ref, before: int | None) -> AsyncIterator[_State]:
    """What each change left of an entity, newest first; one change set is unpacked at a time."""
    while payloads := await outbox.payloads_of(tx, ref, before, STATES_AT_ONCE):
        for payload in payloads:
            if positions.unpacked_bytes(payload) <= SMALL_BYTES_MAX:
                state = _state_in(payload, ref)
            else:
                state = await asyncio.to_thread(_state_in, payload, ref)
            before = state.told.revision
            yield state
        if len(payloads) < STATES_AT_ONCE:
            return


def _state_in(payload: bytes, ref: Ref) -> _State:
    change_set = replication_pb2.ChangeSet.FromString(positions.unpack(payload))
    found = next((c for c in change_set.changes if (c.kind, c.key) == ref), None)
    left = b"" if found is None or found.deleted else found.entity
    change_set.ClearField("changes")
    told = replication_pb2.ChangeSet()
    # A copy: of what was parsed, the memory stays as long as any of it.
    told.CopyFrom(change_set)
    return _State(told, left)


async def state_at(
    engine: AsyncEngine, database: PrimaryDatabase, revision: int
) -> dict[Ref, bytes]:
    """Every live entity of an exported kind as of a revision, in the order of kinds.

    Raises:
        NotFound: The registry has not come so far.
        TooLarge: It has more entities than one export holds.
        NotReady: The database ceased to be the registry's meanwhile.
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
    order = {name: place for place, name in enumerate(KIND_BY_NAME)}
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
        wanted = [row for row in rows if row.revision <= revision]
        if wanted:
            yield wanted
