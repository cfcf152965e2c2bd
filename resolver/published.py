"""Writes a resolver's published replica: an LMDB environment that any process here may read.

Rule: the resolver's own answers never come from here. What cannot be written is said and tried
again; nobody waits for it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cqc.replication.v1 import replication_pb2

from resolver.held import hold
from resolver.places import places_of
from shared import extras
from shared import local_format as fmt

if TYPE_CHECKING:
    from resolver.snapshot import Planned

log = logging.getLogger(__name__)

#: Two generations, and some to spare.
DATABASES_MAX: Final = 16
MARK_BITS: Final = 62
#: Changes between two pauses: the thread that writes shares its interpreter with the one that
#: answers.
AT_ONCE: Final = 64
PAUSE_S: Final = 0.0005
#: Of a new generation, entities that are committed at once.
COMMIT_ENTITIES: Final = 20_000


class Published:
    """An environment, open for writing; to be used by one thread at a time.

    Raises:
        SystemExit: The extra is not installed, or the path cannot be had.
    """

    def __init__(self, path: Path) -> None:
        lmdb = extras.needed("lmdb", "configuration: replica_path", "replica")
        self._held = hold(path / "publisher.lock", path, "another resolver publishes there")
        try:
            # What a machine's crash may damage is made anew: the resolver never reads it.
            self._env: Any = lmdb.open(
                str(path),
                map_size=fmt.MAP_BYTES,
                max_dbs=DATABASES_MAX,
                mode=0o660,
                sync=False,
                metasync=False,
            )
        except lmdb.Error as error:
            raise SystemExit(f"configuration: replica_path {path}: {error}") from error
        self._env.reader_check()
        with self._env.begin() as tx:
            record = tx.get(fmt.NOW_KEY)
        now = _known(record)
        #: Goes on from the last writer's, or begins anywhere where there is none: no reader takes
        #: new content for what it knows.
        self._mark = now.mark if now else secrets.randbits(MARK_BITS)
        self._generation = now.generation if now else 0
        self._databases: tuple[Any, Any] | None = None

    def replace(
        self,
        head: replication_pb2.Head,
        entities: Iterable[tuple[str, str, bytes]],
        now: fmt.Now,
    ) -> None:
        """Make a new generation of these, whole, and then the one that is read."""
        generation = self._generation + 1
        names = fmt.database_names(generation)
        databases = (self._env.open_db(names[0]), self._env.open_db(names[1]))
        with self._env.begin(write=True) as tx:
            for database in databases:  # somebody may have ended in the middle of this one
                tx.drop(database, delete=False)
        left = iter(entities)
        while some := list(islice(left, COMMIT_ENTITIES)):
            with self._env.begin(write=True) as tx:
                for kind, key, payload in _unhurried(some):
                    tx.put(fmt.entity_key(kind, key), payload, db=databases[0])
                    for place in places_of(kind, payload):
                        _file(tx, databases[1], place, key)
        previous, self._databases, self._generation = self._generation, databases, generation
        with self._env.begin(write=True) as tx:
            tx.put(fmt.FORMAT_KEY, fmt.FORMAT)
            self._tell(tx, head, now)
        self._drop(previous)
        self._env.reader_check()

    def apply(
        self, moves: Sequence[tuple[replication_pb2.Head, list[Planned]]], now: fmt.Now
    ) -> None:
        """Move on by these change sets, in one step.

        Args:
            now: What is so after all of them.
        """
        if self._databases is None:
            raise ValueError("there is no generation yet: replace() makes one")
        entities, places = self._databases
        with self._env.begin(write=True) as tx:
            for _, planned in moves:
                for change in _unhurried(planned):
                    kind, key, payload = change.kind, change.key, change.payload
                    for place in change.left:
                        _unfile(tx, places, place, key)
                    if payload is None:
                        tx.delete(fmt.entity_key(kind, key), db=entities)
                    else:
                        tx.put(fmt.entity_key(kind, key), payload, db=entities)
                    for place in change.taken:
                        _file(tx, places, place, key)
            self._tell(tx, moves[-1][0] if moves else None, now)

    def _tell(self, tx: Any, head: replication_pb2.Head | None, now: fmt.Now) -> None:
        if head is not None:
            self._mark += 1
            tx.put(fmt.HEAD_KEY, head.SerializeToString())
        told = now._replace(mark=self._mark, generation=self._generation)
        tx.put(fmt.NOW_KEY, told.packed())

    def _drop(self, generation: int) -> None:
        if not generation:
            return
        names = fmt.database_names(generation)
        for database in [self._env.open_db(name) for name in names]:
            with self._env.begin(write=True) as tx:
                tx.drop(database)

    def close(self) -> None:
        self._env.close()
        self._held.close()


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


def _unfile(tx: Any, places: Any, place: tuple[str, str], key: str) -> None:
    name = fmt.place_key(*place)
    keys = [one for one in fmt.parted(tx.get(name, db=places)) if one != key]
    if keys:
        tx.put(name, fmt.joined(keys), db=places)
    else:
        tx.delete(name, db=places)


def _known(record: bytes | None) -> fmt.Now | None:
    """What was published last; None where nothing was, or by a release with another format."""
    try:
        return fmt.Now.unpacked(record) if record else None
    except fmt.Damaged as error:
        log.warning("the published replica is made anew: %s", error)
        return None
