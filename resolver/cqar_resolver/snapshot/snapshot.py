"""The registry as one process sees it, at one revision.

Rule 1: nothing in this file does I/O, awaits or looks at a clock. On an event loop that makes
every `apply` atomic: no reader can see half a change set.
Rule 2: this file knows nothing of NATS, Redis or PostgreSQL. `cqar_resolver.replication.follower`
decides where change sets come from and what to do about a gap.
Rule 3: entities stay serialised. The garbage collector does not track bytes; with a million objects
its pauses would be 170 ms. Most entities are never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, starmap
from operator import attrgetter

from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.builder import Keys, SnapshotBuilder, index_add
from cqar_resolver.snapshot.change_tracker import ChangeTracker, dependency_key
from cqar_resolver.snapshot.indexes import (
    GROUPING_INDEXES,
    REFERENCED_KINDS,
    index_entries,
    join_values,
)
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.uuid_packing import pack, unpack
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition


class Diverged(Exception):
    """The content does not have the count or the hash that the registry's head states."""


_KIND, _KEY, _HELD = attrgetter("kind"), attrgetter("key"), attrgetter("held")
_ADDS, _ADDS_HASH = attrgetter("adds"), attrgetter("adds_hash")
_REMOVED_FROM, _ADDED_TO = attrgetter("removed_from"), attrgetter("added_to")


