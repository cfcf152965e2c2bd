"""A snapshot as it was at one revision, for reads that await in between. Pure.

Copying a snapshot of a million entities would block the event loop for 20 ms and more. So nothing
is copied: the snapshot notes in each pin what a change set is about to replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cqar_resolver.snapshot.indexes import IndexEntry, join_values
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident

if TYPE_CHECKING:
    from cqar_resolver.snapshot.snapshot import Snapshot


class Pinned:
    """A reader at the revision at which `Snapshot.pinned` was called.

    Attributes:
        changed: The snapshot's tracker: changes before that revision and since.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.position = snapshot.position
        self.changed = snapshot.changed
        #: Entities and index entries that changed since, as they were.
        self._entities: dict[str, dict[str, bytes | None]] = {}
        self._index: dict[IndexEntry, tuple[str, ...]] = {}

    def note(self, planned: Iterable[PlannedChange]) -> None:
        """Keep what the snapshot is about to replace."""
        for change in planned:
            kind, key = change.kind, change.key
            self._entities.setdefault(kind, {}).setdefault(key, self._snapshot.get(kind, key))
            for entry in (*change.removed_from, *change.added_to):
                if entry not in self._index:
                    self._index[entry] = self._snapshot.keys_at(*entry)

    def get(self, kind: str, key: str) -> bytes | None:
        were = self._entities.get(kind, {})
        return were[key] if key in were else self._snapshot.get(kind, key)

    def find(self, kind: str, lookup: str, *values: object) -> Iterator[tuple[str, bytes]]:
        for key in self._keys_at((f"{kind}.{lookup}", join_values(values))):
            payload = self.get(kind, key)
            if payload is None:
                raise KeyError(key)
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        return bool(self._keys_at((f"archive.{lookup}", join_values(values))))

    def _keys_at(self, entry: IndexEntry) -> tuple[str, ...]:
        keys = self._index.get(entry)
        return self._snapshot.keys_at(*entry) if keys is None else keys

    def terms(self, listing_id: str, _: Instant) -> bytes | None:
        """A snapshot holds no past listings."""
        raise NotResident(listing_id)

    def keys(self, kind: str) -> list[str]:
        """List the keys of a kind, in no order."""
        were = self._entities.get(kind, {})
        now = self._snapshot.keys(kind)
        if not were:
            return now
        stayed = [key for key in now if key not in were]
        return stayed + [key for key, payload in were.items() if payload is not None]
