"""What a resolver does about what it sees, as protocol.md's tables state it. Pure."""

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

#: To read so many from the outbox is faster than to load everything; a second, if they are small.
NEAR_REVISIONS: Final = 1_000


class Action(enum.Enum):
    NOTHING = enum.auto()
    APPLY = enum.auto()
    CATCH_UP = enum.auto()  # read the outbox from local + 1
    MARK_STALE = enum.auto()  # say STALE, and catch up
    BOOTSTRAP = enum.auto()  # read everything anew
    BUMP = enum.auto()  # ask the writers for a new epoch, then read everything anew
    REFUSE = enum.auto()  # it is of another registry than what is served


class UnknownMessage(Exception):
    """A message that this version has no rule for; never skipped."""


def resume_after(noted: StreamMark | None, found: StreamMark) -> int:
    """The sequence after which to follow a stream.

    Args:
        noted: The stream when the snapshot was loaded, or how far it was handled since.
        found: The stream now. If it is another, or has lost its tail, all that it holds is
            read: chains tell it apart.
    """
    if noted is not None and found.continues(noted):
        return noted.last
    return found.first - 1 if found.first else 0


def on_message(local: LogPosition, message: replication_pb2.StreamMessage) -> Action:
    """A message of the stream, of whatever kind.

    Raises:
        Unknown: It is of none.
    """
    remote = position_of(message.head)
    if not is_believable(local, remote):
        # No writer of this registry publishes it, unless this process is very far behind.
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
    """A change set that ends at `remote` and continues `prev_chain`."""
    if remote.epoch != local.epoch:
        return Action.BOOTSTRAP if remote.epoch > local.epoch else Action.NOTHING
    if remote.revision <= local.revision:
        forked = remote.revision == local.revision and remote.chain != local.chain
        return Action.CATCH_UP if forked else Action.NOTHING
    follows = remote.revision == local.revision + 1 and prev_chain == local.chain
    return Action.APPLY if follows else Action.CATCH_UP


def on_reset(local: LogPosition, remote: LogPosition) -> Action:
    """The stream does not lead to `remote`."""
    if remote == local or remote.epoch < local.epoch:
        return Action.NOTHING
    if remote.epoch == local.epoch and remote.revision != local.revision:
        return Action.CATCH_UP if remote.revision > local.revision else Action.NOTHING
    return Action.BOOTSTRAP


def on_heartbeat(local: LogPosition, remote: LogPosition) -> Action:
    """The head, as the relay saw it after all that it published."""
    if remote.epoch != local.epoch:
        return Action.BOOTSTRAP if remote.epoch > local.epoch else Action.NOTHING
    forked = remote.revision == local.revision and remote.chain != local.chain
    return Action.CATCH_UP if remote.revision > local.revision or forked else Action.NOTHING


