"""A change of the log as it is told: what it is about, and what it changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from cqc.replication.v1 import replication_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.api_key import API_KEY

#: Fields by which people call an entity; the first that it has.
_LABELS: Final = (
    *("venue_symbol", "venue_asset_symbol", "code", "symbol", "external_id", "address"),
    *("chain_name", "name", "summary", "actor"),
)


def difference_message(difference: tuple[str, str, str]) -> pb.FieldDifference:
    field, before, after = difference
    return pb.FieldDifference(
        field=field, before=entity_diff.shortened(before), after=entity_diff.shortened(after)
    )


def may_see(kind: str, *, is_admin: bool) -> bool:
    """Whether a caller is told of changes of a kind; what this release does not know is told."""
    known = KIND_BY_NAME.get(kind)
    if known is None or known.exported:
        return known is not API_KEY or is_admin
    return known is API_KEY and is_admin


def is_elsewhere(change: replication_pb2.Change, venue_ids: Collection[str]) -> bool:
    """Whether a change is certainly of another venue, or of none."""
    kind = KIND_BY_NAME.get(change.kind)
    if kind is None or "venue_id" not in kind.message.DESCRIPTOR.fields_by_name:
        return True
    if change.deleted:
        return False
    return _venue_of(kind.message.FromString(change.entity)) not in venue_ids


def _venue_of(message: Any) -> str:
    return str(getattr(message, "venue_id", ""))


def history_entry(
    change_set: replication_pb2.ChangeSet,
    kind: AnyKind | None,
    before: bytes,
    after: bytes,
    past: Sequence[bytes] = (),
) -> pb.HistoryEntry:
    """Return what a revision made of an entity.

    Args:
        kind: The entity's; None: what differs is not told.
        before, after: The serialised entity; empty where it did not exist.
        past: The entity as it was at earlier instants, which the change told of.
    """
    entry = pb.HistoryEntry(
        epoch=change_set.epoch,
        revision=change_set.revision,
        committed_at=change_set.committed_at,
        actor=change_set.actor,
        reason=change_set.reason,
        request_id=change_set.request_id,
        before=before,
        after=after,
        past=past,
    )
    if kind is not None:
        entities = [entity_codec.decode(kind, p) if p else None for p in (before, after)]
        entry.differences.extend(map(difference_message, entity_diff.differences(*entities)))
    return entry


def _label(message: Any, key: str) -> str:
    """What people call an entity whose key nobody chose."""
    return next(filter(None, (str(getattr(message, name, "")) for name in _LABELS)), key)


def logged_change(
    change_set: replication_pb2.ChangeSet,
    change: replication_pb2.Change,
    before: bytes,
    *,
    with_before: bool,
) -> pb.LoggedChange:
    """Return a change as the log tells it.

    Args:
        before: The entity as it was; empty where there was none.
    """
    after = b"" if change.deleted else change.entity
    told = pb.LoggedChange(entity=pb.EntityRef(kind=change.kind, key=change.key))
    kind = KIND_BY_NAME.get(change.kind)
    is_compared = with_before and kind is not None
    shown = before if with_before else b""
    told.entry.CopyFrom(history_entry(change_set, kind if is_compared else None, shown, after))
    if kind is None:
        return told
    if after or before:
        message = kind.message.FromString(after or before)
        told.venue_id = _venue_of(message)
        told.label = change.key if kind.slugs >= set(kind.key) else _label(message, change.key)
    return told
