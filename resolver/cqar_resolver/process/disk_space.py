"""Room on disk, for files that are written or read through memory.

A page of such a file for which there is no room when it is touched ends the process, by SIGBUS, and
no error is raised. So room is taken before.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

#: LMDB calls a write that ended early, as where the room ended, an I/O error.
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DiskFull(Exception):
    """What is to be written has no room; what was written before stays, and is read."""


def allocate(path: Path, size_bytes: int, mode: int) -> None:
    """Have a file's first bytes, of which none is changed, and the file where there is none.

    To be called while this process has not opened the file by LMDB: when any descriptor of a file
    is closed, its process loses the locks by which LMDB knows that it lives.

    Raises:
        OSError: The filesystem has no such room.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    finally:
        os.close(descriptor)


@contextmanager
def required_bytes(path: Path, lmdb: Any) -> Iterator[None]:
    """What needs room at a path.

    Raises:
        Full: The filesystem has no room.
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
