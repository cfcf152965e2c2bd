"""The newest revision that this process knows of: what a cache must have reached to be believed."""

from __future__ import annotations

from writer.store import HeadRow


class Newest:
    """Only ever moves on.

    Attributes:
        registry_id: Empty until a head was read.
    """

    def __init__(self) -> None:
        self.registry_id = b""
        self._position = (0, 0)

    def note(self, epoch: int, revision: int) -> None:
        self._position = max(self._position, (epoch, revision))

    def note_head(self, head: HeadRow) -> None:
        self.registry_id = head.registry_id
        self.note(head.epoch, head.revision)

    def is_reached(self, registry_id: bytes, epoch: int, revision: int) -> bool:
        """Whether a position is of this registry and not behind what is known."""
        return registry_id == self.registry_id and (epoch, revision) >= self._position
