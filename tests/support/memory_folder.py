"""Where the tests' servers keep their files: in memory, where the machine has enough to spare.

Making a database takes 300 files. ext4 gives a deleted file's number to nobody for five minutes,
and passes over all of those whenever it makes a file: with a database made and dropped for every
test, making one took 300 ms of CPU in the end. On tmpfs it takes 30.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
#: Servers take up to 0.5 GiB, and two runs of the tests may be going on with two workers each.
_SPARE_BYTES: Final = 4 * 1024**3


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account can pass through, removed in the end."""
    spare = shutil.disk_usage(_MEMORY).free if _MEMORY.is_dir() else 0
    base = _MEMORY if spare >= _SPARE_BYTES else None
    folder = Path(tempfile.mkdtemp(prefix="cqar-test-", dir=base))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
