"""The registry as one process sees it, at one revision.

Rule 1: nothing in this file does I/O, awaits or looks at a clock. On an event loop that makes
every `apply` atomic: no reader can see half a change set.
Rule 2: this file knows nothing of NATS, Redis or PostgreSQL. `cqar_resolver.replication.follower`
decides where
change sets come from and what to do about a gap.
Rule 3: entities stay serialised. Bytes are untracked by the garbage collector, whose pauses
would be 170 ms with a million objects, and most are never asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, starmap
from operator import attrgetter
from typing import Any, Final

import msgspec
from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.change_tracker import ChangeTracker, dependency_key
from cqar_resolver.snapshot.columns import Columns, Filed
from cqar_resolver.snapshot.indexes import (
    GROUPED,
    REFERRED,
    REFERRING,
    IndexEntry,
    index_entries,
    join_values,
)
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.uuid_packing import pack, unpack
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition

#: Found entities' keys; nearly always one, so no list is made for it. Many are a dict, in order:
#: a tuple would be copied for each that is added.
Keys = str | tuple[str, ...] | dict[str, None]
TUPLE_KEYS_MAX: Final = 32


class Diverged(Exception):
    """What was applied or loaded is not what the registry says it should be."""


class PlannedChange(msgspec.Struct, frozen=True, gc=False):
    """What one change will do to the snapshot that it was planned on.

    Unseen by the garbage collector: thousands that live for a moment would make it look through
    all that the process has.

    Attributes:
        payload: None for an end.
        held: What is held of it; empty for an end.
        left, taken: Places under which the entity will not be found any more, and newly will.
        things: What `Changed` notes of it.
        adds, adds_hash: What is to be added to the snapshot's.
    """

    kind: str
    key: str
    payload: bytes | None
    held: bytes
    left: tuple[IndexEntry, ...]
    taken: tuple[IndexEntry, ...]
    adds: int
    adds_hash: int
    things: tuple[int, ...]


_KIND, _KEY, _HELD = attrgetter("kind"), attrgetter("key"), attrgetter("held")
_ADDS, _ADDS_HASH = attrgetter("adds"), attrgetter("adds_hash")
_LEFT, _TAKEN = attrgetter("left"), attrgetter("taken")


class SnapshotBuilder:
    """What a snapshot is made of, taken some at a time: a million entities come for seconds."""

    def __init__(self) -> None:
        #: Kind -> key -> what is held of an entity (`cqar_resolver.snapshot.uuid_packing`).
        self.entities: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self.found: defaultdict[str, dict[str, Keys]] = defaultdict(dict)
        self.set_hash = 0
        #: Keys that others are filed under, each as one object: a million listings name 300,000.
        self._one: dict[str, str] = {}
        self._keys: dict[str, list[str]] = {kind: [] for kind in REFERRED}

    def take(self, entities: Iterable[tuple[str, str, bytes]]) -> None:
        """Take these (kind, key, payload)."""
        one, held, found, set_hash = self._one, self.entities, self.found, 0
        for kind, key, payload in entities:
            own = one.setdefault(key, key) if kind in REFERRED else key
            held[kind][own] = pack(key, payload)
            set_hash += positions.hash_of(kind, key, payload)
            for index, value in index_entries(kind, payload):
                place = one.setdefault(value, value) if index in REFERRING else value
                index_add(found[index], place, own)
        self.set_hash += set_hash

    def take_columns(self, columns: Columns) -> None:
        """Take a chunk of a file. It adds nothing to `set_hash`.

        Raises:
            ValueError, LookupError, TypeError: Its columns do not fit each other.
        """
        keys = columns.keys
        if columns.kind in REFERRED:
            self._keys[columns.kind].extend(keys)
        self.entities[columns.kind].update(zip(keys, columns.held, strict=True))
        for filed in columns.filed:
            values: Sequence[Any] = filed.values
            if not values:
                continue
            if isinstance(values[0], int):
                values = [*map(self._keys[REFERRING[filed.index]].__getitem__, values)]
            some = _runs(filed, keys) if filed.begins else keys
            _file_each(self.found[filed.index], values, some)


class Snapshot:
    """Every live entity at `position`, and where to find it.

    Attributes:
        changed: What changed since it was loaded, and when.
    """

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
        filling = SnapshotBuilder()
        filling.take(entities)
        self._fill(head, filling)

    @classmethod
    def of(cls, head: replication_pb2.Head, filling: SnapshotBuilder) -> Snapshot:
        """What was taken so far, as of a head.

        Raises:
            Diverged: Its count or hash is not the head's.
        """
        made = cls.__new__(cls)
        made._fill(head, filling)  # noqa: SLF001  (its own)
        return made

    def _fill(self, head: replication_pb2.Head, filling: SnapshotBuilder) -> None:
        self._entities, self._found = dict(filling.entities), dict(filling.found)
        self._set_hash = filling.set_hash
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
        """Yield (key, payload) of the entities filed under these values."""
        entities = self._entities.get(kind, {})
        for key in self.keys_at(f"{kind}.{lookup}", join_values(values)):
            yield key, unpack(key, entities[key])

    def archived(self, lookup: str, *values: str) -> bool:
        return join_values(values) in self._found.get(f"archive.{lookup}", ())

    def terms(self, listing_id: str, _: Instant) -> bytes | None:
        """Of the past nothing is kept here."""
        raise NotResident(listing_id)

    def keys_at(self, index: str, value: str) -> tuple[str, ...]:
        """The keys of the entities filed there, to be kept as they are now."""
        keys = self._found.get(index, {}).get(value, ())
        return (keys,) if isinstance(keys, str) else tuple(keys)

    def keys(self, kind: str) -> list[str]:
        """All of a kind, in no order; costs 10 ms for a million."""
        return list(self._entities.get(kind, ()))

    @contextmanager
    def pinned(self) -> Iterator[Pinned]:
        """The snapshot as it is now, however it moves on within the block."""
        pin = Pinned(self)
        self._pins.append(pin)
        try:
            yield pin
        finally:
            self._pins.remove(pin)

    def copied(self) -> Iterator[tuple[str, str, bytes]]:
        """(kind, key, payload) of all entities as they are now, to be read at any time later.

        Those that belong to another entity stand together, where an index knows it: in that order
        they are loaded faster.

        Costs 25 ms for a million: dicts are copied without a look at their entries.
        """
        kinds = []
        # First those that others are filed under.
        for kind, entities in sorted(
            self._entities.items(), key=lambda kind: kind[0] not in REFERRED
        ):
            groups = self._found.get(GROUPED.get(kind, ""), {}).values()
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
        """Work out what a change will do, so that doing it costs next to nothing.

        Raises:
            google.protobuf.message.DecodeError: The entity is not what its kind says.
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
        things = (
            dependency_key(kind, key),
            *starmap(dependency_key, old),
            *starmap(dependency_key, new),
        )
        return PlannedChange(kind, key, payload, held, old, new, count, set_hash, things)

    def apply(self, head: replication_pb2.Head, planned: Sequence[PlannedChange]) -> None:
        """Move to the next revision. The caller has checked that it is the next.

        Args:
            planned: What was planned on this snapshot since it moved last.

        Raises:
            Diverged: The result would not be what the head says. Nothing was applied.
        """
        count = self.count + sum(map(_ADDS, planned))
        set_hash = self._set_hash + sum(map(_ADDS_HASH, planned))
        _require_same(head, count, set_hash)
        for pin in self._pins:
            pin.note(planned)
        self.changed.note(head.revision, planned)
        # Nothing else runs meanwhile: most changes are done by one loop in C.
        for kind, some in groupby(planned, _KIND):
            changes = list(some)
            entities = self._entities.setdefault(kind, {})
            entities.update(zip(map(_KEY, changes), map(_HELD, changes), strict=True))
            for change in changes:
                if change.payload is None:
                    del entities[change.key]
        for change in filter(_LEFT, planned):
            for index, value in change.left:
                self._unfile(index, value, change.key)
        for change in filter(_TAKEN, planned):
            for index, value in change.taken:
                index_add(self._found.setdefault(index, {}), value, change.key)
        self._set_hash = set_hash
        self._move(head)

    def _unfile(self, index: str, value: str, key: str) -> None:
        found = self._found[index]
        keys = found[value]
        if isinstance(keys, dict):
            del keys[key]
            if keys:
                return
        rest = () if isinstance(keys, str) else tuple(k for k in keys if k != key)
        if not rest:
            # Spellings come and go; empty entries left behind are a slow leak.
            del found[value]
        else:
            found[value] = rest[0] if len(rest) == 1 else rest


