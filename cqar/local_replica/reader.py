"""Reads entities from a published replica within one LMDB transaction (docs/REPLICA.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import lmdb

from cqar.sdk import errors
from cqar_resolver.snapshot.indexes import join_values
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident
from cqar_shared.replication import replica_layout as fmt

#: (database: `ENTITIES` or `INDEX`, key, hash of its value).
ReadRecord = tuple[int, bytes, int]
ENTITIES: Final = 0
INDEX: Final = 1


def unreadable(error: Exception) -> errors.NotReady:
    """The SDK's error for LMDB's, or for damage, with what to do."""
    return errors.NotReady(
        f"the published replica cannot be read ({error}): its resolver makes it anew when it starts"
    )


def read_state(tx: Any) -> bytes | None:
    """The `now` record, packed, which says what is published; None before the first publication.

    Raises:
        NotReady: The record cannot be read.
    """
    try:
        record: bytes | None = tx.get(fmt.NOW_KEY)
        if record is not None:
            fmt.Now.unpacked(record)
    except (lmdb.Error, fmt.DamagedReplica) as error:
        raise unreadable(error) from error
    return record


class LocalReader:
    """Reads within one LMDB transaction, which sees one revision however long it lasts.

    Args:
        databases: (entities, index), of the generation that is read.

    Attributes:
        reads: Everything that was read, so that a later transaction can compare it.

    Raises:
        NotReady: From every method that reads: the replica cannot be read.
    """

    def __init__(self, tx: Any, databases: tuple[Any, Any]) -> None:
        self._tx = tx
        self._databases = databases
        self.reads: list[ReadRecord] = []

    def _get(self, database: int, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._tx.get(key, db=self._databases[database])
        except lmdb.Error as error:
            raise unreadable(error) from error
        self.reads.append((database, key, hash(value)))
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
        """Whether an archived entity may match."""
        place = fmt.place_key(f"archive.{lookup}", join_values(values))
        return self._get(INDEX, place) is not None

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """Refuse: only the present is published."""
        raise NotResident(listing_id, at)

    def find_by_prefix(self, kind: str, lookup: str, prefix: str) -> Iterator[bytes]:
        """Payloads of the entities whose lookup value starts with `prefix`, ordered by value."""
        for value in self._index_values(fmt.place_key(f"{kind}.{lookup}", prefix)):
            for key in fmt.parted(value):
                payload = self.get(kind, key)
                if payload is not None:
                    yield payload

    def _index_values(self, start: bytes) -> Iterator[bytes]:
        """The values of the index keys that begin with `start`."""
        try:
            cursor = self._tx.cursor(db=self._databases[INDEX])
            cursor.set_range(start)
            for key, value in cursor:
                if not key.startswith(start):
                    return
                yield value
        except lmdb.Error as error:
            raise unreadable(error) from error

    def is_unchanged(self, reads: list[ReadRecord]) -> bool:
        """Whether this transaction reads the same values."""
        tx, databases = self._tx, self._databases
        try:
            return all(hash(tx.get(key, db=databases[i])) == before for i, key, before in reads)
        except lmdb.Error as error:
            raise unreadable(error) from error
