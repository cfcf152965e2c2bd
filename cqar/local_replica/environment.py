"""The LMDB environment that a `LocalReplica` reads, until another one takes its place.

LMDB's errors are caught here and in `cqar.local_replica.reader`; callers see the SDK's errors,
which say what to do.
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

#: LMDB keeps a handle for each database name that was opened: four, and some to spare.
DATABASES_MAX: Final = 16
#: The unit of `st_blocks`, whatever the filesystem's block size.
BLOCK_BYTES: Final = 512


def _require_room(path: Path) -> None:
    """Refuse a sparse lock file on a full disk: a reader that registers in a hole dies of SIGBUS.

    Resolvers allocate the whole file before they publish; those before 0.1.0 did not.

    Raises:
        NotReady: The lock file has holes, and its filesystem has no room.
    """
    # Do not open the lock file: a process that closes it loses LMDB's locks on it.
    try:
        allocated_bytes = (path / fmt.LOCK_FILE).stat().st_blocks * BLOCK_BYTES
    except FileNotFoundError:
        allocated_bytes = 0  # LMDB creates it
    if allocated_bytes < fmt.lock_bytes() and not os.statvfs(path).f_bfree:
        raise errors.NotReady(f"{path} has no room for readers: free some on its filesystem")


class ReplicaEnvironment:
    """An open LMDB environment, for any number of threads; closed with its last reference.

    Attributes:
        env: LMDB's own; open, unless `close` was called.

    Raises:
        NotReady: No replica is at the path, or it cannot be read.
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
            flaw = self._flaw()
        except (OSError, lmdb.Error) as error:
            raise errors.NotReady(
                f"{path} holds no replica ({error}): start a resolver with replica_path"
            ) from error
        if flaw:
            self.env.close()
            raise errors.NotReady(f"{path} {flaw}: its resolver makes it anew when it starts")

    def _flaw(self) -> str:
        data = self._data.stat()
        if data.st_ino != self._inode:
            return "was replaced while it was opened"
        if data.st_size < fmt.bytes_used(self.env):
            # Reading beyond the file's end would kill this process.
            return "is shorter than it says"
        return ""

    @property
    def is_replaced(self) -> bool:
        """Whether to open the path again: another file is there, or this one has no free handle."""
        try:
            return self._is_full or self._data.stat().st_ino != self._inode
        except OSError:
            return False  # no other file is there

    def begin(self) -> Any:
        """Begin a read transaction of what is published now.

        Raises:
            Busy: The replica has as many readers as it may have.
            NotReady: The replica cannot be read.
        """
        try:
            try:
                return self.env.begin()
            except lmdb.ReadersFullError:
                # Readers that were killed count until a check; the resolver may be gone, too.
                self.env.reader_check()
                return self.env.begin()
        except lmdb.ReadersFullError as error:
            limit = self.env.info()["max_readers"]
            raise errors.Busy(f"{self._path} has {limit} readers at once") from error
        except lmdb.Error as error:
            raise unreadable(error) from error

    def prepare(self) -> None:
        """Open the databases of the newest generation; a transaction sees only those opened before.

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
        """The generation's (entities, index) databases, if they are open."""
        opened = self._databases
        return opened[1] if opened is not None and opened[0] == generation else None

    def _open_generation(self, generation: int) -> None:
        entities, places = fmt.database_names(generation)
        env = self.env
        with self._lock:
            try:
                databases = (env.open_db(entities, create=False), env.open_db(places, create=False))
            except lmdb.NotFoundError:
                return  # a newer generation was published meanwhile
            except lmdb.DbsFullError as error:
                # The publisher uses more names than `GENERATIONS`. Handles end with their
                # environment, which LMDB opens again once no thread here reads it.
                self._is_full = True
                raise errors.NotReady(f"{self._path} is opened anew") from error
            except lmdb.Error as error:
                raise unreadable(error) from error
            self._databases = (generation, databases)

    def close(self) -> None:
        self.env.close()
