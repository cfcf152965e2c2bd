"""When values in the cache may be moved on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cqar_shared.replication.positions import LogPosition
from cqar_writer.protocol.relay import RelayRow


def continues(since: LogPosition, head: LogPosition, rows: Sequence[RelayRow], most: int) -> bool:
    """Whether `rows`, with their changes, lead from the cursor to the head; else begin anew.

    Args:
        since: What the cache's values are as of.
        head: The database's head.
        rows: The outbox after `since.revision`, read together with the head.
        most: More rows than this are not written through.
    """
    if since.epoch != head.epoch or since.revision >= head.revision:
        return False
    return 0 < len(rows) <= most and rows[0].prev_chain == since.chain
