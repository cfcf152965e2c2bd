"""What a resolver does about each message, head and row: the tables of docs/PROTOCOL.md. Pure."""

from __future__ import annotations

import enum
from typing import Final, Protocol, TypeVar

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import (
    NO_TERM,
    LogPosition,
    StreamMark,
    Term,
    is_believable,
    position_of,
)

#: Reading this many change sets, a second if they are small, is faster than loading everything.
NEAR_REVISIONS: Final = 1_000


class Action(enum.Enum):
    NOTHING = enum.auto()
    APPLY = enum.auto()
    CATCH_UP = enum.auto()  # read what follows the local position
    MARK_STALE = enum.auto()  # say STALE, and catch up from the outbox
    BOOTSTRAP = enum.auto()  # load everything anew
    BUMP = enum.auto()  # ask the writers for a new epoch
    REFUSE = enum.auto()  # the head is another registry's


class UnknownMessage(Exception):
    """A message of a kind that this release does not know; never skipped."""


def resume_after(noted: StreamMark | None, found: StreamMark) -> int:
    """Return the sequence after which to follow a stream.

    Args:
        noted: The stream when the snapshot was loaded, or as far as it was handled since.
        found: The stream now. If it is another, or lost its tail, it is read from its beginning:
            chains tell what applies.
    """
    if noted is not None and found.continues(noted):
        return noted.last
    return found.first - 1 if found.first else 0


def on_message(local: LogPosition, message: replication_pb2.StreamMessage) -> Action:
    """Decide about a message of the stream.

    Raises:
        UnknownMessage: the message is of no known kind.
    """
    remote = position_of(message.head)
    if not is_believable(local, remote):
        # No writer of this registry published it, unless this process is very far behind.
        return Action.CATCH_UP
    match message.WhichOneof("body"):
        case "commit":
            return on_commit(local, remote, message.commit.prev_chain)
        case "reset":
            return on_reset(local, remote)
        case "heartbeat":
            return on_heartbeat(local, remote)
        case _:
            raise UnknownMessage


def on_commit(local: LogPosition, remote: LogPosition, prev_chain: bytes) -> Action:
    """Decide about a change set that leads to `remote` and continues `prev_chain`."""
    if remote.epoch != local.epoch:
        return Action.BOOTSTRAP if remote.epoch > local.epoch else Action.NOTHING
    if remote.revision <= local.revision:
        forked = remote.revision == local.revision and remote.chain != local.chain
        return Action.CATCH_UP if forked else Action.NOTHING
    follows = remote.revision == local.revision + 1 and prev_chain == local.chain
    return Action.APPLY if follows else Action.CATCH_UP


def on_reset(local: LogPosition, remote: LogPosition) -> Action:
    """Decide about a message that the stream does not lead to `remote`."""
    if remote == local or remote.epoch < local.epoch:
        return Action.NOTHING
    if remote.epoch == local.epoch and remote.revision != local.revision:
        return Action.CATCH_UP if remote.revision > local.revision else Action.NOTHING
    return Action.BOOTSTRAP


def on_heartbeat(local: LogPosition, remote: LogPosition) -> Action:
    """Decide about a head that the relay read after all that it published."""
    if remote.epoch != local.epoch:
        return Action.BOOTSTRAP if remote.epoch > local.epoch else Action.NOTHING
    forked = remote.revision == local.revision and remote.chain != local.chain
    return Action.CATCH_UP if remote.revision > local.revision or forked else Action.NOTHING


def on_probe(
    asked: LogPosition, local: LogPosition, head: LogPosition, *, was_behind: bool
) -> Action:
    """Decide about a writer's head, read after a probe was sent.

    Args:
        asked: The position when the probe was sent: the database had it then, or lost it. What was
            applied since may be newer than the answer, and proves nothing.
        local: The position now.
        head: The answer.
        was_behind: Whether an earlier answer was not reached yet when this one was asked for. A
            head just committed is on its way through the stream, so one probe is waited for.
    """
    action = on_heartbeat(local, head)
    forked = head.epoch == local.epoch and any(
        head.revision == held.revision and head.chain != held.chain for held in (asked, local)
    )
    lost = (head.epoch, head.revision) < (asked.epoch, asked.revision)
    if forked or lost:
        # What is served is not in the database: nothing is confirmed until that is explained.
        return Action.MARK_STALE
    return action if action is not Action.CATCH_UP or was_behind else Action.NOTHING


def on_head(
    local: LogPosition,
    head: LogPosition,
    compacted: int,
    row: LogPosition | None = None,
    *,
    is_doubted: bool = False,
) -> Action:
    """Decide about a database's head, read to catch up.

    A database that is behind lags, as a replica does, or lost commits. Only a writer's head tells
    which.

    Args:
        compacted: The outbox holds no rows up to this revision.
        row: The outbox's position at the local revision, read with the head; None: it has none.
        is_doubted: A writer's head does not include the local position.
    """
    if head == local:
        return Action.NOTHING
    if head.epoch > local.epoch:
        return Action.BOOTSTRAP
    if (head.epoch, head.revision) < (local.epoch, local.revision):
        return Action.BUMP if is_doubted else Action.NOTHING
    if is_other(local, head, row):
        return Action.BUMP
    return Action.BOOTSTRAP if local.revision < compacted else Action.APPLY


