"""Collects the entities of a snapshot and builds the indexes over them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cqar_resolver.snapshot.columns import Columns, IndexColumn
from cqar_resolver.snapshot.indexes import REFERENCE_INDEXES, REFERENCED_KINDS, index_entries
from cqar_resolver.snapshot.uuid_packing import pack
from cqar_shared.replication import positions

#: The keys under one index value. Nearly always there is one, and no container is made for it.
#: More than `TUPLE_KEYS_MAX` are a dict, in order: a tuple would be copied for each key added.
Keys = str | tuple[str, ...] | dict[str, None]
TUPLE_KEYS_MAX: Final = 32


class SnapshotBuilder:
    """Collects entities a batch at a time: a million take seconds to arrive.

    Attributes:
        entities: Kind -> key -> entity as held (`cqar_resolver.snapshot.uuid_packing`).
        index: Index -> value -> keys.
        set_hash: Sum of the hashes of the entities that `add` was given.
    """

    def __init__(self) -> None:
        self.entities: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self.index: defaultdict[str, dict[str, Keys]] = defaultdict(dict)
        self.set_hash = 0
        #: One string object per key that other entities are indexed by: a million listings name
        #: 300,000 symbols.
        self._interned: dict[str, str] = {}
        self._keys: dict[str, list[str]] = {kind: [] for kind in REFERENCED_KINDS}

    def add(self, entities: Iterable[tuple[str, str, bytes]]) -> None:
        """Add (kind, key, payload) tuples."""
        intern, held, index, set_hash = self._interned.setdefault, self.entities, self.index, 0
        for kind, key, payload in entities:
            own = intern(key, key) if kind in REFERENCED_KINDS else key
            held[kind][own] = pack(key, payload)
            set_hash += positions.hash_of(kind, key, payload)
            for name, value in index_entries(kind, payload):
                interned = intern(value, value) if name in REFERENCE_INDEXES else value
                index_add(index[name], interned, own)
        self.set_hash += set_hash

    def add_columns(self, columns: Columns) -> None:
        """Add a chunk of a checkpoint. `set_hash` stays as it is.

        Raises:
            ValueError, LookupError, TypeError: The columns do not fit each other.
        """
        keys = columns.keys
        if columns.kind in REFERENCED_KINDS:
            self._keys[columns.kind].extend(keys)
        self.entities[columns.kind].update(zip(keys, columns.held, strict=True))
        for column in columns.indexes:
            values: Sequence[Any] = column.values
            if not values:
                continue
            if isinstance(values[0], int):
                values = [*map(self._keys[REFERENCE_INDEXES[column.index]].__getitem__, values)]
            groups = _runs(column, keys) if column.begins else keys
            _index_each(self.index[column.index], values, groups)


def index_add(index: dict[str, Keys], value: str, key: str) -> None:
    """Add a key to an index under a value."""
    keys = index.get(value)
    if keys is None:
        index[value] = key
    elif isinstance(keys, dict):
        keys[key] = None
    else:
        index[value] = _container((*((keys,) if isinstance(keys, str) else keys), key))


def _runs(column: IndexColumn, keys: tuple[str, ...]) -> tuple[Keys, ...]:
    """The keys under each value of a column."""
    runs = zip(column.begins, column.counts, strict=True)
    groups = (
        *[keys[begin] if count == 1 else keys[begin : begin + count] for begin, count in runs],
    )
    if max(column.counts) <= TUPLE_KEYS_MAX:
        return groups
    return (*map(_container, groups),)


def _container(keys: str | tuple[str, ...]) -> Keys:
    """The keys under one value, in the container that an index holds for so many."""
    is_many = not isinstance(keys, str) and len(keys) > TUPLE_KEYS_MAX
    return dict.fromkeys(keys) if is_many else keys


def _index_each(index: dict[str, Keys], values: Sequence[str], groups: tuple[Keys, ...]) -> None:
    """Add each group of keys under its value.

    Raises:
        ValueError: There are not as many groups as values.
    """
    if len(values) != len(groups):
        message = f"{len(groups)} keys for {len(values)} values"
        raise ValueError(message)
    present = tuple(map(index.setdefault, values, groups))
    if present != groups:
        for value, group, before in zip(values, groups, present, strict=True):
            if before is not group:
                for key in (group,) if isinstance(group, str) else group:
                    index_add(index, value, key)
