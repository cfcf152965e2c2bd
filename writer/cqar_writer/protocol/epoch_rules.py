"""When a new epoch begins, and where. Pure: what was seen in, a verdict out."""

from __future__ import annotations

from typing import Final

from cqar_shared.replication.positions import LogPosition

#: A resolver that asks for a new epoch is believed only so often.
BUMPS_APART_S: Final = 10.0


def is_lost(head: LogPosition, held: LogPosition, row: LogPosition | None) -> bool:
    """Whether what a resolver holds is no longer part of the database's history.

    A resolver of an ended epoch that the head is beyond needs no new one: it can go on to the
    head. Where the head is not beyond it, as after a failover that lost more revisions than
    the new epoch has, it can go nowhere.

    Args:
        head: The database's head.
        held: What the resolver says that it holds.
        row: The first outbox row of `held.revision` or later, read after the head.
    """
    if held.epoch < head.epoch and held.revision < head.revision:
        return False
    return row is None or (row.revision, row.chain) != (held.revision, held.chain)


def beyond(*seen: LogPosition) -> LogPosition:
    """The largest epoch and the largest revision that was seen anywhere, of no chain."""
    return LogPosition(max(at.epoch for at in seen), max(at.revision for at in seen), b"")


def begins_at(head: LogPosition, seen: LogPosition) -> tuple[int, int]:
    """Epoch and revision of an epoch's first commit: beyond all that was seen anywhere.

    Args:
        head: The database's head.
        seen: What was seen outside, in the stream or at a resolver.
    """
    return max(head.epoch, seen.epoch) + 1, max(head.revision, seen.revision) + 1
