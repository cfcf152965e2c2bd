"""The relay's decision, as protocol.md's table states it. Pure: observations in, action out.

The shell must read the stream's tail BEFORE the database. In the other order 6,000 schedules
of the model made 914 needless epochs; in this order none.
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


def tail_of(newest: bytes | None) -> replication_pb2.Head | None:
    """The head that the stream's newest message speaks of; None where it leads nowhere.

    Args:
        newest: Its payload; None where the stream holds no message. What is no message of any
            relay is as good as none: it is never waited out, for nothing would ever come after it.
    """
    try:
        head = replication_pb2.StreamMessage.FromString(newest or b"").head
    except DecodeError:
        return None
    return head if head.registry_id else None


def believed(head: LogPosition, tail: LogPosition | None) -> LogPosition | None:
    """The tail, unless no relay of this registry can have published it.

    A number that no history gets to would otherwise be gone beyond, once and for all: the next
    epoch's revisions begin after all that was seen. So such a message is stepped over.

    Args:
        head: The database's head.
        tail: The newest message still in the stream.
    """
    return tail if tail is not None and positions.is_believable(head, tail) else None


def decide(
    head: LogPosition, compacted: int, tail: LogPosition | None, row: NextRow | None
) -> RelayAction:
    """What the relay does next.

    Args:
        head: The database's head.
        compacted: No resolver may catch up from before this revision.
        tail: The newest message still in the stream, if it is `believed`; None when there is none.
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
    if tail.revision == head.revision:  # and another chain
        return RelayAction.BUMP
    if row is None or row.is_reset:
        return RelayAction.RESET
    return RelayAction.PUBLISH if row.prev_chain == tail.chain else RelayAction.BUMP


class RelayRow(positions.HasPosition, Protocol):
    """An outbox row, as far as deciding goes."""

    @property
    def prev_chain(self) -> bytes: ...
    @property
    def is_reset(self) -> bool: ...


R = TypeVar("R", bound=RelayRow)


def plan(
    head: LogPosition, compacted: int, tail: LogPosition | None, rows: Sequence[R], *, whole: bool
) -> Iterator[tuple[RelayAction, R | None]]:
    """What to do about a batch, step by step; a row comes with PUBLISH, which may be followed.

    Args:
        head: The database's head, read together with the rows.
        compacted: As in `decide`.
        tail: As in `decide`, before the first step.
        rows: The outbox after the tail, in order.
        whole: There may be more rows: then nothing is decided on a missing one.
    """
    for row in rows if whole else [*rows, None]:
        adjacent = row if row and tail and row.revision == tail.revision + 1 else None
        next_row = NextRow(adjacent.prev_chain, adjacent.is_reset) if adjacent else None
        action = decide(head, compacted, tail, next_row)
        if action is not RelayAction.PUBLISH or adjacent is None:
            yield action, None
            return
        yield action, adjacent
        tail = positions.position_of(adjacent)
