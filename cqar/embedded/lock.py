"""One supervisor per state folder: a lock file that names its holder.

The lock, not a process id, says whether a stack is running: the kernel drops it at the holder's
death, and ids are reused. The file is never removed, or two could lock two files of one name.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from cqar.embedded import process_identity
from cqar.embedded.failures import EmbeddedError, StackAlreadyRunning
from cqar.embedded.private_files import open_private
from cqar.embedded.process_identity import ProcessIdentity

LOCK_NAME = "lock"
# Neither may make a start fail: `holder` locks for an instant, and a supervisor that was killed
# holds on until the last of its threads is gone.
RETRIES = 20
RETRY_SECONDS = 0.02


@contextmanager
def hold_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder's lock.

    Raises:
        StackAlreadyRunning: another supervisor holds it; names its process id.
        UnsafePath: the folder or the lock file is not this user's alone.
    """
    with _opened(state_dir, os.O_RDWR | os.O_CREAT) as file:
        os.fchmod(file.fileno(), 0o600)
        for _ in range(RETRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(RETRY_SECONDS)
        else:
            raise StackAlreadyRunning(state_dir, holder(state_dir) or 0)
        file.truncate(0)
        file.write(msgspec.json.encode(process_identity.this_process()))
        file.flush()
        yield


def holder(state_dir: Path) -> int | None:
    """The process id of the supervisor of this state folder; None if there is none. UnsafePath."""
    known = _holder(state_dir)
    return None if known is None else known.pid


def signal_holder(state_dir: Path, number: signal.Signals) -> ProcessIdentity | None:
    """Signal the supervisor of this state folder, and return who it is; None if there is none.

    Raises:
        EmbeddedError: Somebody holds the lock, and the file does not name who: nobody is signalled.
    """
    known = _holder(state_dir)
    if known is None:
        return None
    with _opened(state_dir, os.O_RDONLY) as file:
        opened = os.fstat(file.fileno())
    if not process_identity.signal_process(known, opened, number):
        message = (
            f"{state_dir / LOCK_NAME} is held, but process {known.pid} that it names does not hold "
            "it: nothing was stopped; find the holder with: fuser"
        )
        raise EmbeddedError(f"{message} {state_dir / LOCK_NAME}")
    return known


def _holder(state_dir: Path) -> ProcessIdentity | None:
    try:
        opened = _opened(state_dir, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                return msgspec.json.decode(file.read(), type=ProcessIdentity)
            except msgspec.MsgspecError:  # it is about to be written
                return ProcessIdentity(0, 0, "")
        return None


def _opened(state_dir: Path, flags: int) -> IO[bytes]:
    mode = "rb" if flags == os.O_RDONLY else "r+b"
    return os.fdopen(open_private(state_dir / LOCK_NAME, flags), mode)
