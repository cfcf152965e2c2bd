"""Writes a resolver's published replica: an LMDB environment that any process here may read.

Rule: the resolver's own answers never come from here. What cannot be written is logged and tried
again; nobody waits for it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cqc.replication.v1 import replication_pb2

from cqar_resolver.local_replica.environment import EnvironmentLost, ReplicaFile, own_look
from cqar_resolver.snapshot.indexes import IndexEntry, index_entries
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.replication import replica_layout as fmt

MARK_BITS: Final = 62
#: Changes between two pauses: the writing thread shares its interpreter with the event loop.
CHANGES_PER_PAUSE: Final = 64
PAUSE_S: Final = 0.0005
#: Entities of a new generation that are committed together.
COMMIT_ENTITIES: Final = 20_000
#: How often places of killed readers are freed: they pin every page that they may still see.
READERS_EVERY_S: Final = 1.0


class ReplicaWriter:
    """An environment, open for writing, for one thread at a time.

    Raises:
        StartupError: The extra is not installed, or the path cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = ReplicaFile(path)
        self._mark: int | None = None
        #: The generation that is read, once this process made one.
        self._generation = 0
        self._databases: tuple[Any, Any] | None = None
        self._readers_checked_s = -READERS_EVERY_S

    def replace(
        self,
        head: replication_pb2.Head,
        entities: Iterable[tuple[str, str, bytes]],
        now: fmt.Now,
    ) -> None:
        """Write a new generation, and let readers read it once it is complete.

        Raises:
            EnvironmentLost: The environment is damaged; the next call makes a new one.
            DiskFull: The filesystem has no room for the generation.
        """
        self._databases = None
        if self._file.lost():
            self._file.make_anew()
        with self._file.writing() as env:
            _drop_others(env)  # a writer may have ended in the middle of one
            before = _record(env)
            if self._mark is None:
                # Continue the last writer's marks, or begin anywhere: no reader may take new
                # content for what it knows.
                self._mark = before.mark if before else secrets.randbits(MARK_BITS)
            self._generation = fmt.generation_after(before.generation if before else 0)
            entities_name, places_name = fmt.database_names(self._generation)
            self._databases = (env.open_db(entities_name), env.open_db(places_name))
            _fill(env, self._databases, entities)
            with env.begin(write=True) as tx:
                tx.put(fmt.FORMAT_KEY, fmt.FORMAT)
                self._put_record(tx, head, now)
            _drop_others(env)
        self.tend()

    def apply(
        self, moves: Sequence[tuple[replication_pb2.Head, list[PlannedChange]]], now: fmt.Now
    ) -> None:
        """Apply change sets in one transaction.

        Args:
            moves: Each head with the changes that led to it.
            now: The record after all of them.

        Raises:
            EnvironmentLost: Readers would not see it; call `replace`.
            DiskFull: The filesystem has no room; the change sets may be applied once it has.
        """
        self.tend()
        if self._databases is None:
            raise ValueError("there is no generation yet: replace() makes one")
        entities, places = self._databases
        with self._file.writing() as env, env.begin(write=True) as tx:
            for _, planned in moves:
                for change in _pausing(planned):
                    kind, key, payload = change.kind, change.key, change.payload
                    for entry in change.removed_from:
                        _index_remove(tx, places, entry, key)
                    if payload is None:
                        tx.delete(fmt.entity_key(kind, key), db=entities)
                    else:
                        tx.put(fmt.entity_key(kind, key), payload, db=entities)
                    for entry in change.added_to:
                        _index_add(tx, places, entry, key)
            self._put_record(tx, moves[-1][0] if moves else None, now)

    def _put_record(self, tx: Any, head: replication_pb2.Head | None, now: fmt.Now) -> None:
        mark = self._mark or 0
        if head is not None:
            # Also if the transaction is aborted: a mark is never used twice.
            self._mark = mark = mark + 1
            tx.put(fmt.HEAD_KEY, head.SerializeToString())
        record = now._replace(mark=mark, generation=self._generation)
        tx.put(fmt.NOW_KEY, record.packed())

    def tend(self) -> None:
        """Check that readers see the environment; to be called often.

        Raises:
            EnvironmentLost: readers would not see it; call `replace`.
        """
        if lost := self._file.lost():
            raise EnvironmentLost(lost)
        if time.monotonic() - self._readers_checked_s >= READERS_EVERY_S:
            self._readers_checked_s = time.monotonic()
            with self._file.writing() as env:
                env.reader_check()

    def close(self) -> None:
        self._file.close()


def _record(env: Any) -> fmt.Now | None:
    with own_look(env) as tx:
        record = tx.get(fmt.NOW_KEY)
    return fmt.Now.unpacked(record) if record else None


def _drop_others(env: Any) -> None:
    """Drop all generations but the one that is read, also incomplete ones of other writers."""
    now = _record(env)
    kept = fmt.database_names(now.generation) if now else ()
    with own_look(env) as tx:
        names = list(tx.cursor().iternext(values=False))
    for name in names:
        if fmt.is_database(name) and name not in kept:
            database = env.open_db(name, create=False)
            with env.begin(write=True) as tx:
                tx.drop(database)


def _fill(env: Any, databases: tuple[Any, Any], entities: Iterable[tuple[str, str, bytes]]) -> None:
    left = iter(entities)
    while batch := list(islice(left, COMMIT_ENTITIES)):
        with env.begin(write=True) as tx:
            for kind, key, payload in _pausing(batch):
                tx.put(fmt.entity_key(kind, key), payload, db=databases[0])
                for entry in index_entries(kind, payload):
                    _index_add(tx, databases[1], entry, key)


def _pausing(items: list[Any]) -> Iterator[Any]:
    """Yield the items, with pauses in which the event loop gets the interpreter."""
    for number, item in enumerate(items):
        if number % CHANGES_PER_PAUSE == CHANGES_PER_PAUSE - 1:
            time.sleep(PAUSE_S)
        yield item


def _index_add(tx: Any, places: Any, entry: IndexEntry, key: str) -> None:
    name = fmt.place_key(*entry)
    keys = fmt.parted(tx.get(name, db=places))
    if key not in keys:
        tx.put(name, fmt.joined([*keys, key]), db=places)


def _index_remove(tx: Any, places: Any, entry: IndexEntry, key: str) -> None:
    name = fmt.place_key(*entry)
    keys = [other for other in fmt.parted(tx.get(name, db=places)) if other != key]
    if keys:
        tx.put(name, fmt.joined(keys), db=places)
    else:
        tx.delete(name, db=places)
