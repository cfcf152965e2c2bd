"""Writes a resolver's published replica: an LMDB environment that any process here may read.

Rule: the resolver's own answers never come from here. What cannot be written is said and tried
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
from cqar_resolver.snapshot.indexes import index_entries
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.replication import replica_layout as fmt

MARK_BITS: Final = 62
#: Changes between two pauses: the thread that writes shares its interpreter with the one that
#: answers.
AT_ONCE: Final = 64
PAUSE_S: Final = 0.0005
#: Of a new generation, entities that are committed at once.
COMMIT_ENTITIES: Final = 20_000
#: A reader that was killed within a read keeps its place, and every page that it may still see.
READERS_EVERY_S: Final = 1.0


class ReplicaWriter:
    """An environment, open for writing; to be used by one thread at a time.

    Raises:
        SystemExit: The extra is not installed, or the path cannot be had.
    """

    def __init__(self, path: Path) -> None:
        self._file = ReplicaFile(path)
        self._mark: int | None = None
        #: Of what is read, once this process made one.
        self._generation = 0
        self._databases: tuple[Any, Any] | None = None
        self._readers_checked_s = -READERS_EVERY_S

    def replace(
        self,
        head: replication_pb2.Head,
        entities: Iterable[tuple[str, str, bytes]],
        now: fmt.Now,
    ) -> None:
        """Make a new generation of these, whole, and then the one that is read.

        Raises:
            Lost: Damage was met; the next one is in a new file.
            Full: The filesystem has no room for the generation.
        """
        self._databases = None
        if self._file.lost():
            self._file.make_anew()
        with self._file.writing() as env:
            _drop_others(env)  # somebody may have ended in the middle of one
            before = _told(env)
            if self._mark is None:
                # Goes on from the last writer's, or begins anywhere where there is none: no reader
                # takes new content for what it knows.
                self._mark = before.mark if before else secrets.randbits(MARK_BITS)
            self._generation = fmt.generation_after(before.generation if before else 0)
            entities_name, places_name = fmt.database_names(self._generation)
            self._databases = (env.open_db(entities_name), env.open_db(places_name))
            _fill(env, self._databases, entities)
            with env.begin(write=True) as tx:
                tx.put(fmt.FORMAT_KEY, fmt.FORMAT)
                self._tell(tx, head, now)
            _drop_others(env)
        self.tend()

    def apply(
        self, moves: Sequence[tuple[replication_pb2.Head, list[PlannedChange]]], now: fmt.Now
    ) -> None:
        """Move on by these change sets, in one step.

        Args:
            now: What is so after all of them.

        Raises:
            Lost: It would not be read: replace().
            Full: The filesystem has no room for the change sets; they may be told once it has.
        """
        self.tend()
        if self._databases is None:
            raise ValueError("there is no generation yet: replace() makes one")
        entities, places = self._databases
        with self._file.writing() as env, env.begin(write=True) as tx:
            for _, planned in moves:
                for change in _unhurried(planned):
                    kind, key, payload = change.kind, change.key, change.payload
                    for place in change.removed_from:
                        index_remove(tx, places, place, key)
                    if payload is None:
                        tx.delete(fmt.entity_key(kind, key), db=entities)
                    else:
                        tx.put(fmt.entity_key(kind, key), payload, db=entities)
                    for place in change.added_to:
                        _file(tx, places, place, key)
            self._tell(tx, moves[-1][0] if moves else None, now)

    def _tell(self, tx: Any, head: replication_pb2.Head | None, now: fmt.Now) -> None:
        mark = self._mark or 0
        if head is not None:
            # Also where this comes to no end: a mark is never used twice.
            self._mark = mark = mark + 1
            tx.put(fmt.HEAD_KEY, head.SerializeToString())
        told = now._replace(mark=mark, generation=self._generation)
        tx.put(fmt.NOW_KEY, told.packed())

    def tend(self) -> None:
        """See that it is read; to be called often.

        Raises:
            Lost: It would not be: replace().
        """
        if lost := self._file.lost():
            raise EnvironmentLost(lost)
        if time.monotonic() - self._readers_checked_s >= READERS_EVERY_S:
            self._readers_checked_s = time.monotonic()
            with self._file.writing() as env:
                env.reader_check()

    def close(self) -> None:
        self._file.close()


def _told(env: Any) -> fmt.Now | None:
    with own_look(env) as tx:
        record = tx.get(fmt.NOW_KEY)
    return fmt.Now.unpacked(record) if record else None


def _drop_others(env: Any) -> None:
    """All generations but the one that is read, whoever made them and came to no end."""
    now = _told(env)
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
    while some := list(islice(left, COMMIT_ENTITIES)):
        with env.begin(write=True) as tx:
            for kind, key, payload in _unhurried(some):
                tx.put(fmt.entity_key(kind, key), payload, db=databases[0])
                for place in index_entries(kind, payload):
                    _file(tx, databases[1], place, key)


def _unhurried(items: list[Any]) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number % AT_ONCE == AT_ONCE - 1:
            time.sleep(PAUSE_S)
        yield item


def _file(tx: Any, places: Any, place: tuple[str, str], key: str) -> None:
    name = fmt.place_key(*place)
    keys = fmt.parted(tx.get(name, db=places))
    if key not in keys:
        tx.put(name, fmt.joined([*keys, key]), db=places)


def index_remove(tx: Any, places: Any, place: tuple[str, str], key: str) -> None:
    name = fmt.place_key(*place)
    keys = [one for one in fmt.parted(tx.get(name, db=places)) if one != key]
    if keys:
        tx.put(name, fmt.joined(keys), db=places)
    else:
        tx.delete(name, db=places)