def index_add(found: dict[str, Keys], value: str, key: str) -> None:
    """Note in an index that an entity is found under a value."""
    keys = found.get(value)
    if keys is None:
        found[value] = key
    elif isinstance(keys, dict):
        keys[key] = None
    else:
        found[value] = _held((*((keys,) if isinstance(keys, str) else keys), key))


def _grouped(entities: dict[str, bytes], groups: Iterable[Keys]) -> Iterator[tuple[str, bytes]]:
    """Take all entities out, those of a group one after the other; groups may have changed."""
    for keys in groups:
        for key in (keys,) if isinstance(keys, str) else tuple(keys):
            if key in entities:
                yield key, entities.pop(key)
    yield from entities.items()


def _runs(filed: Filed, keys: tuple[str, ...]) -> tuple[Keys, ...]:
    """Of each value the keys."""
    runs = zip(filed.begins, filed.counts, strict=True)
    some = (*[keys[at] if count == 1 else keys[at : at + count] for at, count in runs],)
    if max(filed.counts) <= TUPLE_KEYS_MAX:
        return some
    return (*map(_held, some),)


def _held(keys: str | tuple[str, ...]) -> Keys:
    """Keys found in one place, as an index holds them."""
    is_many = not isinstance(keys, str) and len(keys) > TUPLE_KEYS_MAX
    return dict.fromkeys(keys) if is_many else keys


def _file_each(found: dict[str, Keys], values: Sequence[str], keys: tuple[Keys, ...]) -> None:
    """File each of the keys, which may be several together, under its value.

    Raises:
        ValueError: They are not as many.
    """
    if len(values) != len(keys):
        message = f"{len(keys)} keys for {len(values)} values"
        raise ValueError(message)
    held = tuple(map(found.setdefault, values, keys))
    if held != keys:
        for value, some, there in zip(values, keys, held, strict=True):
            if there is not some:
                for key in (some,) if isinstance(some, str) else some:
                    index_add(found, value, key)


def _require_same(head: replication_pb2.Head, count: int, set_hash: int) -> None:
    found = positions.set_hash_bytes(set_hash)
    if count != head.live_count or found != head.set_hash:
        raise Diverged(
            f"{count} entities of hash {found.hex()} at revision {head.revision}, where there"
            f" should be {head.live_count} of {head.set_hash.hex()}"
        )
