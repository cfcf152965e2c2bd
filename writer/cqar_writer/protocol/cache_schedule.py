"""Decides when cached values can be moved on to the head. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cqar_shared.replication.positions import LogPosition
from cqar_writer.protocol.relay import RelayRow


def is_contiguous(
    since: LogPosition, head: LogPosition, rows: Sequence[RelayRow], rows_max: int
) -> bool:
    """Whether the changes of `rows` lead from the cursor to the head; else the cache begins anew.

    Args:
        since: The position of the cached values.
        head: The database's head.
        rows: The outbox after `since.revision`, read together with the head.
        rows_max: More rows than this are not written through.
    """
    if since.epoch != head.epoch or since.revision >= head.revision:
        return False
    return 0 < len(rows) <= rows_max and rows[0].prev_chain == since.chain
