"""Everything that the follower reads from PostgreSQL: the head, `current`, the outbox."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_resolver.process.memory_limit import require_room
from cqar_resolver.snapshot.builder import SnapshotBuilder
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY
from cqar_shared.replication.positions import LIVE_ENTITIES, LogPosition, position_of
from cqar_shared.sql import pg_session
from cqar_shared.sql.pg_session import Session
from cqar_shared.trust.trusted_keys import KEYS_MAX

CONNECT_TIMEOUT_S: Final = 3.0
#: A scan of a million entities takes 3 s; one that takes this long is stuck.
SCAN_TIMEOUT_S: Final = 60.0
#: Longest wait for the next rows of a scan. They take 60 ms; with a cold disk, or eight scans at
#: once, more.
SCAN_SILENCE_MAX_S: Final = 10.0
#: Scans at once, of all resolvers: each keeps a core of PostgreSQL busy.
HYDRATE_CONCURRENCY: Final = 8
#: The first key of the advisory locks that limit scans; an arbitrary constant.
HYDRATE_LOCK: Final = 0x63716879
ROWS_AT_ONCE: Final = 20_000
CATCH_UP_ROWS: Final = 100

_HEAD: Final = """
    SELECT registry_id, epoch, revision, chain, live_count, set_hash, compacted_revision,
        signature, signing_key_id, timeline_id AS timeline, promoted_at_us
    FROM registry_head
"""
_ROWS: Final = """
    SELECT epoch, revision, chain, prev_chain, is_reset, live_count, set_hash, payload,
        signature, signing_key_id, chain_version,
        CASE WHEN chain_version > 1 THEN sha256(events) ELSE '' END AS events_hash
    FROM outbox WHERE revision > $1 ORDER BY revision LIMIT $2
"""
_POSITION: Final = "SELECT epoch, revision, chain FROM outbox WHERE revision = $1"
#: One key more than a registry may have, so that an excess is noticed.
_SIGNING_KEYS: Final = f"""
    SELECT payload FROM current
    WHERE kind = '{SIGNING_KEY.name}' AND NOT deleted AND NOT archived LIMIT {KEYS_MAX + 1}
"""  # noqa: S608  (constants)
#: Columns of an outbox row that its head has, too.
_OF_HEAD: Final = (
    *("epoch", "revision", "chain", "live_count", "set_hash"),
    *("signature", "signing_key_id"),
)


class LoggedChangeSet(NamedTuple):
    """A committed change set and the head after it."""

    head: replication_pb2.Head
    commit: replication_pb2.Commit
    is_reset: bool

    @property
    def position(self) -> LogPosition:
        return position_of(self.head)


class HeadRead(NamedTuple):
    """The registry's head, and the outbox's position at a given revision.

    Attributes:
        row: None if the outbox has no such revision.
    """

    head: replication_pb2.Head
    row: LogPosition | None


#: Gets the head and the stored signing keys before anything else is read; may raise to refuse.
PreflightCheck = Callable[[HeadRead, Sequence[bytes]], None]


class OutboxPage(NamedTuple):
    """A `HeadRead` and the first outbox rows after its revision, read in one transaction."""

    look: HeadRead
    rows: list[LoggedChangeSet]


class LoadTurnsTaken(Exception):
    """As many resolvers as may are loading from PostgreSQL: load from elsewhere, or try again."""


class RegistryDatabase:
    """Connects for each read: a resolver needs PostgreSQL rarely, and thousands share it.

    Args:
        hydrate_concurrency: How many resolvers may load at once.
        memory_limit_mib: Loading that would take this process beyond it is refused; 0: no limit.
    """

    def __init__(
        self,
        url: str,
        hydrate_concurrency: int = HYDRATE_CONCURRENCY,
        memory_limit_mib: int = 0,
    ) -> None:
        self._url = url
        self._hydrate_concurrency = hydrate_concurrency
        self._memory_limit_mib = memory_limit_mib

    async def look(self, revision: int) -> HeadRead:
        """Read the registry's head, and the outbox's position at a revision."""
        async with _Session(self._url) as connection:
            return await _look(connection, revision)

    async def hydrate(self, preflight: PreflightCheck | None = None, held: int = 0) -> Snapshot:
        """Load the whole registry at one revision.

        The default isolation level takes a new view for each statement, so entities read later
        could be newer than the head. REPEATABLE READ pins both to the first statement's view, and
        blocks no writer.

        Args:
            preflight: May raise to refuse the database; its exception is passed on.
            held: The revision whose outbox position `preflight` gets.

        Raises:
            LoadTurnsTaken: Too many resolvers are loading.
            Diverged: The entities' count or hash is not the head's.
            MemoryLimitExceeded: The registry does not fit into this process's memory limit.
        """
        async with _Session(self._url) as connection:
            await self._take_turn(connection)
            read = await _look(connection, held)
            head = read.head
            if preflight is not None:
                keys = await connection.answered(connection.fetch(_SIGNING_KEYS))
                preflight(read, [row["payload"] for row in keys])
            require_room(self._memory_limit_mib, head.live_count)
            builder = SnapshotBuilder()
            cursor = await connection.answered(connection.cursor(LIVE_ENTITIES))
            rows = await _scanned(connection, cursor)
            while rows:
                # A million entities take seconds: calls must be served meanwhile.
                adding = asyncio.create_task(asyncio.to_thread(builder.add, rows))
                try:
                    rows = await _scanned(connection, cursor)
                finally:
                    await adding
                require_room(self._memory_limit_mib, head.live_count)
        return Snapshot.of(head, builder)

    async def _take_turn(self, connection: Session) -> None:
        """Take one of the locks that limit loading; the end of the session releases it."""
        free = "SELECT 1 FROM unnest($1::int[]) turn WHERE pg_try_advisory_lock($2, turn) LIMIT 1"
        turns = list(range(self._hydrate_concurrency))
        random.shuffle(turns)
        turn = await connection.answered(connection.fetchval(free, turns, HYDRATE_LOCK))
        if turn is None:
            raise LoadTurnsTaken(f"{len(turns)} resolvers are loading from it")

    async def rows_after(self, revision: int) -> OutboxPage:
        """Read the first outbox rows after a revision, with the head."""
        async with _Session(self._url) as connection:
            look = await _look(connection, revision)
            rows = await connection.answered(connection.fetch(_ROWS, revision, CATCH_UP_ROWS))
        return OutboxPage(look, [_row(look.head.registry_id, row) for row in rows])


class _Session:
    """A connection with a read-only REPEATABLE READ transaction."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Session:
        self._connection = await pg_session.connect(
            self._url,
            "cqar-resolver",
            settings={"jit": "off"},
            timeout_s=CONNECT_TIMEOUT_S,
            command_timeout_s=SCAN_TIMEOUT_S,
        )
        try:
            await self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except BaseException:  # a cancelled connection would stay open
            self._connection.terminate()
            raise
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        self._connection.terminate()


async def _scanned(connection: Session, cursor: Any) -> list[Any]:
    """Fetch the next rows of a cursor."""
    asked = cursor.fetch(ROWS_AT_ONCE, timeout=SCAN_TIMEOUT_S)
    rows: list[Any] = await connection.answered(asked, SCAN_SILENCE_MAX_S)
    return rows


async def _look(connection: Session, revision: int) -> HeadRead:
    """Read the head, whose NULL columns stay unset, and a position of the outbox."""
    of_head: Any = await connection.answered(connection.fetchrow(_HEAD))
    head = replication_pb2.Head(**dict(of_head))
    row = await connection.answered(connection.fetchrow(_POSITION, revision))
    return HeadRead(head, None if row is None else LogPosition(*row))


def _row(registry_id: bytes, row: Any) -> LoggedChangeSet:
    head = replication_pb2.Head(registry_id=registry_id, **{name: row[name] for name in _OF_HEAD})
    commit = replication_pb2.Commit(
        prev_chain=row["prev_chain"],
        change_set=row["payload"],
        chain_version=row["chain_version"],
        events_hash=row["events_hash"],
    )
    return LoggedChangeSet(head, commit, row["is_reset"])
