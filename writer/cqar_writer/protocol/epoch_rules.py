"""Decides whether an epoch must begin, and where. Pure."""

from __future__ import annotations

from typing import Final

from cqar_shared.replication.positions import LogPosition

#: How often resolvers may make a writer begin an epoch.
BUMPS_APART_S: Final = 10.0


def is_lost(head: LogPosition, held: LogPosition, row: LogPosition | None) -> bool:
    """Whether the database's history no longer includes what a resolver holds.

    If the head is beyond a resolver of an ended epoch, the resolver can catch up and needs no new
    epoch. If it is not, as after a failover that lost more revisions than the new epoch has, the
    resolver cannot continue without one.

    Args:
        head: The database's head.
        held: The position that the resolver claims to hold.
        row: The first outbox row of `held.revision` or later, read after the head.
    """
    if held.epoch < head.epoch and held.revision < head.revision:
        return False
    return row is None or (row.revision, row.chain) != (held.revision, held.chain)


def max_position(*seen: LogPosition) -> LogPosition:
    """Return the largest epoch and the largest revision of all positions, without a chain."""
    return LogPosition(max(p.epoch for p in seen), max(p.revision for p in seen), b"")


def epoch_start(head: LogPosition, seen: LogPosition) -> tuple[int, int]:
    """Return epoch and revision of an epoch's first commit: beyond everything that was seen.

    Args:
        head: The database's head.
        seen: The position seen outside, in the stream or at a resolver.
    """
    return max(head.epoch, seen.epoch) + 1, max(head.revision, seen.revision) + 1
