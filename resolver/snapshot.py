"""The registry as one process sees it, at one revision.

Rule 1: nothing in this file does I/O, awaits or looks at a clock. On an event loop that makes
every `apply` atomic: no reader can see half a change set.
Rule 2: this file knows nothing of NATS, Redis or PostgreSQL. `resolver.follower` decides where
change sets come from and what to do about a gap.
Rule 3: entities stay serialised. Bytes are untracked by the garbage collector, whose pauses
would be 170 ms with a million objects, and most are never asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from shared import history
from shared.entities import KIND_BY_NAME
from shared.history import Position

#: The lookups that a snapshot keeps, of all that kinds declare; each costs memory.
KEPT: Final = (
    ("venue_symbol", "spelling"),
    ("quality_flag", "asset"),
    ("asset_group", "name"),
    ("asset_identifier", "source"),
    ("symbol_identifier", "source"),
    ("api_key", "hash"),
)
#: Kind -> lookup -> the message fields under whose values entities are found.
INDEXES: Final[dict[str, dict[str, tuple[str, ...]]]] = {}
for _kind, _lookup in KEPT:
    INDEXES.setdefault(_kind, {})[_lookup] = KIND_BY_NAME[_kind].lookups[_lookup].columns

#: Found entities' keys; nearly always one, so no list is made for it.
Keys = str | tuple[str, ...]


class Diverged(Exception):
    """What was applied or loaded is not what the registry says it should be."""


class Staged(NamedTuple):
    """A decoded change, ready to be applied without failing."""

    kind: str
    key: str
    payload: bytes | None
    places: tuple[tuple[str, str], ...]


class Snapshot:
    """Every live entity at `position`, and where to find it."""

    def __init__(
        self, head: replication_pb2.Head, entities: Iterable[tuple[str, str, bytes]]
    ) -> None:
        """Take the whole of `current` at one head.

        Args:
            head: The registry's head in the same transaction.
            entities: (kind, key, payload) of all that is live.

        Raises:
            Diverged: Their count or hash is not the head's.
        """
        self._entities: dict[str, dict[str, bytes]] = {}
        self._found: dict[str, dict[str, Keys]] = {}
        self._set_hash = 0
        for kind, key, payload in entities:
            self._entities.setdefault(kind, {})[key] = payload
            self._set_hash += history.hash_of(kind, key, payload)
            for index, value in places_of(kind, payload):
                self._file(index, value, key)
        _require_same(head, self.count, self._set_hash)
        self._move(head)

    def _move(self, head: replication_pb2.Head) -> None:
        self.head = head
        self.position = Position(head.epoch, head.revision, head.chain)

    # ------------------------------------------------------------ reading

    def get(self, kind: str, key: str) -> bytes | None:
        return self._entities.get(kind, {}).get(key)

    def find(self, kind: str, lookup: str, *values: object) -> Iterator[tuple[str, bytes]]:
        """Yield (key, payload) of the entities filed under these values."""
        keys = self._found.get(f"{kind}.{lookup}", {}).get(place_of(values), ())
        entities = self._entities.get(kind, {})
        for key in (keys,) if isinstance(keys, str) else keys:
            yield key, entities[key]

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(entities) for kind, entities in self._entities.items() if entities}

    @property
    def count(self) -> int:
        return sum(map(len, self._entities.values()))

    @property
    def set_hash(self) -> bytes:
        return history.set_hash_bytes(self._set_hash)

    # ------------------------------------------------------------ advancing

    def apply(self, head: replication_pb2.Head, staged: list[Staged]) -> None:
        """Move to the next revision. The caller has checked that it is the next.

        Raises:
            Diverged: The result would not be what the head says. Nothing was applied.
        """
        count, set_hash = self.count, self._set_hash
        for kind, key, payload, _ in staged:
            before = self.get(kind, key)
            if before is not None:
                count -= 1
                set_hash -= history.hash_of(kind, key, before)
            if payload is not None:
                count += 1
                set_hash += history.hash_of(kind, key, payload)
        _require_same(head, count, set_hash)
        for change in staged:
            self._replace(change)
        self._set_hash = set_hash
        self._move(head)

    def _replace(self, change: Staged) -> None:
        kind, key, payload, places = change
        entities = self._entities.setdefault(kind, {})
        before = entities.pop(key, None)
        if before is not None:
            for index, value in places_of(kind, before):
                self._unfile(index, value, key)
        if payload is not None:
            entities[key] = payload
            for index, value in places:
                self._file(index, value, key)

    def _file(self, index: str, value: str, key: str) -> None:
        found = self._found.setdefault(index, {})
        keys = found.get(value)
        if keys is None:
            found[value] = key
        else:
            found[value] = (*((keys,) if isinstance(keys, str) else keys), key)

    def _unfile(self, index: str, value: str, key: str) -> None:
        found = self._found[index]
        keys = found[value]
        rest = () if isinstance(keys, str) else tuple(k for k in keys if k != key)
        if not rest:
            # Spellings come and go; empty entries left behind are a slow leak.
            del found[value]
        else:
            found[value] = rest[0] if len(rest) == 1 else rest


def _require_same(head: replication_pb2.Head, count: int, set_hash: int) -> None:
    found = history.set_hash_bytes(set_hash)
    if count != head.live_count or found != head.set_hash:
        raise Diverged(
            f"{count} entities of hash {found.hex()} at revision {head.revision}, where there"
            f" should be {head.live_count} of {head.set_hash.hex()}"
        )


def stage(change_set: replication_pb2.ChangeSet) -> list[Staged]:
    """Decode all of a change set before anything is touched.

    Raises:
        google.protobuf.message.DecodeError: An entity is not what its kind says.
    """
    staged = []
    for change in change_set.changes:
        gone = change.deleted or change.archived
        if not gone and change.kind in KIND_BY_NAME:
            KIND_BY_NAME[change.kind].message.FromString(change.entity)
        places = () if gone else tuple(places_of(change.kind, change.entity))
        staged.append(Staged(change.kind, change.key, None if gone else change.entity, places))
    return staged


def places_of(kind: str, payload: bytes) -> Iterator[tuple[str, str]]:
    """Yield (index, value) under which an entity is found. Kinds unknown here have none."""
    for lookup, fields in INDEXES.get(kind, {}).items():
        message: Any = KIND_BY_NAME[kind].message.FromString(payload)
        yield f"{kind}.{lookup}", place_of(getattr(message, field) for field in fields)


def place_of(values: Iterable[object]) -> str:
    return "\0".join(map(str, values))
