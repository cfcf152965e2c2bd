"""A resolver's last good file: bytes that outlive its process, and what may become of them."""

from __future__ import annotations

import errno

from cqar_resolver.checkpoint import checkpoint_format
from cqar_shared.replication.positions import LogPosition
from tests.support.integrity_keys import FILES


class File:
    """What `cqar_resolver.checkpoint.checkpoint_file.CheckpointFile` writes, and reads back.

    Attributes:
        data: None where there is no file.
        full: So many writes to come find no room on the disk.
        tag: Of its last part, as the process that has it knows.
        proves: What was written last, all of it; None where that is not to be read back whole.
    """

    path = "the last good file"

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.proves: LogPosition | None = None
        self.full = 0
        self.tag = b""

    def read(self) -> checkpoint_format.Checkpoint | None:
        if self.data is None:
            return None
        found = checkpoint_format.read(self.data, FILES)
        if found.appendable:
            self.tag = found.tag
        return found

    def put(self, data: bytes, at: LogPosition) -> None:
        """As a rename does: all at once."""
        self.require_room()
        self.data, self.proves = data, at

    def write_at(self, place: int, data: bytes) -> None:
        """Write at an end noted earlier; into nothing where the file was lost meanwhile."""
        if self.data is not None:
            self.data = self.data[:place] + data

    def require_room(self) -> None:
        if self.full:
            self.full -= 1
            raise OSError(errno.ENOSPC, "no space left on device")

    # ------------------------------------------------------------ faults

    def flip(self, number: int) -> None:
        if self.data:
            at = number % len(self.data)
            flipped = self.data[at] ^ 1 << number % 8
            self.data = self.data[:at] + bytes([flipped]) + self.data[at + 1 :]
            self.proves = None

    def lose(self) -> None:
        self.data = self.proves = None
