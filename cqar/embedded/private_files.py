"""Files and folders that belong to this user alone: no links, nothing that others can write.

Paths are checked as they are given, and files are opened through their folder's descriptor, so that
the checked file is the one that is used. Folders above a state folder are not checked.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cqar.embedded.failures import UnsafePath

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private_folder(folder: Path, mode: int = 0o700) -> Path:
    """Create a folder unless it exists, and return its resolved path.

    Args:
        mode: Mode of a new folder; an existing one keeps its own.

    Raises:
        UnsafePath: the path is a link, not a folder, another user's, or writable by others.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  # resolve() would follow its last link
    if not os.path.lexists(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=mode)
        folder.chmod(mode)  # the umask restricts mkdir's mode
    require_private_folder(folder)
    return folder.resolve()


def require_private_folder(folder: Path) -> None:
    """Check a folder. Raises UnsafePath like `make_private_folder`, and FileNotFoundError."""
    with open_private_folder(folder):
        pass


@contextmanager
def open_private_folder(folder: Path) -> Iterator[int]:
    """Open a private folder and yield its descriptor. Raises UnsafePath, FileNotFoundError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = "is a link" if folder.is_symlink() else f"cannot be opened: {error.strerror}"
        raise UnsafePath(folder, why) from error
    try:
        _require(folder, os.fstat(descriptor), stat.S_ISDIR)
        yield descriptor
    finally:
        os.close(descriptor)


def open_private(path: Path, flags: int) -> int:
    """Open a file in a private folder and return its descriptor; a new file has mode 0600.

    Raises:
        UnsafePath: the file or its folder is a link, another user's, or writable by others.
        FileNotFoundError: the file does not exist, and `flags` do not create it.
    """
    with open_private_folder(path.parent) as folder:
        try:
            # NONBLOCK: opening a named pipe must not block.
            more = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(path.name, flags | more, 0o600, dir_fd=folder)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            why = "is a link" if path.is_symlink() else f"cannot be opened: {error.strerror}"
            raise UnsafePath(path, why) from error
    try:
        _require(path, os.fstat(descriptor), stat.S_ISREG)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_private(path: Path) -> bytes:
    """The content of a private file. Raises UnsafePath, FileNotFoundError."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, atomically."""
    with open_private_folder(path.parent) as folder:
        partial = f".{path.name}.{os.getpid()}"
        with suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(partial, flags, 0o600, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def _require(path: Path, info: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(info.st_mode):
        raise UnsafePath(path, "has the wrong file type")
    if info.st_uid != os.geteuid():
        raise UnsafePath(path, f"belongs to user {info.st_uid}, not to {os.geteuid()}")
    if is_kind is stat.S_ISREG and info.st_nlink != 1:
        raise UnsafePath(path, "has another hard link")
    if info.st_mode & _OTHERS_WRITE:
        raise UnsafePath(path, f"can be written by others (mode {stat.S_IMODE(info.st_mode):o})")
