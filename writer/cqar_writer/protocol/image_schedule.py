"""When the image in Redis is to be published anew. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from cqc.replication.v1 import replication_pb2

REVISIONS_APART: Final = 1_000
APART: Final = dt.timedelta(minutes=10)


def is_due(
    found: replication_pb2.Image | None,
    head: replication_pb2.Head,
    now: dt.datetime,
    *,
    revisions_apart: int = REVISIONS_APART,
    apart: dt.timedelta = APART,
) -> bool:
    """Whether an image at `head` should take the place of the one that is there.

    Args:
        found: None where there is none, or not all of it.
        head: The database's.
        now: The wall clock.
        revisions_apart: So many later it is due.
        apart: Or, if there are any, this time later.

    An image of a later epoch or revision is left alone: who has only Redis goes on with it, and
    the relay is about to begin an epoch beyond it. So is another registry's.
    """
    if found is None:
        return True
    there = found.head
    if there.registry_id != head.registry_id or there == head:
        return False
    if (there.epoch, there.revision) > (head.epoch, head.revision):
        return False
    if there.epoch != head.epoch or there.revision == head.revision:
        return True
    # A clock that was set back would make an image young for ever.
    age = abs(now - found.made_at.ToDatetime(dt.UTC))
    return head.revision - there.revision >= revisions_apart or age >= apart
