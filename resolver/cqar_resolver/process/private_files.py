"""Files that this process alone writes: a link that lies in their place is not followed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PRIVATE = 0o600


def open_private(path: Path, flags: int) -> int:
    """The descriptor of a file that is this user's, made 0600 where `flags` make it.

    Raises:
        OSError: It is a link, no file, somebody else's, or it cannot be opened.
    """
    more = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags | more, PRIVATE)
    try:
        _require_own(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def create_private(path: Path) -> int:
    """The descriptor of a new file, 0600, in the place of whatever was there.

    Raises:
        OSError: It cannot be made.
    """
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)


def _require_own(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "is no file", str(path))
    if info.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"belongs to user {info.st_uid}", str(path))
