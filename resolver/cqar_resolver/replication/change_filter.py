"""Selects what of a change set a watch asked for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cqc.replication.v1 import replication_pb2

from cqar_resolver.replication.change_log import AppliedChangeSet
from cqar_shared.domain.kinds import KIND_BY_NAME


def select_changes(
    applied: AppliedChangeSet, kinds: Collection[str], venue_ids: Collection[str]
) -> replication_pb2.ChangeSet:
    """Select what of a change set a watch asked for; API keys are never part of it.

    Args:
        kinds: Empty: all kinds, or with `venue_ids` all kinds that belong to a venue.
        venue_ids: Empty: all venues. Else of kinds that belong to a venue (the venue itself, its
            listings, its assets) only what is at these, and other kinds only if in `kinds`. The
            removal of an archived listing, whose venue is not known, is always part of it.
    """
    change_set = applied.change_set
    if not (kinds or venue_ids or any(map(_is_secret, change_set.changes))):
        return change_set
    selected = replication_pb2.ChangeSet()
    selected.CopyFrom(change_set)
    del selected.changes[:]
    selected.changes.extend(_selected(applied, kinds, venue_ids))
    return selected


def _selected(
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
        elif (_venue_of(change, applied.removed_listings) or next(iter(venue_ids))) in venue_ids:
            yield change


def _belongs_to_venues(kind_name: str) -> bool:
    kind = KIND_BY_NAME.get(kind_name)
    return kind is not None and "venue_id" in kind.message.DESCRIPTOR.fields_by_name


def _venue_of(change: replication_pb2.Change, removed_listings: Mapping[str, str]) -> str:
    """Return the venue of a change of a kind that belongs to one; empty if it is unknown."""
    kind = KIND_BY_NAME[change.kind]
    if kind.key[0] == "venue_id":
        return kind.parts_of(change.key)[0]
    if change.deleted:
        return removed_listings.get(change.key, "")
    message: Any = kind.message.FromString(change.entity)
    return str(message.venue_id)


def _is_secret(change: replication_pb2.Change) -> bool:
    kind = KIND_BY_NAME.get(change.kind)
    return kind is not None and not kind.exported
