"""The LMDB environment that a `LocalReplica` reads; where another takes its place, one is opened.

LMDB's errors end here and in `local_reading`: what leaves is one of the SDK's, which says what to
do.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Any, Final

import lmdb

from cqar.local_replica.reader import read_state, unreadable
from cqar.sdk import errors
from cqar_shared.replication import replica_layout as fmt

#: LMDB keeps a handle for each name that was read. There are four, and some to spare.
DATABASES_MAX: Final = 16
#: Of which a file's room is counted, whatever its filesystem's are.
BLOCK_BYTES: Final = 512


def _require_room(path: Path) -> None:
    """Refuse a lock file that may not grow: who notes itself in a hole of it is ended by SIGBUS.

    Resolvers take all its room before they publish; those of before 0.1.0 did not.

    Raises:
        NotReady: The lock file has holes, and its filesystem has no room.
    """
    # Never opened here: a process that closes it loses the locks by which LMDB knows that it reads.
    try:
        found = (path / fmt.LOCK_FILE).stat()
        taken_bytes = found.st_blocks * BLOCK_BYTES
    except FileNotFoundError:
        taken_bytes = 0  # LMDB makes one
    if taken_bytes < fmt.lock_bytes() and not os.statvfs(path).f_bfree:
        raise errors.NotReady(f"{path} has no room for readers: free some on its filesystem")


class ReplicaEnvironment:
    """One environment, for any number of threads. It closes when nobody refers to it any more.

    Attributes:
        env: Open, unless `close` was called.

    Raises:
        NotReady: There is none, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path / fmt.DATA_FILE
        self._lock = Lock()
        self._databases: tuple[int, tuple[Any, Any]] | None = None
        self._is_full = False
        try:
            self._inode = self._data.stat().st_ino
            _require_room(path)
            self.env: Any = lmdb.open(
                str(path),
                map_size=fmt.MAP_BYTES,
                max_dbs=DATABASES_MAX,
                readonly=True,
                create=False,
                max_readers=fmt.READERS_MAX,
            )
            why = self._flaw()
        except (OSError, lmdb.Error) as error:
            raise errors.NotReady(
                f"{path} holds no replica ({error}): start a resolver with replica_path"
            ) from error
        if why:
            self.env.close()
            raise errors.NotReady(f"{path} {why}: its resolver makes it anew when it starts")

    def _flaw(self) -> str:
        found = self._data.stat()
        if found.st_ino != self._inode:
            return "was replaced while it was opened"
        if found.st_size < fmt.bytes_used(self.env):
            # To read beyond its end would end this process.
            return "is shorter than it says"
        return ""

    @property
    def is_past(self) -> bool:
        """Whether the path is to be opened anew: this one stays as it is for ever, or is full."""
        try:
            return self._is_full or self._data.stat().st_ino != self._inode
        except OSError:
            return False  # there is no other one to read

    def begin(self) -> Any:
        """A read transaction of what is there now.

        Raises:
            Busy: As many read it as may.
            NotReady: It cannot be read.
        """
        try:
            try:
                return self.env.begin()
            except lmdb.ReadersFullError:
                # Those that were killed count until somebody looks; the resolver may be gone, too.
                self.env.reader_check()
                return self.env.begin()
        except lmdb.ReadersFullError as error:
            most = self.env.info()["max_readers"]
            raise errors.Busy(f"{self._path} has {most} readers at once") from error
        except lmdb.Error as error:
            raise unreadable(error) from error

    def prepare(self) -> None:
        """Open the databases that the newest record names: a transaction knows earlier ones only.

        Raises:
            Busy, NotReady: As `begin`.
        """
        with self.begin() as tx:
            record = read_state(tx)
        if record is not None:
            generation = fmt.Now.unpacked(record).generation
            if self.of_generation(generation) is None:
                self._open_generation(generation)

    def of_generation(self, generation: int) -> tuple[Any, Any] | None:
        """Its databases, if they are open."""
        known = self._databases
        return known[1] if known is not None and known[0] == generation else None

    def _open_generation(self, generation: int) -> None:
        entities, places = fmt.database_names(generation)
        env = self.env
        with self._lock:
            try:
                databases = (env.open_db(entities, create=False), env.open_db(places, create=False))
            except lmdb.NotFoundError:
                return  # a newer one is there by now
            except lmdb.DbsFullError as error:
                # Whoever publishes it takes other names than `GENERATIONS` has. Handles end with
                # their environment, and LMDB opens that again once nobody here reads it.
                self._is_full = True
                raise errors.NotReady(f"{self._path} is opened anew") from error
            except lmdb.Error as error:
                raise unreadable(error) from error
            self._databases = (generation, databases)

    def close(self) -> None:
        self.env.close()
