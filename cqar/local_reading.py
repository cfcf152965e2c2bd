"""A resolver's published replica at one moment, read as any registry is (docs/REPLICA.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from resolver.places import place_of
from resolver.reading import NotInMemory
from shared import local_format as fmt
from shared.instant import Instant

#: Which database, a key there, and the hash of what it held.
Read = tuple[int, bytes, int]
ENTITIES: Final = 0
PLACES: Final = 1


class LocalReading:
    """Within one read transaction of LMDB, which sees one revision however long it lasts.

    Attributes:
        read: All that was read, to tell later whether it is still so.
    """

    def __init__(self, tx: Any, databases: tuple[Any, Any]) -> None:
        self._tx = tx
        self._databases = databases
        self.read: list[Read] = []

    def _get(self, which: int, name: bytes) -> bytes | None:
        value: bytes | None = self._tx.get(name, db=self._databases[which])
        self.read.append((which, name, hash(value)))
        return value

    def get(self, kind: str, key: str) -> bytes | None:
        return self._get(ENTITIES, fmt.entity_key(kind, key))

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[tuple[str, bytes]]:
        for key in fmt.parted(
            self._get(PLACES, fmt.place_key(f"{kind}.{lookup}", place_of(values)))
        ):
            payload = self.get(kind, key)
            if payload is None:
                raise fmt.Damaged(f"a place names {kind} {key}, which is not there")
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        """Whether something that was archived may be there."""
        place = fmt.place_key(f"archive.{lookup}", place_of(values))
        return self._get(PLACES, place) is not None

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """Only the present is published."""
        raise NotInMemory(listing_id, at)

    def all_at(self, kind: str, lookup: str, prefix: str) -> Iterator[bytes]:
        """Payloads of the entities filed under values that begin so, in the order of these."""
        start = fmt.place_key(f"{kind}.{lookup}", prefix)
        cursor = self._tx.cursor(db=self._databases[PLACES])
        cursor.set_range(start)
        for name, value in cursor:
            if not name.startswith(start):
                return
            for key in fmt.parted(value):
                payload = self.get(kind, key)
                if payload is not None:
                    yield payload

    def holds(self, read: list[Read]) -> bool:
        """Whether all of that is so in this reading, too."""
        tx, databases = self._tx, self._databases
        return all(hash(tx.get(name, db=databases[which])) == was for which, name, was in read)
