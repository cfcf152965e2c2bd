"""Decides when a new image is published in Redis. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from cqc.replication.v1 import replication_pb2

REVISIONS_APART: Final = 1_000
APART: Final = dt.timedelta(minutes=10)


def is_due(
    present: replication_pb2.Image | None,
    head: replication_pb2.Head,
    now: dt.datetime,
    *,
    revisions_apart: int = REVISIONS_APART,
    apart: dt.timedelta = APART,
) -> bool:
    """Whether an image at `head` should replace the present one.

    An image of a later epoch or revision stays: resolvers that have only Redis continue with it,
    and the relay is about to begin an epoch beyond it. Another registry's image stays, too.

    Args:
        present: The image in Redis; None if there is none, or a chunk is missing.
        head: The database's head.
        now: The wall clock.
        revisions_apart: An image is due after this many revisions.
        apart: If there is any new revision, an image is due after this time.
    """
    if present is None:
        return True
    held = present.head
    if held.registry_id != head.registry_id or held == head:
        return False
    if (held.epoch, held.revision) > (head.epoch, head.revision):
        return False
    if held.epoch != head.epoch or held.revision == head.revision:
        return True
    # With a clock that was set back the age is negative: without abs no image would be due.
    age = abs(now - present.made_at.ToDatetime(dt.UTC))
    return head.revision - held.revision >= revisions_apart or age >= apart