def is_other(local: LogPosition, head: LogPosition, row: LogPosition | None) -> bool:
    """Whether a database of the same epoch, not behind, does not have the local position.

    Numbers alone do not tell: a history that lost it may have passed its revision since.

    Args:
        row: As for `on_head`.
    """
    there = head if head.revision == local.revision else row
    return head.epoch == local.epoch and there is not None and there != local


def is_on_the_way(local: LogPosition, wanted: LogPosition) -> bool:
    """Whether consecutive change sets may lead from the local position to a head."""
    return wanted.epoch == local.epoch and wanted.revision > local.revision


def is_before(remote: LogPosition, local: LogPosition) -> bool:
    """Whether a message comes before the first that leads on from the local position."""
    return (remote.epoch, remote.revision) <= (local.epoch, local.revision)


def is_earlier(term: Term, latest: Term) -> bool:
    """Whether a head was read from a database that was replaced.

    A head without a term, of an older release's writer, is judged by its position alone.
    """
    return term.timeline != NO_TERM.timeline and term < latest


def on_row(local: LogPosition, row: LogPosition, prev_chain: bytes, *, is_reset: bool) -> Action:
    """Decide about the next outbox row while catching up."""
    follows = row.epoch == local.epoch and row.revision == local.revision + 1
    if follows and not is_reset and prev_chain == local.chain:
        return Action.APPLY
    return Action.BOOTSTRAP


def on_snapshot(held: LogPosition | None, found: LogPosition) -> Action:
    """Decide whether a loaded snapshot may replace what is held.

    Never back in revision, and never sideways: callers were told of what is held.
    """
    if held is None or found == held:
        return Action.APPLY
    onward = found.epoch >= held.epoch and found.revision > held.revision
    return Action.APPLY if onward else Action.BUMP


def on_hydrated(
    held: replication_pb2.Head,
    found: replication_pb2.Head,
    row: LogPosition | None = None,
    *,
    is_confirmed: bool,
) -> Action:
    """Decide whether PostgreSQL's content may replace what is served.

    Args:
        held: The head that is served.
        found: PostgreSQL's head.
        row: The outbox's position at the revision that is served, read with the head.
        is_confirmed: What is served is known to be this registry's, from PostgreSQL or a writer.
            Else it may be another registry's image or checkpoint, and PostgreSQL is right.
    """
    if found.registry_id != held.registry_id:
        return Action.REFUSE if is_confirmed else Action.APPLY
    local, remote = position_of(held), position_of(found)
    if is_other(local, remote, row):
        return Action.BUMP
    return on_snapshot(local, remote)


def is_ahead(
    kept: replication_pb2.Head, found: replication_pb2.Head, row: LogPosition | None = None
) -> bool:
    """Whether the checkpoint holds what PostgreSQL, at `found`, does not lead on from.

    Args:
        row: The outbox's position at the checkpoint's revision, read with the head.
    """
    if kept.registry_id != found.registry_id:
        return False
    return on_hydrated(kept, found, row, is_confirmed=True) is Action.BUMP


def is_near(kept: replication_pb2.Head, found: replication_pb2.Head) -> bool:
    """Whether PostgreSQL, at `found`, leads on from the checkpoint in few steps."""
    if (kept.registry_id, kept.epoch) != (found.registry_id, found.epoch):
        return False
    if kept.revision == found.revision:
        return kept.chain == found.chain
    least = max(found.compacted_revision, found.revision - NEAR_REVISIONS)
    return least <= kept.revision < found.revision


def may_replace(held: replication_pb2.Head | None, found: replication_pb2.Head) -> bool:
    """Whether an image or a checkpoint may replace what is served, if anything is.

    Of the same epoch it may have a history without what is served, and does not show it: nothing
    but a later epoch is certain not to go sideways.
    """
    if held is None:
        return True
    return found.epoch > held.epoch and is_onward(held, found)


def is_onward(held: replication_pb2.Head, found: replication_pb2.Head) -> bool:
    """Whether an image or a checkpoint is ahead of another."""
    local, remote = position_of(held), position_of(found)
    if found.registry_id != held.registry_id or remote == local:
        return False
    return on_snapshot(local, remote) is Action.APPLY


class BootstrapSource(Protocol):
    """What decisions need to know of what may be loaded."""

    @property
    def head(self) -> replication_pb2.Head: ...


F = TypeVar("F", bound=BootstrapSource)


def bootstrap_candidates(
    held: replication_pb2.Head | None,
    kept: F | None,
    published: F | None,
    required_registry_id: bytes = b"",
) -> list[F]:
    """List what may replace what is served, the best first.

    The checkpoint says what the last process served. The image in Redis is preferred only if it is
    onward from there; a newer epoch is not enough. After a failover whose lost commits nobody knew
    of, a new epoch has lower revisions.

    Args:
        held: The head that is served, if any.
        kept: The checkpoint.
        published: The image in Redis.
        required_registry_id: The registry of the stream or of a writer, if the one served was never
            confirmed and is another: only its candidates count. Else empty.
    """
    found = [source for source in (kept, published) if source is not None]
    if required_registry_id:
        onward = [source for source in found if source.head.registry_id == required_registry_id]
    else:
        onward = [source for source in found if may_replace(held, source.head)]
    if len(onward) > 1 and is_onward(onward[0].head, onward[1].head):
        onward.reverse()
    return onward
