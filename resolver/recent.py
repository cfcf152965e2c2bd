"""The change sets that led to what is served, as far back as is kept. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from cqc.replication.v1 import replication_pb2

from shared.entities import KIND_BY_NAME
from shared.errors import OutOfRange

#: Whichever is reached first; a change set of one listing is 300 bytes.
CHANGE_SETS_MAX: Final = 10_000
BYTES_MAX: Final = 64 * 1024 * 1024


class Recent:
    """Without gaps: where it breaks, it begins anew."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[replication_pb2.ChangeSet, int]] = {}
        self._bytes = 0

    def restart(self) -> None:
        """What is served did not come from what was served before."""
        self._kept.clear()
        self._bytes = 0

    def add(self, change_set: replication_pb2.ChangeSet) -> None:
        """The next revision's."""
        size = change_set.ByteSize()
        self._kept[change_set.revision] = (change_set, size)
        self._bytes += size
        while len(self._kept) > CHANGE_SETS_MAX or self._bytes > BYTES_MAX:
            _, size = self._kept.pop(next(iter(self._kept)))
            self._bytes -= size

    def at(self, revision: int) -> replication_pb2.ChangeSet:
        """The change set of a revision that was reached.

        Raises:
            OutOfRange: It is not kept any more.
        """
        found = self._kept.get(revision)
        if found is None:
            raise OutOfRange(f"revision {revision} is not kept any more: read anew, then watch")
        return found[0]


def chosen(
    change_set: replication_pb2.ChangeSet, kinds: Collection[str], venue_ids: Collection[str]
) -> replication_pb2.ChangeSet:
    """What of it is of these kinds and venues; keys are nobody's business.

    Args:
        kinds: Empty: all that are for everybody.
        venue_ids: Empty: all. What belongs to no venue is not held back by it, nor is an end whose
            venue is not known any more.
    """
    if not (kinds or venue_ids or any(map(_is_secret, change_set.changes))):
        return change_set
    told = replication_pb2.ChangeSet()
    told.CopyFrom(change_set)
    del told.changes[:]
    told.changes.extend(_chosen(change_set.changes, kinds, venue_ids))
    return told


def _chosen(
    changes: Any, kinds: Collection[str], venue_ids: Collection[str]
) -> Iterator[replication_pb2.Change]:
    for change in changes:
        if _is_secret(change) or (kinds and change.kind not in kinds):
            continue
        if not venue_ids or (venue_of(change) or next(iter(venue_ids))) in venue_ids:
            yield change


def venue_of(change: replication_pb2.Change) -> str:
    """The venue that a change is at; empty where there is none, or it is not known any more."""
    kind = KIND_BY_NAME.get(change.kind)
    if kind is None or "venue_id" not in kind.message.DESCRIPTOR.fields_by_name:
        return ""
    if kind.key[0] == "venue_id":
        return kind.parts_of(change.key)[0]
    message: Any = kind.message.FromString(change.entity)
    return str(message.venue_id)


def _is_secret(change: replication_pb2.Change) -> bool:
    kind = KIND_BY_NAME.get(change.kind)
    return kind is not None and not kind.exported
