"""One change set after the other, applied to what was before: what its row in the outbox must say.

No I/O but the state's own file.
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
    """The registry as of the last row that was applied.

    Attributes:
        live: Entities that are counted and hashed.
        set_hash: The sum of their hashes.
    """

    def __init__(self, state: ReplayedState, differences: Differences) -> None:
        self._state = state
        self._differences = differences
        self.live = 0
        self.set_hash = 0

    def apply(self, row: Any) -> set[tuple[str, str]]:
        """Apply a row's change set, and compare the row's columns with what it makes.

        Returns:
            Whom it changes: (kind, key).

        Raises:
            TooManyDifferences: More differs than is worth looking at.
        """
        where = f"{row['epoch']}:{row['revision']}"
        told = _change_set(row["payload"])
        if told is None:
            self._add(where, "payload", f"revision {where} cannot be read")
            return set()
        announced = self._events(told)
        expected = {
            "epoch": told.epoch,
            "revision": told.revision,
            "is_reset": bool(told.epoch_nonce),
            "committed_at": moment_of(told.committed_at),
            "live_count": self.live,
            "set_hash": positions.set_hash_bytes(self.set_hash),
        }
        for name, value in expected.items():
            if row[name] != value:
                self._add(where, name)
        self._compare_events(where, row["events"], announced)
        return {(change.kind, change.key) for change in told.changes}

    def _add(self, where: str, column: str, text: str = "") -> None:
        self._differences.add("outbox", where, column, text)

    def _events(self, told: replication_pb2.ChangeSet) -> list[DomainEvent]:
        """Apply all changes; returns what they announce."""
        at = moment_of(told.committed_at)
        moment = events.EventContext(told.epoch, told.revision, at, told.actor, told.reason)
        announced = [events.epoch_changed(moment)] if told.epoch_nonce else []
        for place, change in enumerate(told.changes):
            event = self._change(change, moment, place)
            if event is not None:
                announced.append(event)
        return announced

    def _change(
        self, change: Change, moment: events.EventContext, place: int
    ) -> DomainEvent | None:
        held = self._state.get((change.kind, change.key))
        now = ReplayedEntity(
            change.key, moment.revision, change.entity, change.deleted, change.archived
        )
        for one, sign in ((held, -1), (now, 1)):
            if one is not None and one.is_counted:
                self.live += sign
                self.set_hash += sign * positions.hash_of(change.kind, one.key, one.payload)
        self._state.put(change.kind, now)
        before, after = entity_of(change.kind, held), entity_of(change.kind, now)
        if after is None and not now.deleted and change.kind in KIND_BY_NAME:
            where = f"{moment.epoch}:{moment.revision}"
            self._add(where, "payload", f"{change.kind} {change.key} of revision {where} is none")
        if change.kind == VENUE_SYMBOL.name:
            self._note_terms(change, before, after, us_of(moment.at))
        if change.archived or before == after or change.kind not in KIND_BY_NAME:
            return None
        payload = change.entity or (b"" if held is None else held.payload)
        kind = KIND_BY_NAME[change.kind]
        return events.event_of(kind, before, after, payload, moment, place)

    def _note_terms(
        self, change: Change, before: Entity | None, after: Entity | None, committed_us: int
    ) -> None:
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
            found = list(replication_pb2.DomainEvents.FromString(positions.unpack(packed)).events)
        except (zstandard.ZstdError, DecodeError):
            found = None
        if found != expected:
            self._add(where, "events", f"the events of revision {where} are not what it changed")


def _change_set(payload: bytes) -> replication_pb2.ChangeSet | None:
    try:
        return replication_pb2.ChangeSet.FromString(positions.unpack(payload))
    except (zstandard.ZstdError, DecodeError):
        return None


def entity_of(kind: str, held: ReplayedEntity | None) -> Entity | None:
    """None where it was removed, and where it cannot be read, which `apply` says."""
    if held is None or held.deleted or kind not in KIND_BY_NAME:
        return None
    try:
        entity: Entity = entity_codec.decode(KIND_BY_NAME[kind], held.payload)
    except (DecodeError, ValueError):
        return None
    return entity
