"""Answers made before, for as long as all that they were made from is as it was. Pure.

An answer notes what it read and the next instant that it depends on. It is looked at again when it
is asked for, not when something changes: a flag on USDT costs nothing until somebody asks.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, Protocol

from cqar_resolver.snapshot.change_tracker import ChangeTracker, dependency_key
from cqar_resolver.snapshot.indexes import join_values
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import Reader
from cqar_shared.replication.positions import LogPosition

ANSWERS_MAX: Final = 50_000
#: An answer takes 1.2 KB; with what somebody noted about a market up to 100.
BYTES_MAX: Final = 64 * 1024**2


class VersionedReader(Reader, Protocol):
    """A reading that knows what changed when: a snapshot, or one that is pinned."""

    @property
    def position(self) -> LogPosition: ...

    @property
    def changed(self) -> ChangeTracker: ...


class RecordingReader:
    """A reading that notes what was read."""

    def __init__(self, reading: Reader) -> None:
        self._reading = reading
        self.things: set[int] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        self.things.add(dependency_key(kind, key))
        return self._reading.get(kind, key)

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[tuple[str, bytes]]:
        self.things.add(dependency_key(f"{kind}.{lookup}", join_values(values)))
        for key, payload in self._reading.find(kind, lookup, *values):
            self.things.add(dependency_key(kind, key))
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        self.things.add(dependency_key(f"archive.{lookup}", join_values(values)))
        return self._reading.archived(lookup, *values)

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        return self._reading.terms(listing_id, at)


class CachedAnswer:
    """An answer, and what it rests on.

    Attributes:
        is_found: Whether the spelling has a meaning; where not, the answer says why.
        framed: The answer as field 1 of the message that tells it, without freshness.
        denials: Why its verdict does not allow to open.
        until_ns: The first instant at which it may be another.
    """

    __slots__ = ("_from_ns", "_revision", "_things", "denials", "framed", "is_found", "until_ns")

    def __init__(
        self,
        framed: bytes,
        denials: tuple[str, ...],
        things: set[int],
        revision: int,
        at: Instant,
        *,
        is_found: bool,
    ) -> None:
        self.framed = framed
        self.denials = denials
        self.is_found = is_found
        self._things = array("q", things)
        self._revision = revision
        self._from_ns, self.until_ns = at.ns, at.holds_until_ns

    @property
    def size_bytes(self) -> int:
        """Of the answer, and of what is noted to know that it holds."""
        return len(self.framed) + self._things.itemsize * len(self._things)

    def holds(self, changed: ChangeTracker, revision: int, ns: int) -> bool:
        """Whether it is the answer at this revision and instant, too."""
        if not self._from_ns <= ns < self.until_ns:
            return False
        if revision == self._revision:
            return True
        if changed.newest(self._things) > min(revision, self._revision):
            return False
        self._revision = max(revision, self._revision)
        return True


class AnswerCache:
    """The answers asked for last, by the bytes of their questions."""

    def __init__(self, answers_max: int = ANSWERS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._answers_max = answers_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._made: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self._changed: ChangeTracker | None = None

    def __len__(self) -> int:
        return len(self._made)

    def find(
        self, question: bytes, memory: VersionedReader, ns: int, until_ns: int = 0
    ) -> CachedAnswer | None:
        """What was answered, if that is still the answer by this memory at this instant.

        Args:
            until_ns: And at any instant before this one.
        """
        changed = memory.changed
        made = self._made.get(question)
        if made is None or changed is not self._changed:
            return None
        if not made.holds(changed, memory.position.revision, ns) or made.until_ns < until_ns:
            return None
        self._made.move_to_end(question)
        return made

    def keep(self, question: bytes, memory: VersionedReader, made: CachedAnswer) -> None:
        """Remember an answer that this memory gave; another snapshot's are forgotten."""
        if memory.changed is not self._changed:
            self._made.clear()
            self._bytes = 0
            self._changed = memory.changed
        before = self._made.pop(question, None)
        if before is not None:
            self._bytes -= _size(question, before)
        self._made[question] = made
        self._bytes += _size(question, made)
        while len(self._made) > self._answers_max or self._bytes > self._bytes_max:
            self._bytes -= _size(*self._made.popitem(last=False))


def _size(question: bytes, made: CachedAnswer) -> int:
    return len(question) + made.size_bytes
