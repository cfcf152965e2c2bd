"""A lock file that keeps a path to one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from cqar_resolver.process.private_files import open_private
from cqar_shared.errors import StartupError


def lock_path(lock: Path, path: Path, taken: str) -> IO[bytes]:
    """Lock `path` against other processes until the returned file is closed.

    Args:
        lock: The lock file; it is created, with its folders.
        taken: The error text if another process has the lock.

    Raises:
        StartupError: Another process has the lock, or the lock file cannot be opened.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Nothing is written to it, and a link is refused: its target stays as it is.
        held = os.fdopen(open_private(lock, os.O_RDWR | os.O_CREAT), "r+b")
    except OSError as error:
        raise StartupError(f"{path}: cannot be kept here: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        raise StartupError(f"{path}: {taken}") from error
    return held