def on_probe(
    asked: LogPosition, local: LogPosition, head: LogPosition, *, was_behind: bool
) -> Action:
    """A writer's answer to a probe: the head, read after the probe was sent.

    Args:
        asked: What was held when the probe was sent: the database had it then, or lost it. What
            came since may be newer than the answer, and says nothing.
        local: What is held now.
        head: The answer.
        was_behind: Whether an earlier answer was still to be reached when this one was asked
            for. A head just committed is on its way through the stream: one probe's patience.
    """
    action = on_heartbeat(local, head)
    forked = head.epoch == local.epoch and any(
        head.revision == held.revision and head.chain != held.chain for held in (asked, local)
    )
    lost = (head.epoch, head.revision) < (asked.epoch, asked.revision)
    if forked or lost:
        # Served and not in the database: nothing is confirmed until that is explained.
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
    """The database's head, read to catch up: is there a way from local to it?

    A database that has less than is held lags behind, as a replica does, or lost commits. By itself
    it does not tell which: a writer's head does.

    Args:
        row: What the outbox has at the revision that is held, read with the head; None: nothing.
        is_doubted: A writer's head does not know what is held.
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
    """Whether a database of the epoch that is held, and as far, does not have what is held.

    Numbers alone do not tell: a history that lost it may have passed it since.

    Args:
        row: As for `on_head`.
    """
    at = head if head.revision == local.revision else row
    return head.epoch == local.epoch and at is not None and at != local


def is_on_the_way(local: LogPosition, wanted: LogPosition) -> bool:
    """Whether change sets, one after another, may lead from what is held to where a head is."""
    return wanted.epoch == local.epoch and wanted.revision > local.revision


def is_before(remote: LogPosition, local: LogPosition) -> bool:
    """Whether a message of the stream comes before the first that leads on from what is held."""
    return (remote.epoch, remote.revision) <= (local.epoch, local.revision)


def is_earlier(term: Term, latest: Term) -> bool:
    """Whether a head was read from a database that is not the registry's any more.

    Who states no term, as writers of before terms, is judged by positions alone.
    """
    return term.timeline != NO_TERM.timeline and term < latest


def on_row(local: LogPosition, row: LogPosition, prev_chain: bytes, *, is_reset: bool) -> Action:
    """The outbox row that is read next while catching up."""
    follows = row.epoch == local.epoch and row.revision == local.revision + 1
    if follows and not is_reset and prev_chain == local.chain:
        return Action.APPLY
    return Action.BOOTSTRAP


def on_snapshot(held: LogPosition | None, found: LogPosition) -> Action:
    """May a snapshot that was just read take the place of what is held?

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
    """May what PostgreSQL holds take the place of what is served?

    Args:
        held: What is served.
        found: PostgreSQL's head.
        row: What the outbox has at the revision that is served, read with the head.
        is_confirmed: What is served is known to be this registry's: it came from PostgreSQL, or a
            writer confirmed it. Else an image or a file of another registry may be served, and
            PostgreSQL is right.
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
    """Whether the last process kept what PostgreSQL, at `found`, does not lead on from.

    Args:
        row: What the outbox has at the revision that was kept, read with the head.
    """
    if kept.registry_id != found.registry_id:
        return False
    return on_hydrated(kept, found, row, is_confirmed=True) is Action.BUMP


def is_near(kept: replication_pb2.Head, found: replication_pb2.Head) -> bool:
    """Whether PostgreSQL, at `found`, leads on in few steps from what the last process kept."""
    if (kept.registry_id, kept.epoch) != (found.registry_id, found.epoch):
        return False
    if kept.revision == found.revision:
        return kept.chain == found.chain
    least = max(found.compacted_revision, found.revision - NEAR_REVISIONS)
    return least <= kept.revision < found.revision


def is_onward(held: replication_pb2.Head | None, found: replication_pb2.Head) -> bool:
    """Whether an image or a file may take the place of what is served, if anything is."""
    if held is None:
        return True
    local, remote = position_of(held), position_of(found)
    if found.registry_id != held.registry_id or remote == local:
        return False
    return on_snapshot(local, remote) is Action.APPLY


class BootstrapSource(Protocol):
    """What may be loaded, as far as deciding goes."""

    @property
    def head(self) -> replication_pb2.Head: ...


F = TypeVar("F", bound=BootstrapSource)


def bootstrap_candidates(
    held: replication_pb2.Head | None,
    kept: F | None,
    published: F | None,
    required_registry_id: bytes = b"",
) -> list[F]:
    """What may take the place of what is served, the best first.

    The file says what the last process served: the image in Redis comes before it only if it
    leads on from there. The newer of the two by epoch is not enough. After a failover whose lost
    commits nobody knew of, a new epoch has lower revisions.

    Args:
        held: What is served, if anything is.
        kept: In the file.
        published: In Redis.
        required_registry_id: The registry of the stream or of a writer, if the one served was never
            confirmed and is another: only its candidates count. Else empty.
    """
    found = [one for one in (kept, published) if one is not None]
    if required_registry_id:
        onward = [one for one in found if one.head.registry_id == required_registry_id]
    else:
        onward = [one for one in found if is_onward(held, one.head)]
    if len(onward) > 1 and is_onward(onward[0].head, onward[1].head):
        onward.reverse()
    return onward
