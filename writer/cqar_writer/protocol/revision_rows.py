"""Outbox rows as they are made: a revision that follows the head, an epoch's first. Pure."""

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
LOST: Final = "the database lost commits, or was restored or failed over"


def sealed(
    head: HeadRow,
    change_set: replication_pb2.ChangeSet,
    announced: replication_pb2.DomainEvents,
    live: int,
    set_hash: int,
    now: dt.datetime,
) -> OutboxRow:
    """The revision after `head`, not signed yet.

    Args:
        head: The registry's head.
        change_set: Says its own epoch and revision.
        announced: Its domain events.
        live: Entities alive after it.
        set_hash: The sum of their hashes.
        now: When it is committed.

    Raises:
        TooLarge: It or its events are over 8 MiB, or packed it is over 900 KiB.
    """
    most = positions.CHANGE_SET_BYTES_MAX
    _require_at_most(most, change_set.ByteSize(), "a change set")
    _require_at_most(most, announced.ByteSize(), "events of one change set")
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
        # Followers of an older release read on until an epoch begins.
        chain_version=hash_chain.NEWEST if is_reset else head.chain_version,
    )
    return row._replace(chain=hash_chain.chain_of(head.chain, row.link))


def _require_at_most(most_bytes: int, size_bytes: int, what: str) -> None:
    if size_bytes > most_bytes:
        size, most = -(-size_bytes // 1024), most_bytes // 1024
        raise TooLarge(f"{what} of {size} KiB; at most {most} KiB: split the request")


def first_of_epoch(
    head: HeadRow, seen: LogPosition, now: dt.datetime, nonce: bytes, reason: str = LOST
) -> OutboxRow:
    """The first revision of the next epoch, which changes nothing.

    Its chain is unforeseeable, so that a database that loses this commit and makes it again
    does not make the same one: with a chain of (epoch, revision) alone, 42 of 82,780
    schedules of the model went wrong; with a nonce none of 300,000.

    Args:
        head: The registry's head.
        seen: What was seen outside it, or the head itself.
        now: When it is committed.
        nonce: `NONCE_BYTES` random bytes.
        reason: Why it begins, for the audit log.
    """
    epoch, revision = epoch_rules.begins_at(position_of(head), seen)
    change_set = replication_pb2.ChangeSet(
        epoch=epoch,
        revision=revision,
        actor="cqar-writer",
        reason=reason,
        epoch_nonce=nonce,
    )
    change_set.committed_at.FromDatetime(now)
    moment = events.EventContext(epoch, revision, now, "cqar-writer", change_set.reason)
    announced = replication_pb2.DomainEvents(events=[events.epoch_changed(moment)])
    set_hash = positions.set_hash_from(head.set_hash)
    return sealed(head, change_set, announced, head.live_count, set_hash, now)
