"""The change sets that led to what is served, as far back as is kept. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.indexes import split_values
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import OutOfRange

#: Whichever is reached first; a change set of one listing is 300 bytes.
CHANGE_SETS_MAX: Final = 10_000
BYTES_MAX: Final = 64 * 1024 * 1024
_SPELLINGS: Final = "venue_symbol.spelling"


#: What is counted for one listing that ended, beside the change set.
END_BYTES: Final = 200


class AppliedChangeSet(NamedTuple):
    """A change set, and what it does not say itself.

    Attributes:
        ended_at: Listing that it removed -> the venue it was at; without those of no known venue.
        size_bytes: Of both.
    """

    change_set: replication_pb2.ChangeSet
    ended_at: Mapping[str, str]
    size_bytes: int


class ChangeLog:
    """Without gaps: where it breaks, it begins anew."""

    def __init__(self) -> None:
        self._kept: dict[int, AppliedChangeSet] = {}
        self._bytes = 0

    def restart(self) -> None:
        """What is served did not come from what was served before."""
        self._kept.clear()
        self._bytes = 0

    def add(self, change_set: replication_pb2.ChangeSet, planned: Iterable[PlannedChange]) -> None:
        """The next revision's, and what it did to the snapshot."""
        ended_at = dict(_ends_in(planned))
        size = change_set.ByteSize() + len(ended_at) * END_BYTES
        self._kept[change_set.revision] = AppliedChangeSet(change_set, ended_at, size)
        self._bytes += size
        while len(self._kept) > CHANGE_SETS_MAX or self._bytes > BYTES_MAX:
            self._bytes -= self._kept.pop(next(iter(self._kept))).size_bytes

    def at(self, revision: int) -> AppliedChangeSet:
        """The change set of a revision that was reached.

        Raises:
            OutOfRange: It is not kept any more.
        """
        found = self._kept.get(revision)
        if found is None:
            raise OutOfRange(f"revision {revision} is not kept any more: read anew, then watch")
        return found


def _ends_in(planned: Iterable[PlannedChange]) -> Iterator[tuple[str, str]]:
    """(listing, venue) of the listings that leave the snapshot, by what they were filed under."""
    for change in planned:
        if change.payload is None:
            for index, value in change.removed_from:
                if index == _SPELLINGS:
                    yield change.key, split_values(value)[0]


def select_changes(
    applied: AppliedChangeSet, kinds: Collection[str], venue_ids: Collection[str]
) -> replication_pb2.ChangeSet:
    """What of a change set is of these kinds and venues; keys are nobody's business.

    Args:
        kinds: Empty: all that are for everybody, or with venues all that belong to one.
        venue_ids: Empty: all. Else of what belongs to a venue (the venue itself, its listings, its
            assets) only what is at these, and of other kinds only those in `kinds`. The end of a
            listing that was archived, whose venue memory does not know, is not held back.
    """
    change_set = applied.change_set
    if not (kinds or venue_ids or any(map(_is_secret, change_set.changes))):
        return change_set
    told = replication_pb2.ChangeSet()
    told.CopyFrom(change_set)
    del told.changes[:]
    told.changes.extend(_chosen(applied, kinds, venue_ids))
    return told


def _chosen(
    applied: AppliedChangeSet, kinds: Collection[str], venue_ids: Collection[str]
) -> Iterator[replication_pb2.Change]:
    for change in applied.change_set.changes:
        if _is_secret(change) or (kinds and change.kind not in kinds):
            continue
        if not venue_ids:
            yield change
        elif not _belongs_to_venues(change.kind):
            if kinds:
                yield change
        elif (_venue_of(change, applied.ended_at) or next(iter(venue_ids))) in venue_ids:
            yield change


def _belongs_to_venues(kind_name: str) -> bool:
    kind = KIND_BY_NAME.get(kind_name)
    return kind is not None and "venue_id" in kind.message.DESCRIPTOR.fields_by_name


def _venue_of(change: replication_pb2.Change, ended_at: Mapping[str, str]) -> str:
    """The venue that a change of such a kind is at; empty where it is not known any more."""
    kind = KIND_BY_NAME[change.kind]
    if kind.key[0] == "venue_id":
        return kind.parts_of(change.key)[0]
    if change.deleted:
        return ended_at.get(change.key, "")
    message: Any = kind.message.FromString(change.entity)
    return str(message.venue_id)


def _is_secret(change: replication_pb2.Change) -> bool:
    kind = KIND_BY_NAME.get(change.kind)
    return kind is not None and not kind.exported
