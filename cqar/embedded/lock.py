"""One supervisor per state folder: a lock file that names its holder.

The lock, not a process id, says whether a stack is running: the kernel drops it at the holder's
death, and ids are reused. The file is never removed, or two could lock two files of one name.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cqar.embedded.errors import StackAlreadyRunning

LOCK_NAME = "lock"
# Neither may make a start fail: `holder` locks for an instant, and a supervisor that was killed
# holds on until the last of its threads is gone.
RETRIES = 20
RETRY_SECONDS = 0.02


@contextmanager
def hold_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder. Raises StackAlreadyRunning, with the holder's process id."""
    with (state_dir / LOCK_NAME).open("a+") as file:
        for _ in range(RETRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(RETRY_SECONDS)
        else:
            raise StackAlreadyRunning(state_dir, holder(state_dir) or 0)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(state_dir: Path) -> int | None:
    """The process id of the supervisor of this state folder; None if there is none."""
    try:
        file = (state_dir / LOCK_NAME).open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read() or 0)
        return None