class Snapshot:
    """Every live entity at `position`, with its indexes.

    Attributes:
        changed: Which entities and index entries changed since the load, and at which revision.
    """

    def __init__(
        self, head: replication_pb2.Head, entities: Iterable[tuple[str, str, bytes]]
    ) -> None:
        """Build a snapshot from the whole of `current` at one head.

        Args:
            head: The registry's head in the same transaction.
            entities: (kind, key, payload) of every live entity.

        Raises:
            Diverged: The entities' count or hash is not the head's.
        """
        builder = SnapshotBuilder()
        builder.add(entities)
        self._fill(head, builder)

    @classmethod
    def of(cls, head: replication_pb2.Head, builder: SnapshotBuilder) -> Snapshot:
        """Make a snapshot at a head of what a builder collected.

        Raises:
            Diverged: The builder's count or hash is not the head's.
        """
        snapshot = cls.__new__(cls)
        snapshot._fill(head, builder)  # noqa: SLF001  (its own)
        return snapshot

    def _fill(self, head: replication_pb2.Head, builder: SnapshotBuilder) -> None:
        self._entities, self._index = dict(builder.entities), dict(builder.index)
        self._set_hash = builder.set_hash
        self._pins: list[Pinned] = []
        self.changed = ChangeTracker()
        _require_same(head, self.count, self._set_hash)
        self._move(head)

    def _move(self, head: replication_pb2.Head) -> None:
        self.head = head
        self.position = LogPosition(head.epoch, head.revision, head.chain)

    # ------------------------------------------------------------ reading

    def get(self, kind: str, key: str) -> bytes | None:
        held = self._entities.get(kind, {}).get(key)
        return None if held is None else unpack(key, held)

    def find(self, kind: str, lookup: str, *values: object) -> Iterator[tuple[str, bytes]]:
        """Yield (key, payload) of the entities under these values of a lookup."""
        entities = self._entities.get(kind, {})
        for key in self.keys_at(f"{kind}.{lookup}", join_values(values)):
            yield key, unpack(key, entities[key])

    def archived(self, lookup: str, *values: str) -> bool:
        return join_values(values) in self._index.get(f"archive.{lookup}", ())

    def terms(self, listing_id: str, _: Instant) -> bytes | None:
        """A snapshot holds no past listings."""
        raise NotResident(listing_id)

    def keys_at(self, index: str, value: str) -> tuple[str, ...]:
        """Return the keys under a value of an index; later changes do not affect them."""
        keys = self._index.get(index, {}).get(value, ())
        return (keys,) if isinstance(keys, str) else tuple(keys)

    def keys(self, kind: str) -> list[str]:
        """List the keys of a kind, in no order; costs 10 ms for a million."""
        return list(self._entities.get(kind, ()))

    @contextmanager
    def pinned(self) -> Iterator[Pinned]:
        """Give the snapshot as it is now; it may move on within the block."""
        pin = Pinned(self)
        self._pins.append(pin)
        try:
            yield pin
        finally:
            self._pins.remove(pin)

    def iter_entities(self) -> Iterator[tuple[str, str, bytes]]:
        """Iterate over (kind, key, payload) of all entities as they are now, at any later time.

        Entities that refer to the same entity come together where an index groups them: in that
        order they load faster. Costs 25 ms for a million: only the dicts are copied.
        """
        kinds = []
        # Kinds that others refer to come first.
        for kind, entities in sorted(
            self._entities.items(), key=lambda kind: kind[0] not in REFERENCED_KINDS
        ):
            groups = self._index.get(GROUPING_INDEXES.get(kind, ""), {}).values()
            kinds.append((kind, entities.copy(), list(groups)))
        return (
            (kind, key, unpack(key, held))
            for kind, entities, groups in kinds
            for key, held in _grouped(entities, groups)
        )

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(entities) for kind, entities in self._entities.items() if entities}

    @property
    def count(self) -> int:
        return sum(map(len, self._entities.values()))

    @property
    def set_hash(self) -> bytes:
        return positions.set_hash_bytes(self._set_hash)

    # ------------------------------------------------------------ advancing

    def plan(self, change: replication_pb2.Change) -> PlannedChange:
        """Work out what a change will do, so that applying it costs next to nothing.

        Raises:
            google.protobuf.message.DecodeError: The entity is not a message of its kind.
        """
        kind, key = change.kind, change.key
        payload = None if change.deleted or change.archived else change.entity
        before = self.get(kind, key)
        old = () if before is None else tuple(index_entries(kind, before))
        new = () if payload is None else tuple(index_entries(kind, payload, check=True))
        count = (payload is not None) - (before is not None)
        set_hash = 0 if payload is None else positions.hash_of(kind, key, payload)
        if before is not None:
            set_hash -= positions.hash_of(kind, key, before)
        if old == new:
            old = new = ()
        held = b"" if payload is None else pack(key, payload)
        touched = (
            dependency_key(kind, key),
            *starmap(dependency_key, old),
            *starmap(dependency_key, new),
        )
        return PlannedChange(kind, key, payload, held, old, new, count, set_hash, touched)

    def apply(self, head: replication_pb2.Head, planned: Sequence[PlannedChange]) -> None:
        """Move to the next revision; the caller has checked that it is the next.

        Args:
            planned: The changes, planned on this snapshot at its present revision.

        Raises:
            Diverged: The result would not match the head. Nothing was applied.
        """
        count = self.count + sum(map(_ADDS, planned))
        set_hash = self._set_hash + sum(map(_ADDS_HASH, planned))
        _require_same(head, count, set_hash)
        for pin in self._pins:
            pin.note(planned)
        self.changed.note(head.revision, planned)
        # The event loop is blocked meanwhile, so most of the work is done by loops in C.
        for kind, group in groupby(planned, _KIND):
            changes = list(group)
            entities = self._entities.setdefault(kind, {})
            entities.update(zip(map(_KEY, changes), map(_HELD, changes), strict=True))
            for change in changes:
                if change.payload is None:
                    del entities[change.key]
        for change in filter(_REMOVED_FROM, planned):
            for index, value in change.removed_from:
                self._index_remove(index, value, change.key)
        for change in filter(_ADDED_TO, planned):
            for index, value in change.added_to:
                index_add(self._index.setdefault(index, {}), value, change.key)
        self._set_hash = set_hash
        self._move(head)

    def _index_remove(self, index: str, value: str, key: str) -> None:
        entries = self._index[index]
        keys = entries[value]
        if isinstance(keys, dict):
            del keys[key]
            if keys:
                return
        rest = () if isinstance(keys, str) else tuple(k for k in keys if k != key)
        if not rest:
            # Spellings come and go; empty entries left behind would be a slow leak.
            del entries[value]
        else:
            entries[value] = rest[0] if len(rest) == 1 else rest


def _grouped(entities: dict[str, bytes], groups: Iterable[Keys]) -> Iterator[tuple[str, bytes]]:
    """Empty `entities` group by group; the groups may have changed since they were listed."""
    for keys in groups:
        for key in (keys,) if isinstance(keys, str) else tuple(keys):
            if key in entities:
                yield key, entities.pop(key)
    yield from entities.items()


def _require_same(head: replication_pb2.Head, count: int, set_hash: int) -> None:
    actual = positions.set_hash_bytes(set_hash)
    if count != head.live_count or actual != head.set_hash:
        raise Diverged(
            f"{count} entities of hash {actual.hex()} at revision {head.revision}, where there"
            f" should be {head.live_count} of {head.set_hash.hex()}"
        )
