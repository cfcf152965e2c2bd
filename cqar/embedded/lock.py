"""The lock file of a state folder: one supervisor holds it, and the file names that process.

The lock, not a process id, says whether a stack is running: the kernel releases it when the holder
dies, and ids are reused. The file is never removed; otherwise two processes could lock two files of
the same name.
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
# A start must not fail because `holder` locks for an instant, or because a killed supervisor holds
# the lock until its last thread has ended.
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
    """The process id of the state folder's supervisor; None without one. Raises UnsafePath."""
    known = _holder(state_dir)
    return None if known is None else known.pid


def signal_holder(state_dir: Path, number: signal.Signals) -> ProcessIdentity | None:
    """Signal the state folder's supervisor and return its identity; None without one.

    Raises:
        EmbeddedError: the lock is held, but not by the process that the file names; no process is
            signalled.
    """
    known = _holder(state_dir)
    if known is None:
        return None
    with _opened(state_dir, os.O_RDONLY) as file:
        opened = os.fstat(file.fileno())
    if not process_identity.signal_process(known, opened, number):
        message = (
            f"{state_dir / LOCK_NAME} is held, but not by process {known.pid}, which it names: "
            "nothing was stopped; find the holder with: fuser"
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
            except msgspec.MsgspecError:  # the holder has not written it yet
                return ProcessIdentity(0, 0, "")
        return None


def _opened(state_dir: Path, flags: int) -> IO[bytes]:
    mode = "rb" if flags == os.O_RDONLY else "r+b"
    return os.fdopen(open_private(state_dir / LOCK_NAME, flags), mode)
