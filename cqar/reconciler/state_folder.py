"""The reconciler's folder: one process uses it at a time, and its files are replaced whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cqar_shared.errors import StartupError

_LOCK: Final = "lock"
#: A file that is being written, beside the one that it replaces.
PARTIAL: Final = ".partial"


@contextmanager
def held_folder(folder: Path) -> Iterator[Path]:
    """Make the folder unless it exists, and hold it alone; the kernel frees it with the process.

    Raises:
        StartupError: Another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(f"state_folder {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        text = f"state_folder {folder}: another reconciler uses it; give each one of its own"
        raise StartupError(text) from None
    try:
        yield folder
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whatever happens meanwhile."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
