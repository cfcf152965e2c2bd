"""Allocates disk space for memory-mapped files before they are used.

Touching a page of such a file for which the disk has no room ends the process by SIGBUS, without an
error. So the room is allocated first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

#: Includes EIO: LMDB reports a write that ended early, as on a full disk, as an I/O error.
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DiskFull(Exception):
    """The disk has no room for a write; what was written before stays readable."""


def allocate(path: Path, size_bytes: int, mode: int) -> None:
    """Allocate the first bytes of a file; existing content stays, a missing file is created.

    Call it only while this process has not opened the file with LMDB: closing any descriptor of a
    file releases the locks by which LMDB knows that the process lives.

    Raises:
        OSError: The filesystem has not that much room.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    finally:
        os.close(descriptor)


@contextmanager
def raising_disk_full(path: Path, lmdb: Any) -> Iterator[None]:
    """Turn the errors of a full disk in a block into `DiskFull`.

    Raises:
        DiskFull: The filesystem has no room at the path.
    """
    try:
        yield
    except (lmdb.Error, OSError) as error:
        if not _is_no_room(error):
            raise
        raise DiskFull(f"{path} cannot grow, free some room for it: {error}") from error


def _is_no_room(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return any(str(error).endswith(os.strerror(number)) for number in _NO_ROOM)
