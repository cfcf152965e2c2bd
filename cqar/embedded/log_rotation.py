"""Keeps logs below a bound: a long log is copied aside and emptied while its program writes on.

Programs open their logs to append, so they continue at the beginning of the emptied file. Lines
written between copying and emptying are lost: a few, once per 10 MiB.
"""

import asyncio
import logging
import os
import stat
from pathlib import Path

from cqar.embedded.failures import EmbeddedError
from cqar.embedded.private_files import open_private, open_private_folder

LOG_MAX_BYTES = 10 * 1024 * 1024
# Number of rotated files beside the current one; NAME.1 is the newest.
ROTATED_MAX = 3
CHECK_EVERY_SECONDS = 5.0
_COPY_BYTES = 1024 * 1024

_log = logging.getLogger(__name__)


async def rotate_logs(folder: Path) -> None:
    """Rotate the long logs of a folder, periodically, until cancelled."""
    while True:
        await asyncio.sleep(CHECK_EVERY_SECONDS)
        for name in _long_logs(folder):
            try:
                await asyncio.to_thread(rotate_log, folder / name)
            except (OSError, EmbeddedError) as error:
                _log.warning("%s could not be rotated: %s", name, error)


def rotate_log(log: Path) -> None:
    """Copy a log to NAME.1, renumber older ones, and empty it. Raises UnsafePath, OSError.

    The log is emptied even if a full disk does not take the copy.
    """
    source = open_private(log, os.O_RDWR)
    try:
        with open_private_folder(log.parent) as folder:
            for number in range(ROTATED_MAX - 1, 0, -1):
                if _exists(f"{log.name}.{number}", folder):
                    os.replace(  # by their folder's descriptor
                        f"{log.name}.{number}",
                        f"{log.name}.{number + 1}",
                        src_dir_fd=folder,
                        dst_dir_fd=folder,
                    )
            if _exists(f"{log.name}.1", folder):
                os.unlink(f"{log.name}.1", dir_fd=folder)
        try:
            _copy(source, log.with_name(f"{log.name}.1"))
        finally:
            os.ftruncate(source, 0)
    finally:
        os.close(source)


def _copy(source: int, aside: Path) -> None:
    target = open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        end = os.fstat(source).st_size
        # Only the end of a log that grew far beyond the bound is copied.
        offset = max(0, end - 2 * LOG_MAX_BYTES)
        while chunk := os.pread(source, min(_COPY_BYTES, end - offset), offset):
            os.write(target, chunk)
            offset += len(chunk)
    finally:
        os.close(target)


def _long_logs(folder: Path) -> list[str]:
    try:
        entries = list(os.scandir(folder))
        infos = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []
    return [
        name
        for name, info in infos
        if name.endswith(".log") and stat.S_ISREG(info.st_mode) and info.st_size > LOG_MAX_BYTES
    ]


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
