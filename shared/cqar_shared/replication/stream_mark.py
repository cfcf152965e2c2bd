"""Which stream this is and how far it goes: what a follower notes to know it again. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamMark:
    """One incarnation of a stream, its first and its last sequence."""

    created: str
    first: int
    last: int

    def continues(self, noted: StreamMark) -> bool:
        """Whether this is the stream that was noted, with its tail of then not seen to be lost.

        A lost tail that has grown back is not seen here: chains tell what it holds apart.
        """
        return self.created == noted.created and self.last >= noted.last
