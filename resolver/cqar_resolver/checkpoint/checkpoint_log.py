"""The change sets that were applied and are not yet in the checkpoint. Pure."""

from __future__ import annotations

from typing import Final

from cqc.replication.v1 import replication_pb2

#: Bytes of change sets that wait to be appended; beyond it a new image is written instead.
WAITING_BYTES_MAX: Final = 8 * 1024 * 1024


class CheckpointLog:
    """What is served and not yet in the file. Pure."""

    def __init__(self) -> None:
        self.needs_image = True
        self._waiting: list[replication_pb2.StreamMessage] = []
        self._bytes = 0

    def replaced(self) -> None:
        """The file does not lead to what is served."""
        self.begin(is_kept=False)

    def begin(self, *, is_kept: bool) -> None:
        """What is served was loaded.

        Args:
            is_kept: From the file, where what comes next may be appended.
        """
        self.needs_image = not is_kept
        self._waiting.clear()
        self._bytes = 0

    def applied(self, head: replication_pb2.Head, commit: replication_pb2.Commit) -> None:
        """What is served moved on by a change set."""
        if self.needs_image:
            return
        self._waiting.append(replication_pb2.StreamMessage(head=head, commit=commit))
        self._bytes += len(commit.change_set)
        if self._bytes > WAITING_BYTES_MAX:
            self.replaced()

    def take(self) -> list[replication_pb2.StreamMessage]:
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken
