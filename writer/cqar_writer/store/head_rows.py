"""The registry's head in SQL: `registry_head`, its row lock, and what the server says of itself.

Each function needs an open transaction.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.sql import direct_statement
from cqar_shared.sql.schema import registry_head
from cqar_writer.protocol.log_rows import HeadRow

#: How long the write lock is waited for, and how often the wait begins again: the waits of a
#: stopped process end in PostgreSQL before they could take the lock from each other.
LOCK_PATIENCE_S: Final = 5.0
LOCK_ATTEMPT_MS: Final = 1_000
#: A lock holder that sends no statement for this long is stopped or cut off: PostgreSQL ends its
#: transaction. A stopped writer therefore delays others by both times together, 5 s.
HOLDER_IDLE_MS: Final = 4_000
_END_IF_IDLE: Final = f"set_config('idle_in_transaction_session_timeout', '{HOLDER_IDLE_MS}', true)"
#: PostgreSQL's code for a lock that was not granted in time.
LOCK_NOT_AVAILABLE: Final = "55P03"

_HEAD: Final = """
    registry_id, epoch, revision, chain, live_count, set_hash, compacted_revision,
    system_identifier, timeline_id,
    (SELECT system_identifier FROM pg_control_system()),
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint,
    chain_version, signature, signing_key_id, promoted_at_us,
    current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') NOT IN ('off', 'local')
"""
_READ_HEAD: Final = sa.text(f"SELECT {_HEAD} FROM registry_head")  # noqa: S608  (constants)
#: What is read and written under the lock is found by indexes, by the same few statements, also for
#: each row's references: planning them anew takes longer than running them. A plan made while a
#: table was tiny scans it, and is kept while the table grows: so no plan may scan.
PLAN_ONCE: Final = (
    "set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true)"
)
#: The settings end with the transaction; they already apply while the row's lock is waited for.
_LOCK_HEAD: Final = sa.text(
    f"SELECT {_HEAD}, set_config('lock_timeout', '{LOCK_ATTEMPT_MS}', true),"  # noqa: S608
    f" {_END_IF_IDLE}, {PLAN_ONCE} FROM registry_head FOR UPDATE"
)


class PlaceRow(NamedTuple):
    """The columns of `registry_head` that say where it is."""

    registry_id: bytes
    epoch: int
    revision: int
    chain: bytes
    compacted_revision: int
    timeline: int
    promoted_at_us: int

    @property
    def database_changed(self) -> bool:
        """Always false: the server was not asked."""
        return False


_PLACE: Final = sa.select(
    *(registry_head.c[name] for name in PlaceRow._fields[:5]),
    *(registry_head.c[name] for name in ("timeline_id", "promoted_at_us")),
)


async def read_head(tx: AsyncConnection) -> HeadRow:
    (row,) = await direct_statement.fetch(tx, _READ_HEAD)
    return HeadRow(*row)


async def read_place(tx: AsyncConnection) -> PlaceRow:
    """Read where the head is, in half the time: the server is not asked about itself."""
    (row,) = await direct_statement.fetch(tx, _PLACE)
    return PlaceRow(*row)


async def lock_head(tx: AsyncConnection) -> HeadRow:
    """Take the registry's write lock, and with it the right to the next revision.

    Call it first in a transaction: while the lock is waited for, the transaction begins again.

    A sequence would be faster and wrong: sequences hand out numbers when asked, not when
    committed, so revision 8 could become visible before 7 and a follower that has seen 8
    would never look for 7. The row lock held until commit makes revisions gapless and
    visible in order, at the price of one mutation at a time. Locking before reading, rather
    than taking the number at once, lets a request that changes nothing take none.
    """
    until_s = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            (row,) = await direct_statement.fetch(tx, _LOCK_HEAD)
        except sa.exc.DBAPIError as error:
            is_timeout = getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE
            if not is_timeout or time.monotonic() >= until_s:
                raise
            await tx.rollback()
        else:
            return HeadRow(*row[: len(HeadRow._fields)])


async def end_if_idle(tx: AsyncConnection) -> None:
    """Let PostgreSQL end this transaction as soon as a lock holder's, if its process stops."""
    await tx.execute(sa.text(f"SELECT {_END_IF_IDLE}"))
