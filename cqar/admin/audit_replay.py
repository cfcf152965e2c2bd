"""Replays change sets and compares each outbox row with the result.

The only I/O is the replayed state's own file.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar.admin.audit_differences import Differences
from cqar.admin.audit_state import RecordedTerms, ReplayedEntity, ReplayedState
from cqar_shared.codec import entity_codec, events
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, sets_terms
from cqar_shared.replication import positions

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

Change = replication_pb2.Change
DomainEvent = replication_pb2.DomainEvent


def us_of(moment: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class Replay:
    """The registry as of the last applied row.

    Attributes:
        live: Number of entities that are counted and hashed.
        set_hash: The sum of their hashes.
    """

    def __init__(self, state: ReplayedState, differences: Differences) -> None:
        self._state = state
        self._differences = differences
        self.live = 0
        self.set_hash = 0

    def apply(self, row: Any) -> set[tuple[str, str]]:
        """Apply a row's change set, and compare the row's columns with the result.

        Returns:
            (kind, key) of each changed entity.

        Raises:
            TooManyDifferences: the audit stops.
        """
        where = f"{row['epoch']}:{row['revision']}"
        change_set = _change_set(row["payload"])
        if change_set is None:
            self._add(where, "payload", f"revision {where} cannot be read")
            return set()
        expected_events = self._apply_changes(change_set)
        expected = {
            "epoch": change_set.epoch,
            "revision": change_set.revision,
            "is_reset": bool(change_set.epoch_nonce),
            "committed_at": moment_of(change_set.committed_at),
            "live_count": self.live,
            "set_hash": positions.set_hash_bytes(self.set_hash),
        }
        for name, value in expected.items():
            if row[name] != value:
                self._add(where, name)
        self._compare_events(where, row["events"], expected_events)
        return {(change.kind, change.key) for change in change_set.changes}

    def _add(self, where: str, column: str, text: str = "") -> None:
        self._differences.add("outbox", where, column, text)

    def _apply_changes(self, change_set: replication_pb2.ChangeSet) -> list[DomainEvent]:
        """Apply all changes; returns their domain events."""
        committed_at = moment_of(change_set.committed_at)
        context = events.EventContext(
            change_set.epoch, change_set.revision, committed_at, change_set.actor, change_set.reason
        )
        applied = [events.epoch_changed(context)] if change_set.epoch_nonce else []
        for index, change in enumerate(change_set.changes):
            event = self._apply_change(change, context, index)
            if event is not None:
                applied.append(event)
        return applied

    def _apply_change(
        self, change: Change, context: events.EventContext, index: int
    ) -> DomainEvent | None:
        previous = self._state.get((change.kind, change.key))
        now = ReplayedEntity(
            change.key, context.revision, change.entity, change.deleted, change.archived
        )
        for entity, sign in ((previous, -1), (now, 1)):
            if entity is not None and entity.is_counted:
                self.live += sign
                self.set_hash += sign * positions.hash_of(change.kind, entity.key, entity.payload)
        self._state.put(change.kind, now)
        before, after = entity_of(change.kind, previous), entity_of(change.kind, now)
        if after is None and not now.deleted and change.kind in KIND_BY_NAME:
            where = f"{context.epoch}:{context.revision}"
            text = f"{change.kind} {change.key} of revision {where} cannot be decoded"
            self._add(where, "payload", text)
        if change.kind == VENUE_SYMBOL.name:
            self._record_terms(change, before, after, us_of(context.at))
        if change.kind not in KIND_BY_NAME or before == after:
            return None
        # What leaves memory is no news; what never is in memory is always stored so.
        if change.archived and KIND_BY_NAME[change.kind].resident:
            return None
        payload = change.entity or (b"" if previous is None else previous.payload)
        kind = KIND_BY_NAME[change.kind]
        return events.event_of(kind, before, after, payload, context, index)

    def _record_terms(
        self, change: Change, before: Entity | None, after: Entity | None, committed_us: int
    ) -> None:
        for payload in () if change.deleted else change.past:
            past = entity_codec.decode(VENUE_SYMBOL, payload)
            if past.terms_since is not None:
                self._state.put_terms(RecordedTerms(change.key, us_of(past.terms_since), payload))
        if change.deleted:
            self._state.drop_terms(change.key)
        elif isinstance(after, VenueSymbol) and after.terms_since is None:
            self._state.put_undated(change.key, committed_us, change.entity)
        elif isinstance(after, VenueSymbol) and after.terms_since and sets_terms(before, after):
            self._state.put_terms(
                RecordedTerms(change.key, us_of(after.terms_since), change.entity)
            )

    def _compare_events(self, where: str, packed: bytes, expected: list[DomainEvent]) -> None:
        try:
            stored = list(replication_pb2.DomainEvents.FromString(positions.unpack(packed)).events)
        except (zstandard.ZstdError, DecodeError):
            stored = None
        if stored != expected:
            self._add(where, "events", f"the events of revision {where} do not match its changes")


def _change_set(payload: bytes) -> replication_pb2.ChangeSet | None:
    try:
        return replication_pb2.ChangeSet.FromString(positions.unpack(payload))
    except (zstandard.ZstdError, DecodeError):
        return None


def entity_of(kind: str, replayed: ReplayedEntity | None) -> Entity | None:
    """The decoded entity; None if it was removed or cannot be decoded, which `apply` reports."""
    if replayed is None or replayed.deleted or kind not in KIND_BY_NAME:
        return None
    try:
        entity: Entity = entity_codec.decode(KIND_BY_NAME[kind], replayed.payload)
    except (DecodeError, ValueError):
        return None
    return entity
