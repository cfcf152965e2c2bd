"""The LMDB environment of a published replica: reused if it is sound, else created anew.

Nothing in it is synced to disk, so the environment of an earlier boot is never trusted. Within a
boot the next resolver continues the environment of the last one, since readers still read it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from cqar_resolver.process import disk_space
from cqar_resolver.process.disk_space import DiskFull
from cqar_resolver.process.file_lock import lock_path
from cqar_resolver.process.private_files import create_private
from cqar_shared.errors import InvalidConfiguration, ServiceNotReady, StartupError
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.runtime import optional_extras

log = logging.getLogger(__name__)

#: Two generations need four; some to spare.
DATABASES_MAX: Final = 16
#: Name of the file with the kernel's boot id, in hexadecimal digits.
BOOT: Final = "boot"
#: If either is removed, publisher and new readers do not see each other.
FILES: Final = (fmt.DATA_FILE, fmt.LOCK_FILE)

#: Readers write to the lock file, which lists them.
FILE_MODE: Final = 0o660

REMOVED: Final = "somebody removed it"

#: Devices and inodes of FILES.
Identity = tuple[tuple[int, int], ...]


class EnvironmentLost(Exception):
    """Readers would not see what is written: call `ReplicaFile.make_anew`."""


class ReplicaFile:
    """The environment, locked for writing by this process, for one thread at a time.

    Attributes:
        env: The LMDB environment; replaced by `make_anew`; None while there is no room for one.

    Raises:
        StartupError: The extra is not installed, or the path cannot be used.
    """

    def __init__(self, path: Path) -> None:
        lmdb = optional_extras.require_extra("lmdb", "configuration: replica_path", "replica")
        self._lmdb = lmdb
        self._of_damage = (
            *(lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError),
            lmdb.PanicError,  # any call after an unrecoverable error
        )
        self._path = path
        self._held = self._hold()
        self.env: Any = None
        self._identity: Identity | None = None
        self._lost = ""
        try:
            self._begin()
        except DiskFull as error:
            self._lost = str(error)
            log.warning("nothing is published: %s", error)
        except (lmdb.Error, OSError) as error:
            raise InvalidConfiguration(f"configuration: replica_path {path}: {error}") from error

    def _hold(self) -> IO[bytes]:
        taken = "another resolver publishes there"
        return lock_path(self._path / "publisher.lock", self._path, taken)

    # ------------------------------------------------------------ opening

    def _begin(self) -> None:
        """Reuse the environment if it is sound.

        Raises:
            DiskFull: The filesystem has no room for the environment.
        """
        with disk_space.raising_disk_full(self._path, self._lmdb):
            self._begin_with_room()

    def _begin_with_room(self) -> None:
        if not any((self._path / name).exists() for name in (*FILES, BOOT)):
            self._begin_anew()
            return
        self._lost = self._not_of_this_boot()
        if not self._lost:
            # Without room this raises before anything that readers use is removed.
            disk_space.allocate(self._path / fmt.LOCK_FILE, fmt.lock_bytes(), FILE_MODE)
            try:
                self._open()
                self._lost = self._flaw()
            except self._lmdb.Error as error:
                self._lost = str(error)
        if self._lost:
            self._begin_anew()

    def _not_of_this_boot(self) -> str:
        try:
            boot = (self._path / BOOT).read_bytes()
        except FileNotFoundError:
            boot = b""
        if boot != _this_boot():
            return "it is not of this boot"
        if any((self._path / name).is_symlink() for name in FILES):
            return "it is a link to somewhere else"
        # With only one of the files, readers of the old environment would not be seen, or be taken
        # for readers of the new one.
        is_whole = all((self._path / name).exists() for name in FILES)
        return "" if is_whole else REMOVED

    def _open(self) -> None:
        self.env = self._lmdb.open(
            str(self._path),
            map_size=fmt.MAP_BYTES,
            max_dbs=DATABASES_MAX,
            max_readers=fmt.READERS_MAX,
            mode=FILE_MODE,
            sync=False,
            metasync=False,
        )
        self.env.reader_check()
        self._identity = _identity(self._path)

    def _flaw(self) -> str:
        """Say what is wrong with the environment; empty if nothing.

        Raises:
            lmdb.Error: It cannot be read.
        """
        size, least = (self._path / fmt.DATA_FILE).stat().st_size, fmt.bytes_used(self.env)
        if size < least:  # reading beyond the end would end this process
            return f"it has {size} bytes, and its last page ends at {least}"
        with own_look(self.env) as tx:
            records = dict(tx.cursor())
        try:
            if fmt.NOW_KEY in records:
                fmt.Now.unpacked(records[fmt.NOW_KEY])
        except fmt.DamagedReplica as error:
            return str(error)
        return ""

    def _begin_anew(self) -> None:
        if self._lost:
            log.warning("the published replica is made anew: %s", self._lost)
        if self.env is not None:
            self.env.close()
        # Removed, not emptied: readers keep the old one until they look again.
        for name in FILES:
            (self._path / name).unlink(missing_ok=True)
        with os.fdopen(create_private(self._path / BOOT), "wb") as file:
            file.write(_this_boot())
        disk_space.allocate(self._path / fmt.LOCK_FILE, fmt.lock_bytes(), FILE_MODE)
        self._open()
        self._lost = ""

    # ------------------------------------------------------------ losing it

    def lost(self) -> str:
        """Say why readers would not see what is written; empty if they would."""
        if not self._lost and _identity(self._path) != self._identity:
            self._lost = REMOVED
        return self._lost

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give the environment to a block that writes.

        Raises:
            EnvironmentLost: The environment is damaged.
            DiskFull: The filesystem has no room; nothing of the transaction was written.
        """
        try:
            with disk_space.raising_disk_full(self._path, self._lmdb):
                yield self.env
        except self._of_damage as error:
            self._lost = str(error)
            raise EnvironmentLost(self._lost) from error

    def make_anew(self) -> None:
        """Create an empty environment in place of the lost one.

        Raises:
            ServiceNotReady: Another resolver publishes there by now.
            DiskFull: The filesystem has no room for the new environment.
        """
        self._held.close()  # whoever removed the folder removed the lock, too
        try:
            self._held = self._hold()
        except StartupError as error:
            raise ServiceNotReady(str(error)) from error
        if self.env is None:  # the environment was not opened yet, for lack of room
            self._begin()
            return
        with disk_space.raising_disk_full(self._path, self._lmdb):
            self._begin_anew()

    def close(self) -> None:
        if self.env is not None:
            self.env.close()
        self._held.close()


def own_look(env: Any) -> Any:
    """Begin a transaction for the publisher to read in; a write one takes no reader's place."""
    return env.begin(write=True)


def _identity(path: Path) -> Identity | None:
    try:
        stats = [(path / name).stat() for name in FILES]
    except OSError:
        return None
    return tuple((stat.st_dev, stat.st_ino) for stat in stats)


def _this_boot() -> bytes:
    return fmt.boot_id().hex().encode()
