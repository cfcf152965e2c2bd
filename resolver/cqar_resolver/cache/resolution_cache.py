"""Resolutions as bytes, each worked out once until something that it rests on changes. Pure."""

from __future__ import annotations

from typing import Final

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.cache.answer_cache import (
    AnswerCache,
    CachedAnswer,
    RecordingReader,
    VersionedReader,
)
from cqar_resolver.queries.resolution import resolve_or_miss
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.query import QueryContext

#: The tag of a message's field 1 that is a message: `ResolveResponse.resolution` and each of
#: `ResolveBatchResponse.resolutions`.
_FIRST: Final = b"\x0a"
#: The tags of `Resolution.freshness` and `ResolveBatchResponse.freshness`.
_FRESHNESS: Final = b"\x4a"
_BATCH_FRESHNESS: Final = b"\x12"
#: The tag of `Resolution.facts_age_ms`.
_FACTS_AGE: Final = b"\x68"
#: No valid key is longer; the answers to longer ones are not kept.
QUESTION_BYTES_MAX: Final = 1024


class ResolutionCache:
    """Answers to (venue, spelling), by the bytes of a VenueSymbolKey.

    A ResolveRequest without `as_of` has the same bytes.
    """

    def __init__(self, canary_group: str = "") -> None:
        self._cache = AnswerCache()
        self._canary_group = canary_group

    def answer(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """Return the answer kept, or make it."""
        found = self.find(question, memory, now_ns) if stale is None else None
        return found or self.make(question, memory, stale, now_ns)

    def find(
        self, question: bytes, memory: VersionedReader, now_ns: int, until_ns: int = 0
    ) -> CachedAnswer | None:
        """Return the answer kept, if it still holds; memory must not be stale.

        Args:
            until_ns: The answer must also hold at any instant before this one.
        """
        return self._cache.find(question, memory, now_ns, until_ns)

    def make(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """Make the answer; a miss is one, too. It is kept unless memory may be stale.

        It is kept for these very bytes only: a key with unknown fields asks something else.
        """
        key = pb.VenueSymbolKey.FromString(question)
        key.DiscardUnknownFields()
        reader, now = RecordingReader(memory), Instant(now_ns)
        context = QueryContext(reader, stale, self._canary_group)
        resolution = resolve_or_miss(context, key.venue_id, key.venue_symbol, now)
        resolution.ClearField("facts_age_ms")
        has_facts = resolution.HasField("facts_as_of")
        answer = CachedAnswer(
            encode(_FIRST, resolution.SerializeToString()),
            tuple(reason.code for reason in resolution.tradeable.open.reasons),
            reader.dependencies,
            memory.position.revision,
            now,
            is_found=not resolution.HasField("not_found"),
            facts_ms=resolution.facts_as_of.ToMilliseconds() if has_facts else 0,
        )
        is_whole = len(question) <= QUESTION_BYTES_MAX and key.SerializeToString() == question
        if stale is None and is_whole:
            self._cache.keep(question, memory, answer)
        return answer


def encode_freshness(freshness: pb.Freshness) -> bytes:
    """Return a ResolveResponse with nothing but freshness, to be appended to its resolution.

    Parsers merge the parts of a message that occurs twice.
    """
    return encode(_FIRST, encode(_FRESHNESS, freshness.SerializeToString()))


class FactsAges:
    """Ages of what is said of venues, encoded, at one instant; of few venues, so kept.

    Args:
        now_ms: Milliseconds since 1970.
    """

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._known: dict[int, bytes] = {0: b""}

    def of(self, facts_ms: int) -> bytes:
        """Return `Resolution.facts_age_ms`, encoded; nothing where it is not known.

        Args:
            facts_ms: `CachedAnswer.facts_ms`.
        """
        found = self._known.get(facts_ms)
        if found is None:
            found = _FACTS_AGE + varint(max(0, self._now_ms - facts_ms))
            self._known[facts_ms] = found
        return found

    def to_append(self, facts_ms: int) -> bytes:
        """Return the same as a ResolveResponse, to be appended to an answer."""
        return encode(_FIRST, self.of(facts_ms)) if facts_ms else b""


def batch_response(answers: list[CachedAnswer], freshness: pb.Freshness, now_ms: int = 0) -> bytes:
    """Return a ResolveBatchResponse.

    Args:
        now_ms: When it is answered, in milliseconds since 1970.
    """
    ages = FactsAges(now_ms)
    parts = [
        _with_age(answer.encoded, ages.of(answer.facts_ms)) if answer.facts_ms else answer.encoded
        for answer in answers
    ]
    return b"".join([*parts, encode(_BATCH_FRESHNESS, freshness.SerializeToString())])


def _with_age(encoded: bytes, age: bytes) -> bytes:
    """Put an age into a resolution that is encoded as a field."""
    start = 1
    while encoded[start] & 0x80:
        start += 1
    return encode(_FIRST, encoded[start + 1 :] + age)


def encode(tag: bytes, message: bytes) -> bytes:
    """Return a field that holds a message."""
    return b"".join((tag, varint(len(message)), message))


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
