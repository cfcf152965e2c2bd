"""What is one process's for as long as it holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from cqar_resolver.process.private_files import open_private
from cqar_shared.errors import StartupError


def lock_path(lock: Path, path: Path, taken: str) -> IO[bytes]:
    """Keep others from `path`, until what is returned is closed.

    Args:
        lock: A file that stands for it; made, with the folders above.
        taken: What to say of another process that has it.

    Raises:
        StartupError: One has, or it cannot be had.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Nothing is written to it: what a link led to stays as it is, and is refused.
        held = os.fdopen(open_private(lock, os.O_RDWR | os.O_CREAT), "r+b")
    except OSError as error:
        raise StartupError(f"{path}: cannot be kept here: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        raise StartupError(f"{path}: {taken}") from error
    return held
