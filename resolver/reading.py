"""What answers read by, wherever it comes from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb

from shared.instant import Instant

T = TypeVar("T")

#: In place of a kind: listings as they were.
LISTING_TERMS: Final = "listing_terms"


class NotInMemory(Exception):
    """Memory knows that it does not hold this: what stands below it is to be asked."""


class Reading(Protocol):
    """The registry at one revision; `resolver.snapshot.Snapshot` is one."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The entity, serialised; None if there is none."""

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        """(key, payload) of the entities filed under these values."""

    def archived(self, lookup: str, *values: str) -> bool:
        """Whether something that was archived may be there, and this reading does not hold it.

        Args:
            lookup: `entity`, by kind and key, or `spelling`, by venue and spelling.
        """

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """A listing as it was from an instant or before on; None if nobody knows.

        Raises:
            NotInMemory: The reading has the present only.
        """


class Basis(NamedTuple):
    """What an answer is made from.

    Attributes:
        stale: Why verdicts must fail closed, if they must.
    """

    reading: Reading
    freshness: pb.Freshness
    stale: pb.Reason | None


#: What makes an answer of a basis: pure, and repeatable.
Work = Callable[[Basis], T]


class Many(Generic[T]):
    """Work of many answers from one reading: others need not wait for all of them.

    Args:
        each: In the order of the answers.
        gathered: Makes one of them all.
        require_fits: Told the bytes of the answers so far, refuses more than one message holds.
    """

    def __init__(
        self,
        each: Sequence[Work[Any]],
        gathered: Callable[[list[Any]], T],
        require_fits: Callable[[int], None],
    ) -> None:
        self.each = each
        self.gathered = gathered
        self.require_fits = require_fits

    def __call__(self, basis: Basis) -> T:
        return self.gathered([one(basis) for one in self.each])


class Wanted(NamedTuple):
    """One question to a reading: by key where `lookup` is empty."""

    kind: str
    lookup: str
    values: tuple[Any, ...]


class Partial:
    """What is known so far of a revision.

    What is not is noted in `wanted` and answered with nothing: an answer counts only if nothing
    was wanting when it was made.

    Args:
        base: Memory at that very revision: only what is not in it is wanted.
    """

    def __init__(self, base: Reading | None = None) -> None:
        self._base = base
        self._known: dict[Wanted, list[tuple[str, bytes]]] = {}
        self.wanted: set[Wanted] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        if self._base is not None:
            payload = self._base.get(kind, key)
            if payload is not None or not self._base.archived("entity", kind, key):
                return payload
        for _, payload in self._ask(Wanted(kind, "", (key,))):
            return payload
        return None

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        if self._base is not None and not self._holds_archived(kind, lookup, *values):
            return self._base.find(kind, lookup, *values)
        return self._ask(Wanted(kind, lookup, values))

    def _holds_archived(self, kind: str, lookup: str, *values: Any) -> bool:
        """Whether PostgreSQL may have more of these than memory."""
        if self._base is None or kind != "venue_symbol":
            return False
        if lookup == "symbol":
            return self._base.archived("entity", "symbol", *values)
        return self._base.archived(lookup, *values)

    def archived(self, _: str, *__: str) -> bool:
        """PostgreSQL has all there is."""
        return False

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        for _, payload in self._ask(Wanted(LISTING_TERMS, "at", (listing_id, at.moment))):
            return payload
        return None

    def _ask(self, question: Wanted) -> list[tuple[str, bytes]]:
        if question not in self._known:
            self.wanted.add(question)
            return []
        return self._known[question]

    def learn(self, found: Mapping[Wanted, list[tuple[str, bytes]]]) -> None:
        """Take the answers to all that was wanted."""
        self._known |= found
        self.wanted.clear()
