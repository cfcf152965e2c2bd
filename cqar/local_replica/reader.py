"""A resolver's published replica at one moment, read as any registry is (docs/REPLICA.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import lmdb

from cqar.sdk import errors
from cqar_resolver.snapshot.indexes import join_values
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident
from cqar_shared.replication import replica_layout as fmt

#: Which database, a key there, and the hash of what it held.
ReadRecord = tuple[int, bytes, int]
ENTITIES: Final = 0
INDEX: Final = 1


def unreadable(error: Exception) -> errors.NotReady:
    """What LMDB says, or what is there and should not be, with what to do."""
    return errors.NotReady(
        f"the published replica cannot be read ({error}): its resolver makes it anew when it starts"
    )


def read_state(tx: Any) -> bytes | None:
    """The record that says what is there now; None where nothing is yet.

    Raises:
        NotReady: It cannot be read.
    """
    try:
        record: bytes | None = tx.get(fmt.NOW_KEY)
        if record is not None:
            fmt.Now.unpacked(record)
    except (lmdb.Error, fmt.DamagedReplica) as error:
        raise unreadable(error) from error
    return record


class LocalReader:
    """Within one read transaction of LMDB, which sees one revision however long it lasts.

    Attributes:
        read: All that was read, to tell later whether it is still so.

    Raises:
        NotReady: From all that reads: it cannot be read.
    """

    def __init__(self, tx: Any, databases: tuple[Any, Any]) -> None:
        self._tx = tx
        self._databases = databases
        self.read: list[ReadRecord] = []

    def _get(self, which: int, name: bytes) -> bytes | None:
        try:
            value: bytes | None = self._tx.get(name, db=self._databases[which])
        except lmdb.Error as error:
            raise unreadable(error) from error
        self.read.append((which, name, hash(value)))
        return value

    def get(self, kind: str, key: str) -> bytes | None:
        return self._get(ENTITIES, fmt.entity_key(kind, key))

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[tuple[str, bytes]]:
        for key in fmt.parted(
            self._get(INDEX, fmt.place_key(f"{kind}.{lookup}", join_values(values)))
        ):
            payload = self.get(kind, key)
            if payload is None:
                raise unreadable(
                    fmt.DamagedReplica(f"a place names {kind} {key}, which is not there")
                )
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        """Whether something that was archived may be there."""
        place = fmt.place_key(f"archive.{lookup}", join_values(values))
        return self._get(INDEX, place) is not None

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """Only the present is published."""
        raise NotResident(listing_id, at)

    def all_at(self, kind: str, lookup: str, prefix: str) -> Iterator[bytes]:
        """Payloads of the entities filed under values that begin so, in the order of these."""
        for value in self._from(fmt.place_key(f"{kind}.{lookup}", prefix)):
            for key in fmt.parted(value):
                payload = self.get(kind, key)
                if payload is not None:
                    yield payload

    def _from(self, start: bytes) -> Iterator[bytes]:
        """What is filed under names that begin so."""
        try:
            cursor = self._tx.cursor(db=self._databases[INDEX])
            cursor.set_range(start)
            for name, value in cursor:
                if not name.startswith(start):
                    return
                yield value
        except lmdb.Error as error:
            raise unreadable(error) from error

    def holds(self, read: list[ReadRecord]) -> bool:
        """Whether all of that is so in this reading, too."""
        tx, databases = self._tx, self._databases
        try:
            return all(hash(tx.get(name, db=databases[which])) == was for which, name, was in read)
        except lmdb.Error as error:
            raise unreadable(error) from error
