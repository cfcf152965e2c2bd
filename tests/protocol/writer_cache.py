"""A writer's use of Redis: its relay into it, and its reads. What decides is the writer's own."""

from __future__ import annotations

from typing import Any, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.errors import EntityNotFound
from cqar_shared.redis_store.cache import Unavailable
from cqar_shared.redis_store.cache_format import CacheCursor, Value
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.protocol import cache_schedule
from cqar_writer.reads.cached import CacheMiss, MessageReader, RedisReader
from cqar_writer.relays import cache_relay
from tests.protocol.cluster import Connection
from tests.protocol.database import REGISTRY_ID, ROWS_MAX
from tests.protocol.ledger import State
from tests.protocol.pausing import Away, again_and_again, pause
from tests.protocol.redis_server import Redis
from tests.protocol.writer_database import WriterDatabase


class CacheRelay:
    """As `cqar_writer.relays.cache_relay.CacheRelay`."""

    def __init__(self, database: WriterDatabase, redis: Redis) -> None:
        self._database = database
        self._redis = redis

    async def run(self) -> None:
        await again_and_again(self._step, Away, Unavailable)

    async def _step(self) -> None:
        cursor, _ = await self._redis.read([])
        connection, head = self._database.read()
        at = position_of(head)
        if cursor is not None and cursor.at == at:
            return
        values = _changed(connection, cursor.at, at) if cursor else None
        await pause()
        if cursor is None or values is None:
            await self._redis.begin(CacheCursor.fresh(REGISTRY_ID, at))
        else:
            await self._redis.set(cursor, cursor.moved(at), values)


def _changed(
    connection: Connection, since: LogPosition, head: LogPosition
) -> dict[str, Value] | None:
    rows = connection.server.rows_after(since.revision, ROWS_MAX + 1)
    if not cache_schedule.is_contiguous(since, head, rows, ROWS_MAX):
        return None
    change_sets = (
        replication_pb2.ChangeSet.FromString(positions.unpack(row.payload)) for row in rows
    )
    changes = [change for change_set in change_sets for change in change_set.changes]
    return dict(cache_relay._entities(changes))


class StateReader:
    """PostgreSQL in one view, as `cqar_writer.reads.sessions.Reading`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, kind: AnyKind, key: str) -> Any:
        await pause()
        if key not in self._state:
            raise EntityNotFound(kind.name, key)
        return kind.message.FromString(self._state[key])

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        raise EntityNotFound(kind.name, f"{lookup} {values}")

    async def terms(self, *_: Any) -> bytes | None:
        return None


class Answer(NamedTuple):
    """What a writer told a client: key -> payload, None for what is not there.

    Attributes:
        by_redis_at: As of what, if Redis answered.
    """

    found: dict[str, bytes | None]
    by_redis_at: LogPosition | None


async def read(redis: Redis, database: WriterDatabase, keys: tuple[str, ...]) -> Answer | None:
    """Answer a client that asks a writer for venues; None when it cannot be answered."""
    if database.is_fenced:
        return None
    cached = RedisReader(redis, database.newest)  # type: ignore[arg-type]
    try:
        found = await _all_of(cached, keys)
    except CacheMiss:
        await pause()
    else:
        return Answer(found, cached.cursor.at if cached.cursor else None)
    try:
        connection, head = database.place()
        state = connection.server.state()
    except Away:
        return None
    keeping = cached.filling(StateReader(state), position_of(head))
    found = await _all_of(keeping, keys)
    await keeping.keep()
    return Answer(found, None)


async def _all_of(reader: MessageReader, keys: tuple[str, ...]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for key in keys:
        try:
            found[key] = (await reader.get(VENUE, key)).SerializeToString()
        except EntityNotFound:
            found[key] = None
    return found
