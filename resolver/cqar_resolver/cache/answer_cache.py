"""Keeps answers for as long as everything that they were made from is unchanged. Pure.

An answer records what it read and the next instant that it depends on. It is checked when it is
asked for, not when something changes: a flag on USDT costs nothing until somebody asks.
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
#: An answer takes 1.2 KB; with a market's metadata up to 100.
BYTES_MAX: Final = 64 * 1024**2


class VersionedReader(Reader, Protocol):
    """A reader that knows what changed when: a snapshot, or one that is pinned."""

    @property
    def position(self) -> LogPosition: ...

    @property
    def changed(self) -> ChangeTracker: ...


class RecordingReader:
    """Records what is read through it.

    Attributes:
        dependencies: The dependency key of each entity and index entry.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.dependencies: set[int] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        self.dependencies.add(dependency_key(kind, key))
        return self._reader.get(kind, key)

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[tuple[str, bytes]]:
        self.dependencies.add(dependency_key(f"{kind}.{lookup}", join_values(values)))
        for key, payload in self._reader.find(kind, lookup, *values):
            self.dependencies.add(dependency_key(kind, key))
            yield key, payload

    def archived(self, lookup: str, *values: str) -> bool:
        self.dependencies.add(dependency_key(f"archive.{lookup}", join_values(values)))
        return self._reader.archived(lookup, *values)

    def terms(self, listing_id: str, instant: Instant) -> bytes | None:
        return self._reader.terms(listing_id, instant)


class CachedAnswer:
    """An answer, and what it depends on.

    Attributes:
        is_found: Whether the spelling has a meaning; if not, the answer says why.
        encoded: The answer as field 1 of its response, without freshness.
        denials: The codes of the reasons why its verdict does not allow to open a position.
        until_ns: The first instant at which the answer may be another.
        facts_ms: Of when what it says of the venue is, in milliseconds since 1970; 0: not known.
            The answer does not tell its age, which is another each time.
    """

    __slots__ = (
        *("_dependencies", "_from_ns", "_revision"),
        *("denials", "encoded", "facts_ms", "is_found", "until_ns"),
    )

    def __init__(
        self,
        encoded: bytes,
        denials: tuple[str, ...],
        dependencies: set[int],
        revision: int,
        instant: Instant,
        *,
        is_found: bool,
        facts_ms: int = 0,
    ) -> None:
        self.facts_ms = facts_ms
        self.encoded = encoded
        self.denials = denials
        self.is_found = is_found
        self._dependencies = array("q", dependencies)
        self._revision = revision
        self._from_ns, self.until_ns = instant.ns, instant.holds_until_ns

    @property
    def size_bytes(self) -> int:
        """The size of the answer and of its dependencies."""
        return len(self.encoded) + self._dependencies.itemsize * len(self._dependencies)

    def holds(self, changed: ChangeTracker, revision: int, ns: int) -> bool:
        """Return whether this is the answer at another revision and instant, too."""
        if not self._from_ns <= ns < self.until_ns:
            return False
        if revision == self._revision:
            return True
        if changed.newest(self._dependencies) > min(revision, self._revision):
            return False
        self._revision = max(revision, self._revision)
        return True


class AnswerCache:
    """The answers asked for last, by the bytes of their questions."""

    def __init__(self, answers_max: int = ANSWERS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._answers_max = answers_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self._changed: ChangeTracker | None = None

    def __len__(self) -> int:
        return len(self._answers)

    def find(
        self, question: bytes, memory: VersionedReader, ns: int, until_ns: int = 0
    ) -> CachedAnswer | None:
        """Return the answer kept, if it is still the answer by this memory at this instant.

        Args:
            until_ns: The answer must also hold at any instant before this one.
        """
        changed = memory.changed
        answer = self._answers.get(question)
        if answer is None or changed is not self._changed:
            return None
        if not answer.holds(changed, memory.position.revision, ns) or answer.until_ns < until_ns:
            return None
        self._answers.move_to_end(question)
        return answer

    def keep(self, question: bytes, memory: VersionedReader, answer: CachedAnswer) -> None:
        """Keep an answer that this memory gave; drop those of another snapshot."""
        if memory.changed is not self._changed:
            self._answers.clear()
            self._bytes = 0
            self._changed = memory.changed
        before = self._answers.pop(question, None)
        if before is not None:
            self._bytes -= _size(question, before)
        self._answers[question] = answer
        self._bytes += _size(question, answer)
        while len(self._answers) > self._answers_max or self._bytes > self._bytes_max:
            self._bytes -= _size(*self._answers.popitem(last=False))


def _size(question: bytes, answer: CachedAnswer) -> int:
    return len(question) + answer.size_bytes
