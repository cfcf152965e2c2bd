"""Opens files that only this process writes; links in their place are not followed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PRIVATE = 0o600


def open_private(path: Path, flags: int) -> int:
    """Open a file of this user; a file that `flags` create has mode 0600. Returns its descriptor.

    Raises:
        OSError: the path is a link, not a regular file or another user's, or cannot be opened.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, PRIVATE)
    try:
        _require_own(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def create_private(path: Path) -> int:
    """Create a file with mode 0600 in place of any other. Returns its descriptor.

    Raises:
        OSError: the file cannot be created.
    """
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)


def _require_own(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "is no file", str(path))
    if info.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"belongs to user {info.st_uid}", str(path))
