"""The newest that this process knows of: what a cache, or a database, must have reached."""

from __future__ import annotations

from cqar_shared.replication.positions import LogPosition, Term
from cqar_writer.protocol.terms import Answering, ObservedTerm


class Newest:
    """Only ever moves on, within one registry.

    Attributes:
        seen: Where it is.
    """

    def __init__(self) -> None:
        self.seen = ObservedTerm()

    @property
    def registry_id(self) -> bytes:
        """Empty until a head was read."""
        return self.seen.registry_id

    def note(self, epoch: int, revision: int, chain: bytes = b"") -> None:
        self.seen = self.seen.with_position(LogPosition(epoch, revision, chain))

    def note_head(self, head: Answering) -> None:
        self.seen = self.seen.with_head(head)

    def note_term(self, term: Term) -> None:
        """There is a database of this term, whether or not this process used it."""
        self.seen = self.seen._replace(term=max(self.seen.term, term))

    def is_reached(self, registry_id: bytes, epoch: int, revision: int) -> bool:
        """Whether a position is of this registry and not behind what is known."""
        return registry_id == self.registry_id and (epoch, revision) >= self.seen.position[:2]
