"""Builds outbox rows: the revision after the head, and the first revision of an epoch. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.codec import events
from cqar_shared.errors import TooLarge
from cqar_shared.replication import hash_chain, positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.protocol import epoch_rules
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow

NONCE_BYTES: Final = 32
LOST_COMMITS: Final = "the database lost commits, or was restored or failed over"


def build_revision(
    head: HeadRow,
    change_set: replication_pb2.ChangeSet,
    announced: replication_pb2.DomainEvents,
    live: int,
    set_hash: int,
    now: dt.datetime,
) -> OutboxRow:
    """Build the revision after `head`, not signed yet.

    Args:
        head: The registry's head.
        change_set: States its own epoch and revision.
        announced: The change set's domain events.
        live: The number of live entities after it.
        set_hash: The sum of their hashes.
        now: When the revision is committed.

    Raises:
        TooLarge: the change set or its events exceed 8 MiB, or the packed change set 900 KiB.
    """
    limit_bytes = positions.CHANGE_SET_BYTES_MAX
    _require_at_most(limit_bytes, change_set.ByteSize(), "a change set")
    _require_at_most(limit_bytes, announced.ByteSize(), "events of one change set")
    payload = positions.pack(change_set.SerializeToString(deterministic=True))
    _require_at_most(positions.PAYLOAD_BYTES_MAX, len(payload), "a change set, compressed,")
    is_reset = bool(change_set.epoch_nonce)
    row = OutboxRow(
        revision=change_set.revision,
        epoch=change_set.epoch,
        prev_chain=head.chain,
        chain=b"",
        is_reset=is_reset,
        live_count=live,
        set_hash=positions.set_hash_bytes(set_hash),
        payload=payload,
        events=positions.pack(announced.SerializeToString(deterministic=True)),
        committed_at=now,
        # The version changes with an epoch: until then followers of an older release can read on.
        chain_version=hash_chain.NEWEST if is_reset else head.chain_version,
    )
    return row._replace(chain=hash_chain.chain_of(head.chain, row.link))


def _require_at_most(limit_bytes: int, size_bytes: int, what: str) -> None:
    if size_bytes > limit_bytes:
        size, limit = -(-size_bytes // 1024), limit_bytes // 1024
        raise TooLarge(f"{what} of {size} KiB; at most {limit} KiB: split the request")


def build_epoch_start(
    head: HeadRow, seen: LogPosition, now: dt.datetime, nonce: bytes, reason: str = LOST_COMMITS
) -> OutboxRow:
    """Build the first revision of the next epoch, which changes no entity.

    Its chain is unpredictable, so that a database that loses this commit and makes another one
    does not make the same chain: with a chain of (epoch, revision) alone, 42 of 82,780
    schedules of the model went wrong; with a nonce none of 300,000.

    Args:
        head: The registry's head.
        seen: The position seen outside the database, or the head itself.
        now: When the revision is committed.
        nonce: `NONCE_BYTES` random bytes.
        reason: Why the epoch begins, for the audit log.
    """
    epoch, revision = epoch_rules.epoch_start(position_of(head), seen)
    change_set = replication_pb2.ChangeSet(
        epoch=epoch,
        revision=revision,
        actor="cqar-writer",
        reason=reason,
        epoch_nonce=nonce,
    )
    change_set.committed_at.FromDatetime(now)
    context = events.EventContext(epoch, revision, now, "cqar-writer", change_set.reason)
    announced = replication_pb2.DomainEvents(events=[events.epoch_changed(context)])
    set_hash = positions.set_hash_from(head.set_hash)
    return build_revision(head, change_set, announced, head.live_count, set_hash, now)
