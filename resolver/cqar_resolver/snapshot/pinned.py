"""A snapshot as it was at one revision, for who reads longer than one moment. Pure.

Copying a snapshot of a million entities would keep all others waiting for 20 ms and more. So
nothing is copied: what a change is about to replace is noted before it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cqar_resolver.snapshot.indexes import IndexEntry, join_values
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident

if TYPE_CHECKING:
    from cqar_resolver.snapshot.snapshot import PlannedChange, Snapshot


class Pinned:
    """What `Snapshot.pinned` gives.

    Attributes:
        position: The revision.
        changed: What changed in the snapshot, before that revision and since.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.position = snapshot.position
        self.changed = snapshot.changed
        #: Of what changed since: as it was.
        self._entities: dict[str, dict[str, bytes | None]] = {}
        self._found: dict[IndexEntry, tuple[str, ...]] = {}

    def note(self, planned: Iterable[PlannedChange]) -> None:
        """The snapshot is about to apply these."""
        for change in planned:
            kind, key, left, taken = change.kind, change.key, change.left, change.taken
            self._entities.setdefault(kind, {}).setdefault(key, self._snapshot.get(kind, key))
            for index, value in (*left, *taken):
                if (index, value) not in self._found:
                    self._found[index, value] = self._snapshot.keys_at(index, value)

    def get(self, kind: str, key: str) -> bytes | None:
        were = self._entities.get(kind, {})
        return were[key] if key in were else self._snapshot.get(kind, key)

    def find(self, kind: str, lookup: str, *values: object) -> Iterator[tuple[str, bytes]]:
        place = (f"{kind}.{lookup}", join_values(values))
        found = self._found.get(place)
        for key in self._snapshot.keys_at(*place) if found is None else found:
            payload = self.get(kind, key)
            if payload is None:
                raise KeyError(key)
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        place = (f"archive.{lookup}", join_values(values))
        found = self._found.get(place)
        return bool(self._snapshot.keys_at(*place) if found is None else found)

    def terms(self, listing_id: str, _: Instant) -> bytes | None:
        """Of the past nothing is kept here."""
        raise NotResident(listing_id)

    def keys(self, kind: str) -> list[str]:
        """All of a kind, in no order."""
        were = self._entities.get(kind, {})
        now = self._snapshot.keys(kind)
        if not were:
            return now
        stayed = [key for key in now if key not in were]
        return stayed + [key for key, payload in were.items() if payload is not None]
